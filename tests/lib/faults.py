#!/usr/bin/env python3
"""faults CASE SCENARIO ...: smtpd under faults, one a session.

  errors   each system call that it makes fails once, with each error that it
           can give: the same session a second time, under strace -e inject
  kill     SIGKILL at each of them
  gone     from one of them on all of its kind fail: a resource that is gone
  limits   descriptors, file size, memory, processes: from too few to enough
  disk     the spool's file system is full, at many points

After each: what the client was told is what the command did; no 5xx; no file,
process or descriptor is left.  A client that was told 4xx and is still there
tries again and has to succeed.  FAULTS_TABLE names a file for the numbers."""
import base64
import collections
import ctypes
import functools
import glob
import itertools
import multiprocessing
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import listening
from session import (BOX, DATA, MAIL, PATIENCE, PR_SET_CHILD_SUBREAPER, QUIT,
                     SMTPD, Failure, Resettable, check, children, listen,
                     none_left, socket_pair, to_accept, two_pipes, until)

# With --sandbox smtpd is two processes; strace's word is about the first, the
# doer, where nothing says so.  A call that it makes fail in the other is none
# that the filter knows, and so that one's end.
APART = 'SANDBOX' in os.environ
PROGRAM = os.environ.get('SANDBOXED', SMTPD)
WORKERS = 4
MOST = 16    # occurrences of a call that are tried; of more, a sample
PR_SET_PDEATHSIG = 1

# What a call may say.
LOST = 'ECONNRESET EPIPE ETIMEDOUT EIO EINTR EAGAIN ENOMEM'
FULL = 'ENOSPC EDQUOT EFBIG EIO EINTR ENOMEM'
OPEN = ('ENOENT EACCES EMFILE ENFILE ENOSPC EDQUOT EROFS EOPNOTSUPP EINTR '
        'ENOMEM')
FORK = 'EAGAIN ENOMEM ENOSYS'
ACCEPT = 'ECONNABORTED EMFILE EINTR EAGAIN EPERM EINVAL'
STAT = 'EBADF EIO ENOMEM EACCES ENOENT'
SELECT = 'EINTR ENOMEM EBADF EINVAL'
ERRORS = {call: errors.split() for call, errors in {
    'read': 'EIO EINTR EAGAIN ECONNRESET', 'recvfrom': LOST,
    'write': 'EPIPE EAGAIN ECONNRESET ' + FULL, 'writev': LOST, 'sendto': LOST,
    'pread64': 'EIO EINTR ENOMEM', 'open': OPEN, 'openat': OPEN,
    'close': 'EIO EINTR ENOSPC EDQUOT', 'close_range': 'ENOSYS EINVAL ENOMEM',
    'memfd_create': 'ENOSYS EMFILE ENFILE ENOMEM EPERM', 'fcntl': 'EBADF',
    'pipe': 'EMFILE ENFILE', 'pipe2': 'EMFILE ENFILE ENOSYS',
    'fork': FORK, 'vfork': FORK, 'clone': FORK, 'clone3': FORK,
    'execve': 'ENOENT EACCES ENOEXEC E2BIG ENOMEM ETXTBSY EMFILE EIO ELOOP '
              'EPERM EINVAL ENOTDIR',
    'wait4': 'EINTR ECHILD', 'waitid': 'EINTR ECHILD', 'kill': 'ESRCH EPERM',
    'pselect6': SELECT, 'ppoll': SELECT, 'poll': SELECT,
    'fstat': STAT, 'newfstatat': STAT, 'stat': STAT, 'access': STAT,
    'statx': STAT + ' ENOSYS', 'fchmod': 'EPERM EROFS EIO',
    'fchmodat': 'EPERM EROFS EIO', 'unlink': 'ENOENT EROFS EIO',
    'getpeername': 'ENOTCONN ENOTSOCK ENOBUFS EINVAL',
    'getsockname': 'ENOTSOCK ENOBUFS', 'getsockopt': 'ENOTSOCK ENOPROTOOPT',
    'setsockopt': 'ENOTSOCK ENOPROTOOPT EINVAL', 'shutdown': 'ENOTCONN',
    'dup2': 'EBADF EINTR EMFILE EBUSY', 'dup3': 'EBADF EINTR EMFILE EBUSY',
    'setpgid': 'EPERM EACCES', 'ioctl': 'ENOTTY EIO', 'getdents64': 'EIO',
    'rt_sigaction': 'EINVAL', 'rt_sigprocmask': 'EINVAL',
    'brk': 'ENOMEM', 'mmap': 'ENOMEM', 'getrandom': 'ENOSYS EAGAIN',
    'accept': ACCEPT, 'accept4': ACCEPT, 'socket': 'EMFILE ENFILE EACCES',
    'connect': 'ECONNREFUSED ENOENT EACCES EAGAIN',
    'socketpair': 'EMFILE ENFILE ENOBUFS', 'prctl': 'EPERM EINVAL',
    'prlimit64': 'EPERM EINVAL',
}.items()}
if APART:   # the doer sends to nobody else, and an end of that is there to stay
    ERRORS['sendto'] = ['EAGAIN', 'ENOMEM', 'ENOBUFS']
