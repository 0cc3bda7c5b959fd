#!/usr/bin/env python3
"""listen CASE [argument ...]: smtpd accepts by itself, of sockets that are left
to it in each of the ways in which launchers do."""
import fcntl
import itertools
import os
import pty
import re
import resource
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import time

from listening import (APART, LETTER, LETTER_CODES, MESSAGE, PLAIN, WAYS,
                       Client, Server, environments, forget_log, lines, log,
                       logged, no_server_left, runtime, smtpd_of, state)
from session import (BOX, CATCH, DATA, EHLO, MAIL, PATIENCE, QUIT, RCPT, SMTPD,
                     Failure, Session, box, check, children, descriptors,
                     listen, listen_unix, none_left, tcp, until)

HERE = os.path.dirname(os.path.abspath(__file__))
SANITIZED = b'__asan_init' in open(SMTPD, 'rb').read()
SORRY = b'421 4.3.5 '
TOO_MANY = b'421 4.7.0 '
STOP = b'421 4.3.2 '
SOON = 2.5   # seconds
KINDS = (listen, lambda: listen('::1'), listen_unix)
# A run that begins when it is let go.
HELD = ('sh', '-c', '''echo >"$BOX/runs"; read -r x <"$BOX/go"
cat >"$BOX/1.msg"''')


def kept(count=1):
    got = box()
    check(got == count * [PLAIN], 'kept', got)


def flags(listener):
    """Of the very socket that smtpd has too, for it is one description."""
    return fcntl.fcntl(listener, fcntl.F_GETFL)


def rewrite(path, text):
    with open(path + '.new', 'w', encoding='ascii') as file:
        file.write(text)
    os.rename(path + '.new', path)


# ---- the ways ----

def ways():
    """Each, with each kind of socket, blocking or not."""
    for way, kind, blocking in itertools.product(WAYS, KINDS, (True, False)):
        listener = kind()
        listener.setblocking(blocking)
        before = flags(listener)
        with Server(listener, '--no-received', way=way) as server:
            for _ in range(2):
                server.client().delivers()
            server.has(0)
            check(flags(listener) == before, 'other flags')
            server.stop()
            check(flags(listener) == before, 'other flags')
        kept(2)
        check(len(lines('reason=quit messages=1')) == 2 * (way != 'inetd'),
              way, 'log', log())
        forget_log()


def several():
    """All of them are served, whatever they are, one after the other and at
    once."""
    for count in 1, 2, 3:
        sockets = [kind() for kind in KINDS[:count]]
        sockets[-1].setblocking(False)
        with Server(sockets, '--no-received') as server:
            for _ in range(2):
                clients = [server.client(at=at) for at in range(count)]
                for client in clients:
                    client.greeted()
                pids = server.has(count)
                for client in clients:
                    client.delivers()
                until('their own lines', lambda: all(
                    lines(rf'\[{pid}\]: close ') for pid in pids))
            server.stop()
        kept(2 * count)


def two():
    """Where 0, 1 and 2 are the socket, nothing but replies reaches a client,
    and what is on 2 is nobody's."""
    says = ('sh', '-c', 'echo spilt; echo spilt >&2; cat >&2')
    for options in (), ('--log', 'stderr'), ('--log', 'syslog'):
        with Server(listen(), '-v', *options, way='inetd',
                    command=says) as server:
            with server.client().greeted() as client:
                [session] = server.has(1)
                for pid in server.pid, session:
                    check(descriptors(pid)[2] == '/dev/null',
                          descriptors(pid))
                client.delivers()
                for line in client.got.splitlines():
                    check(re.match(rb'\d{3}[ -][^[]', line) and
                          b'spilt' not in line, client.got)
            server.stop()
    check(not log(), 'log', log())


def one_log():
    """Where 1 and 2 are one log, a pipe's or the journal's socket, it is no
    client's."""
    for way, count in ('wait', 1), ('systemd', 1), ('systemd', 2):
        for ends in os.pipe, lambda: [one.detach() for one in
                                      socket.socketpair()]:
            reads, writes = ends()
            with Server([listen() for _ in range(count)], way=way,
                        stdout=writes, stderr=writes) as server:
                os.close(writes)
                server.client().delivers()
                server.stop()
            said = os.read(reads, 65536)
            check(b' close client=127.0.0.1 ' in said, way, count, said)
            os.close(reads)
            box()


# ---- what a session has ----

