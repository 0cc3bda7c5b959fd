"""For the tests in Python: smtpd on a connection of ours, each wait with an
end, and the certainty that nothing of it is left when it has exited."""
import contextlib
import ctypes
import fcntl
import os
import re
import select
import signal
import socket
import subprocess
import sys
import termios
import time

SMTPD, CATCH, BOX = (os.environ[name] for name in ('SMTPD', 'CATCH', 'BOX'))
# With this smtpd gets a socket that listens, in each session.
LISTENS = os.environ.get('LISTENS')
PATIENCE = 10  # seconds for what ought to be there at once
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
EHLO = b'EHLO client.example\r\n'
MAIL = b'MAIL FROM:<ann@example.net>\r\n'
RCPT = b'RCPT TO:<help@example.org>\r\n'
DATA = b'DATA\r\n'
QUIT = b'QUIT\r\n'

# Orphans of smtpd become our children, so that waitpid tells of them.
PR_SET_CHILD_SUBREAPER = 36
if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
    sys.exit('prctl: no subreaper')


class Failure(Exception):
    pass


def check(truth, *what):
    if not truth:
        raise Failure(' '.join(str(word) for word in what))


def until(what, done, seconds=PATIENCE):
    """Polls: a true value of done(), or Failure at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = done()
        if value:
            return value
        check(time.monotonic() < deadline, 'in vain for', seconds, 's:', what)
        select.select([], [], [], 0.0005)


def none_left():
    """Of our children; one that has ended is one once."""
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return True
    return False


def socket_pair():
    if LISTENS:
        return to_accept(listen_unix())
    ours, theirs = socket.socketpair()
    return Ends(ours.detach(), None, theirs.detach(), None)


def two_pipes():
    if LISTENS:
        return to_accept(listen_unix())
    to_read, to_write = os.pipe(), os.pipe()
    return Ends(to_write[0], to_read[1], to_read[0], to_write[1])


def tcp(address='127.0.0.1'):
    if LISTENS:
        return to_accept(listen(address))
    with socket.create_server((address, 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs = listener.accept()[0]
    return Ends(ours.detach(), None, theirs.detach(), None)


def children(pid):
    try:
        with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as file:
            return [int(word) for word in file.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def descriptors(pid):
    """By number: what /proc says that it is.  One may be closed meanwhile."""
    folder, found = f'/proc/{pid}/fd', {}
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            found[int(name)] = os.readlink(f'{folder}/{name}')
    return found


def listen(address='127.0.0.1', port=0):
    """A socket of the internet."""
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    return socket.create_server((address, port), family=family, backlog=128)


def listen_unix():
    """A socket whose name the kernel makes up."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind('')
    listener.listen(128)
    return listener


def to_accept(listener):
    """Theirs is the socket that listens, by which we are connected."""
    name = listener.getsockname()
    ours = socket.socket(listener.family)
    ours.connect(name)
    return Ends(ours.detach(), None, listener.detach(), None, name)


class Ends:
    """Four descriptors: ours to read and write, theirs likewise.  name: what
    theirs is called, where it listens."""

    def __init__(self, reads, writes, their_in, their_out, name=None):
        self.name = name
        self.reads = reads
        self.writes = reads if writes is None else writes
        self.their_in = their_in
        self.their_out = their_in if their_out is None else their_out