# These cannot fail, or are the sanitizer's.
NEVER = {'exit_group', 'exit', 'getpid', 'rt_sigreturn', 'sigreturn',
         'restart_syscall', 'munmap', 'madvise', 'mprotect', 'futex',
         'sched_yield', 'gettid', 'sigaltstack'}
GONE = {'openat': 'EMFILE ENFILE ENOSPC', 'open': 'EMFILE ENOSPC',
        'pipe': 'EMFILE', 'pipe2': 'ENFILE', 'memfd_create': 'ENOMEM EMFILE',
        'vfork': 'EAGAIN ENOMEM', 'clone': 'EAGAIN', 'clone3': 'EAGAIN',
        'write': 'ENOSPC EDQUOT EFBIG', 'brk': 'ENOMEM', 'mmap': 'ENOMEM',
        'recvfrom': 'ENOMEM', 'sendto': 'ENOBUFS',
        'accept': 'EMFILE ENOMEM', 'accept4': 'EMFILE ENOMEM',
        'fcntl': 'EMFILE'}
FORKS = {'fork', 'vfork', 'clone', 'clone3'}
# Without these smtpd cannot know how a run ended: 4xx, and a second run.
BLIND = {'wait4', 'waitid', 'pselect6', 'rt_sigaction', 'rt_sigprocmask'}

# Who waits for the client may end the session.
CONNECTION = {'read', 'recvfrom', 'write', 'writev', 'sendto', 'pselect6',
              'ppoll', 'poll'}

# By these a descriptor is closed, or to be closed at an exec.
CLOSES = {'close', 'fcntl'}

# What i386 has in their place.
for new, old in (('recv', 'recvfrom'), ('send', 'sendto'), ('mmap2', 'mmap'),
                 ('fcntl64', 'fcntl'), ('fstat64', 'fstat'),
                 ('stat64', 'stat'), ('pselect6_time64', 'pselect6'),
                 ('ppoll_time64', 'ppoll')):
    for errors in ERRORS, GONE:
        if old in errors:
            errors[new] = errors[old]
    for calls in BLIND, CONNECTION, CLOSES:
        if old in calls:
            calls.add(new)

# Its start, how many descriptors it has, whose message it is, and the message
# once it is whole.
COMMAND = ('sh', '-c', '''set -e; set -- /proc/$$/fd/*
name=$BOX/$LOCAL.$$.$#; printf %s "$CLIENT_ADDRESS" >"$name.run"
cat >"$name.msg"; : >"$name.end"; echo kept''')
DESCRIPTORS = 4  # with that of the look itself

# A small file system as its spool.
MOUNTED = '''mount -t tmpfs -o size=${0}k none spool || exit
"$@"; status=$?; ls -A spool >left; exit $status'''
UNTRACED = ('limits', 'mount')
DISK = (4, 100, 1000, 1023, 1024, 1025, 1100, 1200, 1300, 2000)  # KiB

SMALL = b'Subject: small\n\n.dot\nend\n'
OTHER = b'no header\n\n..\n.\n'
LARGE = b'Subject: large\n\n' + 20000 * (64 * b'x' + b'\n')
# In the place of TLS: takes an octet for a handshake, then passes all on.
PASSES = ('head -c 1 >/dev/null; exec 5<&0 4>&-; cat <&5 >&3 5<&- & '
          'cat <&3; kill $!')
Scenario = collections.namedtuple(
    'Scenario',
    'messages ends lmtp options recipients starttls proofs header rename '
    'forward client listens', defaults=(
        socket_pair, False, (), ('ann',), False, (), b'', b'', b'', b'',
        False))


def encoded(octets):
    return base64.b64encode(octets)


