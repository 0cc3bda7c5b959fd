#!/usr/bin/env python3
"""front CASE [argument ...]: sessions behind a proxy, or a mail system, for
what needs a socket, or time: headers of the PROXY protocol that come in pieces,
late or not at all, and who may send them, or say XCLIENT."""
import os
import re
import select
import signal
import socket
import sys

from session import (DATA, EHLO, MAIL, PATIENCE, QUIT, RCPT, STOPS, Ends,
                     Failure, Resettable, box, check, socket_pair, tcp,
                     two_pipes, until)
from starttls import Client as TlsClient
from starttls import tls

LOG = os.environ.get('LOG', os.devnull)
MESSAGE = b'Subject: front\r\n\r\n..dot\r\n.\r\n'
PLAIN = b'Subject: front\n\n.dot\n'
LETTER = EHLO + MAIL + RCPT + DATA + MESSAGE + QUIT
CODES = [220, 250, 250, 250, 354, 250, 221]

SIGNATURE = b'\r\n\r\n\0\r\nQUIT\n'
FOUR = bytes((192, 0, 2, 7, 198, 51, 100, 1, 0x9c, 0xba, 0, 25))


def line(words):
    return b'PROXY ' + words.encode() + b'\r\n'


def binary(head, block):
    return (SIGNATURE + bytes.fromhex(head) + len(block).to_bytes(2, 'big') +
            block)


def tlv(kind, value):
    return bytes((kind,)) + len(value).to_bytes(2, 'big') + value


NAMED = line('TCP4 192.0.2.7 198.51.100.1 40122 25')
TLS = tlv(0x20, b'\1\0\0\0\0' + tlv(0x21, b'TLSv1.3') + tlv(0x23, b'AES'))
TEXTS = (NAMED, line('TCP6 2001:db8::7 127.0.0.1 1 2'), line('UNKNOWN'))
BINARIES = (binary('2111', FOUR + tlv(4, b'\0\0') + TLS), binary('2000', b''),
            binary('2100', TLS))
HEADERS = TEXTS + BINARIES


def read_log():
    with open(LOG, encoding='utf-8', errors='replace') as file:
        return file.read()


def forget_log():
    with open(LOG, 'wb'):
        pass


def log_is(*patterns):
    """One line each."""
    lines = read_log().splitlines()
    check(len(lines) == len(patterns) and all(map(re.search, patterns, lines)),
          'logged:', lines, 'expected:', patterns)


class Client(Resettable):
    """Its log is its own; a reset is an end of file."""

    def __init__(self, ends, *options, **more):
        forget_log()
        super().__init__(ends, '--no-received', *options, **more)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def shut(self):
        """Our direction."""
        if self.ends.reads != self.ends.writes:
            os.close(self.ends.writes)
            self.ends.writes = self.ends.reads
            return
        with socket.socket(fileno=os.dup(self.ends.reads)) as connection:
            connection.shutdown(socket.SHUT_WR)

    def finish(self):
        self.rest()
        self.close()
        self.exit()

    def waits(self):
        with open(f'/proc/{self.process.pid}/stat', encoding='ascii') as file:
            return file.read().rpartition(')')[2].split()[0] == 'S'

    def is_silent(self, replies=0):
        """No more than so many, when all that was sent is read and it waits
        for more."""
        self.taken()
        until('it waits', self.waits)
        self.read(0)
        check(len(self.codes()) == replies, 'it says', self.got)
        check(not self.eof, 'it closed')

    def ends_silently(self, *patterns):
        self.finish()
        check(not self.got, 'it says', self.got)
        log_is(*patterns)

    def delivers(self, codes=None):
        self.finish()
        check(self.codes() == (codes or CODES), self.got, read_log())
        kept = box()
        check(kept == [PLAIN], kept)


# Of whom no launcher has a word.
ANYBODY = {name: value for name, value in os.environ.items()
           if not name.startswith(('TCP', 'REMOTE_')) and name != 'PROTO'}
