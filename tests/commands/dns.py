"""dns.py ZONE: a DNS server on 127.0.0.1, for the lines "NAME TYPE VALUE" of the
file ZONE; of a type that a name has not it says so, and that there is no other
name.  SILENT is a VALUE that gets no answer."""
import socket
import struct
import sys

TYPES = {'A': 1, 'TXT': 16}


def zone():
    records = {}
    for line in open(sys.argv[1], encoding='ascii'):
        name, kind, value = line.rstrip('\n').split(' ', 2)
        records.setdefault(name.lower(), {})[TYPES[kind]] = value
    return records


def data(kind, value):
    if kind == TYPES['A']:
        return socket.inet_aton(value)
    return bytes([len(value)]) + value.encode()


def reply(query, records):
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode('latin1'))
        at += 1 + query[at]
    kind, = struct.unpack_from('>H', query, at + 1)
    name = records.get('.'.join(labels).lower())
    value = name and name.get(kind)
    if value == 'SILENT':
        return None
    answer = b''
    if value:
        answer = data(kind, value)
        answer = struct.pack('>HHHIH', 0xc00c, kind, 1, 60,
                             len(answer)) + answer
    return query[:2] + struct.pack('>HHHHH', 0x8180 if name else 0x8183, 1,
                                   bool(answer), 0, 0) + \
        query[12:at + 5] + answer


def main():
    records = zone()
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(('127.0.0.1', 53))
    while True:
        query, client = server.recvfrom(4096)
        answer = reply(query, records)
        if answer:
            server.sendto(answer, client)


main()
