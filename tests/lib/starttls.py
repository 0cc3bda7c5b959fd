#!/usr/bin/env python3
"""starttls CASE: sessions with STARTTLS, of a client that speaks TLS.  The
process that does it for smtpd is tls.py beside this file, or a script of the
shell's that does something else."""
import os
import re
import resource
import select
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

from session import (BOX, DATA, EHLO, MAIL, PATIENCE, QUIT, RCPT, Ends,
                     Failure, Resettable, box, check, descriptors, socket_pair,
                     tcp, two_pipes, until)

HERE = os.path.dirname(os.path.abspath(__file__))
LOG = os.environ.get('LOG', os.devnull)
STARTTLS = b'STARTTLS\r\n'
READY = b'220 2.0.0 Ready to start TLS\r\n'
STOP = b'421 4.3.2 '
MESSAGE = b'Subject: tls\r\n\r\n..dot\r\n.\r\n'
PLAIN = b'Subject: tls\n\n.dot\n'
ONE = (EHLO, MAIL, RCPT, DATA, MESSAGE, QUIT)
ONE_CODES = [250, 250, 250, 354, 250, 221]

# In tls.py's place: what comes next, comes once the client has sent an octet
# behind the 220.
ONCE = 'head -c 1 >/dev/null; '
HANGS = 'exec sleep 300'
# With one that ls has opened itself.
LS = b'0\n1\n2\n3\n'
# Commands.  One keeps the message, its descriptors and its environment, one
# tells how it came, one waits to be let go.
KEEPS = ('sh', '-c', '''ls /proc/self/fd >"$BOX/fds"
cat /proc/$$/environ >"$BOX/environ"; cat >"$BOX/1.msg"''')
TELLS = ('sh', '-c', '''{ printf '%s\\n' "$CLIENT_PROTOCOL" \
"${SASL_USERNAME-none}" "${SSL_PROTOCOL-none}" "${SSL_CIPHER-none}"
sed -n 's/.* with \\([A-Z0-9]*\\) .*/\\1/p;/^$/q'; } >"$BOX/1.msg"''')
WAITS = ('sh', '-c', '''echo >"$BOX/runs"; read -r x <"$BOX/go"
cat >"$BOX/1.msg"''')


def tls(*words, before=''):
    """A COMMAND."""
    return f'{before}exec python3 -B {HERE}/tls.py {" ".join(words)}'


def log():
    with open(LOG, encoding='utf-8', errors='replace') as file:
        return file.read()


def log_has(*patterns):
    for pattern in patterns:
        check(re.search('(?m)' + pattern, log()), 'not logged:', pattern,
              log())


def log_lacks(*patterns):
    for pattern in patterns:
        check(not re.search('(?m)' + pattern, log()), 'logged:', pattern,
              log())


def forget_log():
    with open(LOG, 'wb'):
        pass


def kept(name):
    with open(f'{BOX}/{name}', 'rb') as file:
        return file.read()


