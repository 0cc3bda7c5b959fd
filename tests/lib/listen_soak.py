#!/usr/bin/env python3
"""listen_soak CASE RECORD SPOOL SESSIONS: fifty clients at once, a session for
each message, where smtpd accepts by itself.  Its command is tests/unit/recorder
RECORD.

  balance  what they were told is what the command saw, to the last message
  restart  so it is while smtpd is ended and started again, and replaced by
           another one, all the time; no connection is lost
  crowd    so it is while one client opens all that it can, and hears so"""
import itertools
import os
import random
import select
import signal
import sys
import threading

import soak
from listening import Client, Server, connect, no_server_left
from session import Failure, check, descriptors, listen, listen_unix, until

CLIENTS = 50
RECORDER = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                        '../unit/recorder')
ENDED = 0, -signal.SIGTERM   # one that has just started has no handlers yet
HOLDS = 5      # sessions of the crowd's client, as it may
ASKS = 100     # and connections, at a time


class Stopped(Exception):
    """421 4.3.2 is what it heard."""


class Visitor(soak.Client):
    """A session for each message.  When it is told to come again, it does."""

    def __init__(self, at, messages, source=None):
        super().__init__(at, messages, lambda message: True)
        self.daemon = True   # of a soak that fails
        self.source, self.stops = source, 0

    def code(self):
        line = self.replies.readline()
        while line[3:4] == b'-':
            line = self.replies.readline()
        if line.startswith(b'421 4.3.2 ') and line.endswith(b'\r\n'):
            raise Stopped
        return int(line[:3]) if line else None

    def connect(self):
        self.connection = connect(self.at, self.source)
        self.connection.settimeout(60)
        self.replies = self.connection.makefile('rb')
        self.expect(220)
        self.connection.sendall(b'EHLO client.example\r\n')
        self.expect(250)

    def attempt(self, message):
        try:
            super().send(message)
        except (BrokenPipeError, ConnectionResetError):
            while self.code() is not None:
                pass   # behind what was answered stands the 421
            raise

    def send(self, message):
        while True:
            try:
                self.attempt(message)
                return
            except Stopped:
                self.stops += 1
                self.leave()
            if message.told is not None:
                return   # it was for QUIT


class Soak:
    def __init__(self, record, spool, count, *sockets,
                 sources=CLIENTS * [None]):
        rng = random.Random(soak.SEED)
        names = itertools.cycle(one.getsockname() for one in sockets)
        self.record, self.spool, self.sockets = record, spool, sockets
        self.messages = [soak.Message(rng, number) for number in range(count)]
        self.visitors = [
            Visitor(name, self.messages[i::len(sources)], source)
            for i, source, name in zip(itertools.count(), sources, names)]
        self.done = threading.Event()

    def server(self, *options):
        """Another one on the same sockets."""
        return Server([one.dup() for one in self.sockets], '-T', '1',
                      '--no-received', '--log', 'none', '--spool', self.spool,
                      *options, preexec=False,
                      command=(RECORDER, self.record))

    def visit(self):
        for visitor in self.visitors:
            visitor.start()
        for visitor in self.visitors:
            visitor.join()
        self.done.set()

    def balance(self):
        soak.balance(self.messages, self.visitors, self.record, self.spool)
        print(soak.summary(self.messages))


def balance(*words):
    it = Soak(*words, listen(), listen_unix(), listen('::1'))
    with it.server('--max-sessions', '45', '--max-per-client', '0') as server:
        server.client().greeted().close()
        server.has(0)
        before = descriptors(server.pid)
        it.visit()
        server.has(0)
        check(descriptors(server.pid) == before, 'other descriptors')
        server.stop()
    it.balance()


def restart(*words):
    """The sockets do not block: else one of two that share them may wait for a
    connection that the other has taken."""
    it = Soak(*words, listen(), listen_unix())
    for one in it.sockets:
        one.setblocking(False)
    limits = ('--max-sessions', '50', '--max-per-client', '0')
    count = {'restarted': 0, 'replaced': 0}
    servers = []
    visits = threading.Thread(target=it.visit, daemon=True)
    visits.start()
    try:
        servers.append(it.server(*limits))
        change(it, servers, count, limits)
        visits.join()
        servers[0].has(0)
        servers[0].stop(status=ENDED)
    finally:
        for server in servers:
            server.__exit__()
    it.balance()
    stops = sum(visitor.stops for visitor in it.visitors)
    check(min(count.values()) > 0 and stops > 10, 'too few', count, stops)
    print(count, f'{stops} sessions were told to come again')


def change(it, servers, count, limits):
    """The one that there is, all the time."""
    rng = random.Random(soak.SEED)
    while not it.done.wait(rng.uniform(0, 0.2)):
        what = rng.choice(list(count))
        if what == 'replaced':
            servers.append(it.server(*limits))
            servers[1].client().greeted().close()
        servers[0].process.terminate()
        servers[0].exits(ENDED)
        servers.pop(0).__exit__()
        if what == 'restarted':
            servers.append(it.server(*limits))
        count[what] += 1


class Crowd(threading.Thread):
    """Opens all that it can, until it is over; closes what is turned away."""

    def __init__(self, name, over):
        super().__init__(daemon=True)
        self.name_of, self.over = name, over
        self.held, self.asks = [], []
        self.turned_away, self.fault = 0, None

    def look(self, client):
        """True where it is answered."""
        client.read(0)
        if client.codes() == [220]:
            self.held.append(client)
            check(len(self.held) <= HOLDS, 'it holds more')
            return True
        if not client.eof:
            return False
        check(client.got.startswith(b'421 4.7.0 ') and
              client.got.endswith(b'\r\n'), 'told', client.got)
        self.turned_away += 1
        client.close()
        return True

    def run(self):
        try:
            while not self.over.is_set():
                while len(self.asks) < ASKS:
                    self.asks.append(Client(self.name_of, '127.0.0.66'))
                select.select([client.ends.reads for client in self.asks], [],
                              [], 0.1)
                self.asks = [client for client in self.asks
                             if not self.look(client)]
        except (OSError, Failure) as fault:
            self.fault = repr(fault)
        for client in self.held + self.asks:
            client.close()


def crowd(*words):
    it = Soak(*words, listen(), sources=[f'127.0.0.{n}'
                                         for n in range(100, 120)])
    attack = Crowd(it.sockets[0].getsockname(), it.done)
    with it.server('--max-sessions', '60', '--max-per-client',
                   str(HOLDS)) as server:
        attack.start()
        until('it has its own', lambda: len(attack.held) == HOLDS)
        it.visit()
        attack.join()
        check(attack.fault is None, attack.fault)
        check(len(attack.held) == HOLDS, 'it held', len(attack.held))
        server.has(0)
        server.stop()
    it.balance()
    check(attack.turned_away > 100, attack.turned_away, 'turned away')
    print(attack.turned_away, 'connections of one client were turned away')


def main():
    case, record, spool, count = sys.argv[1:]
    with no_server_left():
        try:
            {'balance': balance, 'restart': restart, 'crowd': crowd}[case](
                record, spool, int(count))
        except Failure as failure:
            sys.exit(f'{case}: {failure}')


main()
