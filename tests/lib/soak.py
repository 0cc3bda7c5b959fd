#!/usr/bin/env python3
"""soak ADDRESS PORT SERVER RECORD SPOOL MESSAGES: twenty clients at once, behind
a superserver (its process is SERVER) whose smtpd runs tests/unit/recorder
RECORD.

Sizes, verdicts and clients that leave are random, from a fixed seed.  What the
clients were told is what the command saw, one to one, and at the end there is
as much of everything as there was at the start."""
import os
import random
import re
import socket
import struct
import sys
import threading
import zlib

from session import Failure, check, until

CLIENTS = 20
SEED = 20261125
LARGEST = 4 * 1024 * 1024
# Local part of the recipient, what the client is told, weight.
VERDICTS = (('0', 250, 850), ('67', 550, 40), ('75', 451, 40), ('111', 451, 40),
            ('69-x', 554, 25), ('hang', 451, 5))
# How a message is sent, weight; all but whole are the session's last.
WAYS = (('whole', 900), ('chunks', 600), ('cut', 40), ('reset', 40),
        ('mute', 40))


def pick(rng, table):
    return rng.choices(table, [row[-1] for row in table])[0]


def make_text():
    """Lines of every length up to 200, many with dots in front."""
    rng = random.Random(SEED)
    lines, size = [], 0
    while size < 2 * LARGEST:
        line = bytes(rng.choices(b'.. abc\xff', k=3)) + b'x' * rng.randrange(200)
        lines.append(line[:rng.randrange(200)] + b'\n')
        size += len(lines[-1])
    return b''.join(lines)


TEXT = make_text()


class Message:
    def __init__(self, rng, number):
        most = pick(rng, ((8192, 90), (200000, 9), (LARGEST, 1)))[0]
        start = rng.randrange(LARGEST)
        self.text = TEXT[start:start + rng.randrange(most)]
        self.text = self.text[:self.text.rfind(b'\n') + 1]
        self.sender = f'm{number}@soak.example'
        self.verdict, self.expected, _ = pick(rng, VERDICTS)
        self.way = pick(rng, WAYS)[0]
        self.told = None
        self.sent_whole = False

    def head(self):
        return (f'MAIL FROM:<{self.sender}>\r\n'
                f'RCPT TO:<{self.verdict}@example.org>\r\n').encode()

    def wire(self):
        crlf = self.text.replace(b'\n', b'\r\n')
        if self.way == 'chunks':
            half = len(crlf) // 2
            return (b'BDAT %d\r\n' % half + crlf[:half] +
                    b'BDAT %d LAST\r\n' % (len(crlf) - half) + crlf[half:])
        return re.sub(rb'(?m)^\.', b'..', crlf) + b'.\r\n'


class Client(threading.Thread):
    def __init__(self, at, messages, leaves):
        super().__init__()
        self.at, self.messages, self.leaves = at, messages, leaves
        self.connection = self.replies = self.fault = None

    def code(self):
        """Of the next reply; None at end of file."""
        while True:
            line = self.replies.readline()
            if line[3:4] != b'-':
                return int(line[:3]) if line else None

    def expect(self, *codes):
        for code in codes:
            got = self.code()
            check(got == code, 'told', got, 'not', code)

    def connect(self):
        self.connection = socket.create_connection(self.at, 60)
        self.replies = self.connection.makefile('rb')
        self.connection.sendall(b'EHLO client.example\r\n')
        self.expect(220, 250)

    def leave(self, reset=False):
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack('ii', 1, 0))
        self.replies.close()
        self.connection.close()
        self.connection = None

    def send(self, message):
        if self.connection is None:
            self.connect()
        self.connection.sendall(message.head())
        self.expect(250, 250)
        if message.way != 'chunks':
            self.connection.sendall(b'DATA\r\n')
            self.expect(354)
        wire = message.wire()
        if message.way in ('cut', 'reset'):
            self.connection.sendall(wire[:-3])
            self.leave(message.way == 'reset')
            return
        self.connection.sendall(wire)
        message.sent_whole = True
        if message.way == 'mute':
            self.leave()
            return
        if message.way == 'chunks':
            self.expect(250)
        message.told = self.code()
        if self.leaves(message):
            self.connection.sendall(b'QUIT\r\n')
            self.expect(221)
            self.leave()

    def run(self):
        try:
            for message in self.messages:
                self.send(message)
            if self.connection is not None:
                self.leave()
        except (OSError, Failure) as fault:
            self.fault = f'{message.sender} {message.way}: {fault!r}'


