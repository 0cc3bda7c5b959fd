#!/usr/bin/env python3
"""escape CASE: --sandbox with a speaker that is in an attacker's hands, which
is tests/unit/escape; what the speaker has; and a kernel that refuses it."""
import ctypes
import email.utils
import itertools
import os
import platform
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import tty

import session
from session import (BOX, CATCH, DATA, EHLO, MAIL, QUIT, RCPT, SMTPD, Ends,
                     Failure, Session, box, check, children, descriptors,
                     listen, none_left, socket_pair, tcp, to_accept,
                     two_pipes, until)
from starttls import forget_log, log, log_has, log_lacks
from starttls import Client as TlsClient
from starttls import tls as does_tls
from ucspi import Launched

HERE = os.path.dirname(os.path.abspath(__file__))
ESCAPE = f'{HERE}/../unit/escape'
MESSAGE = b'Subject: escape\r\n\r\n..dot\r\n.\r\n'
PLAIN = b'Subject: escape\n\n.dot\n'
LARGE = 4000 * (60 * b'x' + b'\r\n')
STOP = b'421 4.3.2 '
WAITS = ('sh', '-c', '''echo >"$BOX/../runs"; read x <"$BOX/../go"
exec "$0"''', CATCH)
STILL_THERE = 99
NOBODY = 65534
LOOKS = 'files', 'files_of_tls'      # at what only root may see
TO = tuple(b'RCPT TO:<%s@example.org>\r\n' % to for to in (b'ann', b'bob',
                                                           b'eve'))

# Calls that the speaker may make, whatever their arguments are.
ALLOWED = set('''pselect6 recvfrom sendto read write clock_gettime shutdown
close restart_syscall exit_group rt_sigprocmask getpid gettid'''.split())
NUMBERS = 600    # of calls; there are less
# Whose end is none by the filter; 31 is SIGSYS.
SIGNALS = {'segv': 11, 'abort': 6, 'trap': (4, 5), 'nothing': None,
           'say': None, 'terminal': None, 'stack': (31, 11, 6)}


def attempts():
    with open(f'{ESCAPE}.c', encoding='ascii') as file:
        names = re.findall(r'\t(?:CALL|ACT)\("([a-z0-9-]+)"', file.read())
    check(len(names) > 55, 'only', names)
    return names


def numbers():
    """By name, those of this kernel's calls."""
    said = subprocess.run(
        ['cc', '-E', '-dM', '-include', 'sys/syscall.h', '-x', 'c',
         '/dev/null'], check=True, capture_output=True, text=True).stdout
    return {name: int(number) for name, number in
            re.findall(r'(?m)^#define __NR_(\w+) (\d+)$', said)}


class Apart(Session):
    """A session of two processes; received=True: with the field."""

    program = SMTPD

    def __init__(self, *options, ends=socket_pair, sandbox=True,
                 received=False, **more):
        was, session.SMTPD = session.SMTPD, self.program
        apart = sandbox * ['--sandbox'] + (not received) * ['--no-received']
        try:
            super().__init__(ends(), *apart, *options, **more)
        finally:
            session.SMTPD = was

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def read(self, seconds):
        try:
            return super().read(seconds)
        except OSError:      # a reset; a terminal that nobody is at any more
            self.eof = True
            return False

    def deliver(self):
        check(self.script((MAIL, RCPT, DATA, MESSAGE)), 'it closed', self.got)

    def finish(self, **more):
        self.rest()
        self.exit(**more)


class Hostile(Apart):
    program = ESCAPE

    def died(self, *signals, messages=0, kept=()):
        """Nothing but an end is heard, and nothing was run."""
        self.finish(status=70)
        log_has(r'close client=\S+ reason=speaker signal=(%s) messages=%d ' %
                ('|'.join(map(str, signals)), messages))
        got = box()
        check(got == list(kept), got)


def names(value):
    return value if isinstance(value, tuple) else (value,)


# ---- out of the speaker ----

