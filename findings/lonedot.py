"""For scripts here: what becomes of a text with a mail in it, behind a dot."""
import subprocess
import sys
import threading

import smtpserver

LINES = ['one', '.two', '.', 'MAIL FROM:<mallory@example.com>',
         'RCPT TO:<root@example.org>', 'DATA', 'Subject: hidden', '', 'three']
ANN, JOE = '<ann@example.net>', '<joe@example.org>'
MALLORY, ROOT = '<mallory@example.com>', '<root@example.org>'


def mails(command, text):
    """Its exit status, for its port and that text, and the mails that came: of
    each the sender, the recipient, and which of LINES it has."""
    envelope, came = [], []

    def to_line(line):
        if line[:5] in (b'MAIL ', b'RCPT '):
            envelope.append(line.split(b':', 1)[1].strip().decode())
        elif line[:4] not in smtpserver.REPLIES and line[:4] != b'HELO':
            return b'500 5.5.1 no such command'
        return None

    def to_message(content):
        lines = [line[1:] if line[:1] == '.' else line
                 for line in content.decode().split('\r\n')]
        came.append((*envelope, [line for line in lines if line and
                                 (line in LINES or '.' + line in LINES)]))
        envelope.clear()
        return b'250 taken'

    port = smtpserver.start(to_message, to_line)
    status = subprocess.run(command + [str(port), text], timeout=60,
                            stdout=subprocess.DEVNULL).returncode
    for thread in threading.enumerate():
        if thread.name.endswith('(talk)'):
            thread.join(20)
    print('exit status:', status)
    print(*came, sep='\n')
    return status, came


def check(command, text):
    """Ends the script: whether the hidden mail came, and all is well."""
    as_seen = mails(command, text) == (
        0, [(ANN, JOE, ['one', 'two']),
            (MALLORY, ROOT, ['Subject: hidden', 'three'])])
    print('as it was seen' if as_seen else 'this has changed')
    sys.exit(not as_seen)