# What launchers say of a client; all of it is wrong here.
STALE = {
    'PROTO': 'TCP', 'TCPREMOTEIP': '203.0.113.9', 'TCPREMOTEPORT': '9',
    'TCPREMOTEHOST': 'stale.example', 'TCPREMOTEINFO': 'stale',
    'TCPLOCALIP': '203.0.113.10', 'TCPLOCALPORT': '10', 'TCPX': 'stale',
    'REMOTE_ADDR': '203.0.113.9', 'REMOTE_PORT': '9',
    'REMOTE_HOST': '203.0.113.9', 'SOCAT_PEERADDR': '203.0.113.9',
    'SOCAT_PEERPORT': '9', 'SOCAT_OPENSSL_PROTO_VERSION': 'TLSv1.3',
    'SOCAT_OPENSSL_CIPHER': 'stale', 'NCAT_REMOTE_ADDR': '203.0.113.9',
    'NCAT_REMOTE_PORT': '9', 'RELAYCLIENT': '', 'LISTEN_FDNAMES': 'stale',
    'LISTEN_X': 'stale', 'SSL_PROTOCOL': 'TLSv1.3', 'SSL_CIPHER': 'stale',
    'SSL_CLIENT_S_DN': 'stale', 'SSL_PEER_S_DN': 'stale',
    'SSL_TLS_SNI_SERVERNAME': 'stale'}
FOR_TLS = ('SSLCTLFD', 'SSLREADFD', 'SSLWRITEFD')
# What is about no client.
STAYS = {'SSL_CERT_FILE': '/etc/own.pem', 'SSL_CERT_DIR': '/etc/own',
         'PROTOCOL': 'own', 'MY_TCP': 'own', 'LISTENER': 'own',
         'RELAYCLIENTS': 'own', 'SOCATX': 'own'}


# Of our launcher, where it is bash.
OF_BASH = {'_', 'SHLVL', 'PWD', 'OLDPWD'}


def as_inetd():
    """The names that a command gets of a connection."""
    os.environ.update(STAYS)
    session = Session(tcp())
    try:
        check(session.script((EHLO, *LETTER)), 'it closed')
        session.rest()
        session.close()
        session.exit()
    finally:
        session.end()
        for name in STAYS:
            del os.environ[name]
    [environment] = environments()
    box()
    return set(environment)


def environment():
    """Nothing in it is about another client: not for us, not for the command.
    What descriptors are named for TLS, sockets of ours too, is not true."""
    usual = as_inetd()
    elsewhere = b'RCPT TO:<joe@elsewhere.example>\r\n'
    for way, count in ('inetd', 1), ('wait', 1), ('systemd', 1), ('systemd', 3):
        sockets = [listen_unix(), listen(), listen('::1')][-count:]
        leaks = [fcntl.fcntl(sockets[0], fcntl.F_DUPFD, 90)
                 for _ in (FOR_TLS if count == 1 else ())]
        stale = dict(STALE, **dict(zip(FOR_TLS, map(
            str, leaks or (3, 4, 5)))))
        with Server(sockets, '-d', 'example.org', way=way, leaks=leaks,
                    **stale, **STAYS) as server:
            for fd in leaks:
                os.close(fd)
            for at in range(count):
                client = server.client(at=at)
                client.delivers(letter=(MAIL, elsewhere, *LETTER[1:]),
                                codes=(250, 550, *LETTER_CODES[1:]))
                check(b'STARTTLS' not in client.got, client.got)
                [found] = environments()
                wrong = [name for name, value in stale.items()
                         if found.get(name) == value and name != 'PROTO']
                check(not wrong, 'the command got', wrong)
                check(('PROTO' in found) == bool(client.address), 'PROTO')
                check(all(found.get(name) == value
                          for name, value in STAYS.items()), 'less', found)
                if client.address:
                    other = (set(found) ^ usual) - OF_BASH
                    check(not other, 'other variables:', other)
                check(b' with ESMTP id ' in box()[0], 'with TLS?')
            server.stop()
    check(not lines('203.0.113|stale'), log())


def named():
    """Who a client is, in its variables and in the log."""
    dual = socket.create_server(('::', 0), family=socket.AF_INET6,
                                dualstack_ipv6=True)
    port = dual.getsockname()[1]
    v4, v6, unix = listen(), listen('::1'), listen_unix()
    with Server([v4, v6, unix, dual]) as server:
        for name, source, at in (
                (v4.getsockname(), '127.0.0.5', '127.0.0.1'),
                (v6.getsockname(), '::1', '::1'),
                (('127.0.0.6', port), '127.0.0.7', '127.0.0.6'),
                (('::1', port), '::1', '::1'),
                (unix.getsockname(), None, None)):
            client = Client(name, source)
            client.delivers()
            [found] = environments()
            [text] = box()
            wanted = dict.fromkeys(('CLIENT_ADDRESS', 'TCPREMOTEIP',
                                    'TCPREMOTEPORT', 'TCPLOCALIP',
                                    'TCPLOCALPORT', 'PROTO'))
            if source is not None:
                wanted = {'CLIENT_ADDRESS': source, 'TCPREMOTEIP': source,
                          'TCPREMOTEPORT': str(client.port),
                          'TCPLOCALIP': at, 'TCPLOCALPORT': str(name[1]),
                          'PROTO': 'TCP'}
            for key, value in wanted.items():
                check(found.get(key) == value, key, found.get(key), source)
            where = b'' if source is None else (
                b' ([IPv6:' if ':' in source else b' ([') + source.encode()
            check(text.startswith(b'Received: from client.example' + where),
                  text)
            logged(f' close client={source} port={client.port} ' if source
                   else ' close client=unknown reason=quit')
            logged(f' message .* client={source or "unknown"} ')
            forget_log()
        server.stop()


