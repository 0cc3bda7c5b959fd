#!/usr/bin/env python3
"""The log as DESIGN, section 8, says it, and launchers with a descriptor 2 of
their own; see main()."""
import os
import re
import socket
import subprocess
import sys

EVENTS = ('refuse output message lookup close config connect command '
          'reply').split()
CLIENTLESS = 'output', 'config'
PLAIN = re.compile(rb'[A-Za-z0-9.\-_:@+/<>\[\]]+')
QUOTED = re.compile(rb'"((?:[ !#-\[\]-~]|\\x[0-9A-F]{2})*)"')
KEY = re.compile(rb' ([a-z]+)=')
PREFIX = {'name': rb'smtpd\[[1-9][0-9]*\]: ', 'priority': rb'<[346]>'}
FORM = {'seconds': r'\d+\.\d{3}', 'signal': r'\d+|stuck', 'id': '[0-9a-f]+',
        'reply': r'[245]\d\d( [245]\.\d{1,3}\.\d{1,3})?', 'timeout': 'yes',
        'client': r'unknown|[0-9a-f.:]+'}
FORM.update(dict.fromkeys('exit nrcpt size messages in out unsent port dropped'
                          .split(), r'\d+'), dropped=r'\d+|yes')


def fail(*what):
    sys.exit(' '.join(str(word) for word in what))


def unquote(match):
    """The octets; an escape that none needs is a fault, and so are quotes."""
    value = re.sub(rb'\\x(..)', lambda hex: bytes([int(hex[1], 16)]), match[1])
    for code in re.findall(rb'\\x(..)', match[1]):
        octet = int(code, 16)
        if 32 <= octet < 127 and octet not in b'"\\':
            fail('escaped for nothing:', match[0])
    if PLAIN.fullmatch(value) and not value.endswith(b'...'):
        fail('quoted for nothing:', match[0])
    return value


def parse(line, prefix):
    """(event, {key: octets})"""
    start = re.match(PREFIX[prefix] + rb'([a-z]+)', line)
    if not start or start[1].decode() not in EVENTS:
        fail('not prefix and event:', line)
    event, at, values = start[1].decode(), start.end(), {}
    while at < len(line):
        key = KEY.match(line, at)
        value = key and (PLAIN.match(line, key.end()) or
                         QUOTED.match(line, key.end()))
        if not value or key[1].decode() in values:
            fail('no key=value at', at, line)
        octets = value[0] if value.re is PLAIN else unquote(value)
        if not re.fullmatch(FORM.get(key[1].decode(), '(?s:.*)'),
                            octets.decode('latin-1')):
            fail('not the form of', key[1], line)
        values[key[1].decode()] = octets
        at = value.end()
    if event not in CLIENTLESS and 'client' not in values:
        fail('no client:', line)
    return event, values


def events(path, prefix):
    with open(path, 'rb') as file:
        lines = file.read().split(b'\n')
    if lines.pop():
        fail('an end without a newline')
    for line in lines:
        if len(line) + 1 > 4096:
            fail(len(line) + 1, 'octets:', line)
        yield parse(line, prefix)


def keys(path, prefix='name'):
    """Each event with its keys, in order."""
    for event, values in events(path, prefix):
        print(event, *values)


def values_of(key, path):
    """The octets of that key in each event that has it, a line each."""
    for _, values in events(path, 'name'):
        if key in values:
            sys.stdout.buffer.write(values[key] + b'\n')


def three(*command):
    """As inetd: 0, 1 and 2 are one socket.  What we read goes to the client."""
    with socket.create_server(('127.0.0.1', 0)) as listener:
        ours = socket.create_connection(listener.getsockname(), 30)
        theirs = listener.accept()[0]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs,
                          stderr=theirs):
        theirs.close()
        ours.sendall(sys.stdin.buffer.read())
        while octets := ours.recv(65536):
            sys.stdout.buffer.write(octets)
        ours.close()


def stream(which, where, *command):
    """2 is a stream socket: the journal's, whose path is where, else one that
    ends in that file.  JOURNAL_STREAM is that socket, or which says what."""
    ours, theirs = socket.socketpair()
    if which == 'journal':
        theirs = socket.socket(socket.AF_UNIX)
        theirs.connect(where)
        theirs.sendall(b'smtpd\n\n6\n1\n0\n0\n0\n')
    status = os.fstat(theirs.fileno())
    named = f'{status.st_dev}:{status.st_ino}'
    if which != 'journal':
        named = which.replace('RIGHT', named)
    done = subprocess.run(command, stderr=theirs, timeout=30, check=False,
                          env=dict(os.environ, JOURNAL_STREAM=named))
    theirs.close()
    if which != 'journal':
        with open(where, 'ab') as file:
            while octets := ours.recv(65536):
                file.write(octets)
    sys.exit(done.returncode)


def main(case, *arguments):
    {'keys': keys, 'values': values_of, 'three': three,
     'stream': stream}[case](*arguments)


if __name__ == '__main__':
    main(*sys.argv[1:])
