"""The tables beside: a line is tried with two programs, and "= reason" says, up
to the next empty line, why they are to differ."""
import os
import re

ESCAPES = {b'n': b'\n', b'r': b'\r', b't': b'\t', b'\\': b'\\'}


def octets(text):
    return re.sub(rb'\\(x..|.)', lambda escape: ESCAPES.get(escape[1]) or
                  bytes.fromhex(escape[1][1:].decode()), text.encode())


def table(name):
    """(line, reason or None) ..."""
    reason = None
    with open(os.path.join(os.path.dirname(__file__), name),
              encoding='ascii') as file:
        for line in file.read().split('\n'):
            if line.startswith('= '):
                reason = line[2:]
            elif line == '':
                reason = None
            elif not line.startswith('#'):
                yield line, reason