# With one that ls has opened itself.
KEEPS_FDS = ('sh', '-c', 'ls -l /proc/self/fd >"$BOX/fds"')


def has_left(doer, names):
    """With --sandbox the connection is the other process's, and no more is."""
    until('its connection is left', lambda: descriptors(doer)[0] == '/dev/null')
    [speaker] = children(doer)
    found = descriptors(speaker)
    check(len(found) == 4 and found[0] == found[1] and
          not names & set(found.values()), found)


def open_descriptors():
    """No session and no command has one of a socket that listens, nor one that
    leaked into smtpd; who accepts has no more than it needs."""
    users = f'{BOX}/users'
    rewrite(users, 'help:\n')
    for way, count in ('inetd', 1), ('wait', 1), ('systemd', 1), ('systemd', 3):
        sockets = [kind() for kind in KINDS[:count]]
        names = {f'socket:[{os.fstat(one.fileno()).st_ino}]'
                 for one in sockets}
        leak = fcntl.fcntl(sockets[0], fcntl.F_DUPFD, 90)
        with Server(sockets, '--users', users, way=way, command=KEEPS_FDS,
                    leaks=[leak]) as server:
            os.close(leak)
            with server.client().greeted() as other:
                [first] = server.has(1)
                with server.client().greeted() as client:
                    [second] = set(server.has(2)) - {first}
                    until('its own are closed', lambda: len(
                        descriptors(server.pid)) == 3 + count)
                    for pid in (first, second) * APART:
                        has_left(pid, names)
                    found = [descriptors(pid)
                             for pid in (server.pid, first, second)]
                    client.delivers()
                parent = list(found[0].values())
                check(len(parent) == 3 + count and
                      names <= set(parent), way, found[0])
                check(found[0][0] == found[0][1] == '/dev/null', found[0])
                for session in found[1:]:
                    check(sorted(session) == [0, 1, 2, 3] + [4] * APART and
                          session[0] == session[1] and session[3] == users
                          and not names & set(session.values()), way, session)
                check((found[1][0] != found[2][0]) != APART, 'one for both')
            with open(f'{BOX}/fds', encoding='ascii') as file:
                of_command = re.findall(r'(\d+) -> (.*)', file.read())
            os.unlink(f'{BOX}/fds')
            check([fd for fd, _ in of_command] == ['0', '1', '2', '3'] and
                  'socket' not in str(of_command), of_command)
            server.stop()


# ---- what cannot be served ----

def connected_pair():
    ends = tcp()
    ours = Client.__new__(Client)
    ours.got, ours.eof, ours.ends = b'', False, ends
    os.set_blocking(ends.reads, False)
    return ours, socket.socket(fileno=ends.their_in)


def datagram():
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind(('127.0.0.1', 0))
    return one


def packets():
    """One that listens, and would lose the rest of what does not fit."""
    one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    one.bind('')
    one.listen()
    return one


def is_config(server, status=78, word='left'):
    server.ends(status)
    check(len(lines('.')) == 1, log())
    logged(f'config error=".*{word}.*"')
    forget_log()


def mixture():
    """Listening and connected, several connected, and datagrams: config, and
    who is connected hears of it; one connected is a connection."""
    ours, theirs = connected_pair()
    third, listener = listen(), listen()
    with Server([listener, theirs, third]) as server:
        ours.is_told(SORRY)
        for at in 0, 2:
            with server.client(at=at) as client:
                client.is_told(SORRY)
        server.process.terminate()
        is_config(server, 0)
    pairs = [connected_pair() for _ in range(3)]
    with Server([theirs for _, theirs in pairs]) as server:
        for ours, _ in pairs:
            ours.is_told(SORRY)
        is_config(server)
    listener = listen()
    with Server([datagram(), listener]) as server:
        with server.client(at=1) as client:
            client.is_told(SORRY)
        server.process.terminate()
        is_config(server, 0)
    for way in 'systemd', 'wait':
        for one in datagram(), packets():
            with Server(one, way=way) as server:
                is_config(server, word='no stream socket')
    for way, more in (('systemd', {}), ('two', {
            'LISTEN_FDS': '2', 'LISTEN_PID': str(os.getpid())})):
        ours, theirs = connected_pair()
        with Server(theirs, way=way, **more) as server:
            check(ours.script((EHLO, QUIT)), 'it closed')
            server.ends(0)


def manager(abstract):
    """Who is told READY=1, and its address."""
    one = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    path = f'smtpd-test.{os.getpid()}' if abstract else f'{BOX}/n'
    one.bind('\0' + path if abstract else path)
    return one, '@' + path if abstract else path


