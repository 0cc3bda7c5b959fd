#!/usr/bin/env python3
"""tls CASE ADDRESS PORT PEM: a client that does something odd about TLS."""
import re
import socket
import ssl
import sys

CASE, ADDRESS, PORT, PEM = sys.argv[1:]
HELP = b'HELP\r\nNOOP ' + 1000 * b'x' + b'\r\n'
MANY = 10000


def connect():
    """A connection behind the reply to STARTTLS."""
    client = socket.create_connection((ADDRESS, PORT))
    client.settimeout(50)
    client.sendall(b'EHLO client.example\r\n')
    got = read_until(client, rb'250 HELP\r\n')
    client.sendall(b'STARTTLS\r\n')
    return client, read_until(client, rb'250 HELP\r\n(220|454) .*\n',
                              got)


def read_until(client, pattern, got=b''):
    while not re.search(pattern, got):
        octets = client.recv(65536)
        if not octets:
            sys.exit(f'it closed: {got}')
        got += octets
    return got


def shake_hands(client):
    context = ssl.create_default_context(cafile=PEM)
    return context.wrap_socket(client, server_hostname='mx.example.org')


def reset(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                      b'\1\0\0\0\0\0\0\0')
    client.close()


def rest(client):
    got = b''
    try:
        while octets := client.recv(65536):
            got += octets
    except ConnectionResetError:
        pass
    return got


def in_clear():
    client, _ = connect()
    if CASE == 'garbage':
        client.sendall(b'MAIL FROM:<ann@example.net>\r\n' + 1000 * b'x')
    if CASE == 'half':
        client.sendall(b'\x16\x03\x01\x02\x00\x01\x00')
    if CASE == 'reset':
        reset(client)
        return
    if CASE != 'silent':
        try:
            client.shutdown(socket.SHUT_WR)
        except OSError:          # it has reset the connection already
            pass
    got = rest(client)
    print(f'{CASE}: {got}')
    if re.search(rb'(?m)^[2-5]\d\d[ -]', got):
        sys.exit(f'a reply: {got}')


def in_tls():
    client, _ = connect()
    secure = shake_hands(client)
    secure.sendall(b'EHLO client.example\r\nMAIL FROM:<ann@example.net>\r\n')
    read_until(secure, rb'250 2\.1\.0 ')
    if CASE == 'notify':
        secure.unwrap()
    elif CASE == 'eof':
        socket.socket.shutdown(secure, socket.SHUT_WR)
        rest(secure)
    else:
        reset(secure)


def full():
    client, _ = connect()
    secure = shake_hands(client)
    secure.setblocking(False)
    todo = memoryview(b'EHLO c\r\n' + MANY * HELP + b'QUIT\r\n')
    stuck, got = 0, b''
    while todo:
        try:
            todo = todo[secure.send(todo[:16384]):]
        except ssl.SSLWantWriteError:
            stuck += 1
            secure.settimeout(50)
            got += secure.recv(65536)
            secure.setblocking(False)
    secure.settimeout(50)
    got += rest(secure)
    codes = re.findall(rb'(?m)^(\d{3}) ', got)
    if not stuck or codes != [b'250'] + MANY * [b'214', b'250'] + [b'221']:
        sys.exit(f'{stuck} times full, {len(codes)} replies, {got[-99:]}')
    print(f'{stuck} times full')


def nothing():
    client, got = connect()
    try:
        shake_hands(client)
        sys.exit('a handshake')
    except (ssl.SSLError, OSError) as error:
        print(got.splitlines()[-1], error)


{'full': full, 'nothing': nothing, 'notify': in_tls, 'eof': in_tls,
 'cut': in_tls}.get(CASE, in_clear)()