def each(when, before, behind, lmtp=(), kept=(), then=(), codes=None):
    """Each attempt at a moment; then is what follows its line, and is
    answered."""
    for name in attempts():
        if SIGNALS.get(name, 31) is None:
            continue
        forget_log()
        with Hostile(*lmtp) as client:
            line = b'NOOP %s %s\r\n' % (when, name.encode())
            check(client.script((*before, line, *then)) == (when != b'now'),
                  client.got)
            client.send(b''.join(behind))
            try:
                client.died(*names(SIGNALS.get(name, 31)),
                            messages=len(kept), kept=kept)
                check(codes is None or client.codes() == codes,
                      client.codes())
            except Failure as failure:
                sys.exit(f'{name}: {failure} {log()}')


def out():
    """Between commands: what is pipelined behind it is not read."""
    each(b'now', (EHLO, MAIL, RCPT), (DATA, MESSAGE, QUIT),
         codes=[220, 250, 250, 250])
    log_lacks('escape says', 'dropped')


def content():
    """In a message, whose end has come too: it is dropped.  Of a little one the
    other half does not know yet."""
    for when, message, dropped in ((b'content', MESSAGE, False),
                                   (b'later', LARGE + MESSAGE, True)):
        each(when, (EHLO, MAIL, RCPT), (message, QUIT), then=(DATA,),
             codes=[220, 250, 250, 250, 250, 354])
        check((' dropped=yes ' in log()) == dropped, log())


def between():
    """One was run and answered; the others are not."""
    each(b'between', (EHLO.replace(b'E', b'L', 1), MAIL, *TO),
         (DATA, MESSAGE, QUIT), ('--lmtp',), (PLAIN,),
         codes=[220, 250, 250, 250, 250, 250, 250, 354, 250])
    check(len(re.findall(' message .* exit=0 ', log())) == 1, log())


def unheard():
    """It has no log to write to."""
    with Hostile() as client:
        client.script((EHLO,))
        client.send(b'NOOP now say\r\n')
        client.finish(status=70)
    log_has(f' reason=speaker exit={STILL_THERE} messages=0 ')
    log_lacks('escape says')


def asks():
    """It may ask what its connection is, however a libc does so."""
    for ends in socket_pair, two_pipes:
        with Hostile(ends=ends) as client:
            client.replies(1)
            client.send(b'NOOP now terminal\r\n')
            client.finish(status=70)
        log_has(f' reason=speaker exit={STILL_THERE} messages=0 ')
        forget_log()


def able():
    """Without the sandbox each of them comes to its end: these tests can
    fail."""
    for name in attempts():
        if name in SIGNALS or name.startswith(('tgkill-p', 'tkill-p')):
            continue
        with Hostile(sandbox=False) as client:
            client.script((EHLO,))
            client.send(b'NOOP now %s\r\n' % name.encode())
            client.rest()
            try:
                client.exit(status=STILL_THERE, orphans=True)
            except Failure as failure:
                sys.exit(f'{name}: {failure}')
    with Hostile(sandbox=False) as client:
        client.script((EHLO,))
        client.send(b'NOOP now say\r\n')
        client.rest()
        client.exit(status=STILL_THERE)
    log_has('escape says this')


def every():
    """All calls that the kernel has, by their numbers.  Two are for its own
    probes: no filter is asked about these, and they do nothing else."""
    of = numbers()
    allowed = {of[name] for name in ALLOWED}
    if platform.machine() == 'x86_64':
        allowed |= {335, 336}    # uretprobe, uprobe
    for number in range(NUMBERS):
        if number in allowed:
            continue
        forget_log()
        with Hostile() as client:
            client.replies(1)
            client.send(b'NOOP now %d\r\n' % number)
            try:
                client.died(31)
            except Failure as failure:
                sys.exit(f'call {number}: {failure}')


# ---- its end, from outside ----

def killed():
    """Between commands, in a message, while the command runs: which goes on,
    for the message was whole."""
    os.mkfifo(f'{BOX}/../go')
    for how in signal.SIGKILL, signal.SIGBUS, signal.SIGFPE:
        for steps in (), (MAIL, RCPT), (MAIL, RCPT, DATA):
            forget_log()
            with Hostile() as client:
                client.script((EHLO, *steps))
                os.kill(speaker(client), how)
                client.died(how)
        forget_log()
        with Hostile(command=WAITS) as client:
            client.script((EHLO, MAIL, RCPT, DATA))
            client.send(MESSAGE)
            until('it runs', lambda: os.path.exists(f'{BOX}/../runs'))
            os.unlink(f'{BOX}/../runs')
            os.kill(speaker(client), how)
            client.rest()
            with open(f'{BOX}/../go', 'w', encoding='ascii') as go:
                go.write('\n')
            client.died(how, messages=1, kept=(PLAIN,))
        check(250 not in client.codes()[4:], client.codes())


