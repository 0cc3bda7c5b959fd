#!/bin/sh
# getmail 6.18.11 with the destination MDA_lmtp and "delete": the LMTP server
# puts off the only recipient at RCPT by 451, or refuses it by 550.  Where the
# option "override" names the recipient, that is a delivery error, and the
# message stays.  Without it, where the recipient comes from the message,
# getmail sends no DATA, says "delivered, deleted", exits 0, and deletes the
# message on the POP server: it is lost.
. "$(dirname "$0")/unpack"
unpack getmail6=6.18.11-2
PYTHONPATH=$tree/usr/lib/python3/dist-packages python3 -B - "$tree" <<'END'
import os
import socket
import subprocess
import sys
import threading

tree, home = sys.argv[1], sys.argv[1] + '/own'
os.mkdir(home, 0o700)
MAIL = (b'Return-Path: <ann@example.net>\r\nReceived: from a by b for '
        b'<joe@example.org>; Mon, 1 Jan 2024 00:00:00 +0000\r\n'
        b'To: joe@example.org\r\nSubject: x\r\n\r\nbody\r\n')
POP = {'STAT': b'+OK 1 %d' % len(MAIL), 'LIST': b'+OK\r\n1 %d\r\n.' % len(MAIL),
       'UIDL': b'+OK\r\n1 u1\r\n.', 'RETR': b'+OK\r\n' + MAIL + b'.',
       'CAPA': b'+OK\r\nUIDL\r\n.'}


def server(greeting, replies, other):
    """Its port, and a list of what clients say to it."""
    listener, said = socket.create_server(('127.0.0.1', 0)), []

    def talk():
        while True:
            client = listener.accept()[0].makefile('rwb')
            client.write(greeting + b'\r\n')
            client.flush()
            for line in client:
                said.append(line[:4].decode().upper().strip())
                client.write(replies.get(said[-1], other) + b'\r\n')
                client.flush()
                if said[-1] == 'QUIT':
                    break
            client.close()

    threading.Thread(target=talk, daemon=True).start()
    return listener.getsockname()[1], said


def fate(reply, option):
    """getmail's exit status, and what became of the message."""
    pop, to_pop = server(b'+OK', POP, b'+OK')
    lmtp, to_lmtp = server(b'220 mx', {'RCPT': reply}, b'250 ok')
    with open(home + '/getmailrc', 'w') as file:
        file.write('[retriever]\ntype=SimplePOP3Retriever\n'
                   'server=127.0.0.1\nport=%d\nusername=u\npassword=p\n'
                   '[destination]\ntype=MDA_lmtp\nhost=127.0.0.1\nport=%d\n'
                   '%s\n[options]\ndelete=true\nread_all=true\n'
                   % (pop, lmtp, option))
    os.chmod(home + '/getmailrc', 0o600)
    getmail = subprocess.run(
        [sys.executable, tree + '/usr/bin/getmail', '--getmaildir=' + home],
        env={**os.environ, 'HOME': home}, timeout=60, capture_output=True)
    if 'RCPT' not in to_lmtp:
        sys.exit(2)
    fate = 'deleted' if 'DELE' in to_pop else 'kept'
    print(reply.decode(), option or 'no override', getmail.returncode, fate,
          'after DATA' if 'DATA' in to_lmtp else 'without DATA')
    return getmail.returncode == 0, fate


later, never = b'451 4.2.0 later', b'550 5.1.1 no'
override = 'override = joe@example.org'
as_seen = (fate(later, '') == fate(never, '') == (True, 'deleted') and
           fate(later, override) == fate(never, override) == (False, 'kept'))
print('as it was seen' if as_seen else 'this has changed')
sys.exit(not as_seen)
END
