#!/usr/bin/env python3
"""tls WORD ...: does the TLS of a session, as couriertls does.  TLS is spoken
on 0 and 1, clear text on 3; 4 is closed once the handshake is done, or gets a
line that says why it is not; 2 is for messages.

Nothing is kept beyond what one read gives, so that who does not read holds up
the other.  The words are what it does otherwise:

  open      never closes 4
  talks     prints 1 MB on 2 before the handshake, behind it, and at its end
  shut      closes 3 once the handshake is done, and lives on
  ends      ends once the handshake is done
  ends=N    ends once N octets of clear text have come from the client
  stays     closes 3 with the session, but does not end, and takes no SIGTERM
"""
import os
import select
import signal
import ssl
import sys

WORDS = sys.argv[1:]
PEM = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'tls.pem')
PIECE = 16384
FOREVER = 600


def talk():
    if 'talks' not in WORDS:
        return
    try:
        for n in range(20000):
            os.write(2, b'line %d: %s\n' % (n, 40 * b'x'))
    except BlockingIOError:
        pass


def live_on():
    if 'stays' in WORDS:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    select.select([], [], [], FOREVER)


class Relay:
    def __init__(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(PEM)
        self.coded_in, self.coded_out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.coded_in, self.coded_out,
                                    server_side=True)
        self.to_client = b''       # coded
        self.to_server = b''       # clear
        self.taken = 0             # octets of clear text from the client
        self.client_ends = self.server_ends = False
        for fd in 0, 1, 3:
            os.set_blocking(fd, False)

    def write_client(self):
        self.to_client += self.coded_out.read()
        while self.to_client:
            select.select([], [1], [])
            self.to_client = self.to_client[os.write(1, self.to_client):]

    def shake_hands(self):
        while True:
            try:
                self.tls.do_handshake()
                self.write_client()
                return
            except ssl.SSLWantReadError:
                self.write_client()
            select.select([0], [], [])
            octets = os.read(0, PIECE)
            if not octets:
                raise OSError('the client has left')
            self.coded_in.write(octets)

    def read_clear(self):
        """What the client's last octets say, once they went on."""
        if self.to_server:
            return
        try:
            self.to_server = self.tls.read(PIECE)
            self.client_ends |= self.to_server == b''
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            self.client_ends = True
        self.taken += len(self.to_server)

    def wait(self):
        reads, writes = [], []
        if not self.to_server and not self.client_ends:
            reads.append(0)
        if not self.to_client and not self.server_ends:
            reads.append(3)
        if self.to_server:
            writes.append(3)
        if self.to_client:
            writes.append(1)
        return select.select(reads, writes, [])[:2]

    def step(self):
        reads, writes = self.wait()
        if 3 in writes:
            self.to_server = self.to_server[os.write(3, self.to_server):]
        if 1 in writes:
            self.to_client = self.to_client[os.write(1, self.to_client):]
        if 0 in reads:
            octets = os.read(0, PIECE)
            self.coded_in.write(octets)
            if not octets:
                self.coded_in.write_eof()
        if 3 in reads:
            octets = os.read(3, PIECE)
            self.server_ends = octets == b''
            if octets:
                self.tls.write(octets)
        self.read_clear()
        self.to_client += self.coded_out.read()

    def run(self, most):
        """Until the server ends and has been heard, or the client does."""
        self.read_clear()
        while not (self.server_ends or self.client_ends) or \
                self.to_client or self.to_server:
            self.step()
            if most is not None and self.taken >= most:
                return
        if self.server_ends:
            try:
                self.tls.unwrap()
            except (ssl.SSLError, OSError):
                pass
            self.write_client()


def most_octets():
    for word in WORDS:
        if word.startswith('ends='):
            return int(word[5:])
    return None


def main():
    talk()
    relay = Relay()
    try:
        relay.shake_hands()
    except OSError as error:
        os.write(4, f'{error}\n'.encode())
        sys.exit(1)
    talk()
    if 'open' not in WORDS:
        os.close(4)
    if 'shut' in WORDS:
        os.close(3)
        live_on()
    if 'ends' in WORDS:
        return
    try:
        relay.run(most_octets())
    except (BrokenPipeError, ConnectionResetError):
        pass
    talk()
    if 'stays' in WORDS:
        os.close(3)
        live_on()


main()
