#!/bin/sh
# fetchmail 6.4.37, which hands mail on by LMTP.  The server takes the recipient
# and answers the message by 451, which is "try again later".  fetchmail sends
# "This is a permanent error" to the sender, by port 25 of localhost, deletes
# the message on the POP server, and exits 0: it is lost.  By SMTP it keeps the
# message after the same reply, and no bounce leaves.
# Port 25 is that of a network namespace of the user's own.
. "$(dirname "$0")/unpack"
unpack fetchmail=6.4.37-1
cat >"$tree/run.py" <<'END'
import os
import socket
import subprocess
import sys
import threading

tree = sys.argv[1]
MAIL = (b'Return-Path: <ann@example.net>\r\nFrom: ann@example.net\r\n'
        b'To: joe@example.org\r\nSubject: x\r\n\r\nbody\r\n')
POP = {'STAT': b'+OK 1 %d' % len(MAIL), 'LIST': b'+OK 1 %d' % len(MAIL),
       'RETR': b'+OK\r\n' + MAIL + b'.', 'LAST': b'-ERR', 'CAPA': b'-ERR',
       'UIDL': b'-ERR'}


def server(port, greeting, replies, other):
    """A list of what clients say to it; replies['.'] is for a message."""
    listener, said = socket.create_server(('127.0.0.1', port)), []

    def talk():
        while True:
            client = listener.accept()[0].makefile('rwb')
            client.write(greeting + b'\r\n')
            client.flush()
            data = False
            for line in client:
                word = line[:4].decode().upper().strip()
                said.append(line.decode().strip())
                if data and word != '.':
                    continue
                data = word == 'DATA'
                client.write(replies.get(word, other) + b'\r\n')
                client.flush()
                if word == 'QUIT':
                    break
            client.close()

    threading.Thread(target=talk, daemon=True).start()
    return said


later = {'DATA': b'354 go', '.': b'451 4.3.0 later'}
to_pop = server(1110, b'+OK', POP, b'+OK')
to_mta = server(2525, b'220 mx', later, b'250 ok')
bounces = server(25, b'220 localhost', {'DATA': b'354 go'}, b'250 ok')


def fate(protocol):
    """What became of the message, and how many bounces left."""
    del to_pop[:], to_mta[:], bounces[:]
    path = tree + '/fetchmailrc'
    with open(path, 'w') as file:
        file.write('poll 127.0.0.1 protocol pop3 port 1110 user "u" '
                   'password "p" is joe here sslproto "" fetchall nokeep '
                   'smtphost 127.0.0.1/2525 %s\n' % protocol)
    os.chmod(path, 0o600)
    fetchmail = subprocess.run(
        [tree + '/usr/bin/fetchmail', '-f', path, '--pidfile', tree + '/pid'],
        env={**os.environ, 'HOME': tree, 'FETCHMAILHOME': tree},
        stdout=subprocess.PIPE, timeout=60)
    if '.' not in to_mta:
        sys.exit(2)
    sys.stdout.write(fetchmail.stdout.decode())
    fate = 'deleted' if any(line[:4] == 'DELE' for line in to_pop) else 'kept'
    sent = [line for line in bounces if line.startswith('RCPT')]
    print('==', protocol or 'smtp', fetchmail.returncode, fate, sent,
          [line for line in bounces if 'permanent' in line])
    return fetchmail.returncode, fate, len(sent)


as_seen = fate('lmtp') == (0, 'deleted', 1) and fate('') == (0, 'kept', 0)
print('as it was seen' if as_seen else 'this has changed')
sys.exit(not as_seen)
END
unshare -rn true || exit 2
# shellcheck disable=SC2016 # the words are the inner shell's
unshare -rn sh -c 'ip link set lo up && python3 -B "$1/run.py" "$1"' \
	sh "$tree"