def alone():
    """Nobody has it when the other half is gone; nor where it cannot notice."""
    for steps, stopped in itertools.product(
            ((), (MAIL, RCPT), (MAIL, RCPT, DATA)), (False, True)):
        with Apart() as client:
            client.script((EHLO, *steps))
            pid = speaker(client)
            if stopped:
                os.kill(pid, signal.SIGSTOP)
                until('it stops', lambda: status(pid, 'State')[0] == 'T')
            client.process.kill()
            client.rest()
            client.exit(status=-signal.SIGKILL, orphans=True)
        check(not box(), 'it was run')


# ---- all that it calls ----

# Seen by the kernel where there is no vDSO; and by nobody, for it waits by
# pselect: but strace, SIGSTOP and a frozen cgroup make it of other waits.
UNSEEN = {'clock_gettime', 'restart_syscall',
          'exit_group'}    # who has said all may be ended before
# Of each, what one libc has, another libc does not call.
EITHER = ({'tgkill SIGABRT', 'tkill SIGABRT'}, {'getpid'}, {'gettid'},
          {'rt_sigprocmask'})    # glibc's abort until 2.40
TERMINAL = 'TCGETS', 'TIOCGWINSZ'    # IS_TERMINAL in the filter's table
TRACE = 'exec strace -D -ff -qq -e signal=none -o "{0}" "{1}" "$@"\n'


def rows():
    """Of the filter: a call, and which of its kind."""
    with open(f'{HERE}/../../lib/sandbox.c', encoding='utf-8') as file:
        found = re.findall(r'\t\{ SYS_(\w+), (.*) \},', file.read())
    check(len(found) > 15, found)
    return {' '.join([name, *re.findall('[A-Z_]{5,}', checks)[-1:]])
            for name, checks in found}


def calls():
    """What speakers called once they were locked up."""
    kinds = {'ioctl': 1, 'tkill': 1, 'tgkill': 2, 'setsockopt': 2,
             'getsockopt': 2}
    seen, speakers = set(), 0
    for name in os.listdir(f'{BOX}/..'):
        if not name.startswith('trace.'):
            continue
        with open(f'{BOX}/../{name}', encoding='utf-8',
                  errors='replace') as file:
            text = file.read().partition('prctl(PR_SET_SECCOMP')[2]
        speakers += text != ''
        for call, words in re.findall(r'(?m)^(\w+)\((.*?)(?:\) +=|$)',
                                      text):
            kind = words.split(', ')[kinds[call]:][:1] if call in kinds else []
            seen.add(' '.join([call, *('IS_TERMINAL' if word in TERMINAL
                                       else word for word in kind)]))
    return seen, speakers


class Traced(Hostile):
    """Under strace, which is behind it."""

    program = f'{BOX}/../traced'

    def finish(self, **more):
        super().finish(orphans=True, **more)


def write_tracer():
    with open(Traced.program, 'w', encoding='utf-8') as file:
        file.write('#!/bin/sh\n' + TRACE.format(f'{BOX}/../trace', ESCAPE))
    os.chmod(Traced.program, 0o755)


def whole(client, *steps):
    """To QUIT, and its end."""
    client.replies(1)
    check(client.script((*steps, QUIT)), 'it closed', client.got)
    client.finish()


def traced_mail():
    """Each kind of connection: small and large, DATA and BDAT."""
    letter = (MAIL, RCPT, DATA, MESSAGE)
    for ends in socket_pair, two_pipes, tcp, terminal, to_listener:
        with Traced(ends=ends) as client:
            if ends == terminal:
                client.script([step.replace(b'\r', b'') for step in
                               (EHLO, *letter, QUIT)])
            else:
                client.script((EHLO, *letter, MAIL, RCPT, DATA,
                               LARGE + MESSAGE, MAIL, RCPT, b'BDAT 9\r\n' +
                               9 * b'x', b'BDAT 3 LAST\r\nx\r\n', QUIT))
            client.rest()
            if ends == to_listener:
                client.process.terminate()
            client.finish()
    with Traced('--lmtp') as client:
        whole(client, EHLO.replace(b'E', b'L', 1), MAIL, *TO[:1], DATA,
              MESSAGE)


