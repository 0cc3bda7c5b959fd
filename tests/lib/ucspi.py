#!/usr/bin/env python3
"""ucspi CASE: STARTTLS by UCSPI-TLS.  No package has a launcher that speaks
it, so one is played here by the text of the protocol: what a real one does
besides is not seen."""
import fcntl
import os
import resource
import select
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import termios
import time

from session import (BOX, CATCH, DATA, EHLO, MAIL, PATIENCE, QUIT, RCPT, SMTPD,
                     Failure, box, check, descriptors, tcp, two_pipes, until)
from starttls import (APART, BEHIND, HERE, KEEPS, LOG, LS, MESSAGE, ONE,
                      ONE_CODES, PLAIN, READY, STARTTLS, TELLS, Client,
                      forget_log, has_descriptors, kept, log_has, run, tls,
                      told)


class Launched(Client):
    """Behind a launcher, which is us: control, and two pipes of clear text."""

    def __init__(self, *options, numbers=None, extra=(), closed=False,
                 deaf=False, environ=os.environ, **more):
        self.control, theirs = socket.socketpair()
        if deaf:
            fill(theirs)
        self.pipes = two_pipes()
        fds = [theirs.fileno(), self.pipes.their_in, self.pipes.their_out]
        names = ('SSLCTLFD', 'SSLREADFD', 'SSLWRITEFD')
        values = numbers or [str(fd) for fd in fds]
        super().__init__(
            None, *options, pass_fds=() if closed else (*fds, *extra),
            env=dict(environ, **dict(zip(names, values))), **more)
        theirs.close()
        for fd in fds[1:]:
            os.close(fd)

    def y(self):
        """Is there one?"""
        check(select.select([self.control], [], [], PATIENCE)[0], 'no Y')
        check(self.control.recv(10) == b'Y', 'another word')

    def no_y(self):
        check(self.control.recv(10) == b'', 'a word')

    def up(self, answer=b'SSL_PROTOCOL=TLSv1.3\0SSL_CIPHER=X_Y-Z\0\0'):
        self.say_starttls()
        self.y()
        self.control.sendall(answer)
        self.go_on()

    def go_on(self):
        """In what was TLS for the launcher."""
        for fd in {self.ends.reads, self.ends.writes}:
            os.close(fd)
        self.ends.reads, self.ends.writes = self.pipes.reads, self.pipes.writes
        os.set_blocking(self.ends.reads, False)
        self.before, self.got = self.got, b''

    def drop(self):
        self.control.close()


def fill(connection):
    connection.setblocking(False)
    try:
        while True:
            connection.send(b'x')
    except BlockingIOError:
        connection.setblocking(True)


def session():
    """A session, and what is known of its TLS."""
    with Launched('-v', command=TELLS, received=True) as client:
        client.script((EHLO,))
        check(b'250-STARTTLS\r\n' in client.got, client.got)
        client.up()
        check(client.ask(MAIL, STARTTLS) == [503, 503], client.got)
        got = told(client, EHLO, MAIL)
        check(got == ['ESMTPS', 'none', 'TLSv1.3', 'X_Y-Z', 'ESMTPS'], got)
        client.drop()
    log_has(r' tls client=unknown protocol=TLSv1\.3 cipher=X_Y-Z$')


def answers():
    """Of NAME=value, without a sign, of all lengths; empty; piece by piece."""
    for answer, names in (
            (b'\0', ['none', 'none']),
            (b'SSL_CIPHER=a\0\0', ['none', 'a']),
            (b'plain\0=x\0SSL_CIPHER\0SSL_PROTOCOL=b\0X=SSL_CIPHER=c\0\0',
             ['b', 'none']),
            (b'SSL_PROTOCOL=' + 65 * b'x' + b'\0SSL_CIPHER=' + 64 * b'y' +
             b'\0\0', ['none', 64 * 'y']),
            (b'SSL_PROTOCOL=a\x01b\0SSL_CIPHER=\xc3\xa9\0\0',
             ['none', 'none']),
            (b'A=' + 5000 * b'x' + b'\0SSL_CIPHER=d\0' + 30 *
             (b'B=' + 2000 * b'z' + b'\0') + b'\0', ['none', 'd'])):
        with Launched(command=TELLS, received=True) as client:
            client.up(answer)
            got = told(client, EHLO, MAIL)
            names = ['ESMTPS', 'none', *names, 'ESMTPS']
            check(got == names, answer[:60], got)
            client.drop()
    with Launched(command=TELLS, received=True) as client:
        client.say_starttls()
        client.y()
        for octet in b'SSL_PROTOCOL=slow\0X\0\0':
            until('it was read', lambda: unsent(client.control) == 0)
            client.control.sendall(bytes([octet]))
        client.go_on()
        check(told(client, EHLO, MAIL)[2] == 'slow')
        client.drop()


