"""dns.py NAME: a DNS server on 127.0.0.1, to which every address is NAME, and
every name is 127.0.0.2."""
import socket
import struct
import sys


def label(name):
    return b''.join(bytes([len(part)]) + part.encode()
                    for part in name.split('.')) + b'\0'


A, PTR = 1, 12
data = {PTR: label(sys.argv[1]), A: socket.inet_aton('127.0.0.2')}
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(('127.0.0.1', 53))
while True:
    query, client = server.recvfrom(512)
    question = query[12:query.index(b'\0', 12) + 5]
    kind = question[-3]
    answer = b''
    if kind in data:
        answer = b'\xc0\x0c' + struct.pack('>HHIH', kind, 1, 60,
                                           len(data[kind])) + data[kind]
    server.sendto(query[:2] + b'\x81\x80\0\1' + struct.pack(
        '>HHH', bool(answer), 0, 0) + question + answer, client)