def traced_options():
    for options, before, steps in (
            (('--auth', 'cat <&3 >/dev/null', '--auth-in-clear'), b'',
             (b'AUTH PLAIN AGpvZQB4\r\n',)),
            (('--proxy',), b'PROXY TCP4 192.0.2.7 192.0.2.1 1 25\r\n', ()),
            (('--xclient', 'unix'), b'',
             (b'XCLIENT NAME=mx.example.net\r\n', EHLO,
              b'XFORWARD ADDR=192.0.2.7\r\n')),
            (('--lookup', 'exit 0', '--vrfy', '-v'), b'',
             (b'VRFY ann\r\n',))):
        with Traced(*options) as client:
            client.send(before)
            whole(client, EHLO, *steps, MAIL, RCPT, DATA, MESSAGE)
    box()
    with TlsClient(does_tls(), '--sandbox') as client:
        client.script((EHLO,))
        client.start_tls()
        client.one_message()
    with Launched('--sandbox') as client:
        client.script((EHLO,))
        client.up()
        check(client.ask(EHLO, QUIT) == [250, 221], client.got)
        client.rest()
        client.drop()
        client.exit(orphans=True)


def traced_ends():
    """A client that leaves, that is silent, wrong, or does not read; signals;
    a reset; and abort."""
    for ends in socket_pair, two_pipes, tcp, terminal:
        for options, steps, how in (
                ((), (MAIL, RCPT, DATA), 'leaves'),
                (('-t', '1'), (), 'is silent'),
                (('--max-errors', '1'), (b'X\r\n', b'X\r\n'), 'is wrong'),
                ((), (MAIL,), 'is stopped')):
            with Traced(*options, ends=ends) as client:
                client.script((EHLO, *steps))
                if how == 'is stopped':
                    pid = speaker(client)
                    os.kill(pid, signal.SIGSTOP)
                    until('it stops', lambda: status(pid, 'State')[0] in 'Tt')
                    os.kill(pid, signal.SIGCONT)
                    client.script((b'NOOP\r\n',))
                    client.process.terminate()
                if how == 'leaves':
                    client.close()
                    client.exit(orphans=True)
                else:
                    client.finish()
        with Traced(ends=ends) as client:
            client.send(3000 * b'HELP\r\n' if ends != terminal else
                        30 * b'HELP\n')
            client.send(QUIT)
            client.finish()
    with Traced(ends=tcp) as client:
        client.script((EHLO,))
        client.close(reset=True)
        client.exit(orphans=True)
    with Traced() as client:
        client.script((EHLO,))
        client.send(b'NOOP now abort\r\n')
        client.finish(status=70)


def filtered():
    """Each row of the filter is needed, and there is one for each call."""
    write_tracer()
    session.SMTPD = Traced.program
    traced_mail()
    traced_options()
    traced_ends()
    seen, speakers = calls()
    check(speakers > 30, 'only', speakers, 'were seen')
    check(seen <= rows(), 'none for', seen - rows())
    lacking = rows() - seen - UNSEEN
    check(all(lacking & one != one or len(one) == 1 for one in EITHER) and
          lacking <= set().union(*EITHER), 'nobody calls', lacking)
    print(f'{speakers} speakers: {", ".join(sorted(seen))}')


# ---- what it has ----

def status(pid, name):
    with open(f'/proc/{pid}/status', encoding='ascii') as file:
        return re.search(rf'(?m)^{name}:\t(.*)$', file.read())[1]


def speaker(client):
    """The child that has a filter; others are commands."""
    return until('it is locked up', lambda: next((
        pid for pid in children(client.process.pid)
        if status(pid, 'Seccomp') == '2'), None))


