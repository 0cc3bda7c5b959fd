#!/bin/sh
# policyd-rate-limit 1.0.1.1: a client of its socket that closes its half behind
# the question, as "nc -N" and many a script do, gets no answer: the connection
# is closed.  The question is counted all the same, so that the client who asked
# for it is nearer to the limit.  With the half open the answer comes.
. "$(dirname "$0")/unpack"
unpack policyd-rate-limit=1.0.1.1-2.1+deb12u1 python3-yaml=6.0-3+b2
PYTHONPATH=$tree/usr/lib/python3/dist-packages python3 -B - "$tree" <<'END'
import grp
import os
import pwd
import socket
import sqlite3
import subprocess
import sys
import time

tree = sys.argv[1]
own = {'socket': tree + '/socket', 'db': tree + '/db',
       'user': pwd.getpwuid(os.getuid()).pw_name,
       'group': grp.getgrgid(os.getgid()).gr_name}
with open(tree + '/etc/policyd-rate-limit.yaml', encoding='utf-8') as file:
    conf = file.read()
for name, line in (('user', 'user: {user}'), ('group', 'group: {group}'),
                   ('pidfile', 'pidfile: {db}.pid'),
                   ('SOCKET', 'SOCKET: {socket}'),
                   ('limit_by_sender', 'limit_by_sender: True')):
    conf = ''.join(line.format(**own) + '\n' if each.startswith(name + ':')
                   else each for each in conf.splitlines(True))
conf = conf.replace('/var/lib/policyd-rate-limit/db.sqlite3', own['db'])
with open(tree + '/own.yaml', 'w', encoding='utf-8') as file:
    file.write(conf)
server = subprocess.Popen(
    [sys.executable, '-B', tree + '/usr/bin/policyd-rate-limit', '--file',
     tree + '/own.yaml'], stderr=subprocess.DEVNULL)


def connected():
    end = time.monotonic() + 20
    while True:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(20)
        try:
            client.connect(own['socket'])
            return client
        except OSError:
            if time.monotonic() > end:
                sys.exit(2)
            time.sleep(0.05)


def answer(closes):
    client = connected()
    client.sendall(b'request=smtpd_access_policy\nprotocol_state=RCPT\n'
                   b'sender=ann@example.net\n\n')
    if closes:
        client.shutdown(socket.SHUT_WR)
    said = client.recv(1000)
    print('half closed:' if closes else 'half open:', said)
    return said


def counted():
    with sqlite3.connect(own['db']) as db:
        return db.execute('SELECT COUNT(*) FROM mail_count').fetchone()[0]


try:
    as_seen = (answer(False), answer(True)) == (b'action=dunno\n\n', b'')
    as_seen = as_seen and counted() == 2
    print('counted:', counted())
finally:
    server.kill()
    server.wait()
print('as it was seen' if as_seen else 'this has changed')
sys.exit(not as_seen)
END