# One who reads all of descriptor 3, and knows one password; lines, and what is
# said to them where nothing fails.  The last one is taken.
AUTH = '[ "$(tr "\\0" : <&3 | cut -d : -f -2)" = joe:right ]'
PROOFS = (
    ((b'AUTH PLAIN ' + encoded(b'\0joe\0wrong'),), 535),
    ((b'AUTH LOGIN ' + encoded(b'joe'), encoded(512 * b'x')), 535),
    ((b'AUTH PLAIN', encoded(b'\0joe\0right')), 235),
)
SCENARIOS = {
    'small': Scenario((SMALL, OTHER)),
    'large': Scenario((LARGE,)),
    'named': Scenario((LARGE,)),   # neither memfd_create nor O_TMPFILE
    'lmtp': Scenario((SMALL,), lmtp=True, recipients=('ann', 'bob', 'eve')),
    'pipes': Scenario((SMALL,), two_pipes),
    'files': Scenario((SMALL,), options=(
        '-d', './domains', '-u', './users', '--lookup', 'exit 0')),
    'starttls': Scenario((SMALL,), options=('--starttls', PASSES),
                         starttls=True),
    'auth': Scenario((SMALL,), proofs=PROOFS, options=(
        '--auth', AUTH, '--auth-in-clear', '--require-auth')),
    'proxy': Scenario((SMALL,), options=('--proxy',), client=b'192.0.2.7',
                      header=b'PROXY TCP4 192.0.2.7 192.0.2.1 40122 25\r\n'),
    'xclient': Scenario((SMALL, OTHER), options=('--xclient', 'unix'),
                        rename=b'XCLIENT NAME=mx.example.net PORT=25\r\n',
                        forward=b'XFORWARD ADDR=192.0.2.7\r\n',
                        client=b'192.0.2.7'),
    'listen': Scenario((SMALL,), lambda: to_accept(listen()),
                       options=('--max-per-client', '1'), listens=True,
                       client=b'127.0.0.1'),
}
# A fault: strace's options, or a limit; what is injected into the run's child
# before its exec, or for good, is there a second time as well.
Fault = collections.namedtuple(
    'Fault', 'kind scenario call n what child base named', defaults=(
        '', 0, '', False, (), False))


def read(path):
    with open(path, 'rb') as file:
        return file.read()


SANITIZED = b'__asan_init' in read(PROGRAM)


def prctl(*arguments):
    check(ctypes.CDLL(None).prctl(*arguments, 0, 0, 0) == 0, 'prctl')