class Client(Resettable):
    """got is what came in clear; after the handshake what came in TLS, and
    before is what was in clear."""

    def __init__(self, starttls, *options, ends=socket_pair, received=False,
                 **more):
        self.tls, self.before, self.notified = None, b'', False
        self.coded_in, self.coded_out = ssl.MemoryBIO(), ssl.MemoryBIO()
        super().__init__(
            ends(), *(('--starttls', starttls) if starttls else ()),
            *(() if received else ('--no-received',)), *options, **more)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def send(self, octets):
        if self.tls is not None:
            self.tls.write(octets)
            octets = self.coded_out.read()
        return super().send(octets)

    def read(self, seconds):
        if self.tls is None:
            return super().read(seconds)
        clear, self.got = self.got, b''
        came = super().read(seconds)
        self.coded_in.write(self.got)
        self.got = clear
        self.decode()
        return came and not self.eof

    def decode(self):
        try:
            while not self.eof:
                octets = self.tls.read(65536)
                self.got += octets
                self.eof = self.notified = octets == b''
        except ssl.SSLWantReadError:
            pass

    def shake_hands(self, **settings):
        """False where the other side has closed."""
        context = ssl.create_default_context(cafile=f'{HERE}/tls.pem')
        for name, value in settings.items():
            setattr(context, name, value)
        shaken = context.wrap_bio(self.coded_in, self.coded_out,
                                  server_hostname='mx.example.org')
        self.before, self.got = self.got, b''
        deadline = time.monotonic() + PATIENCE
        done = False
        while not done:
            check(time.monotonic() < deadline, 'no handshake')
            try:
                shaken.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                pass
            if not self.send(self.coded_out.read()):
                return False
            if not done:
                super().read(0.1)
                if self.eof:
                    return False
                self.coded_in.write(self.got)
                self.got = b''
        self.tls = shaken
        return True

    def say_starttls(self):
        """To the 220, behind which nothing has come."""
        check(self.script((STARTTLS,)), 'it closed', self.got)
        check(self.got.endswith(READY), self.got)

    def start_tls(self, **settings):
        self.say_starttls()
        check(self.shake_hands(**settings), 'it closed', log())

    def ask(self, *steps):
        """The codes of the replies."""
        count = len(self.codes())
        for n, step in enumerate(steps, count + 1):
            check(self.send(step) and (self.replies(n) or
                                       len(self.codes()) == n),
                  'it closed', self.got, log())
        return self.codes()[count:]

    def last(self):
        return self.got.splitlines(True)[-1]

    def shut(self):
        """Its own direction, of a socket."""
        with socket.socket(fileno=os.dup(self.ends.reads)) as connection:
            try:
                connection.shutdown(socket.SHUT_WR)
            except OSError:   # the other side has reset it
                pass

    def finish(self, seconds=PATIENCE):
        """To the end of both sides, with nothing left of it."""
        self.rest(seconds)
        self.close()
        self.exit(seconds, orphans=True)

    def one_message(self):
        check(self.ask(*ONE) == ONE_CODES, self.got)
        self.finish()
        check(self.notified or self.tls is None, 'TLS has no end')
        got = box()
        check(got == [PLAIN], got)


# ---- a session ----

def announced():
    """Before TLS and not in it; the session is as after the greeting."""
    with Client(tls(), '-v', ends=tcp) as client:
        client.script((EHLO,))
        check(b'250-STARTTLS\r\n' in client.got, client.got)
        client.start_tls()
        check(client.before.endswith(READY), client.before)
        check(client.ask(MAIL) == [503], client.got)
        client.ask(EHLO)
        check(b'STARTTLS' not in client.got, client.got)
        check(client.ask(STARTTLS) == [503], client.got)
        check(client.last().startswith(b'503 5.5.1 '), client.got)
        client.one_message()
    log_has(r' tls client=127\.0\.0\.1$', ' close .* reason=quit messages=1 ')
    log_lacks('error=')


def versions():
    """TLS 1.2 and 1.3, over a socket, TCP, and two pipes."""
    for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
        for ends in socket_pair, tcp, two_pipes:
            with Client(tls(), ends=ends) as client:
                client.start_tls(minimum_version=version,
                                 maximum_version=version)
                client.one_message()
    log_lacks(' tls ')


def pipelined_before():
    """Behind other commands, in the same segment: their replies are clear."""
    for first, codes in ((b'', []), (EHLO, [250]),
                         (EHLO + MAIL + b'RSET\r\n' + 30 * b'HELP\r\n',
                          [250, 250, 250] + 30 * [214])):
        with Client(tls()) as client:
            client.replies(1)
            check(client.send(first + STARTTLS), 'it closed')
            client.replies(len(codes) + 2)
            check(client.codes() == [220, *codes, 220], client.got)
            check(client.shake_hands(), 'it closed')
            check(not client.got, client.got)
            client.one_message()


def told(client, *steps):
    """What the command is told of a message that comes so."""
    client.ask(*steps, RCPT, DATA, MESSAGE, QUIT)
    client.finish()
    return box()[0].decode().split()


AUTH = b'AUTH PLAIN AGFubgBzZWNyZXQ=\r\n'   # ann, secret


def names():
    """RFC 3848, 6531: ESMTPS and its kind."""
    utf8 = MAIL[:-2] + b' SMTPUTF8\r\n'
    lhlo = EHLO.replace(b'EHLO', b'LHLO')
    auth = '--auth', 'true'
    for name, steps, options, user in (
            ('ESMTPS', (EHLO, MAIL), (), 'none'),
            ('ESMTPSA', (EHLO, AUTH, MAIL), auth, 'ann'),
            ('UTF8SMTPS', (EHLO, utf8), (), 'none'),
            ('UTF8SMTPSA', (EHLO, AUTH, utf8), auth, 'ann'),
            ('SMTP', (EHLO.replace(b'EHLO', b'HELO'), MAIL), (), 'none'),
            ('LMTPS', (lhlo, MAIL), ('--lmtp',), 'none'),
            ('LMTPSA', (lhlo, AUTH, MAIL), ('--lmtp', *auth), 'ann'),
            ('UTF8LMTPS', (lhlo, utf8), ('--lmtp',), 'none')):
        with Client(tls(), *options, received=True, command=TELLS) as client:
            client.start_tls()
            got = told(client, *steps)
            check(got == [name, user, 'none', 'none', name], name, got)