def told_to(one):
    """What it was told up to now."""
    try:
        return one.recv(100, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return b''


BAD = ((('--users', '/nonexistent/users'), 78),
       (('--no-such-option',), 64),
       (('--require-tls', '--proxy', '--xclient', 'unix'), 78),
       (('--max-sessions', '18446744073709551615'), 64))


def bad():
    """A configuration that is not good does not cost the port: for 5 seconds
    each client is told 421 4.3.5, by one that has not said READY=1."""
    began = time.monotonic()
    one, name = manager(True)
    early = []
    servers = []
    for options, _ in BAD:
        listener, more = listen(), listen_unix()
        early.append(Client(listener.getsockname(), before=1000 * EHLO))
        early.append(Client(more.getsockname()))
        servers.append(Server([listener, more], *options, NOTIFY_SOCKET=name))
    for client in early:
        client.is_told(SORRY)
        client.close()
    for n in range(5):
        for server in servers:
            with server.client(at=n % 2) as client:
                client.is_told(SORRY)
    for server in servers:
        check(server.process.poll() is None, 'it has ended')
    for server, (_, status) in zip(servers, BAD):
        with server:
            server.exits(status)
    until('their processes end', none_left)
    check(time.monotonic() - began > 5, 'too soon')
    check(len(lines('config')) == len(lines('.')) == len(BAD), log())
    check(not told_to(one), 'it said READY=1')


def bad_stopped():
    """A signal ends that at once, and is no failure; so is no terminal's, and
    no --check's: there it ends by itself, and who waits, waits on."""
    for stop in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
        with Server(listen(), '--users', '/nonexistent') as server:
            with server.client() as client:
                client.is_told(SORRY)
            server.process.send_signal(stop)
            server.exits(0, SOON)
    ours, terminal = pty.openpty()
    for options, more, status in (
            (('--users', '/nonexistent'), {'stderr': terminal}, 78),
            (('--no-such-option',), {'stderr': terminal}, 64),
            (('--check', '--users', '/nonexistent'), {}, 78),
            (('--check', '--no-such-option'), {}, 64),
            (('--check',), {}, 0)):
        for way in 'wait', 'systemd':
            listener = listen()
            with Client(listener.getsockname()) as waits:
                with Server(listener.dup(), *options, way=way,
                            **more) as server:
                    server.ends(status)
                with Server(listener) as server:
                    waits.delivers()
                    server.stop()
    os.close(terminal)
    said = os.read(ours, 65536)
    check(said.count(b'config') == 4, said)
    box()


# ---- how many ----

def max_sessions():
    """The rest waits its turn; who accepts then hears signals as before."""
    for count, blocking in itertools.product((1, 2), (True, False)):
        sockets = [listen(), listen_unix()]
        for one in sockets:
            one.setblocking(blocking)
        with Server(sockets, '--no-received',
                    '--max-sessions', str(count)) as server:
            first = [server.client().greeted() for _ in range(count)]
            later = [server.client(at=n % 2) for n in range(4)]
            server.has(count)
            until('it sleeps', lambda: state(server.pid) == 'S')
            before = runtime(server.pid)
            later[-1].waits()
            check(not any(client.read(0) for client in later), 'too many')
            check(runtime(server.pid) == before, 'it is busy')
            for client in first:
                client.delivers()
            served = 0
            while later:
                client = until('the next', lambda: next(
                    (one for one in later if one.read(0)), None))
                later.remove(client)
                check(len(server.sessions()) <= count, 'too many')
                client.delivers()
                served += 1
            server.has(0)
            server.stop()
        kept(count + served)


def refused(client):
    """Past --max-per-client; and one line about it, which has no verb."""
    with client:
        client.is_told(TOO_MANY)
        logged(rf' refuse client={client.address} port={client.port} '
               r'reply="421 4\.7\.0"$')


def max_per_client():
    with Server(listen(), '--max-per-client', '2',
                '--max-sessions', '3') as server:
        held = [server.client('127.0.0.5').greeted() for _ in range(2)]
        for _ in range(5):
            refused(server.client('127.0.0.5', before=EHLO))
        # they have taken no place
        with server.client('127.0.0.6').greeted():
            server.has(3)
            held.pop().close()
            server.has(2)
            held.append(server.client('127.0.0.5').greeted())
        server.has(2)
        refused(server.client('127.0.0.5'))
        # nor made a health check heard of
        with server.client('127.0.0.7') as probe:
            check(probe.script((EHLO, QUIT)), probe.got)
        server.has(2)
        check(not lines('client=127.0.0.7 '), log())
        for client in held:
            client.delivers()
        server.client('127.0.0.5').delivers()
        server.stop()
    kept_texts = box()
    check(len(kept_texts) == 3, kept_texts)


def is_served(server, count, source=None, at=0, before=b''):
    """So many at once."""
    clients = [server.client(*[source] * (source is not None), at=at,
                             before=before) for _ in range(count)]
    for client in clients:
        client.greeted()
    server.has(count)
    for client in clients:
        client.close()
    server.has(0)


def not_counted():
    """Those of a unix socket, those of --xclient, those of a proxy; nobody
    where the limit is 0.  Else it is 20."""
    one = ('--max-per-client', '1')
    header = b'PROXY TCP4 203.0.113.7 192.0.2.1 4000 25\r\n'
    with Server(listen_unix(), *one) as server:
        is_served(server, 5)
        server.stop()
    with Server(listen(), *one, '--xclient', '127.0.0.5', '--xclient',
                '127.0.1.0/24', '--xclient', 'unix') as server:
        is_served(server, 5, '127.0.0.5')
        is_served(server, 5, '127.0.1.99')
        with server.client('127.0.0.6').greeted():
            refused(server.client('127.0.0.6'))
        server.stop()
    with Server(listen(), *one, '--proxy') as server:
        is_served(server, 5, before=header)
        server.stop()
    with Server(listen(), '--max-per-client', '0') as server:
        is_served(server, 30)
        server.stop()
    with Server(listen()) as server:
        held = [server.client().greeted() for _ in range(20)]
        refused(server.client())
        for client in held:
            client.close()
        server.stop()


def poked(numbers, addresses):
    """strace, which says that the accepts with these numbers gave others."""
    words = ['strace', '-o', '/dev/null', '-e', 'trace=accept,accept4']
    for call in 'accept', 'accept4':
        for number, address in zip(numbers, addresses):
            octets = socket.inet_pton(socket.AF_INET6, address)
            words += ['-e', f'inject={call}:poke_exit=@arg2=0a001f900000'
                      f'0000{octets.hex()}:when={number}']
    return words


def networks():
    """Of IPv6 a client is a /64."""
    for address, counts in (('::1:2:3:4', True), ('::8000:0:0:9', True),
                            ('0:0:0:1::1', False), ('2001:db8::1', False)):
        with Server(listen('::1'), '--max-per-client', '1', way='wait',
                    prefix=poked([2], [address])) as server:
            smtpd = smtpd_of(server.pid)
            with server.client().greeted(), server.client() as second:
                if counts:
                    second.is_told(TOO_MANY)
                    logged(f' refuse client={address} port=8080 reply=')
                else:
                    second.greeted()
            until('its sessions end', lambda: not children(smtpd))
            os.kill(smtpd, signal.SIGTERM)
            server.ends(0)
        forget_log()


def reset_at_once():
    """Who has reset the connection before it is accepted is named, and
    counted."""
    listener = listen()
    with Server(listener, '-v', '--max-per-client', '1') as server:
        server.client().delivers()
        for source, holds in ('127.0.0.5', False), ('127.0.0.6', True):
            held = server.client(source).greeted() if holds else None
            server.has(int(holds))
            server.process.send_signal(signal.SIGSTOP)
            client = server.client(source)
            client.close(reset=True)
            server.process.send_signal(signal.SIGCONT)
            if holds:
                logged(f' refuse client={source} port={client.port} ')
                held.close()
            else:
                logged(f' connect client={source} port={client.port}$')
                logged(f' close client={source} port={client.port} ')
        server.has(0)
        server.client().delivers()
        server.stop()
    box()


# ---- the end of a session, and of all ----

HANDLED = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}
NO_END = {signal.SIGCONT, signal.SIGURG, signal.SIGWINCH, signal.SIGSTOP,
          signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGPIPE,
          signal.SIGXFSZ}