PROXY_CLOSE = r' close client=\S+ (port=\d+ )?reason=proxy error='


# ---- --proxy ----

def cut(*ways):
    """After each octet of a header."""
    ends = {'socket': socket_pair, 'pipes': two_pipes, 'reset': tcp}
    count = 0
    for way in ways:
        for header in HEADERS if way == 'socket' else (NAMED, BINARIES[0]):
            for n in range(len(header)):
                with Client(ends[way](), '--proxy') as client:
                    check(client.send(header[:n]), 'it closed')
                    if way == 'reset':
                        client.taken()
                        client.close(reset=True)
                        client.exit()
                    else:
                        client.shut()
                        client.finish()
                    check(not client.got, 'it says', client.got)
                    log_is(*[PROXY_CLOSE + 'cut messages=0 in=%d out=0 ' % n]
                           [:n > 0])
                count += 1
    print(count, 'cuts')


def octet_by_octet():
    for ends in socket_pair, two_pipes, tcp:
        for header in HEADERS:
            with Client(ends(), '--proxy') as client:
                for at in range(len(header)):
                    client.is_silent()
                    check(client.send(header[at:at + 1]), 'it closed')
                client.replies(1)
                check(client.send(LETTER), 'it closed')
                client.delivers()


def one_segment():
    """With the session, in pieces of each size."""
    for header in HEADERS:
        for size in (*range(1, 40), 1000):
            octets = header + LETTER
            with Client(socket_pair(), '--proxy') as client:
                for at in range(0, len(octets), size):
                    check(client.send(octets[at:at + size]), 'it closed')
                client.delivers()


def late():
    """However much of it came; and while more of it comes."""
    clients = []
    for header in NAMED, BINARIES[0]:
        for n in 0, 1, 6, 12, 16, len(header) - 1:
            clients.append(Client(tcp(), '--proxy', '--timeout', '1'))
            clients[-1].send(header[:n])
    for client in clients:
        client.rest()
        client.close()
        client.process.wait(PATIENCE)
        check(not client.got, 'it says', client.got)
    log_is(*len(clients) * [PROXY_CLOSE + 'late '])
    endless = line('UNKNOWN ' + 91 * 'x')[:-1] * 100
    with Client(socket_pair(), '--proxy', '--timeout', '1') as client:
        sent = 0
        while not client.eof and sent < 100:
            if not client.send(endless[sent:sent + 1]):
                break
            sent += 1
            client.read(0.1)
        check(sent < 100, 'each octet puts it off')
        client.ends_silently(PROXY_CLOSE + 'late ')


def ten_seconds():
    with Client(socket_pair(), '--proxy') as client:
        client.rest(60)
        client.ends_silently(PROXY_CLOSE + 'late ')


def catches(client, stop):
    """It has begun: the signal would not kill it any more."""
    with open(f'/proc/{client.process.pid}/status', encoding='ascii') as file:
        mask = re.search('SigCgt:\\s*(\\w+)', file.read())[1]
    return int(mask, 16) >> (stop - 1) & 1


def stopped():
    for stop in STOPS:
        for n in 0, 7, len(NAMED) - 1:
            with Client(socket_pair(), '--proxy') as client:
                client.send(NAMED[:n])
                client.taken()
                until('it waits', lambda: catches(client, stop) and
                      client.waits())
                client.process.send_signal(stop)
                client.ends_silently(' close client=unknown reason=stop ')


def reset():
    """With nothing sent it is silent, and a whole header is a client's."""
    with Client(tcp(), '--proxy') as client:
        client.close(reset=True)
        client.exit()
        log_is()
    with Client(tcp(), '--proxy', '-v') as client:
        client.send(NAMED)
        client.replies(1)
        client.close(reset=True)
        client.exit()
        log_is(' connect ', r' close client=192\.0\.2\.7 .*reason=eof ')