def forgotten():
    """Who authenticated before it has to do so again."""
    options = '--auth', 'true', '--auth-in-clear', '--require-auth', '-v'
    with Client(tls(), *options, received=True, command=TELLS) as client:
        client.script((EHLO, AUTH))
        check(client.codes() == [220, 250, 235], client.got)
        client.start_tls()
        check(client.ask(AUTH) == [503], client.got)
        check(client.ask(EHLO, MAIL) == [250, 530], client.got)
        check(b'AUTH PLAIN LOGIN' in client.got, client.got)
        got = told(client, AUTH, MAIL)
        check(got[:2] == ['ESMTPSA', 'ann'], got)
    with Client(tls(), '--auth', 'true', '--auth-in-clear', received=True,
                command=TELLS) as client:
        client.script((EHLO, AUTH))
        client.start_tls()
        got = told(client, EHLO, MAIL)
        check(got[:2] == ['ESMTPS', 'none'], got)
    check(len(re.findall(' message .* user=ann ', log())) == 1, log())


def refused():
    """STARTTLS where it is none, each in clear, and the session goes on."""
    with Client(tls()) as client:
        check(client.script((b'STARTTLS now\r\n', EHLO, MAIL, STARTTLS, RCPT,
                             STARTTLS, b'BDAT 1\r\nx', STARTTLS)), client.got)
        check(client.codes() == [220, 501, 250, 250, 503, 250, 503, 250, 503],
              client.got)
        check(b'501 5.5.4 ' in client.got and client.got.count(b'503 5.5.1 ')
              == 3, client.got)
        check(client.ask(b'RSET\r\n') == [250], client.got)
        client.start_tls()
        client.one_message()
    with Client(None) as client:
        check(client.script((EHLO, STARTTLS, QUIT)), client.got)
        check(b'STARTTLS\r\n' not in client.got and b'502 5.5.1 ' in
              client.got, client.got)
        client.finish()


def required():
    """530 5.7.0 before it, and nothing else is the same."""
    with Client(tls(), '--require-tls', '--vrfy', '--auth', 'true') as client:
        check(client.script((EHLO, MAIL, b'VRFY ann\r\n', b'EXPN ann\r\n',
                             AUTH, b'RSET\r\n', b'MAIL\r\n')), client.got)
        check(client.codes() == [220, 250, 530, 530, 530, 530, 250, 501],
              client.got)
        check(client.got.count(b'530 5.7.0 ') == 4, client.got)
        client.start_tls()
        check(client.ask(EHLO, AUTH) == [250, 235], client.got)
        client.one_message()


# ---- it cannot be had now: 454 ----

ENDED = 'error="the command has ended" '
FAILED = 'error="the handshake failed"'
CLOSED = 'error="the status was closed before the 220"$'


def not_now():
    """COMMANDs that are no good at once: 454 each time, the log says why, the
    session goes on in clear, and nothing is left of them."""
    for starttls, why in (
            ('exit 3', ENDED + 'exit=3$'),
            ('exec /no/such/program', ENDED + 'exit=127$'),
            ('/no/such/program', ENDED + 'exit=127$'),
            ('exec /dev/null', ENDED + 'exit=126$'),
            ('if then', ENDED + 'exit=2$'),
            ('kill -9 $$', ENDED + 'signal=9$'),
            (f'echo no >&4; {HANGS}', FAILED + '$'),
            (f'exec 4>&-; {HANGS}', CLOSED),
            ('sleep 300 & exit 1', ENDED + 'exit=1$'),
            ('exec 4>&-; exit 1', ENDED + 'exit=1$'),
            ('sleep 300 & echo no >&4; exit 1', FAILED),
            ('exec 4>&-; trap "" TERM HUP; sleep 300 & wait', CLOSED)):
        forget_log()
        with Client(starttls, ends=tcp) as client:
            check(client.script((EHLO, STARTTLS, STARTTLS)), client.got)
            check(client.codes() == [220, 250, 454, 454], starttls, client.got)
            check(client.last().startswith(b'454 4.7.0 '), client.got)
            # nothing else reads what the client sends now
            client.one_message()
        check(len(re.findall(f'(?m) tls client=127.0.0.1 {why}', log())) == 2,
              why, log())
        log_lacks('reason=tls')
        log_has(' refuse .* verb=STARTTLS reply="454 4.7.0"', ' reason=quit ')