class Client(Resettable):
    """A session in a folder of its own, with one fault."""

    def __init__(self, fault, folder):
        self.scenario = SCENARIOS[fault.scenario]
        self.ends = self.scenario.ends()
        self.got, self.eof, self.sent = b'', False, False
        self.folder = folder
        self.whole = collections.Counter()   # by message: how often sent so
        self.told = collections.defaultdict(list)   # by message and recipient
        self.log = open(f'{folder}/log', 'wb')
        self.fault = fault
        leak = os.open('/dev/null', os.O_RDONLY)
        self.process = subprocess.Popen(
            [*prefix(fault), *self.command()], cwd=folder,
            stdin=self.ends.their_in, stdout=self.ends.their_out,
            stderr=self.log, pass_fds=(leak,),
            env=dict(os.environ, BOX='box', PATH='/nowhere:/usr/bin:/bin'),
            preexec_fn=self.launch if fault.kind == 'limits' else None)
        for fd in {self.ends.their_in, self.ends.their_out, leak}:
            os.close(fd)
        os.set_blocking(self.ends.reads, False)

    def command(self):
        lmtp = ['--lmtp'] if self.scenario.lmtp else []
        lmtp += ['--sandbox'] * APART
        return ['./smtpd', '-n', 'mx.example.org', '-t', '4', '-T', '3', *lmtp,
                '--spool', 'spool', *self.scenario.options, '--', *COMMAND]

    def launch(self):
        if self.fault.call == 'NPROC' and os.geteuid() == 0:
            os.setgroups(())
            os.setgid(65534)
            os.setuid(65534)
        resource.setrlimit(getattr(resource, 'RLIMIT_' + self.fault.call),
                           (self.fault.n, self.fault.n))

    def ask(self, octets, replies=1):
        """The codes of the replies; None for one that did not come."""
        before = len(self.codes())
        self.sent = self.send(octets)
        self.replies(before + replies)
        codes = self.codes()[before:before + replies]
        return codes + (replies - len(codes)) * [None]

    def is_told(self, line, want):
        """A line that only who has the right may say; False where it has
        ended."""
        code = self.ask(line)[0]
        check(code in (want, None) or code == 550 and is_anybody(self.fault),
              'told', code, 'for', line)
        return code is not None

    def attempt(self, message, recipients):
        """By recipient: the code."""
        if self.scenario.forward and not self.is_told(self.scenario.forward,
                                                      250):
            return dict.fromkeys(recipients)
        names = [f'RCPT TO:<{to}@example.org>\r\n' for to in recipients]
        for step in (MAIL, *(name.encode() for name in names), DATA):
            code = self.ask(step)[0]
            if code is None or code >= 400:
                return dict.fromkeys(recipients, code)
        codes = self.ask(memoryview(wire(message)),
                         len(recipients) if self.scenario.lmtp else 1)
        self.whole[message] += self.sent
        for to, code in zip(recipients, codes):
            self.told[message, to].append(code)
        return dict(zip(recipients, codes))

    def heard(self):
        """Another reply, or an end.  Who does TLS for an smtpd that was killed
        has the connection until we leave."""
        self.read(0.01)
        self.eof |= self.fault.kind == 'kill' and (
            self.process.poll() is not None)
        return self.eof or self.codes() != [220, 250]

    def starttls(self):
        """False where the session has ended; 454 only once."""
        self.sent = self.send(b'STARTTLS\r\n')
        until('a reply', self.heard)
        codes = self.codes()[2:]
        if codes == [454]:
            codes += self.ask(b'STARTTLS\r\n')
        check(codes != [454, 454] or lasts(self.fault), 'no TLS', codes)
        if codes[-1:] != [220]:
            return codes[-1:] == [454]
        self.send(b'x')
        return self.ask(b'EHLO client.example\r\n') == [250]

    def prove(self, lines, want):
        """Whether it is taken; who is not known to be right never is, and a
        fault of ours is no wrong password."""
        for line in lines:
            code = self.ask(line + b'\r\n')[0]
            if code != 334:
                break
        check(code in (want, 454, 421, None), 'told', code, 'for', want)
        return code == 235

    def authenticate(self):
        """What is put off once, twice; False where nobody is known then."""
        for lines, want in self.scenario.proofs:
            known = self.prove(lines, want)
        if known or self.eof:
            return known
        known = self.prove(lines, want)
        check(known or self.eof or lasts(self.fault), 'put off twice')
        return known

    def talk(self):
        """All messages; what is refused once, twice."""
        self.send(self.scenario.header)
        self.replies(1)
        hello = b'LHLO' if self.scenario.lmtp else b'EHLO'
        if (self.codes()[:1] != [220] or
                self.scenario.rename and
                not self.is_told(self.scenario.rename, 220) or
                self.ask(hello + b' client.example\r\n') != [250] or
                self.scenario.starttls and not self.starttls()):
            return
        if self.scenario.proofs and not self.authenticate():
            self.ask(QUIT)
            return
        for message in self.scenario.messages:
            recipients = self.scenario.recipients
            for _ in range(2):
                codes = self.attempt(message, recipients)
                recipients = [to for to, code in codes.items() if code != 250]
                if not recipients:
                    break
                if None in codes.values() or 421 in codes.values():
                    return
                self.ask(b'RSET\r\n')
            check(not recipients or self.eof or lasts(self.fault),
                  'refused a second time', codes)
        self.ask(QUIT)

    def finish(self):
        """To its end; its exit status."""
        self.rest()
        self.close()
        return self.status()

    def status(self):
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            raise Failure('it does not end') from None
        finally:
            self.log.close()


