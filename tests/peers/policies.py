#!/usr/bin/env python3
"""policies.py POSTFIX-PORT PORT PORT: each line of the table beside, by servers
on the last two ports, to the Postfix that asks them, and to smtpd.  Says where
the replies differ and it is not listed, or the other way round."""
import os
import socket
import subprocess
import sys
import threading

from reasoned import octets, table

POSTFIX, *PORTS = map(int, sys.argv[1:])
HERE = os.path.dirname(os.path.abspath(__file__))
POLICYD = HERE + '/../../examples/lookup/policyd'
SESSION = (b'EHLO client.example', b'MAIL FROM:<ann@example.net> SIZE=42',
           b'RCPT TO:<joe@example.org>')
OWN = ('client_name', 'reverse_client_name', 'client_port', 'server_address',
       'server_port', 'instance')
ANSWERS, ASKED = {}, {}


def talk(client, port):
    """One connection: as many questions as come."""
    with client:
        said = b''
        while True:
            while b'\n\n' not in said:
                more = client.recv(4096)
                if not more:
                    return
                said += more
            ASKED[port], _, said = said.partition(b'\n\n')
            answer = ANSWERS[port]
            if answer.startswith(b'!'):
                client.sendall(answer[1:])
                return
            client.sendall(b'action=' + answer + b'\n\n')


def serve(port):
    with socket.create_server(('127.0.0.1', port)) as server:
        while True:
            threading.Thread(target=talk, args=(server.accept()[0], port),
                             daemon=True).start()


def reply(file):
    line = b'-' * 4
    while line[3:4] == b'-':
        line = file.readline()
    return line.rstrip(b'\r\n')


def ask_postfix():
    with socket.create_connection(('127.0.0.1', POSTFIX), 20) as client:
        file = client.makefile('rb')
        for line in SESSION:
            reply(file)
            client.sendall(line + b'\r\n')
        return reply(file)


def ask_smtpd():
    said = subprocess.run(
        [os.environ['SMTPD'], '--log', 'none', '--lookup',
         'exec %s inet:127.0.0.1:%d inet:127.0.0.1:%d' % (POLICYD, *PORTS),
         'true'],
        env={**os.environ, 'PROTO': 'TCP', 'TCPREMOTEIP': '127.0.0.1'},
        input=b''.join(line + b'\r\n' for line in SESSION),
        stdout=subprocess.PIPE, check=True, timeout=20).stdout
    return said.splitlines()[-1]


def question():
    """Its names, in their order, and what is no matter of each."""
    lines = ASKED[PORTS[0]].decode().split('\n')
    return [(name, name in OWN or value)
            for name, value in (line.split('=', 1) for line in lines)]


def main():
    for port in PORTS:
        threading.Thread(target=serve, args=(port,), daemon=True).start()
    rows, wrong, differ = list(table('policies')), 0, 0
    for line, reason in rows:
        first, _, second = line.partition(' || ')
        ANSWERS.update(zip(PORTS, map(octets, (first, second or 'DUNNO'))))
        postfix, theirs = ask_postfix(), question()
        smtpd, ours = ask_smtpd(), question()
        if theirs != ours:
            sys.exit(f'asked: {theirs} and {ours}')
        different = postfix != smtpd and \
            (postfix + smtpd).count(b'250 2.1.5') != 2
        differ += different
        if different != (reason is not None):
            wrong += 1
            print('listed and alike:' if reason else 'unlisted:', repr(line),
                  '\n  Postfix:', postfix.decode('latin1'), '\n  smtpd:  ',
                  smtpd.decode('latin1'))
    print(f'{len(rows)} answers, {differ} differences')
    sys.exit(wrong > 0 or len(rows) < 100)


main()
