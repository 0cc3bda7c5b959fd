#!/bin/sh
# swaks 20201014.0: "--proxy-command LOCAL" is meant to say what a proxy says of
# its own connections.  What leaves is 15 octets, one less than the shortest
# header there is: the command is 2, where the protocol has 0 for LOCAL and 1
# for PROXY, and one octet of the length is missing.  So a server that reads
# headers waits for the rest, swaks waits for the greeting, and both until a
# time limit.
# With "--proxy-command PROXY" all 28 octets are right.
. "$(dirname "$0")/unpack"
unpack swaks=20201014.0-2
python3 - "$tree/usr/bin/swaks" <<'END'
import socket
import subprocess
import sys

SIGNATURE = b'\r\n\r\n\0\r\nQUIT\n'
server = socket.create_server(('127.0.0.1', 0))
port = str(server.getsockname()[1])


def sent(command):
    """All that swaks sends before it hears a word, less the QUIT with which
    it gives up."""
    swaks = subprocess.Popen([
        'perl', sys.argv[1], '--server', '127.0.0.1', '--port', port,
        '--from', 'ann@example.net', '--to', 'joe@example.org',
        '--timeout', '2', '--proxy-version', '2', '--proxy-command', command,
        '--proxy-family', 'AF_INET', '--proxy-source', '192.0.2.7',
        '--proxy-source-port', '4711', '--proxy-dest', '192.0.2.1',
        '--proxy-dest-port', '25'], stdout=subprocess.DEVNULL)
    server.settimeout(20)
    client, _ = server.accept()
    client.settimeout(20)
    octets = b''
    while True:
        more = client.recv(4096)
        if not more:
            break
        octets += more
    client.close()
    swaks.wait()
    octets = octets.removesuffix(b'QUIT\r\n')
    print('%-5s %d octets: %s' % (command, len(octets), octets.hex(' ')))
    return octets


print(subprocess.run(['perl', sys.argv[1], '--version'], check=True,
                     capture_output=True, text=True).stdout.splitlines()[0])
as_seen = (sent('PROXY') == SIGNATURE + bytes.fromhex(
               '21 11 000c c0000207 c0000201 1267 0019') and
           sent('LOCAL') == SIGNATURE + bytes.fromhex('22 00 00'))
print('as it was seen' if as_seen else 'this has changed')
sys.exit(not as_seen)
END