class Session:
    """smtpd behind its client, which is us.

    The launcher that we are sets every signal to its default and blocks none,
    but for those named in ignored and blocked; more is Popen's."""

    def __init__(self, ends, *options, command=(CATCH,), ignored=(),
                 blocked=(), log=os.environ.get('LOG', os.devnull),
                 preexec=lambda: None, **more):
        self.ends = ends
        self.got = b''
        self.eof = False
        self.log = open(log, 'ab')

        def launch():
            for stop in STOPS:
                signal.signal(stop, signal.SIG_IGN if stop in ignored
                              else signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            preexec()

        self.process = subprocess.Popen(
            [SMTPD, '-n', 'mx.example.org', *options, '--', *command],
            stdin=ends.their_in, stdout=ends.their_out,
            preexec_fn=launch, **{'stderr': self.log, **more})
        for fd in {ends.their_in, ends.their_out}:
            os.close(fd)
        os.set_blocking(ends.reads, False)

    def send(self, octets):
        """All of them; False where the other side is gone."""
        try:
            while octets:
                if not select.select([], [self.ends.writes], [], PATIENCE)[1]:
                    raise Failure('it does not read')
                octets = octets[os.write(self.ends.writes, octets[:65536]):]
        except (BrokenPipeError, ConnectionResetError):
            return False
        except BlockingIOError:
            return self.send(octets)
        return True

    def read(self, seconds):
        """What comes within so many seconds, into got; False for nothing."""
        if self.eof or not select.select([self.ends.reads], [], [],
                                         seconds)[0]:
            return False
        octets = os.read(self.ends.reads, 65536)
        self.got += octets
        self.eof = octets == b''
        return not self.eof

    def codes(self):
        return [int(code) for code in re.findall(rb'(?m)^(\d{3}) ', self.got)]

    def replies(self, count):
        """Waits for so many replies in all; False at end of file."""
        deadline = time.monotonic() + PATIENCE
        while len(self.codes()) < count or not self.got.endswith(b'\n'):
            check(time.monotonic() < deadline, 'no reply', count, self.got)
            self.read(0.1)
            if self.eof:
                return False
        return True

    def script(self, steps):
        """Each step, when all before it were answered; False at its end."""
        count = len(self.codes())
        for step in (b'',) + tuple(steps):
            if step and not self.send(step):
                return False
            if step or count == 0:
                count += 1
                if not self.replies(count):
                    return False
        return True

    def unread(self):
        """How much of what we sent the other side has not taken yet."""
        pipe = self.ends.writes != self.ends.reads
        octets = bytearray(4)
        fcntl.ioctl(self.ends.writes,
                    termios.FIONREAD if pipe else termios.TIOCOUTQ, octets)
        return int.from_bytes(octets, sys.byteorder)

    def taken(self):
        until('all is read', lambda: self.unread() == 0)

    def close(self, reset=False):
        if reset:
            with socket.socket(fileno=os.dup(self.ends.reads)) as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                      b'\1\0\0\0\0\0\0\0')
        for fd in {self.ends.reads, self.ends.writes}:
            os.close(fd)
        self.ends.reads = self.ends.writes = -1

    def exit(self, seconds=PATIENCE, status=0, orphans=False):
        """Waits for its end, and that nothing of it is left; with orphans:
        that all of it was told to end, and does."""
        if LISTENS:
            until('the session ends',
                  lambda: not children(self.process.pid), seconds)
            self.process.terminate()
        try:
            got = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f'alive after {seconds} s') from None
        finally:
            self.log.close()
        check(got == status, 'exit status', got)
        if orphans:
            until('its processes end', none_left)
        check(none_left(), 'a process of it is left')

    def rest(self, seconds=PATIENCE):
        """Reads to end of file."""
        deadline = time.monotonic() + seconds
        while not self.eof:
            check(time.monotonic() < deadline, 'no end of file', self.got)
            self.read(0.1)

    def end(self):
        """However it went, leaves no process behind."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.ends.reads >= 0:
            self.close()


class Resettable(Session):
    """A reset is an end of file."""

    def read(self, seconds):
        try:
            return super().read(seconds)
        except ConnectionResetError:
            self.eof = True
            return False


def box():
    """What the command kept, in order; emptied.  A run that has begun and kept
    nothing whole is None."""
    kept = []
    for name in sorted(os.listdir(BOX)):
        path = os.path.join(BOX, name)
        if name.endswith('.msg'):
            with open(path, 'rb') as file:
                kept.append(file.read())
        elif name.endswith('.part'):
            kept.append(None)
        os.unlink(path)
    return kept