def tcp_from(source, listen=None):
    """A connection from this address to us."""
    family = socket.AF_INET6 if ':' in (listen or source) else socket.AF_INET
    with socket.create_server((listen or source, 0), family=family,
                              dualstack_ipv6=listen == '::') as listener:
        ours = socket.create_connection((source, listener.getsockname()[1]),
                                        source_address=(source, 0))
        theirs = listener.accept()[0]
    return Ends(ours.detach(), None, theirs.detach(), None)


def mapped_from(source):
    """The kernel calls it ::ffff:192.0.2.7."""
    return tcp_from(source, '::')


NETWORKS = (   # in, out
    ('127.0.0.7', ('127.0.0.7',), ('127.0.0.8', '127.0.0.6', '::1')),
    ('127.0.0.7/32', ('127.0.0.7',), ('127.0.0.8', '127.0.0.6')),
    ('127.0.0.0/29', ('127.0.0.1', '127.0.0.7'), ('127.0.0.8',)),
    ('127.0.0.7/31', ('127.0.0.6', '127.0.0.7'), ('127.0.0.5', '127.0.0.8')),
    ('127.9.9.9/9', ('127.0.0.1', '127.127.1.1'), ('127.128.0.1',)),
    ('0.0.0.0/0', ('127.0.0.1',), ('::1',)),
    ('255.255.255.255/0', ('127.0.0.1',), ('::1',)),
    ('::1', ('::1',), ('127.0.0.1',)),
    ('::/127', ('::1',), ('127.0.0.1',)),
    ('::/128', (), ('::1',)),
    ('2001:db8::/32', (), ('::1',)),
    ('::/0', ('::1',), ('127.0.0.1',)),
    ('::ffff:127.0.0.7', ('127.0.0.7',), ('127.0.0.8',)),
    ('::ffff:127.0.0.0/125', ('127.0.0.7',), ('127.0.0.8',)),
)
REFUSED = (PROXY_CLOSE + '"nobody who may send a PROXY header" '
           'messages=0 in=0 out=0 ')


def may_send(ends, networks, may, **more):
    options = [f'--proxy={network}' for network in networks]
    with Client(ends, *options, **more) as client:
        client.send(NAMED + LETTER)
        if may:
            client.delivers()
            log_is(r' message .* client=192\.0\.2\.7 ', ' reason=quit ')
        else:
            client.ends_silently(REFUSED)


def who_may():
    """The kernel's peer, whatever the launcher says."""
    for network, *sides in NETWORKS:
        for may, addresses in zip((True, False), sides):
            for address in addresses:
                may_send(tcp_from(address), (network,), may)
                if ':' not in address:
                    may_send(mapped_from(address), (network,), may)
    for address in '127.0.0.7', '::1', '127.0.1.1':
        may_send(tcp_from(address), ('::1', '127.0.1.0/24', '127.0.0.7'), True)
    may_send(tcp_from('127.0.0.8'), ('::1', '127.0.1.0/24', '127.0.0.7'),
             False)
    for told, may in ('127.0.0.7', False), ('127.0.0.8', True):
        may_send(tcp_from('127.0.0.8' if told == '127.0.0.7' else '127.0.0.7'),
                 ('127.0.0.7',), may, env=dict(
                     os.environ, PROTO='TCP', TCPREMOTEIP=told,
                     REMOTE_HOST=told, REMOTE_PORT='1'))


def nobody_is_known():
    """Over pipes and a unix socket, whatever the launcher says."""
    for ends in two_pipes, socket_pair:
        for network in '0.0.0.0/0', '::/0', '192.0.2.7':
            may_send(ends(), (network,), False, env=dict(
                os.environ, PROTO='TCP', TCPREMOTEIP='192.0.2.7'))
        with Client(ends(), '--proxy') as client:
            client.send(NAMED + LETTER)
            client.delivers()