class Listening(Client):
    """Of who accepts.  Besides it one is too many, the session of one is
    killed, and one is idle at the end."""

    def __init__(self, fault, folder):
        super().__init__(fault, folder)
        self.name, self.served = self.ends.name, True
        self.patience = 1.5 if lasts(fault) else PATIENCE

    def smtpd(self):
        """Its process; None where it has ended."""
        if self.process.poll() is not None:
            return None
        return (self.process.pid if self.fault.kind in UNTRACED else
                listening.child_smtpd(self.process.pid))

    def hears(self, client):
        """A reply, or an end; False where it waits in vain."""
        deadline = time.monotonic() + self.patience
        while not client.got.endswith(b'\n') and not client.eof:
            if time.monotonic() > deadline:
                check(lasts(self.fault), 'it is not served')
                return False
            client.read(0.02)
        return True

    def another(self):
        """A client more, and what it hears; None where nobody listens, or who
        does serves nobody."""
        try:
            client = listening.Client(self.name) if self.served else None
        except ConnectionError:
            return None
        if client is not None:
            self.served = self.hears(client)
        return client

    def talk(self):
        """A second time where it is turned away."""
        self.served = self.hears(self)
        if not self.served:
            return
        if self.codes() != [220]:
            check(b'421 4.3.' in self.got or self.eof, 'told', self.got)
            client = self.another()
            if client is None:
                return
            self.close()
            self.ends, self.got, self.eof = client.ends, client.got, client.eof
        check(self.codes() == [220] or self.eof or lasts(self.fault) or
              b' 4.3.5 ' in self.got, 'twice told', self.got)
        if self.codes() == [220]:
            client = self.another()
            if client is not None:
                check(client.codes() in ([], [421]), 'told', client.got)
                client.close()
            super().talk()

    def reads_on(self, client):
        """To its end; but who accepts may hold a connection that it could not
        close, or be gone and have told nobody."""
        if self.fault.call not in CLOSES and self.fault.kind != 'kill':
            client.rest()

    def finish(self):
        if self.got or self.eof:
            self.reads_on(self)
        self.close()
        self.end_another(signal.SIGKILL)
        self.end_another(signal.SIGTERM)
        return self.status()

    def end_another(self, how):
        """SIGKILL is for its session."""
        until('sessions end', lambda: all(
            listening.state(pid) in 'ZX' for pid in self.sessions()))
        client = self.another()
        smtpd = self.smtpd()
        for pid in self.sessions() if how == signal.SIGKILL else [smtpd]:
            if pid is not None and listening.state(pid) != 'X':
                os.kill(pid, how)
        if client is not None:
            if client.got or how == signal.SIGTERM:
                self.reads_on(client)
            client.close()

    def sessions(self):
        smtpd = self.smtpd()
        return [] if smtpd is None else children(smtpd)

    def end(self):
        """It would live on without strace."""
        for pid in self.sessions() + [self.smtpd()]:
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
        super().end()


@functools.cache
def wire(message):
    stuffed = re.sub(rb'(?m)^\.', b'..', message)
    return stuffed.replace(b'\n', b'\r\n') + b'.\r\n'


def is_anybody(fault):
    """Nobody can say whether he may name another."""
    return fault.call == 'getpeername' and SCENARIOS[fault.scenario].rename


def lasts(fault):
    """Will a second try meet it too?"""
    return fault.child or fault.kind not in ('errors', 'kill')


def prefix(fault):
    if fault.kind == 'limits':
        return ()
    if fault.kind == 'mount':
        return ('unshare', '-m', 'sh', '-c', MOUNTED, str(fault.n))
    inject, trace = list(fault.base), 'all'
    if fault.call:
        what = ('signal=KILL' if fault.kind == 'kill' else
                # where it fails it returns an address
                'retval=0' if fault.call == 'brk' else 'error=' + fault.what)
        onward = '+' if fault.kind in ('gone', 'disk') else ''
        inject.append(f'{fault.call}:{what}:when={fault.n}{onward}')
        trace = ','.join(one.partition(':')[0] for one in inject)
    follow = ('-f', '-b', 'execve') if fault.child else ()
    return ('strace', *follow, '-o', 'trace', '-e', 'signal=KILL',
            '-e', 'trace=' + trace, *(f'-einject={one}' for one in inject))


def make_folder(fault):
    folder = tempfile.mkdtemp(dir=BOX)
    for name in '.', 'box', 'spool':
        os.makedirs(f'{folder}/{name}', exist_ok=True)
        os.chmod(f'{folder}/{name}', 0o777)
    for name, text in ('domains', 'example.org\n'), ('users', 'ann:\n'):
        with open(f'{folder}/{name}', 'w', encoding='ascii') as file:
            file.write(text)
    if fault.call == 'NPROC':   # another user cannot reach the original
        shutil.copy(PROGRAM, f'{folder}/smtpd')
    else:
        os.symlink(PROGRAM, f'{folder}/smtpd')
    return folder


