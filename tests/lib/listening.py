"""smtpd behind sockets that listen: we are its launcher, and its clients."""
import contextlib
import fcntl
import os
import re
import signal
import socket
import subprocess
import sys

from session import (BOX, CATCH, DATA, EHLO, MAIL, PATIENCE, QUIT, RCPT, SMTPD,
                     STOPS, Ends, Failure, Resettable, check, children,
                     none_left, until)

LOG = os.environ.get('LOG', os.devnull)
APART = 'SANDBOX' in os.environ      # sessions are two processes
PROGRAM = os.environ.get('SANDBOXED', SMTPD)
MESSAGE = b'Subject: listen\r\n\r\n..dot\r\n.\r\n'
PLAIN = b'Subject: listen\n\n.dot\n'
LETTER = (MAIL, RCPT, DATA, MESSAGE, QUIT)
LETTER_CODES = [250, 250, 354, 250, 221]

# Descriptors, from 3 on, as systemd does: the numbers are the first argument.
SYSTEMD = '''fds=$1; shift; export LISTEN_PID=$$ LISTEN_FDS=0
for fd in $fds; do
eval "exec $((3 + LISTEN_FDS++))<&$fd"
done
exec "$@"'''
ABOVE = 30   # where our own copies are that go there
# Which of 0, 1 and 2 the launcher puts its socket on.
WAYS = {'inetd': (0, 1, 2), 'two': (0, 1), 'wait': (0,), 'systemd': ()}