SHOWS = ('sh', '-c', '''cat >/dev/null; printf '%s\\n' \
"${CLIENT_ADDRESS-none}" "${CLIENT_PORT-none}" \
"${TCPLOCALIP-none}" "${TCPLOCALPORT-none}" \
"${CLIENT_HOSTNAME-none}" "${CLIENT_PROTOCOL-none}" >"$BOX/1.msg"''')


def shown():
    kept = box()
    check(len(kept) == 1, 'runs:', len(kept))
    return kept[0].decode().split()


def kernels_word(ends):
    """Address and port of the client, and of our end."""
    with socket.socket(fileno=os.dup(ends.reads)) as ours:
        return [str(word) for word in (*ours.getsockname()[:2],
                                       *ours.getpeername()[:2])]


def in_place_of_the_kernel():
    """What was found of a TCP connection, and of a launcher's, is LOCAL's."""
    for header, want in (
            (NAMED, ['192.0.2.7', '40122', '198.51.100.1', '25', 'none']),
            (line('UNKNOWN'), 5 * ['none']),
            (binary('2100', b''), 5 * ['none']),
            (binary('2112', FOUR), 5 * ['none']),
            (binary('2000', FOUR), None)):
        for address in '127.0.0.7', '::1':
            ends = tcp_from(address)
            kernels = kernels_word(ends) + ['none']
            with Client(ends, '--proxy', command=SHOWS) as client:
                client.send(header + LETTER)
                client.finish()
            got = shown()[:5]
            check(got == (want or kernels), header, got, kernels)


# ---- stunnel, which joins itself to us over loopback ----

def peer_is(ends, environment, want=None):
    """The client and our end; else what the kernel says of them."""
    kernels = kernels_word(ends)
    with Client(ends, command=SHOWS, env={**ANYBODY, **environment}) as client:
        client.send(LETTER)
        client.finish()
    got = shown()[:4]
    check(got == (want or kernels), environment, got, want or kernels)


def own_addresses():
    """Of this machine, but loopback's."""
    for family, outside in ((socket.AF_INET, '192.0.2.1'),
                            (socket.AF_INET6, '2001:db8::1')):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as somebody:
                somebody.connect((outside, 9))
                yield somebody.getsockname()[0]
        except OSError:
            pass


def kernel():
    other = {'REMOTE_ADDR': '203.0.113.7', 'REMOTE_PORT': '1',
             'SOCAT_PEERADDR': '203.0.113.7', 'TCPREMOTEIP': '203.0.113.7',
             'NCAT_REMOTE_ADDR': '203.0.113.7', 'TCPREMOTEPORT': '2',
             'TCPLOCALIP': '203.0.113.8', 'TCPLOCALPORT': '3'}
    for source in '127.0.0.7', '::1':
        peer_is(tcp_from(source), other)
        peer_is(tcp_from(source), {**other, 'PROTO': 'TCP'},
                ['203.0.113.7', '2', '203.0.113.8', '3'])


def joined():
    for host, want in (('203.0.113.7', '203.0.113.7'),
                       ('2001:DB8::7', '2001:db8::7'),
                       ('::ffff:203.0.113.7', '203.0.113.7'),
                       ('[2001:db8::7]', '2001:db8::7'),
                       ('127.0.0.9', '127.0.0.9')):
        told = {'REMOTE_HOST': host, 'REMOTE_PORT': '40122'}
        for ends in (tcp_from('127.0.0.7'), tcp_from('127.0.0.1'),
                     tcp_from('::1'), mapped_from('127.8.0.7')):
            peer_is(ends, told, [want, '40122', 'none', 'none'])