def read_box(folder):
    """By message and recipient: how many runs kept it.  How many runs of them
    all did not, the descriptors that they had, and whose they were."""
    kept, begun, descriptors = collections.Counter(), 0, [0]
    clients = set()
    for name in os.listdir(f'{folder}/box'):
        local, _, count, kind = name.split('.')
        if kind == 'run':
            begun += 1
            descriptors.append(int(count))
            clients.add(read(f'{folder}/box/{name}'))
        if kind == 'end':
            kept[body(read(f'{folder}/box/{name[:-3]}msg')), local] += 1
    return kept, begun - kept.total(), max(descriptors), clients


def body(text):
    """Less what smtpd adds: a field, an empty line where there is no header."""
    check(text.startswith(b'Received: '), 'not what was sent:', text[:200])
    return re.sub(rb'\A.*\n(?:\t.*\n)*\n?', b'', text)


def read_trace(folder):
    """Of each process, the first one first, its calls by name, number and
    arguments; whether a fault was injected."""
    with open(f'{folder}/trace', encoding='utf-8', errors='replace') as file:
        text = file.read()
    calls, count = {}, collections.Counter()
    for pid, call, arguments in re.findall(r'(?m)^(?:(\d+) +)?(\w+)\((.*)',
                                           text):
        count[pid, call] += 1
        calls.setdefault(pid, []).append((call, count[pid, call], arguments))
    return list(calls.values()), bool(
        re.search(r'\(INJECTED\)|killed by SIGKILL', text))


def orphans(fault):
    """None, or soon none: where smtpd was killed or could not wait, where TLS
    is another's, a pipe that stays open makes it kill a command whose own
    children we inherit, or the half of a session was killed that the other one
    dies with."""
    if (fault.kind == 'kill' or fault.call in BLIND or fault.call == 'kill' or
            fault.call in CLOSES or SCENARIOS[fault.scenario].starttls or
            APART and SCENARIOS[fault.scenario].listens):
        until('its processes end', none_left)
    check(none_left(), 'a process is left')


def judge(client, fault, status):
    """Failure; or what it cost: runs that the client was told 4xx about, runs
    that it was told nothing about, files left."""
    killed, limited = fault.kind == 'kill', fault.kind == 'limits'
    codes = client.codes()
    refusals = re.findall(rb'(?m)^5\d\d', client.got)
    if is_anybody(fault):
        refusals = [code for code in refusals if code != b'550']
    check(set(refusals) <= {b'535'} and len(refusals) <= sum(
        want == 535 for _, want in client.scenario.proofs), 'a 5xx')
    log = read(f'{client.folder}/log')
    died = APART and b' reason=speaker ' in log
    check(status in (0, 64, 71, 78) or limited and not codes or
          status == 70 and (died or APART and fault.child) or
          killed and status == -signal.SIGKILL, 'exit status', status)
    check(fault.kind != 'errors' or codes[:1] != [220] or codes[-1] == 221 or
          fault.call in CONNECTION or b' reason=tls ' in log or
          died and fault.child, 'it ended the session')
    check(fault.what != 'EINTR' or fault.call not in CONNECTION or
          not re.search(rb'(?m)^4', client.got), 'EINTR is no fault')
    kept, lost, descriptors, clients = read_box(client.folder)
    if limited:
        clients -= {b''}   # of a run that could not write
    check(clients <= {client.scenario.client} or is_anybody(fault),
          'not his message', clients)
    check(lost == 0 or limited, lost, 'runs kept nothing whole')
    check(descriptors <= DESCRIPTORS or fault.call in CLOSES,
          'descriptors of the run:', descriptors)
    cost = collections.Counter()
    for text, _ in kept:
        check(text in client.scenario.messages, 'not what was sent:',
              text[:200], len(text))
    for message, to in itertools.product(client.scenario.messages,
                                         client.scenario.recipients):
        runs, told = kept[message, to], client.told[message, to]
        check(runs >= told.count(250), 'told 250, and it did not run')
        check(runs <= client.whole[message], 'run, and not sent whole')
        check(fault.kind not in ('disk', 'mount') or
              set(told) <= {250, 452, None}, 'told', told)
        twice = max(0, runs - told.count(250) - told.count(None))
        check(not twice or limited or fault.call in BLIND,
              'it ran and the client was told', told)
        cost['told 4xx and run'] += twice
        cost['run and not told'] += runs - told.count(250) - twice
    left = os.listdir(f'{client.folder}/spool')
    if fault.kind == 'mount':
        with open(f'{client.folder}/left', encoding='ascii') as file:
            left += file.read().split()
    check(not left or fault.call == 'unlink' or
          killed and fault.named, 'left in the spool:', left)
    cost['files left'] += len(left)
    return cost