@contextlib.contextmanager
def no_server_left():
    """However it went, and where time has run out."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit('out of time'))
    try:
        yield
    finally:
        for server in Server.started:
            server.kill()


def connect(name, source=None):
    """To what a socket is called; source: an address of ours."""
    if isinstance(name, tuple):
        return socket.create_connection(
            name[:2], PATIENCE, source and (source, 0))
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(name)
    return connection


class Client(Resettable):
    """Of a socket that listens; before is what it sends first of all."""

    def __init__(self, name, source=None, before=b''):
        connection = connect(name, source)
        self.address, self.port = (connection.getsockname()[:2]
                                   if isinstance(name, tuple) else ('', 0))
        self.got, self.eof = b'', False
        fd = connection.detach()
        self.ends = Ends(fd, None, -1, None)
        os.set_blocking(fd, False)
        if before:
            self.send(before)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.ends.reads >= 0:
            self.close()

    def greeted(self):
        """Waits for it."""
        check(self.replies(1) and self.codes() == [220], 'told', self.got)
        return self

    def waits(self):
        """Nobody says anything; as far as a fifth of a second tells."""
        check(not self.read(0.2) and not self.eof and not self.got,
              'it does not wait:', self.got)

    def is_told(self, reply):
        """All that it hears is this line."""
        self.rest()
        check(self.got.startswith(reply) and self.got.count(b'\n') == 1 and
              self.got.endswith(b'\r\n'), 'told', self.got)

    def delivers(self, hello=EHLO, letter=LETTER, codes=tuple(LETTER_CODES)):
        check(self.script((hello, *letter)), 'it closed', self.got)
        self.rest()
        self.close()
        check(self.codes() == [220, 250, *codes], self.codes())


class Server:
    """smtpd, and who listens for it.

    way: a key of WAYS; what is not the socket is /dev/null and the log.  more
    are variables; preexec: False where we have threads.  The sockets stay ours
    too, as they are a launcher's."""

    started = []

    def __init__(self, sockets, *options, way='systemd', command=(CATCH,),
                 prefix=(), program=SMTPD, stdout=subprocess.DEVNULL,
                 stderr=None, preexec=None, leaks=(), **more):
        if isinstance(sockets, socket.socket):
            sockets = [sockets]
        self.sockets = sockets
        self.log = open(LOG, 'ab')
        ours = [self.log if stderr is None else stderr, *leaks]
        line = [*prefix, program, '-n', 'mx.example.org', *options, '--',
                *command]
        if way == 'systemd':
            copies = [fcntl.fcntl(one.fileno(), fcntl.F_DUPFD, ABOVE)
                      for one in sockets]
            line = ['bash', '-c', SYSTEMD, 'bash',
                    ' '.join(map(str, copies)), *line]
        else:
            copies = []

        def launch():
            for stop in STOPS:
                signal.signal(stop, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            if preexec is not None:
                preexec()

        def place(fd, other):
            return sockets[0] if fd in WAYS[way] else other

        self.process = subprocess.Popen(
            line, stdin=place(0, subprocess.DEVNULL),
            stdout=place(1, stdout), stderr=place(2, ours[0]),
            preexec_fn=None if preexec is False else launch,
            pass_fds=[*copies, *leaks], env=dict(os.environ, **more))
        self.started.append(self)
        for fd in copies:
            os.close(fd)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """However it went, leaves no process behind."""
        self.kill()
        self.process.wait()
        self.log.close()
        for one in self.sockets:
            one.close()

    def kill(self):
        if self.process.poll() is not None:
            return   # the number may be another's
        for pid in {*self.sessions(), *children(self.process.pid)}:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.kill()

    @property
    def pid(self):
        return self.process.pid

    def client(self, *words, at=0, **more):
        return Client(self.sockets[at].getsockname(), *words, **more)

    def sessions(self):
        """Their processes."""
        return children(self.pid)

    def has(self, count):
        """Waits for so many sessions."""
        return until(f'{count} sessions', lambda: len(self.sessions()) ==
                     count and [self.sessions()])[0]

    def stop(self, how=signal.SIGTERM, status=0):
        self.process.send_signal(how)
        self.ends(status)

    def exits(self, status, seconds=PATIENCE):
        """By itself; a tuple: with one of these."""
        try:
            got = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure('it does not end') from None
        check(got in (status if isinstance(status, tuple) else (status,)),
              'exit status', got, log())

    def ends(self, status):
        """And nothing is left of it, nor of any other."""
        self.exits(status)
        until('its processes end', none_left)


def child_smtpd(pid):
    """That strace has started; it tries things with children of its own.  None
    where there is none, or none yet."""
    for child in children(pid):
        try:
            if os.path.samefile(f'/proc/{child}/exe', PROGRAM):
                return child
        except OSError:
            pass
    return None


def smtpd_of(pid):
    return until('smtpd', lambda: child_smtpd(pid))


def state(pid):
    """A letter: S sleeps, R runs, Z has ended and nobody has asked how, X is
    no more."""
    try:
        with open(f'/proc/{pid}/stat', encoding='ascii') as file:
            return file.read().rpartition(') ')[2][0]
    except (FileNotFoundError, ProcessLookupError):
        return 'X'


def runtime(pid):
    """Nanoseconds on a processor; who sleeps has no more."""
    with open(f'/proc/{pid}/schedstat', encoding='ascii') as file:
        return int(file.read().split()[0])


def log():
    with open(LOG, encoding='utf-8', errors='replace') as file:
        return file.read()


def lines(pattern):
    """Of the log: those that have this."""
    return [line for line in log().splitlines() if re.search(pattern, line)]


def logged(pattern, count=1):
    """Waits for so many of them."""
    until(f'{count} lines {pattern} in {log()}',
          lambda: len(lines(pattern)) >= count)
    check(len(lines(pattern)) == count, 'lines', pattern, log())


def forget_log():
    with open(LOG, 'wb'):
        pass


def environments():
    """Of the runs that CATCH has kept, in order."""
    found = []
    for name in sorted(os.listdir(BOX)):
        if name.endswith('.env'):
            with open(os.path.join(BOX, name), 'rb') as file:
                found.append(dict(
                    one.decode().split('=', 1)
                    for one in file.read().split(b'\0') if b'=' in one))
    return found
