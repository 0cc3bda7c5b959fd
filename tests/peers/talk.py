#!/usr/bin/python3
"""talk.py SESSION server [argument ...]: one session with a server that gets
the connection on descriptors 0 and 1, or listens on the argument PORT.  Prints
the replies, and "--" before those to the content."""
import socket
import subprocess
import sys
import time

FIRST = b'Subject: first\r\n\r\nfirst of it'
CONTENT = {'whole': FIRST + b'\r\nsecond of it\r\n.\r\nQUIT\r\n',
           'cut': FIRST + b'\r\nseco'}


def start(server):
    """The process, and our end of the connection."""
    with socket.create_server(('127.0.0.1', 0)) as listener:
        address = listener.getsockname()
        if 'PORT' not in server:
            ours = socket.create_connection(address)
            with listener.accept()[0] as theirs:
                return subprocess.Popen(server, stdin=theirs,
                                        stdout=theirs), ours
    process = subprocess.Popen([word.replace('PORT', str(address[1]))
                                for word in server])
    for _ in range(300):
        try:
            return process, socket.create_connection(address)
        except ConnectionRefusedError:
            time.sleep(0.05)
    sys.exit('it does not listen')


def talk(wire, session):
    """The whole session; each wait has an end."""
    wire.settimeout(15)
    replies = wire.makefile('rb')
    for step in (b'', b'EHLO client.example\r\n',
                 b'MAIL FROM:<ann@example.net>\r\n',
                 b'RCPT TO:<help@example.org>\r\n', b'DATA\r\n'):
        wire.sendall(step)
        line = b'250-'
        while line[3:4] == b'-':
            line = replies.readline()
            print(line.decode().rstrip())
    print('--')
    wire.sendall(CONTENT[session])
    if session == 'cut':
        wire.shutdown(socket.SHUT_WR)
    for line in replies:
        print(line.decode().rstrip())


if __name__ == '__main__':
    process, wire = start(sys.argv[2:])
    try:
        talk(wire, sys.argv[1])
    except OSError as error:
        print(error)
    wire.close()
    if 'PORT' in sys.argv:
        process.terminate()
    process.wait(15)
