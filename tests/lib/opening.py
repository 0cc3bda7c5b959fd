#!/usr/bin/env python3
"""opening [option ...]: what stands between our header and each of these texts,
however it comes: by DATA in every two writes, by BDAT in every two chunks, and
in chunks of an octet."""
import re
import sys

from session import (DATA, EHLO, MAIL, QUIT, RCPT, Failure, Session, box,
                     check, socket_pair)

END = b'\r\n' if '--crlf' in sys.argv else b'\n'
MBOX = b'X-Mailbox-Line: '
LONG = b'x' * 997
TEXTS = (
    (b'Subject: s\r\n\r\nx\r\n', b''),
    (b'To :\t\r\n\r\nx\r\n', b''),
    (b'\r\nx\r\n', b''),
    (b'\r\n', b''),
    (b'UPS on battery\r\n', END),
    (b'x\r\nSubject: s\r\n', END),
    (b' x: y\r\n', END),
    (b': x\r\n', END),
    (b'x\r\n\r\n', END),
    (b'caf\xc3\xa9: x\r\n', END),
    (b'From a@b Mon Jan  1 00:00:00 2024\r\nSubject: s\r\n\r\n', MBOX),
    (b'>>From x\r\nSubject: s\r\n\r\n', MBOX),
    (b'From: x\r\n\r\n', b''),
    (b'from x\r\n', END),
)
# Cut where they are decided.
LONGER = (
    (LONG + b': x\r\n\r\n', b''),
    (LONG + b'x: x\r\n\r\n', END),
    (b'From' + 994 * b' ' + b'x\r\n\r\n', MBOX),
)


def by_data(pieces):
    return [DATA + pieces[0], *pieces[1:-1], pieces[-1] + b'.\r\n']


def by_chunks(pieces):
    last = len(pieces) - 1
    return [b'BDAT %d%s\r\n%s' % (len(piece), b' LAST' if n == last else b'',
                                  piece)
            for n, piece in enumerate(pieces)]


def ways(text, cuts):
    halves = [[text[:n], text[n:]] for n in cuts]
    yield from map(by_data, halves)
    yield from map(by_chunks, halves)
    yield by_chunks([text])
    yield by_chunks([text[n:n + 1] for n in range(len(text))])
    # what is whole without a line end
    yield by_chunks([text.rstrip()])


def play(text, between, cuts):
    """A session for all ways; how many."""
    all_ways = list(ways(text, cuts))
    session = Session(socket_pair(), '--max-size', '0', *sys.argv[1:])
    try:
        check(session.send(EHLO), 'it closed')
        for pieces in all_ways:
            check(session.send(MAIL + RCPT), 'it closed')
            for piece in pieces:
                check(session.send(piece), 'it closed')
                session.taken()
                session.read(0)
        session.send(QUIT)
        session.rest(60)
        session.close()
        session.exit()
    finally:
        session.end()
    kept = box()
    check(len(kept) == len(all_ways), len(kept), 'of', len(all_ways), 'came')
    for number, (message, pieces) in enumerate(zip(kept, all_ways)):
        behind = re.sub(rb'\AReceived: .*\n(?:\t.*\n)*', b'', message)
        content = text if number < len(all_ways) - 1 else text.rstrip()
        check(behind == (between if content else b'') +
              content.replace(b'\r\n', END), pieces, message)
    return len(all_ways)


def main():
    count = 0
    try:
        for text, between in TEXTS:
            count += play(text, between, range(len(text) + 1))
        for text, between in LONGER:
            count += play(text, between, (1, 500, 996, 997, 998, 999, 1000))
    except Failure as failure:
        sys.exit(str(failure)[:2000])
    print(f'{count} messages')


main()