def session(fault):
    """Runs it; whether the fault came, and what it cost."""
    folder = make_folder(fault)
    try:
        listens = SCENARIOS[fault.scenario].listens
        client = (Listening if listens else Client)(fault, folder)
        try:
            client.talk()
            status = client.finish()
            orphans(fault)
            cost = judge(client, fault, status)
        except Failure as failure:
            with open(f'{folder}/log', encoding='utf-8') as log:
                raise Failure(failure, client.codes(), log.read()) from None
        finally:
            client.end()
        whole = all(client.told[message, to][-1:] == [250]
                    for message in client.scenario.messages
                    for to in client.scenario.recipients)
        calls, hit = ([], True)
        if fault.kind not in UNTRACED:
            calls, hit = read_trace(folder)
        return hit, cost, whole, calls
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def try_one(fault):
    try:
        return fault, *session(fault)[:3]
    except (Failure, OSError, subprocess.SubprocessError) as failure:
        until('nothing of it is in the way of the next', none_left)
        return fault, failure, None, None


def learn(name, child=False, base=()):
    """The calls of a session without a fault, by name and number: from main's
    first on, or those of a child before its exec."""
    _, _, whole, calls = session(Fault('learn', name, base=base, child=child))
    check(whole, name, 'not delivered without a fault')
    start = [i for i, (call, _, arguments) in enumerate(calls[0])
             if call == 'rt_sigprocmask' and 'XFSZ' in arguments]
    check(start, 'where main begins is not seen')
    if child:
        before = {call[:2] for call in calls[0][:start[0]]} if APART else set()
        return sorted({call[:2] for calls in calls[1:] for call in calls} -
                      before)
    return calls[0][start[0]:]


def base_of(name):
    """What always fails: for "named", what a spool without a name needs; the
    build may have none of it."""
    if name != 'named':
        return ()
    base = ('memfd_create:error=ENOSYS',)
    calls = learn(name)
    if 'memfd_create' not in (call for call, *_ in calls):
        return ()
    nameless = [n for call, n, arguments in learn(name, base=base)
                if call == 'openat' and 'O_TMPFILE' in arguments]
    return (*base, f'openat:error=EOPNOTSUPP:when={nameless[0]}')