def at_level():
    """In the journal it is our fault; a handshake that fails is not."""
    journal, stderr = os.pipe()
    is_it = os.fstat(stderr)
    environ = dict(os.environ,
                   JOURNAL_STREAM=f'{is_it.st_dev}:{is_it.st_ino}')
    with Client('[ -e "$BOX/tried" ] || { echo >"$BOX/tried"; exit 1; }; ' +
                ONCE + 'exit 1', stderr=stderr, env=environ) as client:
        check(client.script((STARTTLS,)), client.got)
        client.say_starttls()
        client.send(b'x')
        client.finish()
    os.close(stderr)
    with open(journal, encoding='ascii') as file:
        got = file.read()
    check(f'<4>tls client=unknown {ENDED}exit=1\n' in got, got)
    check(re.search('(?m)^<6>tls client=unknown error=', got), got)


def later():
    """Where TLS was 454 what needs it, or AUTH in it, is 451 until it is up:
    the fault is ours."""
    good, reset = f'{BOX}/good', b'RSET\r\n'
    away = b'RCPT TO:<bob@elsewhere.example>\r\n'
    auth = b'AUTH PLAIN AGpvZQB4\r\n'
    for options, steps, codes, at_last in (
            (('--require-tls',), (MAIL, STARTTLS, MAIL, auth),
             [530, 454, 451, 451], 250),
            (('-d', 'example.org'), (auth, MAIL, away, reset, STARTTLS, auth,
                                     MAIL, away, RCPT, reset),
             [538, 250, 550, 250, 454, 451, 250, 451, 250, 250], 550)):
        with Client(tls(before='[ -e "$BOX/good" ] || exit 1; '), '--auth',
                    'true', *options) as client:
            check(client.script((EHLO, *steps)), client.got)
            check(client.codes() == [220, 250, *codes], client.got)
            with open(good, 'wb'):
                pass
            client.start_tls()
            got = client.ask(EHLO, MAIL, away, QUIT)
            check(got == [250, 250, at_last, 221], got)
            client.finish()
        os.unlink(good)


def config():
    """Exit 126 and 127: a config line for each try; any other status: none."""
    for starttls, lines in (('exec /no/such/program', 2), ('/dev/null', 2),
                            ('exit 127', 2), ('exit 126', 2), ('exit 125', 0),
                            ('exec false', 0)):
        forget_log()
        with Client(starttls) as client:
            check(client.script((STARTTLS, STARTTLS, QUIT)), client.got)
            client.finish()
        got = len(re.findall(' config .*option --starttls: its command cannot',
                             log()))
        check(got == lines, starttls, got, 'config lines', log())


def again():
    """454 once, then TLS."""
    starttls = '[ -e "$BOX/tried" ] || { echo >"$BOX/tried"; exit 1; }; '
    with Client(tls(before=starttls)) as client:
        check(client.script((EHLO, STARTTLS)), client.got)
        check(client.codes() == [220, 250, 454], client.got)
        client.start_tls()
        client.one_message()


def descriptors_run_out():
    """Of too few descriptors comes 454 or a session, and no descriptor stays
    behind a 454."""
    refused = 0
    for limit in range(8, 22):
        with Client(tls(), preexec=lambda: resource.setrlimit(
                resource.RLIMIT_NOFILE, (limit, limit))) as client:
            if not client.script((EHLO, STARTTLS)):
                client.close()
                client.process.wait(PATIENCE)
                continue
            before = descriptors(client.process.pid)
            if client.codes()[-1] == 454:
                client.ask(STARTTLS, STARTTLS)
                now = descriptors(client.process.pid)
                check(now == before, limit, now, before)
                refused += 1
                client.ask(QUIT)
                client.finish()
            else:
                check(client.shake_hands(), 'it closed', limit, log())
                client.one_message()
    check(refused > 3, 'only', refused, 'were refused')
    words = 'Too many open files|No file descriptors available'   # musl's
    log_has(f' tls client=unknown exit=127 error="({words})" '
            'command=/bin/sh$')


APART = 'SANDBOX' in os.environ     # smtpd has one more, to its other half


