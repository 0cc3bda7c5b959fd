"""What examples/handlers/lmtpd.py says, and what its handle() gets: its
functions are fed here, in one process.  lmtp.py NAME"""
import asyncio
import io
import itertools
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
HELLO = b'LHLO me\r\n'
MAIL = b'MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n'
TWO = MAIL[:-6]
END = b'\r\n.\r\n'


def load():
    """The example, but for its last line, which listens."""
    path = HERE + '/../../examples/handlers/lmtpd.py'
    code = open(path).read()
    assert code.endswith('\nasyncio.run(main(sys.argv[1]))\n')
    names = {}
    exec(compile(code.rpartition('asyncio.run(')[0], path, 'exec'), names)
    return names


class Handler:
    """It keeps what handle() got, and says what it is told to."""

    def __init__(self, says=lambda *_: None, **settings):
        self.lmtpd = load()
        self.got, self.says = [], says
        self.lmtpd.update(settings, handle=self.handle)

    def handle(self, *mail):
        self.got.append(mail)
        return self.says(*mail)

    def hears(self, *pieces):
        """The replies to these octets, which are all."""
        async def talk():
            reader = asyncio.StreamReader(limit=self.lmtpd['SIZE'])
            writer = Writer()
            session = asyncio.ensure_future(
                self.lmtpd['session'](reader, writer))
            for piece in pieces:
                reader.feed_data(piece)
                await asyncio.sleep(0)
            reader.feed_eof()
            await session
            assert writer.closed
            return writer.said
        return asyncio.run(talk()).decode().split('\r\n')[:-1]

    def messages(self, *pieces):
        self.hears(*pieces)
        return [message for _, _, message, _ in self.got]


class Writer:
    said, closed = b'', False

    def write(self, octets):
        self.said += octets

    async def drain(self):
        pass

    def close(self):
        self.closed = True


def codes(*pieces, **settings):
    return ' '.join(line[:3] for line in Handler(**settings).hears(*pieces)
                    if line[3:4] == ' ')


def dialogue():
    for lines, is_to_be in (
            (b'', '220'),
            (HELLO, '220 250'),
            (b'lhlo me\r\nmail from:<>\r\nrcpt to: <c>\r\ndata\r\n.\r\n'
             b'quit\r\n', '220 250 250 250 354 250 221'),
            (HELLO + MAIL + b'.\r\n' + MAIL + b'.\r\n',
             '220 250 250 250 354 250 250 250 354 250'),
            (MAIL, '220 503 503 503'),
            (HELLO + b'DATA\r\nRCPT TO:<c>\r\n', '220 250 503 503'),
            (HELLO + b'MAIL FROM:<a>\r\nDATA\r\nMAIL FROM:<b>\r\n',
             '220 250 250 503 503'),
            (HELLO + TWO + b'RSET\r\nDATA\r\n', '220 250 250 250 250 503'),
            (HELLO + TWO + b'NOOP\r\nDATA\r\n', '220 250 250 250 250 354'),
            (HELLO + TWO + HELLO + b'DATA\r\n', '220 250 250 250 250 503'),
            (HELLO + b'MAIL FROM:a@b\r\nMAIL FROM:<a@b\r\nMAIL FROM:<a>b\r\n',
             '220 250 503 503 503'),
            (b'EHLO me\r\nHELO me\r\nVRFY x\r\n\r\nLHLO\r\n',
             '220 503 503 503 503 250'),
            (b'QUIT\r\n' + HELLO, '220 221'),
            (HELLO + TWO + b'RSET x\r\nDATA\r\n', '220 250 250 250 503 354'),
            (HELLO + b'NOOP\n' + MAIL, '220 250 503 503 503'),
            (HELLO + b'MAIL FROM:<\xff>\r\n' + MAIL, '220 250'),
            (b'NOOP ' + b'x' * 4089 + b'\r\nNOOP\r\n', '220 250 250'),
            (b'NOOP ' + b'x' * 4090 + b'\r\nNOOP\r\n', '220')):
        assert codes(lines) == is_to_be, (lines, codes(lines))
        pieces = [lines[n:n + 1] for n in range(len(lines))]
        assert codes(*pieces) == is_to_be, lines
    hello = Handler().hears(HELLO)[1:]
    assert hello[0] == '250-localhost', hello
    assert {line[4:] for line in hello[1:]} == {
        'PIPELINING', '8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES',
        'SIZE 33554432'}, hello


