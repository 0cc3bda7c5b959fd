#!/bin/sh
# Python 3.11.2's smtplib.LMTP: a message for two recipients, of which the
# server, by LMTP's rule of one reply a recipient, takes the first by 250 and
# puts off the second by 451.  sendmail() reads one reply, and returns the empty
# dictionary of success: for the second recipient the message is lost.  The 451
# is read by the next call, as the reply to its MAIL, which is thus refused
# though the server took it.
# The documentation says that LMTP is "very similar to ESMTP" and is used as
# SMTP is, and that sendmail() returns an entry for each recipient refused.
. "$(dirname "$0")/unpack"
unpack python3.11-minimal=3.11.2-6+deb12u9 \
	libpython3.11-minimal=3.11.2-6+deb12u9 \
	libpython3.11-stdlib=3.11.2-6+deb12u9
PYTHONHOME=$tree/usr "$tree/usr/bin/python3.11" -B - <<'END'
import smtplib
import socket
import sys
import threading

listener = socket.create_server(('127.0.0.1', 0))
listener.settimeout(20)
REPLIES = {'lhlo': '250 mx', 'data': '354 go', 'rset': '250 reset'}


def serve():
    """One client; one reply a recipient behind each message."""
    client = listener.accept()[0].makefile('rwb')
    client.write(b'220 mx\r\n')
    client.flush()
    data = False
    for line in client:
        verb = line[:4].decode().lower()
        if data and line != b'.\r\n':
            continue
        data = verb == 'data'
        reply = REPLIES.get(verb, '250 ok')
        if line == b'.\r\n':
            reply = '250 for one\r\n451 4.2.0 not for two'
        client.write(reply.encode() + b'\r\n')
        client.flush()


threading.Thread(target=serve, daemon=True).start()
client = smtplib.LMTP(*listener.getsockname(), timeout=20)
two = ['one@example.org', 'two@example.org']
refused = client.sendmail('ann@example.net', two, 'Subject: x\r\n\r\nx\r\n')
print('Python', sys.version.split()[0], 'sendmail returned', refused)
try:
    client.sendmail('bob@example.net', two[:1], 'Subject: y\r\n\r\ny\r\n')
    late = None
except smtplib.SMTPSenderRefused as error:
    late = error.smtp_code
print('the next sender was refused by', late)
as_seen = refused == {} and late == 451
print('as it was seen' if as_seen else 'this has changed')
sys.exit(not as_seen)
END
