#!/bin/sh
# mail of GNU Mailutils 3.15, where its configuration names a server
# ("sendmail=smtp://..."), with two recipients.  When the server refuses both,
# mail says so, keeps the message in dead.letter and exits 1.  When it refuses
# one of them, by 550 or by 451, there is no word, no dead.letter, and 0.
. "$(dirname "$0")/unpack"
unpack mailutils=1:3.15-4 libmailutils9=1:3.15-4 libgsasl18=2.2.0-1+deb12u2 \
	libntlm0=1.6-4 libgssglue1=0.7-1.1 libidn12=1.41-1 \
	libldap-2.5-0=2.5.13+dfsg-5 libmariadb3=1:10.11.19-0+deb12u1 \
	libpq5=15.20-0+deb12u1
PYTHONPATH=$(dirname "$0") python3 -B - "$tree" <<'END'
import os
import subprocess
import sys

import smtpserver

tree = sys.argv[1]


def fate(refused, reply):
    """Its exit status, what it says, whether there is a dead.letter."""
    letter = tree + '/dead.letter'
    if os.path.exists(letter):
        os.unlink(letter)
    port = smtpserver.start(
        lambda content: b'250 taken', lambda line:
        reply if line[:4] == b'RCPT' and refused in line else None)
    mail = subprocess.run(
        [tree + '/usr/bin/mail.mailutils', '--exec',
         'set sendmail=smtp://127.0.0.1:%d' % port, '-s', 'x',
         '-r', 'ann@example.net', 'joe@example.org', 'sue@example.org'],
        env={**os.environ, 'HOME': tree}, input=b'body\n', timeout=60,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    fate = mail.returncode, mail.stdout.decode(), os.path.exists(letter)
    print((reply + b' to ' + refused).decode(), *fate)
    return fate


never, later = b'550 5.1.1 no', b'451 4.2.0 later'
both = fate(b'@example.org', later)
as_seen = (both[0] == 1 and both[1] != '' and both[2] and
           fate(b'sue@', never) == fate(b'sue@', later) == (0, '', False))
print('as it was seen' if as_seen else 'this has changed')
sys.exit(not as_seen)
END