# The sanitizer has handlers for these.
REPORTED = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL,
            signal.SIGABRT}


def dies():
    """By every signal that ends a process: one line says so, and nobody else
    notices."""
    signals = signal.valid_signals() - HANDLED - NO_END
    if SANITIZED:
        signals -= REPORTED
    check(len(signals) > 40, signals)
    with Server([listen(), listen_unix()], '--no-received',
                '--max-sessions', '3') as server:
        other = server.client().greeted()
        check(other.script((EHLO, MAIL, RCPT)), other.got)
        [its] = server.has(1)
        for number, at in zip(sorted(signals), itertools.cycle((0, 1))):
            with server.client('127.0.0.5' if at == 0 else None,
                               at=at).greeted() as client:
                [pid] = set(server.has(2)) - {its}
                server.client('127.0.0.6').greeted().close()
                os.kill(pid, number)
                client.rest()
                who = (f'127.0.0.5 port={client.port}' if at == 0 else
                       'unknown')
                logged(f' close client={who} signal={int(number)}$')
            server.has(1)
            forget_log()
        check(other.script(LETTER[2:]), other.got)
        other.close()
        server.has(0)
        server.stop()
    kept()


def stops(*names):
    """Each session is told, the running command ends, and who comes meanwhile
    is served by the next."""
    for name in names:
        listener = listen()
        os.mkfifo(f'{BOX}/go')
        server = Server(listener.dup(), '--no-received', command=HELD)
        next_server = None
        try:
            running = server.client().greeted()
            idle = server.client().greeted()
            middle = server.client().greeted()
            check(running.script((EHLO, MAIL, RCPT, DATA)), running.got)
            check(running.send(MESSAGE + MAIL + RCPT + DATA), 'it closed')
            check(middle.script((EHLO, MAIL, RCPT, DATA)), middle.got)
            check(middle.send(MESSAGE[:-3]), 'it closed')
            until('the command runs', lambda: os.path.exists(f'{BOX}/runs'))
            server.process.send_signal(signal.Signals[name])
            idle.rest()
            middle.rest()
            for client in idle, middle:
                check(client.got.splitlines()[-1].startswith(STOP), client.got)
                client.close()
            late = server.client(before=EHLO)
            late.waits()
            server.has(1)
            check(not running.read(0.1), 'it did not wait', running.got)
            with open(f'{BOX}/go', 'w', encoding='ascii') as go:
                go.write('\n')
            running.rest()
            check(running.codes()[5:] == [250, 421], running.got)
            running.close()
            server.ends(0)
            next_server = Server(listener, '--no-received')
            check(late.replies(2) and late.script(LETTER), late.got)
            late.close()
            next_server.stop()
        finally:
            for one in server, next_server:
                if one is not None:
                    one.__exit__()
        os.unlink(f'{BOX}/go')
        kept(2)