def unsent(connection):
    octets = bytearray(4)
    fcntl.ioctl(connection, termios.TIOCOUTQ, octets)
    return int.from_bytes(octets, sys.byteorder)


def local_address():
    """What is asked of the connection is known when that is gone."""
    environ = {name: value for name, value in os.environ.items()
               if not name.startswith('TCP')}
    with Launched(ends=tcp, command=KEEPS, environ=environ) as client:
        client.up()
        check(client.ask(*ONE) == ONE_CODES, client.got)
        client.finish()
        client.drop()
    for name in b'CLIENT_ADDRESS', b'TCPLOCALIP', b'TCPREMOTEIP':
        check(b'\0' + name + b'=127.0.0.1\0' in kept('environ'), name,
              kept('environ'))


def reads_no_further():
    """What is behind the empty string is not ours to read."""
    with Launched() as client:
        client.up(b'X=y\0\0more')
        client.ask(EHLO)
        until('it is unread', lambda: unsent(client.control) > 0)
        client.one_message()
        client.drop()


def fails():
    """An answer that ends, stays away, comes slowly, is too long."""
    for answer, shut, error in ((b'', True, 'the handshake failed'),
                                (b'X=y\0', True, 'the handshake failed'),
                                (b'X=y\0', False, 'time-out'),
                                (70000 * b'x', False, 'too much'),
                                (40000 * b'x\0', False, 'too much')):
        forget_log()
        with Launched('-t', '1') as client:
            client.script((EHLO,))
            client.say_starttls()
            client.y()
            client.got = b''
            try:
                client.control.sendall(answer)
            except BrokenPipeError:
                pass
            if shut:
                client.control.close()
            client.finish()
            check(not client.got, client.got)
            client.drop()
        log_has(f' tls client=unknown error="?{error}',
                ' close .* reason=tls ')
    with Launched('-t', '1') as client:
        client.say_starttls()
        client.y()
        deadline = time.monotonic() + PATIENCE
        while client.process.poll() is None:
            check(time.monotonic() < deadline, 'octets put off the end')
            try:
                client.control.send(b'x')
            except (BrokenPipeError, ConnectionResetError):
                pass
            select.select([], [], [], 0.05)
        client.finish()
    with Launched() as client:
        client.say_starttls()
        client.y()
        client.process.send_signal(signal.SIGTERM)
        client.finish()
        client.drop()
    log_has(' tls client=unknown error=stopped$')


def deaf():
    """A launcher that takes no Y holds up nobody: neither beyond the time, nor
    when it is to stop."""
    for stop, error in (False, 'time-out'), (True, 'stopped'):
        with Launched('-t', '1' if not stop else '100', deaf=True) as client:
            client.say_starttls()
            if stop:
                client.process.send_signal(signal.SIGTERM)
            client.finish()
            client.drop()
        log_has(f' tls client=unknown error={error}$')


def behind():
    """Octets behind STARTTLS: 421, and the launcher is not asked."""
    for cut in range(1, len(STARTTLS)):
        with Launched() as client:
            client.script((EHLO,))
            client.got = b''
            client.send(STARTTLS[:cut])
            client.taken()
            client.send(STARTTLS[cut:] + BEHIND)
            client.rest()
            check(client.codes() == [421], client.got)
            client.finish()
            client.no_y()
            client.drop()


def names():
    """Names of what is closed, no number, not above 2, or somebody's file: not
    offered, and nothing is written there."""
    with tempfile.TemporaryFile() as file:
        pipe = os.pipe()
        good = str(pipe[1])
        for bad in ('250', '-1', '2', '0', '1', '', 'x', good + 'x', '+' +
                    good, ' ' + good, '99999999999999999999', '2147483648',
                    str(file.fileno())):
            for at in range(3):
                numbers = [good, good, good]
                numbers[at] = bad
                with Launched(numbers=numbers, extra=(pipe[1], file.fileno()),
                              command=KEEPS) as client:
                    client.script((EHLO, STARTTLS))
                    check(client.codes() == [220, 250, 502] and
                          b'-STARTTLS' not in client.got, numbers, client.got)
                    has_descriptors(client, 3 + APART)
                    client.one_message()
                    client.drop()
        check(file.read() == b'', 'something was written')
    # one that is open, and too high to be waited for
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    high = os.dup2(pipe[1], 1024)
    with Launched(numbers=3 * [str(high)], extra=(high,)) as client:
        client.script((EHLO, STARTTLS))
        check(client.codes() == [220, 250, 502], client.got)
        client.one_message()
        client.drop()
    for fd in (high, *pipe):
        os.close(fd)
    with Launched(closed=True) as client:
        client.script((EHLO, STARTTLS))
        check(client.codes() == [220, 250, 502], client.got)
        client.one_message()