def its(client, *connection, more=()):
    """On 0 and 1 these, /dev/null on 2, and the pair; and more."""
    pid = speaker(client)
    got = descriptors(pid)
    pair = {fd: got.pop(fd) for fd in list(got) if fd > 2 and
            got[fd] not in more}
    want = {fd: name for fd, name in enumerate(connection)
            if name is not None}
    want[2] = '/dev/null'
    rest = sorted(got.pop(fd) for fd in list(got) if fd > 2)
    check(got == want and rest == sorted(more) and len(pair) == 1 and
          next(iter(pair.values())).startswith('socket:'), pid, got, want,
          rest, more, pair)
    # who is greeted may be before the other one has left it all
    until('the other one leaves the connection', lambda: descriptors(
        client.process.pid)[0] == '/dev/null')
    other = descriptors(client.process.pid)
    check(not set(other.values()) & set(pair.values()), 'the same end')
    return other


def link(fd):
    return os.readlink(f'/proc/self/fd/{fd}')


def client_on(ends, *options, **more):
    """Its names of 0 and 1, too: who starts it has no copies then."""
    kept = []

    def made():
        made_ends = ends()
        kept.extend((link(made_ends.their_in), link(made_ends.their_out)))
        return made_ends
    return Apart(*options, ends=made, **more), kept


def files():
    """Of each kind of connection: itself and nothing else; the other half has
    none of it."""
    for ends in socket_pair, two_pipes, tcp:
        client, names_of = client_on(ends, pass_fds=(
            os.open('/dev/null', os.O_RDONLY),))
        with client:
            client.script((EHLO,))
            other = its(client, *names_of)
            check(other[0] == other[1] == '/dev/null', other)
            check(not set(other.values()) & set(names_of), other)
            client.deliver()
            its(client, *names_of)
            client.send(QUIT)
            client.finish()
    listener = listen()
    with Apart(ends=lambda: to_accept(listener)) as client:
        client.script((EHLO,))
        doer = children(client.process.pid)
        check(len(doer) == 1, doer)
        pid = next(iter(children(doer[0])))
        until('it is locked up', lambda: status(pid, 'Seccomp') == '2')
        got = descriptors(pid)
        check(got[0] == got[1] and got[2] == '/dev/null' and len(got) == 4 and
              len(set(got.values())) == 3, got)
        client.send(QUIT)
        client.rest()
        client.process.terminate()
        client.exit()


def files_of_tls():
    """What it may go on with is there from the start; then it has that, and
    no connection any more."""
    def made():
        ends = socket_pair()
        connection.append(link(ends.their_in))
        return ends
    connection = []
    with TlsClient(does_tls(), '--sandbox', ends=made) as client:
        client.script((EHLO,))
        got = descriptors(speaker(client))
        pairs = set(got.values()) - {connection[0], '/dev/null'}
        check(got[0] == got[1] == connection[0] and got[2] == '/dev/null' and
              len(got) == 5 and len(pairs) == 2, got)
        client.start_tls()
        check(client.ask(EHLO) == [250], client.got)
        now = descriptors(speaker(client))
        check(now == {fd: got[fd] for fd in got if fd > 1}, got, now)
        client.one_message()
    with Launched('--sandbox') as client:
        client.script((EHLO,))
        got = descriptors(speaker(client))
        check(len(got) == 6 and got[2] == '/dev/null', got)
        check(len({name for name in got.values()
                   if name.startswith('pipe:')}) == 2, got)
        client.up()
        check(client.ask(EHLO) == [250], client.got)
        now = descriptors(speaker(client))
        check(now == {fd: got[fd] for fd in got if fd > 1}, got, now)
        client.send(QUIT)
        client.rest()
        client.drop()
        client.exit()


def terminal():
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    return Ends(ours, os.dup(ours), theirs, None)


def to_listener():
    return to_accept(listen())


def begun():
    """When a message came, and how long it took, is told from DATA on, though
    the other half hears of a little one at its end."""
    with Apart(received=True) as client:
        client.replies(1)
        check(client.script((EHLO, MAIL, RCPT, DATA)), client.got)
        before, by = time.time(), time.monotonic() + 3
        until('some seconds pass', lambda: time.monotonic() > by)
        check(client.script((MESSAGE, QUIT)), client.got)
        client.finish()
    log_has(' message .* exit=0 .* seconds=[3-9]')
    [message] = box()
    date = re.search(rb';\s+(\w[^\n]+)\n', message)[1].decode()
    then = email.utils.parsedate_to_datetime(date).timestamp()
    check(then < before + 1, date, 'is', then - before, 's behind DATA')


