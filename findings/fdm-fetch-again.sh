#!/bin/sh
# fdm 1.9 fetches three messages by POP3, hands each to a server by its action
# "smtp", says "delivered" and "deleting".  The server refuses the second one
# for ever.  fdm ends there without a QUIT, so that nothing is deleted: each
# fetch delivers the others again, and exits 0.  So it is with the action
# "pipe", where the command fails.  Without the refusal one fetch is enough.
. "$(dirname "$0")/unpack"
unpack fdm=1.9+git20181219-1+b2 libtdb1=1.4.8-2
# As root fdm wants a user of its package; root gives it another one here.
set -- "$tree"
[ "$(id -u)" -ne 0 ] || {
	set -- "$tree" setpriv --reuid 65534 --regid 65534 --clear-groups
	chown -R 65534 "$tree"
}
PYTHONPATH=$(dirname "$0") python3 -B - "$@" <<'END'
import collections
import os
import socket
import subprocess
import sys
import threading

import smtpserver

tree, *become = sys.argv[1:]
MESSAGES = [b'Subject: m%d\r\n\r\nbody\r\n' % number for number in (1, 2, 3)]


def talk(client, deleted):
    marked = set()
    left = [at for at in range(3) if at not in deleted]
    with client, client.makefile('rb') as file:
        client.sendall(b'+OK\r\n')
        for line in file:
            word, _, at = line.strip().partition(b' ')
            mail = MESSAGES[left[int(at) - 1]] if at.isdigit() else b''
            client.sendall({
                b'STAT': b'+OK %d 100' % len(left),
                b'LIST': b'+OK %b %d' % (at, len(mail)),
                b'UIDL': b'+OK\r\n%b.' % b''.join(
                    b'%d u%d\r\n' % (n, u) for n, u in enumerate(left, 1)),
                b'RETR': b'+OK\r\n%b.' % mail}.get(word, b'+OK') + b'\r\n')
            if word == b'DELE':
                marked.add(left[int(at) - 1])
            if word == b'QUIT':
                deleted |= marked
                break


def post_office(deleted):
    listener = socket.create_server(('127.0.0.1', 0))

    def serve():
        while True:
            talk(listener.accept()[0], deleted)

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]


def fetch(action, times):
    """Fetches so often; the exit statuses, and how many are deleted."""
    deleted = set()
    with open(tree + '/conf', 'w') as file:
        file.write('set lock-file "%s/lock"\n'
                   'account "a" pop3 server "127.0.0.1" port %d '
                   'user "joe" pass "x"\naction "s" %s\n'
                   'match all action "s"\n' %
                   (tree, post_office(deleted), action))
    os.chmod(tree + '/conf', 0o600)
    os.chown(tree + '/conf', os.stat(tree).st_uid, -1)
    return [subprocess.run(
        [*become, tree + '/usr/bin/fdm', '-v', '-f', tree + '/conf', 'fetch'],
        env={**os.environ, 'HOME': tree}, timeout=60).returncode
            for _ in range(times)], len(deleted)


def by_smtp(refuse, times):
    came = collections.Counter()

    def to_message(content):
        subject = content[content.find(b'Subject: '):][9:11].decode()
        if subject == 'm2' and refuse:
            return b'554 5.6.0 no'
        came[subject] += 1
        return b'250 taken'

    port = smtpserver.start(to_message)
    return *fetch('smtp server "127.0.0.1" port %d' % port, times), came


def by_pipe(times):
    path = tree + '/filed'
    fate = fetch('pipe "grep ^Subject: | tee -a %s | grep -v m2"' % path, times)
    with open(path) as file:
        return *fate, collections.Counter(
            line[9:11] for line in file if 'm2' not in line)


control = by_smtp(False, 1)
smtp, pipe = by_smtp(True, 5), by_pipe(5)
print('none refused', *control, '\nsmtp', *smtp, '\npipe', *pipe)
if control[:2] != ([0], 3) or set(control[2].values()) != {1}:
    sys.exit(2)
as_seen = all(statuses == [0] * 5 and not deleted and came['m1'] > 1
              for statuses, deleted, came in (smtp, pipe))
print('as it was seen' if as_seen else 'this has changed')
sys.exit(not as_seen)
END