def descriptors_left():
    """These are spared, all others are closed, and the command has none; it
    and COMMAND do not hear of them."""
    first = os.open('/dev/null', os.O_RDONLY)
    others = [os.dup2(first, fd) for fd in (30, 31, 33, 40, 99, 100, 200)]
    for fd in others:
        os.set_inheritable(fd, True)
    with Launched('-v', extra=(first, *others), command=KEEPS) as client:
        client.script((EHLO,))
        has_descriptors(client, 6 - APART)
        client.up()
        links = descriptors(client.process.pid)
        check(len(links) == 6 - APART, links)
        check(links[0] == links[1] == '/dev/null', links)
        check(client.ask(*ONE) == ONE_CODES, client.got)
        client.finish()
        client.drop()
    check(kept('fds') == LS, kept('fds'))
    check(b'SSLCTLFD' not in kept('environ') and
          b'SSLREADFD' not in kept('environ') and
          b'SSL_PROTOCOL=TLSv1.3' in kept('environ'), kept('environ'))
    for fd in (first, *others):
        os.close(fd)


def command_first():
    """--starttls goes first."""
    looks = tls(before='ls /proc/self/fd >"$BOX/theirs"; ')
    with Launched('--starttls', looks, command=KEEPS) as client:
        client.start_tls()
        check(kept('theirs') == LS + b'4\n5\n', kept('theirs'))
        check(client.ask(*ONE) == ONE_CODES, client.got)
        client.finish()
        client.no_y()
        client.drop()


def large():
    """Some MiB through its pipes."""
    body = 50000 * (98 * b'x' + b'\r\n')
    with Launched() as client:
        client.up()
        check(client.ask(EHLO, MAIL, RCPT, DATA, body + b'.\r\n', QUIT) ==
              ONE_CODES, client.codes())
        client.finish()
        client.drop()
    check(box() == [body.replace(b'\r\n', b'\n')], 'another message')


def real_tls():
    """With TLS: the launcher starts tls.py when it is asked."""
    clear, theirs = socket.socketpair()
    control, word = socket.socketpair()
    ours, connection = socket.socketpair()
    process = subprocess.Popen(
        [SMTPD, '-n', 'mx', '--no-received', '--', CATCH], stdin=connection,
        stdout=connection, stderr=open(LOG, 'ab'),
        pass_fds=(word.fileno(), theirs.fileno()),
        env=dict(os.environ, SSLCTLFD=str(word.fileno()),
                 SSLREADFD=str(theirs.fileno()),
                 SSLWRITEFD=str(theirs.fileno())))
    ours.settimeout(PATIENCE)
    reader = ours.makefile('rb')
    reader.readline()
    ours.sendall(STARTTLS)
    check(reader.readline() == READY, 'no 220')
    control.settimeout(PATIENCE)
    check(control.recv(1) == b'Y', 'no Y')
    at, up = os.pipe()

    def place():
        for fd, wanted in ((clear.fileno(), 3), (up, 4)):
            os.dup2(os.dup(fd), wanted)

    relay = subprocess.Popen(['sh', '-c', tls()], stdin=connection,
                             stdout=connection, preexec_fn=place,
                             close_fds=False)
    for end in connection, clear, theirs:
        end.close()
    os.close(up)
    context = ssl.create_default_context(cafile=f'{HERE}/tls.pem')
    secure = context.wrap_socket(ours, server_hostname='mx.example.org')
    check(os.read(at, 100) == b'', 'no TLS')
    control.sendall(b'SSL_PROTOCOL=' + secure.version().encode() + b'\0\0')
    reader = secure.makefile('rb')
    secure.sendall(b''.join((EHLO, MAIL, RCPT, DATA)))
    while not reader.readline().startswith(b'354 '):
        pass
    secure.sendall(MESSAGE + QUIT)
    rest = reader.read()
    check(rest.startswith(b'250 2.0.0 Ok ') and b'221 ' in rest, rest)
    check(process.wait(PATIENCE) == 0 and relay.wait(PATIENCE) == 0, 'status')
    check(box() == [PLAIN])


if __name__ == '__main__':
    run(globals())