def has_descriptors(client, count):
    """Soon: who is greeted by one process may be before the other one."""
    until(f'{count} descriptors',
          lambda: len(descriptors(client.process.pid)) == count)


# ---- a handshake that fails ----

def fails(starttls, last=b'', *options, error='', seconds=PATIENCE, leave=None,
          ends=tcp):
    """After the 220 and these octets: no reply, an end, and a log."""
    forget_log()
    with Client(starttls, *options, ends=ends) as client:
        client.script((EHLO,))
        client.say_starttls()
        client.got = b''
        client.send(last)
        if leave == 'reset':
            client.close(reset=True)
            client.exit(seconds, orphans=True)
        else:
            if leave == 'shut':
                client.shut()
            client.finish(seconds)
        check(not re.search(rb'(?m)^\d{3}[ -]', client.got), client.got)
    check(log().count(' tls ') == 1, log())
    log_has(f' tls client=127.0.0.1 error="?{error}',
            ' close .* reason=tls ')
    check(not box(), 'something ran')


def garbage():
    """In the handshake, from the client; and half of one, and none."""
    for last in (b'NOOP\r\n', b'QUIT\r\n', 20000 * b'x',
                 b'\x16\x03\x01\xff\xff'):
        fails(tls(), last, leave='shut', error='the handshake failed')
    for leave in 'shut', 'reset':
        fails(tls(), leave=leave)
        fails(tls(), b'\x16\x03\x01', leave=leave)


def command_fails():
    """COMMANDs that fail, or end, after the 220."""
    for rest in ('exit 1', 'exit 0', 'kill -9 $$', 'exec 4>&-; exit 0',
                 f'exec 3>&- 4>&-; {HANGS}', 'sleep 300 & exit 1'):
        fails(ONCE + rest, b'x')
    # as where the client has left once it was up
    fails(ONCE + f'exec 3>&- 4>&-; {HANGS}', b'x',
          error='ended before its first octet')
    for rest in f'echo bad >&4; {HANGS}', 'echo bad >&4; exit 1':
        fails(ONCE + rest, b'x')
        log_has(' output client=127.0.0.1 line=bad$')
    fails(ONCE + 'exit 127', b'x')
    log_has(' config .*option --starttls')


def silent():
    """30 s, or --timeout: for a client that says nothing, one that says it
    octet by octet, and a COMMAND that does nothing."""
    fails(tls(), b'', '-t', '1', error='time-out')
    fails(tls('open'), b'', '-t', '1', error='time-out')
    fails(ONCE + HANGS, b'x', '-t', '1', error='time-out')
    with Client(tls(), '-t', '1') as client:
        client.say_starttls()
        client.got = b''
        hello = b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + bytes(505)
        for octet in hello:
            if client.eof or not client.send(bytes([octet])):
                break
            client.read(0.05)
        else:
            raise Failure('octets put off the end')
        client.finish()


# ---- what is behind STARTTLS in the clear ----

BEHIND = b'MAIL FROM:<evil@example.net>\r\nQUIT\r\n'


def behind():
    """Cut at every octet, the rest once the first part was taken: what stands
    behind it is never answered."""
    whole = STARTTLS + BEHIND[:6]
    for cut in range(len(whole) + 1):
        with Client('exec cat >/dev/null', ends=tcp) as client:
            client.script((EHLO,))
            client.got = b''
            client.send(whole[:cut])
            client.taken()
            client.send(whole[cut:] + BEHIND[6:])
            # taken before the rest was sent, it may have had its 220
            if cut == len(STARTTLS):
                client.replies(1)
                client.shut()
            client.finish()
            check(client.codes() == [421] or client.got == READY and
                  cut == len(STARTTLS), cut, client.got)
    log_has(' tls client=127.0.0.1 error="octets behind STARTTLS"',
            ' refuse .* verb=STARTTLS reply="421 4.7.0"',
            ' close .* reason=tls ')


def seqpacket():
    ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
    return Ends(ours.detach(), None, theirs.detach(), None)


def behind_unread():
    """Likewise, in a read of its own: it is there when STARTTLS is read."""
    for starttls in 'exit 1', HANGS:
        with Client(starttls, ends=seqpacket) as client:
            client.script((EHLO,))
            client.got = b''
            client.process.send_signal(signal.SIGSTOP)
            client.send(STARTTLS)
            client.send(BEHIND)
            client.process.send_signal(signal.SIGCONT)
            client.finish()
            check(client.got.startswith(b'421 4.7.0 ') and
                  client.codes() == [421], client.got)