class Steady(Client):
    """One session for all its messages: what smtpd holds in their middle and
    at their end is the same."""

    def __init__(self, at, messages, record):
        for message in messages:
            message.way = 'whole'
        super().__init__(at, messages, lambda message: False)
        self.record, self.held = record, []

    def run(self):
        half = len(self.messages) // 2
        leave, self.leave = self.leave, lambda: None
        for part in self.messages[:half], self.messages[half:]:
            self.messages = part
            super().run()
            self.held.append(self.holds(part[-1]))
        leave()

    def holds(self, message):
        """Descriptors, and KiB of memory, used or not yet."""
        pid = until('its record', lambda: read_record(self.record).get(
            message.sender))[0][2]
        with open(f'/proc/{pid}/status', encoding='ascii') as file:
            memory = int(re.search(r'VmData:\s+(\d+)', file.read())[1])
        return len(os.listdir(f'/proc/{pid}/fd')), memory


def read_record(path):
    """By sender: size, CRC and smtpd of each run."""
    runs = {}
    with open(path, encoding='ascii') as file:
        for line in file:
            sender, size, crc, pid = line.split()
            runs.setdefault(sender, []).append((int(size), int(crc), pid))
    return runs


def judge(message, runs):
    """What is wrong between what its client was told and what was seen."""
    if any(run[:2] != (len(message.text), zlib.crc32(message.text))
           for run in runs):
        return 'another message was seen'
    if not message.sent_whole:
        return 'seen before it was whole' if runs else None
    if message.way == 'mute':
        return 'seen more than once' if len(runs) > 1 else None
    if message.told != message.expected:
        return f'told {message.told}, not {message.expected}'
    return None if len(runs) == 1 else f'seen {len(runs)} times'


def children(pid):
    with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as file:
        return file.read()


def balance(messages, clients, record, spool):
    """What the clients were told is what the command saw."""
    faults = [client.fault for client in clients if client.fault]
    runs = read_record(record)
    for message in messages:
        fault = judge(message, runs.pop(message.sender, []))
        if fault:
            faults.append(f'{message.sender} {message.way} '
                          f'{message.verdict}: {fault}')
    check(not faults, len(faults), 'faults:', *faults[:5])
    check(not runs, 'seen, and never sent:', list(runs)[:5])
    check(not os.listdir(spool), 'files are left:', os.listdir(spool))


def summary(messages):
    told = [message.told for message in messages]
    octets = sum(len(message.text) for message in messages)
    codes = ', '.join(f'{told.count(code)} times {code}'
                      for code in (250, 451, 550, 554))
    return (f'{len(messages)} messages, {octets >> 20} MiB: {codes} and '
            f'{told.count(None)} clients that left')


def soak(at, server, record, spool, count):
    rng = random.Random(SEED)
    messages = [Message(rng, number) for number in range(count)]
    shares = [messages[i::CLIENTS] for i in range(CLIENTS)]
    descriptors = len(os.listdir(f'/proc/{server}/fd'))
    steady = Steady(at, shares[0], record)
    clients = [steady] + [
        Client(at, share, lambda message: len(message.text) % 7 == 0)
        for share in shares[1:]]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    until('the last session ends', lambda: not children(server), 60)

    balance(messages, clients, record, spool)
    check(len(os.listdir(f'/proc/{server}/fd')) == descriptors, 'descriptors')
    before, after = steady.held
    check(before == after, 'held in the middle and at the end', *steady.held)
    print(summary(messages))


def main():
    address, port, server, record, spool, count = sys.argv[1:]
    try:
        soak((address, int(port)), int(server), record, spool, int(count))
    except Failure as failure:
        sys.exit(str(failure))


if __name__ == '__main__':
    main()
