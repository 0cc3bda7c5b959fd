#!/usr/bin/env python3
"""splits HOW: one pipelined session in every two writes, and octet by octet.
HOW: socket, pipes, tcp.

What is said and what is run does not depend on how the octets arrive."""
import re
import sys

from session import (DATA, EHLO, MAIL, QUIT, RCPT, Failure, Session, box,
                     check, socket_pair, tcp, two_pipes)

ENDS = {'socket': socket_pair, 'pipes': two_pipes, 'tcp': tcp}
WIRE = (EHLO + MAIL + RCPT + b'rcpt TO:<two@b>\nRCPT TO:<->\r\n' + DATA +
        b'Subject: s\r\n\r\n..x\r\n.\n.\r\r\n.\r\n' +
        MAIL + RCPT + b'BDAT 5\r\na\r\nb\rBDAT 4 LAST\r\n\n.\r\n' +
        b'NOOP\r\nDATA\r\n' + QUIT)
CODES = [220, 250, 250, 250, 250, 501, 354, 250, 250, 250, 250, 250, 250, 503,
         221]
KEPT = [b'Subject: s\n\n.x\n\n.\r\n', b'a\nb\n.\n']


def play(how, pieces):
    """Each piece when the one before it was taken."""
    session = Session(ENDS[how](), '--no-received')
    try:
        for piece in pieces:
            check(session.send(piece), 'it closed')
            session.taken()
        session.rest()
        session.close()
        session.exit()
    finally:
        session.end()
    check(session.codes() == CODES, session.codes())
    kept = box()
    check(kept == KEPT, kept)
    return re.sub(rb'Ok [0-9a-f]+', b'Ok', session.got)


def main():
    how = sys.argv[1]
    whole = play(how, [WIRE])
    ways = [[WIRE[:n], WIRE[n:]] for n in range(1, len(WIRE))]
    ways.append([WIRE[n:n + 1] for n in range(len(WIRE))])
    for pieces in ways:
        try:
            check(play(how, pieces) == whole, 'other replies')
        except Failure as failure:
            sys.exit(f'after {len(pieces[0])} octets: {failure}')
    print(f'{len(ways)} ways')


main()