def not_joined():
    told = {'REMOTE_HOST': '203.0.113.7', 'REMOTE_PORT': '40122'}
    for source in '127.0.0.7', '::1':
        ends = tcp_from(source)
        peer_is(ends, {**told, 'REMOTE_PORT': kernels_word(ends)[1]})
        for host in 'mx.example.net', '', '203.0.113', '203.0.113.7 x':
            peer_is(tcp_from(source), {**told, 'REMOTE_HOST': host})
        for name, value in told.items():
            peer_is(tcp_from(source), {name: value})
        # and PROTO goes before it
        peer_is(tcp_from(source), {
            **told, 'PROTO': 'TCP', 'TCPREMOTEIP': '198.51.100.7',
            'TCPREMOTEPORT': '1', 'TCPLOCALIP': '198.51.100.8',
            'TCPLOCALPORT': '2'}, ['198.51.100.7', '1', '198.51.100.8', '2'])
    own = list(own_addresses())
    check(own, 'this machine has no address but loopback')
    for source in own:
        peer_is(tcp_from(source), told)


# ---- a header that nobody announced ----

def empty_lines():
    """Unanswered until it is known that they begin no header; then each."""
    for ends in socket_pair, two_pipes:
        for n in range(1, len(SIGNATURE)):
            start = SIGNATURE[:n]
            with Client(ends()) as client:
                client.replies(1)
                for octet in start:
                    client.send(bytes((octet,)))
                    client.is_silent(1)
                client.send(b'x\r\n' + QUIT)
                client.finish()
                # lines; what has a NUL or another control octet in it is one
                lines = (start + b'x\r\n').count(b'\n')
                check(client.codes() == [220, *lines * [500], 221], n,
                      client.got)
                log_is(*lines * [' refuse '], ' reason=quit ')


def short_of_a_header():
    """Lines that are whole are answered, as ever."""
    for ends in socket_pair, two_pipes:
        for start in (SIGNATURE, b'PROXY TCP4', b'PROXY UNKNOWN'):
            for n in range(len(start)):
                with Client(ends()) as client:
                    client.send(start[:n])
                    client.shut()
                    client.finish()
                    lines = start[:n].count(b'\n')
                    check(client.codes() == [220, *lines * [500]], n,
                          client.got)
                    check(read_log().count(' refuse ') == lines and
                          ' config ' not in read_log(), read_log())


def waits_in_a_header():
    for start in b'\r\n', SIGNATURE[:-1], b'PROXY UNKNOW', b'PROXY TCP':
        with Client(socket_pair(), '--timeout', '1') as client:
            client.send(start)
            client.finish()
            check(client.codes() == [220, 421] and b'\r\n421 4.4.2 ' in
                  client.got, client.got)
            log_is(' reason=timeout ')
        with Client(socket_pair()) as client:
            client.send(start)
            client.replies(1)
            client.taken()
            client.process.send_signal(signal.SIGTERM)
            client.finish()
            check(client.codes() == [220, 421] and b'\r\n421 4.3.2 ' in
                  client.got, client.got)
            log_is(' reason=stop ')


def unannounced():
    """The 421 is heard, whatever follows."""
    for header in (*TEXTS, *BINARIES):
        decided = 12 if header.startswith(SIGNATURE) else len(
            re.match(rb'PROXY [A-Z]+[46]?', header)[0])
        with Client(tcp()) as client:
            client.replies(1)
            for at in range(decided - 1):
                client.send(header[at:at + 1])
                client.is_silent(1)
            client.send(header[decided - 1:])
            client.replies(2)
            client.send(LETTER)
            client.finish()
            check(client.codes() == [220, 421] and b'\r\n421 4.3.5 ' in
                  client.got, client.got)
            log_is(r' config client=127\.0\.0\.1 error=.*--proxy',
                   r' close client=127\.0\.0\.1 port=\d+ reason=proxy ')
    check(box() == [], 'it was delivered')


# ---- --xclient ----

XCLIENT = b'XCLIENT NAME=x\r\n'


def speaks(ends, networks, may, *options, **more):
    """Is XCLIENT announced, and taken?"""
    words = [word for network in networks for word in ('--xclient', network)]
    with Client(ends, *words, *options, **more) as client:
        client.script((EHLO, b'XFORWARD NAME=x\r\n', XCLIENT, XCLIENT, QUIT))
        check(client.codes() == [220, 250, *([250, 220, 220] if may else
                                             3 * [550]), 221], client.got)
        check((b'250-XCLIENT ' in client.got) == may, client.got)
        client.finish()


