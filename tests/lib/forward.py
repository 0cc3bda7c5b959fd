"""forward NAME: forward as a command; the server that it talks to is here."""
import itertools
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

from session import PATIENCE, QUIT, Failure, check

FORWARD = os.environ['FORWARD']
MESSAGE = b'Subject: x\n\n.dot\nlast'
ON_WIRE = b'Subject: x\r\n\r\n..dot\r\nlast\r\n.\r\n'
GOOD = [b'220 next ready\r\n', b'250-next\r\n250-SIZE 999\r\n250 8BITMIME\r\n',
        b'250 2.1.0 ok\r\n', b'250 2.1.5 ok\r\n', b'354 go on\r\n',
        b'250 2.0.0 kept as 7\r\n']
STEPS = ['the connection', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'the message']
SENT = [b'EHLO mx.example.org\r\n',
        b'MAIL FROM:<ann@example.net> SIZE=26\r\n',
        b'RCPT TO:<joe@example.org>\r\n', b'DATA\r\n', ON_WIRE]


ENVIRONMENT = {'SENDER': 'ann@example.net', 'RECIPIENTS': 'joe@example.org\n',
               'TCPLOCALHOST': 'mx.example.org'}


class Server(threading.Thread):
    """Says the script, one of it at first and then one for each line that it
    hears, and for the message; then it closes, or listens until the other one
    goes."""

    def __init__(self, listener, script, slow, closes):
        super().__init__()
        self.listener, self.script = listener, script
        self.slow, self.closes = slow, closes
        self.heard = []
        listener.settimeout(PATIENCE)

    def run(self):
        with self.listener:
            try:
                connection = self.listener.accept()[0]
            except TimeoutError:
                return
        connection.settimeout(PATIENCE)
        with connection, connection.makefile('rb') as lines:
            try:
                self.talk(connection, lines)
            except ConnectionError:
                pass  # it has gone, and not read all

    def talk(self, connection, lines):
        for n, words in enumerate(self.script):
            self.say(connection, words)
            if self.closes and n == len(self.script) - 1:
                return
            heard = lines.readline()
            while words is GOOD[4] and not heard.endswith(ON_WIRE[-5:]):
                heard += lines.readline() or ON_WIRE[-5:]
            if not heard:
                return
            self.heard.append(heard)
        self.heard += lines.readlines()

    def say(self, connection, words):
        pieces = [words] if isinstance(words, bytes) else words
        if self.slow:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pieces = [bytes([octet]) for octet in words]
        for piece in pieces:
            connection.sendall(piece)


class Run:
    """Of forward, with this script of its server."""

    def __init__(self, script, *options, to=('joe@example.org',), slow=False,
                 closes=False, path=None, message=MESSAGE, before=None,
                 **variables):
        if path:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(path)
            listener.listen()
        else:
            listener = socket.create_server(('127.0.0.1', 0))
            path = '%s:%d' % listener.getsockname()
        server = Server(listener, script, slow, closes)
        server.start()
        environment = {**ENVIRONMENT, **variables,
                       'RECIPIENTS': ''.join(name + '\n' for name in to)}
        done = subprocess.run([FORWARD, *options, path], input=message,
                              capture_output=True, env=environment,
                              timeout=PATIENCE * 3, preexec_fn=before)
        server.join(PATIENCE * 2)
        check(not server.is_alive(), 'it does not go')
        self.status, self.heard = done.returncode, server.heard
        self.said, self.log = done.stdout, done.stderr

    def ended(self, status, said=b'', log=None):
        check((self.status, self.said) == (status, said) and
              (log.encode() in self.log if log else not self.log),
              'status', self.status, 'said', self.said, 'log', self.log,
              'heard', self.heard)
        return self

    def sent(self, lines):
        check(self.heard in (lines, lines + [QUIT]),
              'sent', self.heard, 'expected', lines)


def changed(step, words):
    return GOOD[:step] + [words]


def taken():
    for slow in False, True:
        Run(GOOD, slow=slow).ended(0, b'250 2.0.0 kept as 7\n').sent(SENT)


def each_step_puts_off():
    for step in range(6):
        Run(changed(step, b'421 4.7.0 wait\r\n')).ended(
            75, b'421 4.7.0 wait\n').sent(SENT[:step])
        Run(changed(step, b'451 wait\r\n')).ended(
            75, b'451 4.0.0 wait\n').sent(SENT[:step])


def each_step_refuses():
    for step in range(2):
        Run(changed(step, b'554 5.7.1 no\r\n')).ended(
            75, log=f'{STEPS[step]}: 554 5.7.1 no\n').sent(SENT[:step])
    for step in range(2, 6):
        Run(changed(step, b'550-5.7.1 no\r\n550 5.7.1 never\r\n')).ended(
            77, b'550-5.7.1 no\n550 5.7.1 never\n').sent(SENT[:step])


def each_step_is_about_us():
    for code in 500, 501, 502, 503, 504, 530, 534, 535, 538, 555:
        for step in range(2, 6):
            Run(changed(step, b'%d 5.5.0 what\r\n' % code)).ended(
                75, log=f': {code} 5.5.0 what\n').sent(SENT[:step])


def each_step_is_garbage():
    for words in (b'what?\r\n', b'25\r\n', b'250-a\r\n251 b\r\n', b'\r\n',
                  b'HTTP/1.1 400 Bad Request\r\n', b'220\0\r\n'):
        for step in range(6):
            Run(changed(step, words)).ended(
                75, log='what came is no reply to it').sent(SENT[:step])