def sample(numbers):
    """All of a few; of many the first, the last, and some between."""
    if len(numbers) <= MOST:
        return numbers
    between = numbers[6:-4:(len(numbers) - 10) // (MOST - 10) + 1]
    return numbers[:6] + between + numbers[-4:]


def errors_of(kind, call):
    if kind == 'kill':
        return ('KILL',)
    if kind == 'errors' and call not in NEVER:
        return ERRORS.get(call, ('EINVAL', 'ENOMEM'))
    return GONE.get(call, '').split() if kind == 'gone' else ()


def injected(kind, name):
    """All faults of a kind in a scenario."""
    base = base_of(name)
    spared = {one.partition(':')[0] for one in base}
    named = base or 'memfd_create' not in numbers_of(learn(name))
    runs = kind != 'gone' and not SCENARIOS[name].listens
    for child in (False, True)[:1 + runs]:
        calls = learn(name, child, base)
        if SCENARIOS[name].starttls and not child:
            calls = of_tls(calls)
        for call, numbers in numbers_of(calls).items():
            if call in spared or SANITIZED and call in (
                    'brk', 'mmap', 'rt_sigaction' if child else ''):
                continue   # of the last the first process has the same number
            if SCENARIOS[name].listens and call == 'rt_sigaction':
                continue   # who hears no signal ends by none
            for n in sample(numbers):
                for what in errors_of(kind, call):
                    yield Fault(kind, name, call, n, what, child, base, named)


def of_tls(calls):
    """Of a session's calls: those that others have not."""
    names = [call for call, *_ in calls]
    first, last = names.index('socketpair'), names.index('shutdown')
    forks = [i for i, name in enumerate(names) if name in FORKS]
    return calls[first:forks[1 + APART]] + calls[last:]


def numbers_of(calls):
    numbers = collections.defaultdict(list)
    for call, n, *_ in calls:
        numbers[call].append(n)
    return numbers


def start_worker():
    """Which has the orphans of its sessions, and no end of its own."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for option, value in ((PR_SET_CHILD_SUBREAPER, 1),
                          (PR_SET_PDEATHSIG, signal.SIGKILL)):
        prctl(option, value)


def try_all(faults, workers=WORKERS):
    """All of them; the sum of what they cost, and which were delivered."""
    cost, wrong, came, whole = collections.Counter(), [], [], {}
    with multiprocessing.Pool(workers, start_worker) as pool:
        for fault, hit, its, delivered in pool.imap_unordered(try_one, faults):
            if isinstance(hit, Exception):
                wrong.append(f'{fault}: {hit}')
            elif hit:
                came.append(fault)
                cost.update(its)
                whole[fault] = delivered
    check(not wrong, f'{len(wrong)} of {len(faults)} faults:\n',
          '\n'.join(wrong[:8]))
    check(len(came) > 0.9 * len(faults), 'only', len(came), 'of', len(faults),
          'came')
    return came, cost, whole


def table(came):
    """A line a scenario, call and process."""
    if 'FAULTS_TABLE' not in os.environ:
        return
    rows = collections.defaultdict(list)
    for fault in came:
        rows[fault.kind, fault.scenario, fault.call, fault.child].append(fault)
    with open(os.environ['FAULTS_TABLE'], 'a', encoding='ascii') as file:
        for (kind, name, call, child), faults in rows.items():
            whats = dict.fromkeys(str(fault.what) for fault in faults)
            file.write(f'{kind:8} {name:6} {call + " (child)" * child:24} '
                       f'{len({fault.n for fault in faults}):3} times '
                       f'{len(faults):4} faults {" ".join(whats)}\n')


def report(name, came, cost):
    table(came)
    calls = {(fault.call, fault.child) for fault in came}
    spent = ''.join(f', {n} {what}' for what, n in sorted(cost.items()) if n)
    print(f'{name}: {len(came)} faults in {len(calls)} calls{spent}',
          flush=True)


def limits(name, kind):
    """Of a resource, in several scenarios, from too little to enough."""
    endless = resource.getrlimit(getattr(resource, 'RLIMIT_' + name))[1]
    values = {
        'NOFILE': range(3, 17),
        'FSIZE': (0, 1, 100, 4096, 65536, 1 << 20, 1200000, 2 << 20),
        'AS': range(0, 8 << 20, 1 << (21 if SANITIZED else 17)),
        'DATA': range(0, 2 << 20, 1 << (19 if SANITIZED else 16)),
        'NPROC': [0] + [max(1, processes() + more) for more in range(-2, 6)],
    }[name]
    scenarios = ('large', 'lmtp', 'files', 'small') + (
        ('listen',) if name in ('NOFILE', 'AS', 'NPROC') else ())
    faults = [Fault(kind, scenario, name, value)
              for scenario in scenarios for value in (*values, endless)]
    came, cost, whole = try_all(faults, 1 if name == 'NPROC' else WORKERS)
    for fault in came:
        check(whole[fault] or fault.n != endless, fault, 'not delivered')
    refused = sum(not whole[fault] for fault in came)
    check(refused, name, 'is never short')
    cost['not delivered'] = refused
    report(f'{kind} {name}', came, cost)


def processes():
    """How many the user has who runs smtpd then, threads too."""
    user = os.geteuid() or 65534
    found = 0
    for path in glob.glob('/proc/[0-9]*/task/*'):
        try:
            found += os.stat(path).st_uid == user
        except OSError:
            pass
    return found


def disk(name, kind):
    """Writes fail from one of them on; a small file system, where we may."""
    numbers = [n for call, n, _ in learn(name, base=base_of(name))
               if call == 'write']
    faults = [Fault(kind, name, 'write', n, what, base=base_of(name))
              for n in numbers for what in ('ENOSPC', 'EDQUOT')]
    if os.geteuid() == 0 and subprocess.run(
            ['unshare', '-m', 'mount', '-t', 'tmpfs', 'none', BOX],
            stderr=subprocess.DEVNULL, check=False).returncode == 0:
        faults += [Fault('mount', name, 'tmpfs', size) for size in DISK]
    came, cost, whole = try_all(faults)
    cost['not delivered'] = sum(not whole[fault] for fault in came)
    report(f'{kind} {name}', came, cost)


def inject(name, kind):
    came, cost, _ = try_all(list(injected(kind, name)))
    report(f'{kind} {name}', came, cost)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit('out of time'))
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)   # a run's child resets it
    kind = sys.argv[1]
    for name in sys.argv[2:]:
        try:
            {'limits': limits, 'disk': disk}.get(kind, inject)(name, kind)
        except Failure as failure:
            sys.exit(f'{kind} {name}: {failure}')


main()