def is_stopped(process):
    with open(f'/proc/{process.pid}/stat', encoding='ascii') as stat:
        return stat.read().rpartition(')')[2].split()[0] == 'T'


def came_meanwhile(rest, ends):
    """While COMMAND is looked at, which has stopped smtpd; false where it was
    so late that the 220 had left."""
    with Client('kill -STOP $PPID; ' + rest, ends=ends) as client:
        client.script((EHLO,))
        client.got = b''
        client.send(STARTTLS)
        until('it is stopped', lambda: is_stopped(client.process))
        client.send(BEHIND)
        if ends is tcp:
            client.taken()      # by its kernel, and not by itself
        client.process.send_signal(signal.SIGCONT)
        client.finish()
        check(client.codes() in ([421], [220]), rest, client.got, log())
        return client.codes() == [421]


def behind_meanwhile():
    """While COMMAND is looked at, whether it is good or not, and if it has had
    some of it: nothing of it is a command, and nothing is left of COMMAND."""
    for rest in (HANGS, 'exit 1', f'echo no >&4; {HANGS}',
                 f'exec 4>&-; {HANGS}', 'head -c 5 >/dev/null; exit 1',
                 f'head -c 5 >/dev/null; echo no >&4; {HANGS}',
                 f'head -c 5 >/dev/null; {HANGS}',
                 f'trap "" TERM HUP; sleep 300 & {HANGS}'):
        for ends in tcp, socket_pair, two_pipes:
            forget_log()
            check(any(came_meanwhile(rest, ends) for _ in range(10)), rest)
            log_has(' tls client=.* error="octets behind STARTTLS"',
                    ' refuse .* verb=STARTTLS reply="421 4.7.0"',
                    ' close .* reason=tls ')
            log_lacks('verb=unknown', ' message ')


def never_used():
    """In a segment of its own, before the handshake: TLS gets it, not we."""
    with Client(tls(), ends=tcp) as client:
        client.script((EHLO,))
        client.say_starttls()
        client.send(BEHIND)
        check(not client.shake_hands(), 'a handshake')
        client.close()
        client.exit(orphans=True)
    # one that swallows it, and then does TLS
    with Client(tls(before=f'head -c {len(BEHIND)} >/dev/null; '),
                ends=tcp) as client:
        client.script((EHLO,))
        client.say_starttls()
        client.send(BEHIND)
        client.taken()
        check(client.shake_hands(), 'it closed')
        client.one_message()
    log_lacks('evil')


def interrupted():
    """SIGCHLD whenever it may come: COMMAND is started once for a STARTTLS."""
    once = 'echo $$ >>"$BOX/started"; [ -e "$BOX/tried" ] || ' \
        '{ echo >"$BOX/tried"; exit 1; }; '
    with Client(tls(before=once)) as client:
        client.script((EHLO, STARTTLS))     # from now on SIGCHLD is taken
        check(client.codes() == [220, 250, 454], client.got)
        over = threading.Event()
        sender = threading.Thread(target=send_signals, daemon=True,
                                  args=(client.process, over))
        sender.start()
        client.start_tls()
        over.set()
        sender.join()
        check(len(kept('started').splitlines()) == 2, kept('started'))
        client.one_message()


def send_signals(process, over):
    while not over.is_set():
        process.send_signal(signal.SIGCHLD)


# ---- COMMAND in the session ----

def ends_early():
    """One that ends, or closes 3: the connection ends with it."""
    for words in ('ends',), ('ends=1',), ('ends=50',), ('shut',):
        with Client(tls(*words), ends=tcp) as client:
            client.start_tls()
            client.send(EHLO + MAIL + RCPT + DATA)
            client.finish()
        check(not box(), 'something ran')


def connection_ends():
    """With COMMAND, while smtpd is at work; also where descriptor 2 is the
    client's socket, as under an inetd."""
    for stderr in None, subprocess.STDOUT:
        os.mkfifo(f'{BOX}/go')
        more = {} if stderr is None else {'stderr': stderr}
        with Client(tls(before='echo $$ >"$BOX/pid"; '), ends=tcp,
                    command=WAITS, **more) as client:
            client.start_tls()
            client.ask(EHLO, MAIL, RCPT, DATA)
            client.send(MESSAGE)
            until('the command runs', lambda: os.path.exists(f'{BOX}/runs'))
            os.kill(int(kept('pid')), signal.SIGKILL)
            client.rest()
            check(client.process.poll() is None, 'it did not wait')
            with open(f'{BOX}/go', 'w', encoding='ascii') as go:
                go.write('\n')
            client.finish()
        got = box()
        check(got == [PLAIN], got)