def each_step_is_the_last():
    for step in range(6):
        for words in b'', b'250-half of it\r\n', b'250 half':
            run = Run(changed(step, words), closes=True)
            check(run.status == 75 and not run.said and run.log, step, words,
                  run.status, run.said, run.log)
            check(run.heard == SENT[:step], 'sent', run.heard)


def each_step_is_without_end():
    for words in b'250-more\r\n' * 1000, b'x' * 100000:
        for step in range(6):
            Run(changed(step, itertools.repeat(words)), '--timeout', '1').ended(
                75, log='time-out').sent(SENT[:step])


def each_step_says_too_much():
    """What comes before it was asked for answers to nothing."""
    for step in range(5):
        run = Run(changed(step, GOOD[step] + GOOD[5])).ended(
            75, log='what came is no reply to it')
        check(run.heard[:step] == SENT[:step] and
              ON_WIRE[:9] not in b''.join(run.heard), 'sent', run.heard)


def each_step_is_silent():
    for step in range(6):
        Run(changed(step, b''), '--timeout', '1').ended(
            75, log='time-out').sent(SENT[:step])


def is_slow():
    """In no step too slow, but in all."""
    def late(words):
        time.sleep(0.25)
        return words
    many = ['joe@example.org'] * 40
    Run(GOOD[:3] + [map(late, GOOD[3:4]) for _ in many] + GOOD[4:],
        '--timeout', '1', to=many).ended(75, log='MAIL or RCPT: time-out')


def all_refused():
    """And the server would like the message all the same."""
    two = ('joe@example.org', 'sue@example.org')
    rcpts = [b'RCPT TO:<%s>\r\n' % name.encode() for name in two]
    for slow in False, True:
        Run(GOOD[:3] + [b'550 5.1.1 no joe\r\n', b'550 5.1.1 no sue\r\n'
                        b'354 go on\r\n'], to=two, slow=slow).ended(
            77, b'550 5.1.1 no joe\n').sent(SENT[:2] + rcpts)
    Run(GOOD[:4] + [b'550 5.1.1 no sue\r\n'], to=two).ended(
        75, log='RCPT TO:<sue@example.org>, but not other recipients '
        '(smtpd -r 1 has one a run): 550 5.1.1 no sue\n').sent(
            SENT[:2] + rcpts)
    Run(GOOD[:4] + [b'452 4.5.3 too many\r\n'], to=two).ended(
        75, b'452 4.5.3 too many\n').sent(SENT[:2] + rcpts)


def hangs_up():
    """After a 421 among the replies to recipients."""
    three = ('joe@example.org', 'sue@example.org', 'kim@example.org')
    Run(GOOD[:3] + [b'550 5.1.1 no joe\r\n', b'421 4.7.0 too many\r\n'],
        to=three, closes=True).ended(75, b'421 4.7.0 too many\n')


def nobody_listens():
    """To our own words, when the server has taken the message."""
    def gone():
        ends = os.pipe()
        os.dup2(ends[1], 1)
        os.closerange(3, 64)

    def full():
        os.dup2(os.open('/dev/full', os.O_WRONLY), 1)

    def closed():
        with tempfile.TemporaryFile() as file:
            file.write(MESSAGE)
            file.seek(0)
            os.dup2(file.fileno(), 0)
        os.close(1)
        os.close(2)

    for before in gone, full, closed:
        Run(GOOD, before=before).ended(0).sent(SENT)


def fill(listener):
    """The queue of one that does not accept: the next one is not answered."""
    fillers = [socket.socket(listener.family) for _ in range(4)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
    return fillers


def nobody_accepts():
    path = os.path.join(os.environ['BATS_TEST_TMPDIR'], 'full')
    for family, at in ((socket.AF_INET, ('127.0.0.1', 0)),
                       (socket.AF_UNIX, path)):
        with socket.socket(family) as listener:
            listener.bind(at)
            listener.listen(0)
            fillers = fill(listener)
            to = path if at == path else '127.0.0.1:%d' % \
                listener.getsockname()[1]
            done = subprocess.run([FORWARD, '--timeout', '1', to],
                                  env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=PATIENCE)
            check(done.returncode == 75 and
                  b'cannot connect: no answer in time' in done.stderr, done)
            del fillers


def lmtp():
    path = os.path.join(os.environ['BATS_TEST_TMPDIR'], 'socket')
    hello = [SENT[0].replace(b'EHLO', b'LHLO')]
    Run(GOOD, '--lmtp', path=path).ended(
        0, b'250 2.0.0 kept as 7\n').sent(hello + SENT[1:])
    os.unlink(path)
    Run(changed(1, b'500 5.5.1 what\r\n'), '--lmtp', path=path).ended(
        75, log='LHLO: 500 5.5.1 what').sent(hello)


def lies():
    """What a server says cannot end in another reply, or be more than one."""
    Run(changed(5, b'250 2.0.0 a\x1b[31m\r550 5.0.0 b\0\r\n')).ended(
        0, b'250 2.0.0 a?[31m?550 5.0.0 b?\n')
    Run(changed(5, b'250 ' + b'x' * 300000 + b'\r\n')).ended(
        0, b'250 2.0.0 ' + b'x' * 500 + b'\n')
    run = Run(changed(5, b''.join(b'554-5.7.1 %d\r\n' % n
                                  for n in range(100000)) + b'554 5.7.1 z\r\n'))
    check(run.status == 77 and run.said.count(b'\n') == 10 and
          run.said.endswith(b'\n554 5.7.1 z\n'), run.said)
    Run([b'220 hello\r\n' * 9]).ended(
        75, log='what came is no reply to it')


def main():
    try:
        globals()[sys.argv[1]]()
    except Failure as failure:
        sys.exit(f'{sys.argv[1]}: {failure}')


main()
