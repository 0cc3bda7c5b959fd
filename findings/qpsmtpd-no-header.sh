#!/bin/sh
# qpsmtpd 0.94, which stands in front of a server with queue/smtp-forward.  Of a
# message that has no header, as small devices send, the text is lost up to its
# first empty line, all of it where there is none, and so is a line of a header
# that is no field: the client hears 250, and the server gets what is left.
. "$(dirname "$0")/unpack"
unpack qpsmtpd=0.94-5 libnet-dns-perl=1.36-1+deb12u1 \
	libmailtools-perl=2.21-2 libtimedate-perl=2.3300-2 \
	libdigest-hmac-perl=1.04+dfsg-2 libnet-ip-perl=1.26-3
PYTHONPATH=$(dirname "$0") python3 -B - "$tree" "$(id -un)" <<'END'
import os
import smtplib
import socket
import subprocess
import sys
import time

import smtpserver

tree, user = sys.argv[1:]
came = []


def to_message(content):
    came.append(content)
    return b'250 taken'


def proxy(port, backend):
    """qpsmtpd at that port, which hands on to that one."""
    config = {'plugins': 'rcpt_ok\nqueue/smtp-forward 127.0.0.1 %d' % backend,
              'plugin_dirs': tree + '/usr/share/qpsmtpd/plugins',
              'rcpthosts': 'example.org', 'me': 'mx.example.org',
              'spool_dir': tree + '/spool'}
    os.makedirs(tree + '/config')
    os.mkdir(tree + '/spool', 0o700)
    for name, text in config.items():
        with open(tree + '/config/' + name, 'w') as file:
            file.write(text + '\n')
    return subprocess.Popen(
        ['perl', '-T', '-I' + tree + '/usr/share/perl5',
         tree + '/usr/bin/qpsmtpd-forkserver', '-l', '127.0.0.1', '-H',
         '-p', str(port), '-u', user], cwd=tree, stderr=subprocess.DEVNULL,
        env={**os.environ, 'QPSMTPD_CONFIG': tree + '/config'})


def left(port, message):
    """What the server gets of it, without the fields of qpsmtpd."""
    came.clear()
    with smtplib.SMTP('127.0.0.1', port, timeout=20) as client:
        client.sendmail('ann@example.net', 'joe@example.org', message)
    got = came[0].split(b'auth=none\r\n', 1)[1]
    print(message, 'comes as', got)
    return got


with socket.create_server(('127.0.0.1', 0)) as free:
    port = free.getsockname()[1]
qpsmtpd = proxy(port, smtpserver.start(to_message))
end = time.monotonic() + 20
with socket.socket() as probe:
    while probe.connect_ex(('127.0.0.1', port)) and time.monotonic() < end:
        time.sleep(0.1)
try:
    whole = b'Subject: x\r\n\r\nbody\r\n'
    as_seen = (
        left(port, whole) == whole and
        left(port, b'door open\r\nback door\r\n') == b'' and
        left(port, b'door open\r\n\r\nback\r\n') == b'\r\nback\r\n' and
        left(port, b'Subject: x\r\nno field\r\n\r\nbody\r\n') == whole)
finally:
    qpsmtpd.terminate()
    qpsmtpd.wait(20)
print('as it was seen' if as_seen else 'this has changed')
sys.exit(not as_seen)
END