def output():
    """What it prints is logged, and much of it holds up nobody."""
    with Client(tls('talks', before='echo one >&2; echo two >&2; ')) as client:
        client.start_tls()
        client.one_message()
    log_has(' output client=unknown line=one$',
            ' output client=unknown line=two$', ' output .* line="line 9: xx')
    check(len(log()) < 1000000, len(log()), 'octets of log')
    # but for what is cut where it was read for a while, twice
    said = re.findall('(?m) output client=unknown line=(.*)$', log())
    cut = [line for line in said if line not in ('one', 'two') and
           not re.fullmatch('"line [0-9]+: x{40}"', line)]
    check(len(said) > 500 and len(cut) <= 3, len(said), cut)
    forget_log()
    with Client('echo sorry >&2; exit 1') as client:
        client.script((STARTTLS, QUIT))
        client.finish()
    log_has(' output client=unknown line=sorry$')


def output_without_end():
    """One that never stops printing neither: not before, in, nor behind it."""
    with Client(tls(before='yes >&2 & '), '-t', '5') as client:
        client.start_tls()
        client.one_message()
    with Client('yes >&2 & sleep 300 & exit 1', '-t', '5') as client:
        client.script((EHLO, STARTTLS))
        check(client.codes() == [220, 250, 454], client.got)
        client.one_message()


def surroundings():
    """Its descriptors, signals, group and environment; the command's."""
    look = '''ls -l /proc/self/fd >"$BOX/links"
grep '^Sig[BI]' /proc/self/status >"$BOX/signals"
cat /proc/$$/environ >"$BOX/surroundings"
ps -o pgid= -p $$ >"$BOX/group"; echo $$ >"$BOX/pid"; '''
    leak = os.open('/dev/null', os.O_RDONLY)
    os.set_inheritable(leak, True)
    environ = dict(os.environ, TLS_CERTFILE='x', SSL_PROTOCOL='old',
                   RECIPIENT='old', SSLCTLFD='77', LISTEN_FDS='1')
    with Client(tls(before=look), '--hostname', 'mx', ends=tcp, command=KEEPS,
                env=environ, pass_fds=(leak,),
                ignored=(signal.SIGHUP, signal.SIGINT)) as client:
        client.script((EHLO,))
        client.start_tls()
        client.ask(b'NOOP\r\n')
        has_descriptors(client, 5 + APART)
        check(client.ask(*ONE) == ONE_CODES, client.got)
        client.finish()
    links = dict(re.findall(r' (\d+) -> (.*)', kept('links').decode()))
    check(list(links) == ['0', '1', '2', '3', '4', '5'], links)
    check('socket:' in links['0'] and 'socket:' in links['3'], links)
    check('pipe:' in links['2'] and '/proc/' in links['5'], links)
    check('pipe:' in links['4'] and links['4'] != links['2'], links)
    check(links['3'] != links['0'], links)
    check(kept('group').strip() == kept('pid').strip(), kept('group'))
    masks = [int(line.split()[1], 16) for line in
             kept('signals').splitlines()]
    # but for glibc's own two, which its posix_spawn leaves ignored
    check([mask & ~(3 << 31) for mask in masks] == [0, 0], masks)
    variables = dict(one.split(b'=', 1) for one in
                     kept('surroundings').split(b'\0') if one)
    check(variables[b'TLS_CERTFILE'] == b'x', variables)
    check(variables[b'CLIENT_ADDRESS'] == b'127.0.0.1', variables)
    check(variables[b'CLIENT_HELO'] == b'client.example', variables)
    for name in b'SSL_PROTOCOL', b'RECIPIENT', b'SSLCTLFD', b'LISTEN_FDS':
        check(name not in variables, name, variables)
    check(kept('fds') == LS, kept('fds'))


def stays():
    """One that does not end with the session is killed, and all of its group,
    whether the client left, was told to, or said QUIT."""
    for before, words in (('', ('stays',)), ('sleep 300 4>&- & ', ()),
                          ('trap "" TERM HUP; sleep 300 3>&- 4>&- & ',
                           ('stays',))):
        for end in QUIT, b'':
            with Client(tls(*words, before=before), ends=tcp) as client:
                client.start_tls()
                client.ask(EHLO)
                if end:
                    client.ask(end)
                    client.rest()
                client.close()
                client.exit(orphans=True)


