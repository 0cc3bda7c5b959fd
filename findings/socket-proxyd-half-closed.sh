#!/bin/sh
# systemd-socket-proxyd of systemd 252 passes octets between a socket that
# systemd listens on and a server.  A client that closes its half when it has
# said all, as "nc -N" and many a script do, ends both: the server has heard it
# all, and its answer never comes.  That half would have been expected to stay
# open until the server closes it, as HAProxy leaves it.
. "$(dirname "$0")/unpack"
unpack systemd=252.39-1~deb12u2 libsystemd-shared=252.39-1~deb12u2 \
	libsystemd0=252.39-1~deb12u2
LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$LD_LIBRARY_PATH/systemd
python3 -B - "$tree" <<'END'
import os
import socket
import subprocess
import sys
import threading

tree = sys.argv[1]
proxyd = tree + '/lib/systemd/systemd-socket-proxyd'
server = socket.create_server(('127.0.0.1', 0))
came = []
ended = threading.Semaphore(0)


def serve():
    """Reads to the end, and answers how much that was."""
    while True:
        client, _ = server.accept()
        octets = 0
        try:
            while some := len(client.recv(65536)):
                octets += some
            client.sendall(b'%d octets' % octets)
        except ConnectionError:
            pass
        client.close()
        came.append(octets)
        ended.release()


threading.Thread(target=serve, daemon=True).start()
listener = socket.create_server(('127.0.0.1', 0))


def start():
    """It, as systemd starts it: the socket is its descriptor 3."""
    os.environ['LISTEN_FDS'] = '1'
    return subprocess.Popen(
        ['sh', '-c', 'LISTEN_PID=$$ exec "$0" "$1" 3<&0', proxyd,
         '127.0.0.1:%d' % server.getsockname()[1]], stdin=listener.fileno())


def heard(octets, at):
    client = socket.create_connection(at.getsockname())
    client.settimeout(20)
    client.sendall(b'x' * octets)
    client.shutdown(socket.SHUT_WR)
    said = b''
    while some := client.recv(100):
        said += some
    client.close()
    if not ended.acquire(timeout=20):
        sys.exit(2)
    print('of', octets, 'octets', came[-1], 'came; heard:', said.decode())
    return said


print(subprocess.run([proxyd, '--version'], check=True, capture_output=True,
                     text=True).stdout.splitlines()[0])
proxy = start()
try:
    print('without it')
    if heard(10, server) != b'10 octets':
        sys.exit(2)
    print('through it')
    as_seen = heard(10, listener) == b'' and came[-1] == 10
    as_seen = heard(100000, listener) == b'' and as_seen
finally:
    proxy.kill()
    proxy.wait()
print('as it was seen' if as_seen else 'this has changed')
sys.exit(not as_seen)
END
