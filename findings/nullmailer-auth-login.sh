#!/bin/sh
# nullmailer 2.2: a server that refuses name and password by 535.  With AUTH
# PLAIN, which it takes by itself, that is a failure for now: the message stays
# in the queue, until somebody has mended the password.  With "auth-login", an
# option that reads as if it changed the mechanism alone, the same reply is a
# permanent failure, and the message bounces, by the same server, which refuses
# that too.
# nullmailer-send takes an exit status of its protocol with 32 in it for
# permanent.
. "$(dirname "$0")/unpack"
unpack nullmailer=1:2.2-4
python3 - "$tree/usr/lib/nullmailer/smtp" <<'END'
import os
import socket
import subprocess
import sys

PERMANENT = 32
server = socket.create_server(('127.0.0.1', 0))
server.settimeout(20)
letter = os.memfd_create('letter')
os.write(letter, b'ann@example.net\njoe@example.org\n\nSubject: x\n\nx\n')


def status(*options):
    """Its exit status, where every password is wrong."""
    os.lseek(letter, 0, os.SEEK_SET)
    words = ['host=127.0.0.1', 'port=%d' % server.getsockname()[1],
             'user=joe', 'pass=wrong', *options, '', '']
    nullmailer = subprocess.Popen(
        ['sh', '-c', 'exec "$0" 3<&%d' % letter, sys.argv[1]],
        env={**os.environ, 'HELOHOST': 'client.example'},
        pass_fds=[letter], stdin=subprocess.PIPE)
    nullmailer.stdin.write('\n'.join(words).encode())
    nullmailer.stdin.close()
    client = server.accept()[0].makefile('rwb')
    replies = {b'EHLO': b'250-mx\r\n250 AUTH PLAIN LOGIN', b'QUIT': b'221 bye'}
    client.write(b'220 mx\r\n')
    client.flush()
    try:
        for line in client:
            login = line.startswith(b'AUTH LOGIN')
            reply = b'334 UGFzc3dvcmQ6' if login else b'535 5.7.8 wrong'
            client.write(replies.get(line[:4].rstrip(), reply) + b'\r\n')
            client.flush()
    except ConnectionError:     # it may leave before it has read all
        pass
    print(options, nullmailer.wait(20))
    return nullmailer.returncode


plain, login = status(), status('auth-login')
as_seen = plain > 0 and not plain & PERMANENT and login & PERMANENT
print('as it was seen' if as_seen else 'this has changed')
sys.exit(not as_seen)
END