def ignored(*names):
    """SIGINT and SIGHUP that came ignored: a terminal's, of somebody else."""
    for name in names:
        number = signal.Signals[name]
        with Server(listen(), preexec=lambda: signal.signal(
                number, signal.SIG_IGN)) as server:
            server.client().delivers()
            server.process.send_signal(number)
            server.client().delivers()
            server.stop()
    box()


def unread_log():
    """Where nobody reads the log it waits a second, once, and no longer: what
    ends meanwhile is not forgotten."""
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    with Server(listen(), '--max-per-client', '1', stderr=writes) as server:
        held = server.client().greeted()
        [session] = server.has(1)
        try:
            while os.write(writes, 65536 * b'x'):
                pass
        except BlockingIOError:
            pass
        with server.client() as client:
            client.waits()
            held.close()
            until('the session ends', lambda: state(session) != 'S')
            client.is_told(TOO_MANY)
        until('it is asked for', lambda: state(session) == 'X')
        server.stop()
    os.close(reads)
    os.close(writes)


def full_stop():
    """At the limit, with all places taken, a signal ends it too."""
    with Server([listen(), listen()], '--max-sessions', '1') as server:
        client = server.client().greeted()
        server.client().waits()
        server.process.terminate()
        client.rest()
        client.close()
        server.ends(0)


def shared():
    """Two servers on one socket: each connection has one of them, and where
    one ends the other goes on."""
    for blocking in True, False:
        listener = listen()
        listener.setblocking(blocking)
        with Server(listener.dup(), '--no-received') as old:
            for _ in range(5):
                old.client().delivers()
            with Server(listener, '--no-received') as new:
                for _ in range(20):
                    new.client().delivers()
                old.process.terminate()
                # it may wait for one more, whom it turns away
                while old.process.poll() is None:
                    client = new.client()
                    client.replies(1)
                    check(client.codes() in ([220], [421], [220, 421]),
                          client.got)
                    client.close()
                old.exits(0)
                new.client().delivers()
                new.stop()
        check(set(box()) == {PLAIN}, 'kept')


def notify():
    """READY=1 is there before anybody is greeted, STOPPING=1 while a session
    still runs."""
    os.mkfifo(f'{BOX}/go')
    for abstract in True, False:
        one, name = manager(abstract)
        listener = listen()
        early = Client(listener.getsockname())
        with Server(listener, command=HELD, NOTIFY_SOCKET=name) as server:
            early.greeted()
            check(told_to(one) == b'READY=1', 'not ready')
            check(early.script((EHLO, MAIL, RCPT, DATA)), early.got)
            early.send(MESSAGE)
            until('the command runs', lambda: os.path.exists(f'{BOX}/runs'))
            check(not told_to(one), 'more')
            server.process.terminate()
            until('STOPPING=1', lambda: told_to(one) == b'STOPPING=1')
            with open(f'{BOX}/go', 'w', encoding='ascii') as go:
                go.write('\n')
            early.rest()
            check(early.codes()[-2:] == [250, 421], early.got)
            early.close()
            server.ends(0)
            check(not told_to(one), 'more')
        for file in '1.msg', 'runs':
            os.unlink(f'{BOX}/{file}')
    # nobody there, and no name
    for name in f'{BOX}/nobody', '', '@', 200 * 'x', 'relative':
        with Server(listen(), NOTIFY_SOCKET=name) as server:
            server.client().delivers()
            server.stop()


# ---- the configuration of a session ----

