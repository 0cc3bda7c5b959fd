#!/usr/bin/env python3
"""secrets KIND: where smtpd has a password in its memory, and for how long.

KIND is what the connection is: socket, pipes, terminal.  In each session a
client says a password in one way.  All that smtpd may write to is read from
/proc/PID/mem: before it answers, when the password has to be found, or this
test could not fail; and behind its answer, when no eight octets in a row of the
password may be found, nor of its base64.  With SANDBOX in the environment both
processes of a session are looked at, which takes root."""
import base64
import itertools
import os
import re
import sys
import tty

from session import (BOX, EHLO, MAIL, QUIT, RCPT, Ends, Failure, Session,
                     check, children, socket_pair, two_pipes, until)

NAME = b'joe@example.org'
PASSWORD = b'Zq7-wN3x.Kf9_Tb2+Vm6~Hc4,Lp8:Rd5;Yg1|Js0'
# One that fills all registers by which memory is copied, twice.
LONG = b''.join(b'%02d:%s,' % (i, PASSWORD[i:i + 9]) for i in range(30))
PIECE = 8                        # octets in a row that are not by chance
RUN = re.compile(b'[^\\0]{%d,}' % PIECE)   # most of the memory is zero
APART = 'SANDBOX' in os.environ
SHADOW = 1 << 28                 # a sanitizer's map of memory, no memory

COMMAND = 'cat <&3 >/dev/null; read -r status <"$BOX/go"; exit $status'


def encoded(*parts):
    return base64.b64encode(b'\0'.join(parts))


# The client's lines for a password, the last one of them without its end.
ASKED = {
    'PLAIN': lambda p: [b'AUTH PLAIN ' + encoded(NAME, NAME, p)],
    'PLAIN, empty': lambda p: [b'AUTH PLAIN', encoded(b'', NAME, p)],
    'LOGIN': lambda p: [b'AUTH LOGIN', encoded(NAME), encoded(p)],
    'LOGIN, name': lambda p: [b'AUTH LOGIN ' + encoded(NAME), encoded(p)],
}

# Where COMMAND is not asked: the code, and the options that there are.
IN_CLEAR = ('--auth', COMMAND, '--auth-in-clear')
REFUSED = {
    'not in clear': (538, IN_CLEAR[:2], ASKED['PLAIN']),
    'too long for COMMAND': (535, IN_CLEAR, lambda p: [
        b'AUTH PLAIN', encoded(b'', NAME, 13 * p)]),
    'another identity': (535, IN_CLEAR, lambda p: [
        b'AUTH PLAIN ' + encoded(b'ann', NAME, p)]),
    'no name': (501, IN_CLEAR, lambda p: [
        b'AUTH LOGIN', encoded(b'-joe'), encoded(p)]),
    'three NULs': (501, IN_CLEAR, lambda p: [
        b'AUTH PLAIN', encoded(b'', NAME, p, b'')]),
    'no base64': (501, IN_CLEAR, lambda p: [
        b'AUTH PLAIN ' + encoded(b'', NAME, p) + b'*']),
    'two words': (501, IN_CLEAR, lambda p: [
        b'AUTH PLAIN x ' + encoded(b'', NAME, p)]),
    'a line too long': (500, IN_CLEAR, lambda p: [
        b'AUTH PLAIN', encoded(b'', NAME, 100 * p)]),
    'a command too long': (500, IN_CLEAR, lambda p: [
        b'AUTH PLAIN ' + encoded(b'', NAME, 100 * p)]),
    'cancelled': (501, IN_CLEAR, lambda p: [b'AUTH LOGIN', encoded(p), b'*']),
    'another mechanism': (504, IN_CLEAR, lambda p: [
        b'AUTH XOAUTH2 ' + encoded(p)]),
    'behind another mechanism': (500, IN_CLEAR, lambda p: [
        b'AUTH CRAM-MD5', encoded(p)]),
    'no mechanism': (504, IN_CLEAR, lambda p: [
        b'AUTH ' + encoded(b'', NAME, p)]),
    'joined to its mechanism': (504, IN_CLEAR, lambda p: [
        b'AUTH PLAIN=' + encoded(b'', NAME, p)]),
    'a control octet': (500, IN_CLEAR, lambda p: [
        b'AUTH\1PLAIN ' + encoded(b'', NAME, p)]),
    'nearly AUTH': (500, IN_CLEAR, lambda p: [
        b'AUTHPLAIN ' + encoded(b'', NAME, p)]),
    'behind nearly AUTH': (500, IN_CLEAR, lambda p: [
        b'AUTH=LOGIN', encoded(p)]),
    'no AUTH here': (502, (), ASKED['PLAIN']),
    'nearly AUTH, and none here': (500, (), lambda p: [
        b'AUTH: PLAIN ' + encoded(b'', NAME, p)]),
    'in a transaction': (503, IN_CLEAR, lambda p: [
        b'RSET', b'MAIL FROM:<a@b>', *ASKED['PLAIN'](p)]),
}