def unix():
    """A unix socket of which nothing is known; who is known is asked for by
    his address."""
    known = dict(os.environ, PROTO='TCP', TCPREMOTEIP='192.0.2.1')
    speaks(socket_pair(), ('unix',), True, env=ANYBODY)
    speaks(socket_pair(), ('::1', 'unix', '192.0.2.1'), True, env=ANYBODY)
    speaks(socket_pair(), ('0.0.0.0/0', '::/0'), False, env=ANYBODY)
    speaks(two_pipes(), ('unix', '0.0.0.0/0', '::/0'), False, env=ANYBODY)
    speaks(socket_pair(), ('unix',), False, env=known)
    speaks(socket_pair(), ('192.0.2.1',), True, env=known)
    for source in '127.0.0.7', '::1':
        speaks(tcp_from(source), ('unix',), False, env=ANYBODY)
        speaks(tcp_from(source), (source,), True, env=ANYBODY)
    speaks(mapped_from('127.0.0.7'), ('127.0.0.0/29',), True, env=ANYBODY)
    speaks(mapped_from('127.0.0.7'), ('::/0',), False, env=ANYBODY)
    # ADDR=[UNAVAILABLE] is no unix socket
    with Client(socket_pair(), '--xclient', 'unix', env=ANYBODY) as client:
        client.script((b'XCLIENT ADDR=[UNAVAILABLE]\r\n', XCLIENT, QUIT))
        check(client.codes() == [220, 220, 550, 221], client.got)
        client.finish()


def starttls():
    """The client, his right, and TLS stay, in either order; LOGIN does not."""
    for ends, network in (socket_pair, 'unix'), (tcp, '127.0.0.1'):
        options = '--xclient', network
        shows = {'received': True, 'command': SHOWS, 'env': ANYBODY}
        with TlsClient(tls(), *options, ends=ends, **shows) as client:
            client.script((b'XCLIENT NAME=a.example LOGIN=joe\r\n',))
            client.start_tls()
            for _ in range(2):
                got = client.ask(EHLO, XCLIENT, b'STARTTLS\r\n')
                check(got == [250, 220, 503], got)
            check(client.got.count(b'250-XCLIENT ') == 2, client.got)
            check(b'STARTTLS\r\n' not in client.got, client.got)
            client.ask(EHLO, MAIL, RCPT, DATA, MESSAGE, QUIT)
            client.finish()
            got = shown()
            check(got[4:] == ['x', 'ESMTPS'], got)
        with TlsClient(tls(), *options, ends=ends, **shows) as client:
            client.script((b'XCLIENT ADDR=198.51.100.7 PORT=7 NAME=a '
                           b'DESTADDR=203.0.113.1 DESTPORT=25 LOGIN=joe\r\n',))
            client.start_tls()
            check(client.ask(EHLO, XCLIENT) == [250, 550], client.got)
            check(b'250-XCLIENT ' not in client.got, client.got)
            client.ask(MAIL, RCPT, DATA, MESSAGE, QUIT)
            client.finish()
            got = shown()
            check(got == ['198.51.100.7', '7', '203.0.113.1', '25', 'a',
                          'ESMTPS'], got)
        with TlsClient(tls(), *options, ends=ends, **shows) as client:
            client.start_tls()
            client.ask(b'XCLIENT ADDR=198.51.100.7 LOGIN=joe\r\n', EHLO)
            check(b'STARTTLS\r\n' not in client.got, client.got)
            client.ask(MAIL, RCPT, DATA, MESSAGE, QUIT)
            client.finish()
            got = shown()
            check(got[0] == '198.51.100.7' and got[5] == 'ESMTPSA', got)


def main():
    try:
        globals()[sys.argv[1]](*sys.argv[2:])
    except Failure as failure:
        sys.exit(f'{sys.argv[1]}: {failure}')


main()
