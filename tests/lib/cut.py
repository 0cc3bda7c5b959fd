#!/usr/bin/env python3
"""cut HOW SIZE: a session that is cut off, at every octet or (a message of
SIZE octets) at some.  HOW: socket, pipes, reset.

The command runs if and only if CR LF . CR LF was sent whole."""
import os
import sys

from session import (DATA, EHLO, MAIL, QUIT, RCPT, Failure, Session, box,
                     check, socket_pair, tcp, two_pipes)

ENDS = {'socket': socket_pair, 'pipes': two_pipes, 'reset': tcp}
END = b'\r\n.\r\n'


def content(size):
    """Dot lines, what looks like an end of data, and text up to size."""
    start = b'Subject: cut\r\n\r\n..\r\n..dot\r\n\n.\n\r\n.\r'
    line = b'a line of text that is there to fill it up\r\n'
    lines = max(1, size // len(line))
    return start + b'\r\n' + lines * line + b'last'


def plain(wire):
    """What the command gets; bare LF is a line end, bare CR stays."""
    lines = (wire + b'\r\n').split(b'\r\n')
    return b'\n'.join(line[line[:1] == b'.':] for line in lines)


def cuts(steps, size):
    """How many octets are sent."""
    total = sum(len(step) for step in steps)
    if size == 0:
        return list(range(total + 1))
    head = sum(len(step) for step in steps[:4])
    places = {head + size * i // 24 for i in range(25)}
    places |= {head + at for at in (1, 65536, 262143, 262144, 262145,
                                    1048575, 1048576, 1048577)}
    return sorted(places) + list(range(total - 20, total + 1))


def cut(how, steps, n, spool):
    """One session; returns what the command got."""
    whole = n >= sum(len(step) for step in steps[:5])
    session = Session(ENDS[how](), '--no-received', '--spool', spool)
    try:
        session.replies(1)
        for i, step in enumerate(steps):
            session.send(step[:n])
            n -= len(step)
            if n <= 0:
                break
            check(session.replies(i + 2), 'it closed')
        if how == 'reset' and whole:
            session.taken()  # a reset takes back what is still on its way
        session.close(reset=how == 'reset')
        session.exit()
    finally:
        session.end()
    check(os.listdir(spool) == [], 'left in the spool:', os.listdir(spool))
    return box(), whole


def main():
    how, size, spool = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    wire = content(size)
    steps = (EHLO, MAIL, RCPT, DATA, wire + END, QUIT)
    places = cuts(steps, size)
    runs = 0
    for n in places:
        try:
            kept, whole = cut(how, steps, n, spool)
            check(kept == ([plain(wire)] if whole else []),
                  'whole:', whole, 'kept:', str(kept)[:200])
        except Failure as failure:
            sys.exit(f'cut after {n} octets: {failure}')
        runs += len(kept)
    check(runs == len(QUIT) + 1, 'runs:', runs)
    print(f'{len(places)} cuts, {runs} with a whole message')


main()