def limits():
    with Apart(env=dict(os.environ, SECRET='not for it')) as client:
        client.script((EHLO,))
        pid = speaker(client)
        with open(f'/proc/{pid}/limits', encoding='ascii') as file:
            text = file.read()
        for name in 'processes', 'open files', 'file size', 'core file size':
            check(re.search(rf'(?m)^Max {name} +0 +0 ', text), name, text)
        check(status(pid, 'NoNewPrivs') == '1', 'new privileges')
        bits = int(status(pid, 'SigIgn'), 16)
        check(all(bits >> stop - 1 & 1 for stop in session.STOPS), hex(bits))
        check(int(status(pid, 'SigCgt'), 16) == 0, 'a handler')
        check(status(client.process.pid, 'Seccomp') == '0', 'the other too')
        check(is_blank(f'/proc/{pid}/environ'), 'its environment')
        client.deliver()
        check(b'SECRET=not for it\0' in environment(), 'no environment')
        client.send(QUIT)
        client.finish()


def of_listener():
    """Who accepts has handlers, and the call by which one returns would kill
    it."""
    with Apart(ends=to_listener) as client:
        client.script((EHLO,))
        [doer] = children(client.process.pid)
        [pid] = children(doer)
        until('it is locked up', lambda: status(pid, 'Seccomp') == '2')
        check(int(status(pid, 'SigCgt'), 16) == 0, 'a handler')
        os.kill(pid, signal.SIGCHLD)
        client.deliver()
        client.send(QUIT)
        client.rest()
        client.process.terminate()
        client.exit()
    log_lacks('reason=speaker')


def environment():
    """Of the one run."""
    [name] = [name for name in os.listdir(BOX) if name.endswith('.env')]
    with open(f'{BOX}/{name}', 'rb') as file:
        return file.read()


def is_blank(path):
    """Only root may look."""
    try:
        with open(path, 'rb') as file:
            return not file.read().strip(b'\0')
    except PermissionError:
        return True


def become_nobody():
    if os.geteuid() == 0:
        os.setgroups(())
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def copy_of(program):
    """Which anybody may start: as ./smtpd in the folder that is returned."""
    folder = f'{BOX}/../program'
    os.makedirs(folder, exist_ok=True)
    shutil.copy(program, f'{folder}/smtpd')
    for path in folder, BOX:
        os.chmod(path, 0o777)
    return folder


class Nobody(Apart):
    program = './smtpd'


def not_dumpable():
    """Its /proc is root's, though it is another's."""
    folder = copy_of(SMTPD)
    with Nobody(cwd=folder, preexec=become_nobody) as client:
        client.script((EHLO,))
        pid = speaker(client)
        user = int(status(pid, 'Uid').split()[0])
        check(user != 0, 'root')
        check(os.stat(f'/proc/{pid}/environ').st_uid == 0, 'it is dumpable')
        check(os.stat(f'/proc/{client.process.pid}/environ').st_uid == user,
              'so is the other')
        client.send(QUIT)
        client.finish()


# ---- a kernel that refuses ----

ALLOW, ERRNO = 0x7fff0000, 0x00050000


