#!/bin/sh
# bsmtp of Bacula 9.6.7, which its Director calls for every report.  A refusal
# is exit status 1, with "Fatal malformed reply".  But where the server closes
# the connection and says nothing, it takes that for the reply that it waits
# for, and goes on: closed behind the message, which nobody has answered for,
# the exit status is 0 and there is no word.  Closed earlier it dies of SIGPIPE,
# unless who called it ignores that signal, as daemons do: then it is 0 too, for
# a server that closes instead of greeting as well.
. "$(dirname "$0")/unpack"
unpack bacula-common=9.6.7-7 libwrap0=7.6.q-32
LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$tree/usr/lib/bacula
python3 - "$tree/usr/sbin/bsmtp" <<'END'
import signal
import socket
import subprocess
import sys

server = socket.create_server(('127.0.0.1', 0))
server.settimeout(20)
at = '127.0.0.1:%d' % server.getsockname()[1]
STEPS = ['220 mx', '250 hello', '250 sender', '250 recipient', '354 go',
         '250 taken', '221 bye']


def status(step, last, ignored):
    """Its exit status, where that step has `last` for a reply, or none."""
    bsmtp = subprocess.Popen(
        [sys.argv[1], '-h', at, '-f', 'ann@example.net', 'joe@example.org'],
        stdin=subprocess.PIPE, restore_signals=not ignored)
    bsmtp.stdin.write(b'body\n')
    bsmtp.stdin.close()
    client = server.accept()[0]
    client.settimeout(20)
    with client, client.makefile('rwb') as file:
        for reply in STEPS[:step] + [last]:
            if reply:
                file.write(reply.encode() + b'\r\n')
                file.flush()
            if reply is STEPS[4]:
                while file.readline() not in (b'.\r\n', b''):
                    pass
            elif reply in STEPS:
                file.readline()
    return bsmtp.wait(20)


signal.signal(signal.SIGPIPE, signal.SIG_IGN)
refused = [status(step, '451 later', False) for step in range(6)]
closed = [status(step, None, False) for step in range(6)]
ignored = [status(step, None, True) for step in range(6)]
print('451 to', STEPS[:6], refused)
print('closed', closed)
print('closed, SIGPIPE ignored', ignored)
as_seen = refused == [1] * 6 and closed[5] == 0 and ignored == [0] * 6
print('as it was seen' if as_seen else 'this has changed')
sys.exit(not as_seen)
END
