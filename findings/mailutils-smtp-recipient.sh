#!/bin/sh
# mail of GNU Mailutils 3.15, where its configuration names a server
# ("sendmail=smtp://..."), with two recipients.  When the server refuses both,
# mail says so, keeps the message in dead.letter and exits 1.  When it refuses
# one of them, by 550 or by 451, there is no word, no dead.letter, and 0.
. "$(dirname "$0")/unpack"
unpack mailutils=1:3.15-4 libmailutils9=1:3.15-4 libgsasl18=2.2.0-1+deb12u2 \
	libntlm0=1.6-4 libgssglue1=0.7-1.1 libidn12=1.41-1 libldap-2.5-0 \
	libmariadb3 libpq5
python3 - "$tree" <<'END'
import os
import socket
import subprocess
import sys
import threading

tree = sys.argv[1]
server = socket.create_server(('127.0.0.1', 0))
server.settimeout(20)
url = 'set sendmail=smtp://127.0.0.1:%d' % server.getsockname()[1]
REPLIES = {b'EHLO': b'250-mx\r\n250 8BITMIME', b'DATA': b'354 go',
           b'QUIT': b'221 bye'}


def talk(refused, reply):
    client = server.accept()[0].makefile('rwb')
    client.write(b'220 mx\r\n')
    client.flush()
    data = False
    for line in client:
        if data and line != b'.\r\n':
            continue
        data = line[:4] == b'DATA'
        no = line[:4] == b'RCPT' and refused in line
        client.write((reply if no else REPLIES.get(line[:4], b'250 ok')) +
                     b'\r\n')
        client.flush()
        if line[:4] == b'QUIT':
            break
    client.close()


def fate(refused, reply):
    """Its exit status, what it says, whether there is a dead.letter."""
    letter = tree + '/dead.letter'
    if os.path.exists(letter):
        os.unlink(letter)
    thread = threading.Thread(target=talk, args=(refused, reply), daemon=True)
    thread.start()
    mail = subprocess.run(
        [tree + '/usr/bin/mail.mailutils', '--exec', url, '-s', 'x',
         '-r', 'ann@example.net', 'joe@example.org', 'sue@example.org'],
        env={**os.environ, 'HOME': tree}, input=b'body\n', timeout=60,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    thread.join(20)
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