def envelopes():
    for said, address in (
            (b'<>', ''), (b'<a@b> AUTH=<> BODY=8BITMIME', 'a@b'),
            (b'<"a>b"@c> SIZE=1', '"a>b"@c'), (b'<"a\\"> b"@c>', '"a\\"> b"@c'),
            ('<é@b> SMTPUTF8'.encode(), 'é@b')):
        handler = Handler()
        handler.hears(HELLO + b'MAIL FROM:' + said + b'\r\nRCPT TO:' + said +
                      b'\r\nRCPT TO:<d@e>\r\nDATA\r\nx' + END)
        assert handler.got == [(address, address, b'x\r\n', 'me'),
                               (address, 'd@e', b'x\r\n', 'me')], handler.got


def decoded(octets):
    """The message that is first in them, or None; by another way."""
    ends = [0] if octets.startswith(b'.\r\n') else []
    ends += [n + 2 for n in range(len(octets)) if octets[n:n + 5] == END]
    if not ends:
        return None
    return b'\r\n'.join(line[1:] if line[:1] == b'.' else line
                       for line in octets[:ends[0]].split(b'\r\n'))


def contents():
    """Each content of up to five of these, in one piece and in many."""
    handler, is_to_be = Handler(), []
    for length in range(6):
        for letters in itertools.product(b'\r\n.x', repeat=length):
            octets = bytes(letters) + END
            handler.got = []
            handler.hears(HELLO + MAIL + octets)
            message = handler.got[0][2]
            assert message == decoded(octets), (octets, message)
            is_to_be.append(octets)
            pieces = [octets[n:n + 1] for n in range(len(octets))]
            handler.got = []
            handler.hears(HELLO + MAIL, *pieces)
            assert handler.got[0][2] == message, octets
    every = bytes(range(256)) + b'\r\n' + b'x' * 300000
    assert Handler().messages(HELLO + MAIL + every + END) == [every + b'\r\n']
    print(len(is_to_be), 'contents')


def cut():
    """Whatever comes last: no call before the message is whole."""
    whole = HELLO + MAIL + (b'Subject: x\r\n\r\n..\r\n.x\n.\n\r\n\r.\r\n'
                            b'\r\r\n.\r\n')
    for n in range(len(whole)):
        assert Handler().messages(whole[:n]) == [], whole[:n]
    assert len(Handler().messages(whole)) == 1


def verdicts():
    def leave(*_):
        sys.exit(1)
    long = '550 ' + 'x' * 400
    for says, reply in (
            (lambda *_: None, '250 2.0.0 Ok'), (lambda *_: '', '250 2.0.0 Ok'),
            (lambda *_: '250 2.0.0 Kept as 7', '250 2.0.0 Kept as 7'),
            (lambda *_: '550 5.7.1 Né', '550 5.7.1 Né'),
            (lambda *_: long, long),
            (lambda _, to, *__: '450 4.2.0 ' + to, '450 4.2.0 c@d')):
        heard = Handler(says).hears(HELLO + MAIL + b'.\r\nQUIT\r\n')[-2:]
        assert heard == [reply, '221 2.0.0 Bye'], heard
    for says in (lambda *_: 1 // 0, leave, lambda *_: True, lambda *_: 'no',
                 lambda *_: b'550 no', lambda *_: '221 Bye', lambda *_: '550',
                 lambda *_: '354 Go on', lambda *_: '250-x',
                 lambda *_: long + 'x', lambda *_: '250 x\r\n250 y',
                 lambda *_: '250 x\n', lambda *_: '250 x\ry'):
        sys.stderr = io.StringIO()
        heard = Handler(says).hears(HELLO + MAIL + b'.\r\n' + MAIL + b'.\r\n')
        assert heard[-1] == heard[-5] == '451 4.3.0 Local error', heard
        assert sys.stderr.getvalue().count('Traceback') == 2


def sizes():
    """Of 100 octets: stuffed dots do not count."""
    for content, code in (
            (b'x' * 98, '250'), (b'x' * 99, '552'), (b'x\r\n' * 33, '552'),
            (b'..\r\n' * 32 + b'x', '250'), (b'..\r\n' * 33, '552'),
            (b'x\r\n' * 5000, '552')):
        handler = Handler(SIZE=100)
        heard = handler.hears(HELLO + MAIL + content + END + MAIL + b'y' + END)
        assert [heard[-5][:3], heard[-1][:3]] == [code, '250'], (content, heard)
        assert len(handler.got) == 1 + (code == '250'), content
    # A line that no message can have, and no end to it.
    assert codes(HELLO + MAIL + b'x' * 1000, SIZE=100) == '220 250 250 250 354'


if __name__ == '__main__':
    globals()[sys.argv[1]]()