def anew():
    """Files are read by each session; one that has become bad is a fault of
    that session alone."""
    users, domains = f'{BOX}/users', f'{BOX}/domains'
    rewrite(users, 'ann:\n')
    rewrite(domains, 'example.org\n')
    rcpt = (b'RCPT TO:<ann@example.org>\r\n', b'RCPT TO:<bob@example.org>\r\n',
            b'RCPT TO:<bob@example.com>\r\n')

    def answers(server):
        with server.client() as client:
            check(client.script((EHLO, MAIL, *rcpt)), client.got)
            return client.codes()[3:]

    with Server([listen(), listen()], '--users', users,
                '--domain', domains) as server:
        check(answers(server) == [250, 550, 550], 'at first')
        rewrite(users, 'bob:\n')
        check(answers(server) == [550, 250, 550], 'other users')
        rewrite(domains, 'example.com\n')
        check(answers(server) == [550, 550, 250], 'another domain')
        rewrite(users, 'bob@:@@\n')
        with server.client() as client:
            client.is_told(SORRY)
        logged(' config error=".*users:1')
        os.unlink(users)
        with server.client() as client:
            client.is_told(SORRY)
        rewrite(users, 'bob:\n')
        check(answers(server) == [550, 550, 250], 'good again')
        server.stop()


# ---- what a session may be ----

def lmtp():
    with Server(listen(), '--lmtp', '--no-received') as server:
        client = server.client()
        client.delivers(EHLO.replace(b'EHLO', b'LHLO'),
                        (MAIL, RCPT, RCPT, DATA, MESSAGE, QUIT),
                        (250, 250, 250, 354, 250, 250, 221))
        server.stop()
    kept(2)


def letter_by(client):
    check(client.sendmail('ann@example.net', ['help@example.org'],
                          MESSAGE[:-3]) == {}, 'refused')


def starttls():
    """And AUTH behind it: two sessions at once."""
    auth = '[ "$(tr "\\0" : <&3 | cut -d : -f -2)" = joe:right ]'
    context = ssl.create_default_context(cafile=f'{HERE}/tls.pem')
    context.check_hostname = False
    with Server(listen(), '--starttls', f'exec python3 -B {HERE}/tls.py',
                '--auth', auth, '--require-tls', '--require-auth') as server:
        at = server.sockets[0].getsockname()
        clients = [smtplib.SMTP(*at, 'client.example', PATIENCE)
                   for _ in range(2)]
        for client in clients:
            client.starttls(context=context)
            client.login('joe', 'right')
        for client in clients:
            letter_by(client)
            client.quit()
        for found in environments():
            check(found['SASL_USERNAME'] == 'joe', found)
            check(found['CLIENT_PROTOCOL'] == 'ESMTPSA', found)
            check(found['CLIENT_ADDRESS'] == '127.0.0.1', found)
        server.stop()
    check(len(box()) == 2, 'not two')


def proxy():
    """The client is whom the header names, of each connection anew."""
    with Server([listen(), listen_unix()], '--proxy',
                '--no-received') as server:
        for at, who in (0, '203.0.113.7'), (1, '203.0.113.8'):
            client = server.client(
                at=at, before=b'PROXY TCP4 %s 192.0.2.1 4000 25\r\n' %
                who.encode())
            client.delivers()
            [found] = environments()
            check(found['CLIENT_ADDRESS'] == who, found)
            check(found['TCPREMOTEPORT'] == '4000', found)
            kept()
            logged(f' close client={who} port=4000 reason=quit')
        server.stop()


# ---- faults ----

def traced(*rules):
    """strace; the sessions are not its own."""
    calls = ','.join(rule.partition(':')[0] for rule in rules)
    return ['strace', '-o', f'{BOX}.trace', '-e', f'trace={calls}',
            *(f'-einject={rule}' for rule in rules)]


class Traced(Server):
    """Under strace, whose child it is."""

    def __init__(self, sockets, rules, *options, **more):
        super().__init__(sockets, '--no-received', *options, way='wait',
                         prefix=traced(*rules), **more)
        self.smtpd = smtpd_of(self.process.pid)

    @property
    def pid(self):
        return getattr(self, 'smtpd', self.process.pid)

    def stop(self, how=signal.SIGTERM, status=0):
        os.kill(self.smtpd, how)
        self.ends(status)
        with open(f'{BOX}.trace', encoding='ascii') as file:
            check('(INJECTED)' in file.read(), 'no fault')


def passed_over():
    """What is wrong with one connection is nobody else's, and not logged."""
    for error in ('ECONNABORTED', 'EPROTO', 'EPERM', 'ENETDOWN', 'EAGAIN',
                  'EHOSTUNREACH', 'ETIMEDOUT', 'EINTR'):
        with Traced(listen(), [f'{call}:error={error}:when=1+2'
                               for call in ('accept', 'accept4')]) as server:
            server.client().delivers()
            server.client().delivers()
            server.stop()
        kept(2)
        check(not lines('accept'), log())