def refuse(call, error, argument=None):
    """From here on a call fails, for us and all that we become; argument: only
    with that as its first one."""
    def instruction(code, yes, no, value):
        return (code.to_bytes(2, sys.byteorder) + bytes((yes, no)) +
                value.to_bytes(4, sys.byteorder))

    first = [] if argument is None else [
        instruction(0x20, 0, 0, 16), instruction(0x15, 0, 1, argument)]
    program = b''.join((
        instruction(0x20, 0, 0, 0),
        instruction(0x15, 0, len(first) + 1, numbers_known[call]),
        *first, instruction(0x06, 0, 0, ERRNO | error),
        instruction(0x06, 0, 0, ALLOW)))
    space = ctypes.create_string_buffer(program, len(program))
    head = (ctypes.c_uint64 * 2)(len(program) // 8, ctypes.addressof(space))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, head, 0, 0):
        raise OSError(ctypes.get_errno(), 'prctl')


numbers_known = {}


def refused():
    """--check and a session say so; nobody is greeted."""
    numbers_known.update(numbers())
    program = SMTPD
    for error in (1, 22):           # EPERM, EINVAL
        why = os.strerror(error)

        def deny():
            refuse('prctl', error, 22)
        done = subprocess.run([program, '--sandbox', '--check', 'true'],
                              preexec_fn=deny, capture_output=True,
                              text=True, check=False, stdin=subprocess.DEVNULL)
        check(done.returncode == 78 and not done.stdout and
              f'option --sandbox: {why}' in done.stderr, done)
        for options in (), ('--lmtp',), ('--proxy',):
            forget_log()
            with Apart(*options, preexec=deny) as client:
                client.send(EHLO)
                client.finish(status=78)
                check(client.got.startswith(b'421 4.3.5 ') and
                      client.got.count(b'\n') == 1, client.got)
            check(re.fullmatch(rf'smtpd\[\d+\]: config .*error="option '
                               rf'--sandbox: {why}"\n', log()), log())
        forget_log()
        with Apart(ends=lambda: to_accept(listen()), preexec=deny) as client:
            client.finish(status=78)
            check(client.got.startswith(b'421 4.3.5 ') and
                  client.got.count(b'\n') == 1, client.got)
        check(len(log().splitlines()) == 1, log())


def other_calls():
    """Without the call seccomp, as systemd's filters have it."""
    numbers_known.update(numbers())
    with Apart(preexec=lambda: refuse('seccomp', 1)) as client:
        client.script((EHLO,))
        client.deliver()
        speaker(client)
        client.send(QUIT)
        client.finish()
    check(box() == [PLAIN], 'not delivered')


def no_process():
    """421 and 71."""
    folder = copy_of(SMTPD)

    def limit():
        become_nobody()
        resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
    busy = subprocess.Popen(['sleep', '60'], preexec_fn=become_nobody)
    try:
        with Nobody(cwd=folder, preexec=limit) as client:
            client.send(EHLO)
            client.rest()
            check(client.got.startswith(b'421 4.3.') and
                  client.got.count(b'\n') == 1, client.got)
            check(client.process.wait(session.PATIENCE) == 71, 'exit status')
    finally:
        busy.kill()
        busy.wait()
    check(len(log().splitlines()) == 1, log())


# ---- signals ----

def signalled():
    """To both, as a terminal or systemd does it, as to one process."""
    for stop in session.STOPS:
        for steps in (), (MAIL, RCPT), (MAIL, RCPT, DATA):
            with Apart(start_new_session=True) as client:
                client.script((EHLO, *steps))
                pid = speaker(client)
                os.kill(pid, stop)           # which is nothing to it
                if DATA not in steps:
                    client.script((b'NOOP\r\n',))
                os.killpg(client.process.pid, stop)
                client.finish()
                check(client.got.splitlines()[-1].startswith(STOP) and
                      client.codes().count(421) == 1, client.got)
            check(not box(), 'it was run')


def signalled_run():
    """The run is let finish."""
    os.mkfifo(f'{BOX}/../go')
    for stop in session.STOPS:
        with Apart(start_new_session=True, command=WAITS) as client:
            client.script((EHLO, MAIL, RCPT, DATA))
            client.send(MESSAGE + MAIL)
            until('it runs', lambda: os.path.exists(f'{BOX}/../runs'))
            os.unlink(f'{BOX}/../runs')
            os.killpg(client.process.pid, stop)
            with open(f'{BOX}/../go', 'w', encoding='ascii') as go:
                go.write('\n')
            client.finish()
            check(client.codes()[-2:] == [250, 421], client.got)
        check(box() == [PLAIN], 'not delivered')


def main():
    if os.geteuid() != 0 and sys.argv[1] in LOOKS:
        os.execvp('unshare', ['unshare', '-Ur', sys.executable, *sys.argv])
    globals()[sys.argv[1]]()


if __name__ == '__main__':
    main()
