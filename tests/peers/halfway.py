"""halfway PORT-FILE ADDRESS:PORT [command ...]: a way to a server that ends in
the middle of a letter; when the server has what came before, the command runs,
and then all connections are closed."""
import os
import select
import socket
import subprocess
import sys

PATIENCE = 20
MIDDLE = b'\r\nFrom ann\r\n'  # of the body of every letter


def passes(a, b):
    """From the client: what may still go, and whether there is no more."""
    octets = a.recv(65536)
    head, middle, _ = octets.partition(MIDDLE)
    b.sendall(head + middle)
    return middle or not octets


def joined(client, server):
    while True:
        ready = select.select([client, server], [], [], PATIENCE)[0]
        if not ready:
            sys.exit('nothing comes')
        if server in ready:
            client.sendall(server.recv(65536))
        if client in ready and passes(client, server):
            return


def main():
    port_file, to = sys.argv[1:3]
    with socket.create_server(('127.0.0.1', 0)) as listener:
        with open(port_file + '.new', 'w', encoding='ascii') as file:
            file.write(str(listener.getsockname()[1]))
        os.rename(port_file + '.new', port_file)
        client = listener.accept()[0]
    host, port = to.rsplit(':', 1)
    with client, socket.create_connection((host, int(port))) as server:
        joined(client, server)
        if sys.argv[3:]:
            subprocess.run(sys.argv[3:], check=True, timeout=PATIENCE)


main()