SHORT = {'EMFILE': '(Too many open files|No file descriptors available)',
         'ENFILE': 'Too many open files in system',
         'ENOBUFS': 'No buffer space available',
         'ENOMEM': '(Cannot allocate|Out of) memory'}


def short_of():
    """What the host lacks is logged once, and again only when there was enough
    in between; who is connected is served then."""
    for when, count in ('1..2', 1), ('1+2', 2):
        servers = [Traced(listen(), [f'{call}:error={error}:when={when}'
                                     for call in ('accept', 'accept4')])
                   for error in SHORT]
        for _ in range(count):
            clients = [server.client() for server in servers]
            for client in clients:
                client.delivers()
        for server, text in zip(servers, SHORT.values()):
            logged(rf'\[{server.smtpd}\]: accept error="{text}"$', count)
            os.kill(server.smtpd, signal.SIGTERM)
            server.exits(0)
            server.__exit__()
        kept(count * len(SHORT))


def is_idle(pid):
    """It does not try again and again."""
    before = runtime(pid)
    time.sleep(0.3)
    check(runtime(pid) - before < 5e6, 'it is busy')


def no_socket():
    """One that does not listen any more is such an error too: the others are
    served."""
    gone, other = listen(), listen()
    with Server([gone, other], '--no-received') as server:
        server.client().delivers()
        gone.shutdown(socket.SHUT_RDWR)
        logged('accept error="Invalid argument"$')
        is_idle(server.pid)
        server.client(at=1).delivers()
        server.stop()
    kept(2)


def no_descriptor():
    """Nor does one that has only to turn clients away."""
    with Traced(listen(), [f'{call}:error=EMFILE:when=1+'
                           for call in ('accept', 'accept4')],
                '--users', '/nonexistent') as server:
        logged('config error=')
        with server.client() as client:
            client.waits()
            is_idle(server.smtpd)
        server.stop()


def limit(pid, name, soft):
    """As somebody who may."""
    subprocess.run(['prlimit', '--pid', str(pid), f'--{name}={soft}:'],
                   check=True, preexec_fn=as_nobody if name == 'nproc' else
                   None)


def descriptors_run_out():
    """Those that sessions have are theirs; who accepts goes on when there are
    some again."""
    with Server(listen(), '--no-received') as server:
        other = server.client().greeted()
        enough = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        # that of the session was open too
        until('it is alone', lambda: len(descriptors(server.pid)) == 4)
        limit(server.pid, 'nofile', 4)
        clients = [server.client() for _ in range(3)]
        logged('accept error="(Too many open|No file desc).*"$')
        other.delivers()
        clients[0].waits()
        limit(server.pid, 'nofile', enough)
        for client in clients:
            client.delivers()
        logged('accept error=', 1)
        server.stop()
    kept(4)


def as_nobody():
    """Root's processes have no limit."""
    if os.geteuid() == 0:
        os.setgroups(())
        os.setgid(65534)
        os.setuid(65534)


def processes_run_out():
    """421 4.3.2, and a line, for each; who has a session goes on, and so does
    who comes when there are some again."""
    os.chmod(BOX, 0o777)
    for program in SMTPD, CATCH:    # where nobody can run them
        shutil.copy(program, BOX)
    os.chdir(BOX)
    here = [f'./{os.path.basename(program)}' for program in (SMTPD, CATCH)]
    with Server(listen(), '--no-received', program=here[0], way='wait',
                command=here[1:], preexec=as_nobody, BOX='.') as server:
        other = server.client().greeted()
        enough = resource.getrlimit(resource.RLIMIT_NPROC)[0]
        limit(server.pid, 'nproc', 0)
        for _ in range(3):
            with server.client('127.0.0.5') as client:
                client.is_told(STOP)
                logged(f' refuse client=127.0.0.5 port={client.port} '
                       r'reply="421 4\.3\.2" error=".+"$')
        other.delivers()
        limit(server.pid, 'nproc', enough)
        server.client().delivers()
        server.stop()
    for program in here:
        os.unlink(program)
    kept(2)


def fork_fails():
    for error in 'EAGAIN', 'ENOMEM':
        # of which the sandbox is tried by one
        when = '2..3' if APART else '1..2'
        with Traced(listen(), [f'{call}:error={error}:when={when}' for call in
                               ('clone', 'clone3', 'fork')]) as server:
            for _ in range(2):
                with server.client('127.0.0.5') as client:
                    client.is_told(STOP)
            server.client('127.0.0.5').delivers()
            logged(r' refuse client=127.0.0.5 port=\d+ '
                   r'reply="421 4\.3\.2" error=".+"$',
                   2)
            server.stop()
        forget_log()
        kept()


def main():
    case, *words = sys.argv[1:]
    forget_log()
    with no_server_left():
        try:
            globals()[case](*words)
        except Failure as failure:
            sys.exit(f'{case}: {failure}')


main()