def terminal():
    ours, theirs = os.openpty()
    tty.setraw(theirs)           # what is sent is read at once, without an echo
    return Ends(ours, os.dup(ours), theirs, None)


KINDS = {'socket': socket_pair, 'pipes': two_pipes, 'terminal': terminal}


def pieces(octets, since=0):
    return {octets[i:i + PIECE] for i in range(since, len(octets) - PIECE + 1)}


def secrets_of(say, password):
    """What no memory may hold: the name may stay."""
    secrets = pieces(password)
    for line, other in zip(say(password), say(b'!' * len(password))):
        secrets |= pieces(line, len(os.path.commonprefix([line, other])))
    return re.compile(b'|'.join(map(re.escape, sorted(secrets))))


def writable(pid):
    """All of its memory that it may write to: by name."""
    with open(f'/proc/{pid}/maps', encoding='ascii') as maps, \
            open(f'/proc/{pid}/mem', 'rb', 0) as memory:
        for line in maps:
            start, end, mode, name = re.match(
                r'(\w+)-(\w+) (\S+) \S+ \S+ \d+ *(.*)', line).groups()
            start, size = int(start, 16), int(end, 16) - int(start, 16)
            if mode.startswith('rw') and size < SHADOW:
                memory.seek(start)
                yield name or 'nameless', memory.read(size)


def program(pid):
    """None where it is no more."""
    try:
        return os.stat(f'/proc/{pid}/exe').st_ino
    except OSError:
        return None


class Client(Session):
    def __init__(self, kind, options, say, password):
        super().__init__(KINDS[kind](), '--max-errors', '0', *options,
                         command=('true',))
        self.secrets = secrets_of(say, password)

    def read(self, seconds):
        try:
            return super().read(seconds)
        except OSError:          # a terminal that nobody is at any more
            self.eof = True
            return False

    def halves(self):
        """The process that was started, and with --sandbox its other one."""
        us = self.process.pid
        return [us] + [pid for pid in children(us) * APART
                       if program(pid) == program(us)]

    def found(self):
        """Where its memory holds any of the password."""
        return [f'{name} of {pid}: {hit[0]!r}' for pid in self.halves()
                for name, octets in writable(pid)
                for run in RUN.finditer(octets)
                for hit in self.secrets.finditer(run[0])]

    def begin(self, lines):
        check(self.script([EHLO, *(line + b'\r\n' for line in lines)]),
              'it left', self.got)

    def finish(self, count, *codes):
        """These have come, behind so many others, and nothing is left."""
        check(self.replies(count + len(codes)), 'it left', self.got)
        check(self.codes()[count:] == list(codes), self.got)
        self.has_none('answered')
        # another run, and another signal with all that its frame holds
        self.send(b'\r\nRSET\r\n' + MAIL + RCPT + b'BDAT 1 LAST\r\nx')
        check(self.replies(count + len(codes) + 5), 'it left', self.got)
        self.has_none('another run')
        self.send(QUIT)
        self.rest()
        self.exit()

    def has_none(self, when):
        left = self.found()
        check(not left, when, len(left), 'left:', '; '.join(left[:4]))


def opened():
    """What COMMAND waits for, once it does."""
    try:
        return os.open(os.path.join(BOX, 'go'), os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


def asked(client, lines, status, split, around):
    """COMMAND runs while the memory is looked at."""
    *lines, last = lines
    client.begin(lines)
    count = len(client.codes())
    last += b'\r\n'
    if around and not lines:
        last = 300 * b'NOOP\r\n' + last
        count += 300
    if split:
        client.send(last[:-12])
        until('a part of it is read', client.found)
        last = last[-12:]
    client.send(last + (b'NOOP\r\nNO' if around else b''))
    go = until('COMMAND reads', opened)
    check(client.found(), 'it is not seen in memory at all')
    os.write(go, b'%d\n' % status)
    os.close(go)
    client.finish(count, {0: 235, 1: 535}.get(status, 454),
                  *around * [250])


def refused(client, lines, code):
    """The line's last octets wait while the memory is looked at."""
    *lines, last = lines
    client.begin(lines)
    client.send(last[:-1])
    until('it is read', client.found)
    client.send(last[-1:] + b'\r\n')
    client.finish(len(client.codes()), code)


def sessions():
    """What each is called, its options, its lines, how it goes."""
    for (how, say), password, *rest in itertools.product(
            ASKED.items(), (PASSWORD, LONG), (0, 1, 75), (False, True),
            (False, True)):
        yield (how, len(password), *rest), IN_CLEAR, say, password, asked, rest
    for how, (code, options, say) in REFUSED.items():
        yield how, options, say, PASSWORD, refused, (code,)


def main():
    os.mkfifo(os.path.join(BOX, 'go'))
    count = 0
    for what, options, say, password, play, rest in sessions():
        client = Client(sys.argv[1], options, say, password)
        try:
            play(client, say(password), *rest)
        except Failure as failure:
            sys.exit(f'{what}: {failure}')
        finally:
            client.end()
        count += 1
    print(f'{sys.argv[1]}: {count} sessions')


main()