def stopped():
    """SIGTERM in the handshake, and in each state behind it."""
    with Client(tls()) as client:
        client.script((EHLO,))
        client.say_starttls()
        client.got = b''
        client.process.send_signal(signal.SIGTERM)
        client.finish()
        check(not client.got, client.got)
    log_has(' tls .* error=stopped$', ' close .* reason=tls ')
    for steps in (), (EHLO,), (EHLO, MAIL, RCPT, DATA):
        with Client(tls()) as client:
            client.start_tls()
            client.ask(b'NOOP\r\n', *steps)
            client.process.send_signal(signal.SIGTERM)
            client.rest()
            check(client.last().startswith(STOP), client.got)
            client.finish()
    os.mkfifo(f'{BOX}/go')
    with Client(tls(), command=WAITS) as client:
        client.start_tls()
        client.ask(EHLO, MAIL, RCPT, DATA)
        client.send(MESSAGE)
        until('the command runs', lambda: os.path.exists(f'{BOX}/runs'))
        client.process.send_signal(signal.SIGTERM)
        with open(f'{BOX}/go', 'w', encoding='ascii') as go:
            go.write('\n')
        client.rest()
        check(client.codes() == [250, 250, 250, 354, 250, 421], client.got)
        client.finish()
    got = box()
    check(got == [PLAIN], got)


def large():
    """Some MiB in, and replies that nobody reads until both ways are full."""
    body = 50000 * (98 * b'x' + b'\r\n')
    with Client(tls()) as client:
        client.start_tls()
        for _ in range(2):
            check(client.ask(EHLO, MAIL, RCPT, DATA, body + b'.\r\n') ==
                  ONE_CODES[:-1], client.codes())
        many = 5000
        fill(client, many * (b'HELP\r\nNOOP ' + 1000 * b'x' + b'\r\n'))
        client.replies(10 + 2 * many)
        check(client.codes()[10:] == many * [214, 250], client.codes()[-3:])
        client.ask(QUIT)
        client.finish()
    got = box()
    check(got == 2 * [body.replace(b'\r\n', b'\n')], len(got))


def fill(client, octets):
    """Sends them, and reads nothing until nothing more is taken."""
    client.tls.write(octets)
    octets = client.coded_out.read()
    os.set_blocking(client.ends.writes, False)
    stuck = 0
    while octets:
        if select.select([], [client.ends.writes], [], 0.5 if not stuck
                         else 0)[1]:
            octets = octets[os.write(client.ends.writes, octets[:65536]):]
        else:
            stuck += 1
            check(client.read(PATIENCE), 'it does not go on')
    check(stuck, 'never full')


def pipelined():
    """Two messages and more in one write; QUIT is the last word."""
    with Client(tls(), ends=tcp) as client:
        client.start_tls()
        client.send(EHLO + 2 * (MAIL + RCPT + DATA.replace(
            DATA, b'BDAT 14 LAST\r\nSubject: two\r\n')) + 500 * b'NOOP\r\n' +
            QUIT)
        client.rest()
        check(client.codes() == [250] + 6 * [250] + 500 * [250] + [221],
              client.codes())
        client.finish()
    got = box()
    check(got == 2 * [b'Subject: two\n'], got)


def lmtp():
    """A run a recipient, each answered as it is known."""
    lhlo = EHLO.replace(b'EHLO', b'LHLO')
    with Client(tls(), '--lmtp') as client:
        client.script((lhlo,))
        client.start_tls()
        client.ask(lhlo, MAIL, RCPT, RCPT, DATA)
        client.send(MESSAGE)
        client.replies(7)
        client.ask(QUIT)
        check(client.codes() == [250, 250, 250, 250, 354, 250, 250, 221],
              client.got)
        client.finish()
    got = box()
    check(got == 2 * [PLAIN], got)


def timeout():
    """A client that is silent in TLS is told so in TLS."""
    with Client(tls(), '-t', '5') as client:
        client.start_tls()
        client.ask(EHLO)
        client.rest()
        check(client.last().startswith(b'421 4.4.2 '), client.got)
        client.finish()


def run(cases):
    """The one that the command line names."""
    try:
        cases[sys.argv[1]]()
    except Failure as failure:
        sys.exit(f'{sys.argv[1]}: {failure}')


if __name__ == '__main__':
    run(globals())
