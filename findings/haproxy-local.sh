#!/bin/sh
# HAProxy 2.6.12: a server with send-proxy-v2 hears LOCAL, which the protocol
# has for connections of the proxy's own, its checks above all, of every client
# that came by a unix socket ("bind unix@..."), though what follows is that
# client's.
# With ssl on that socket LOCAL even carries the client's TLS version.  With
# send-proxy the same client is PROXY UNKNOWN.
# So who takes LOCAL for a check, and answers or logs it as one, loses a client;
# and who takes it at its word has the client come from the proxy itself.
. "$(dirname "$0")/unpack"
unpack haproxy=2.6.12-1+deb12u4 liblua5.3-0=5.3.6-2 \
	libopentracing-c-wrapper0=1.1.3-3+b1 libopentracing1=1.6.0-4
python3 - "$tree" <<'END'
import os
import socket
import ssl
import subprocess
import sys
import time

tree = sys.argv[1]
server = socket.create_server(('127.0.0.1', 0))
server.settimeout(20)
at = server.getsockname()[1]
with socket.create_server(('127.0.0.1', 0)) as taken:
    tcp = taken.getsockname()[1]
pem = tree + '/tls.pem'
subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes',
                '-subj', '/CN=localhost', '-keyout', pem + '.key',
                '-out', pem], check=True, stderr=subprocess.DEVNULL)
config = '''
defaults
    mode tcp
    timeout connect 20s
    timeout client 20s
    timeout server 20s
listen two
    bind 127.0.0.1:%d
    bind unix@%s/two
    bind unix@%s/tls ssl crt %s
    server s 127.0.0.1:%d send-proxy-v2-ssl
listen one
    bind unix@%s/one
    server s 127.0.0.1:%d send-proxy
''' % (tcp, tree, tree, pem, at, tree, at)
with open(tree + '/cfg', 'w') as file:
    file.write(config)
haproxy = subprocess.Popen([tree + '/usr/sbin/haproxy', '-db', '-f',
                            tree + '/cfg'])


def by_unix(name):
    client = socket.socket(socket.AF_UNIX)
    client.connect(tree + '/' + name)
    return client


def heard(what, connect, tls=False):
    """What the server gets of a client that says hello."""
    client = connect()
    if tls:
        context = ssl._create_unverified_context()
        client = context.wrap_socket(client)
    client.sendall(b'hello')
    conn, _ = server.accept()
    conn.settimeout(20)
    octets = b''
    while not octets.endswith(b'hello'):
        octets += conn.recv(4096)
    client.close()
    conn.close()
    header = octets[:-5]
    print('%-22s %s' % (what, header.hex(' ') if header[0] == 13 else header))
    return header


print(subprocess.run([tree + '/usr/sbin/haproxy', '-v'], check=True,
                     capture_output=True, text=True).stdout.splitlines()[0])
try:
    end = time.monotonic() + 20
    while not os.path.exists(tree + '/one') and time.monotonic() < end:
        time.sleep(0.05)
    by_tcp = heard('v2, by TCP', lambda: socket.create_connection(
        ('127.0.0.1', tcp)))
    two = heard('v2, by a unix socket', lambda: by_unix('two'))
    tls = heard('v2, the same with TLS', lambda: by_unix('tls'), True)
    one = heard('v1, by a unix socket', lambda: by_unix('one'))
finally:
    haproxy.kill()
    haproxy.wait()
as_seen = (by_tcp[12:14] == b'\x21\x11' and two[12:14] == b'\x20\0' and
           tls[12:14] == b'\x20\0' and tls[19] == 1 and
           tls.endswith(b'TLSv1.3') and one == b'PROXY UNKNOWN\r\n')
print('as it was seen' if as_seen else 'this has changed')
sys.exit(not as_seen)
END
