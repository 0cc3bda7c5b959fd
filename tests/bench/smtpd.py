#!/usr/bin/env python3
"""smtpd.py COMMAND [ARGUMENT ...]: what one would write in its place with
Python's own library: SMTP on descriptors 0 and 1, each message into COMMAND.
No limits, no time-outs, no log, no spool; for comparison only."""
import subprocess
import sys


class Session:
    def __init__(self, command, wire, replies):
        self.command, self.wire, self.replies = command, wire, replies
        self.sender, self.recipients = None, []

    def say(self, reply):
        self.replies.write(reply + b'\r\n')
        self.replies.flush()

    def content(self):
        """Whole, without its dots; None where the client left."""
        lines = []
        for line in self.wire:
            if line == b'.\r\n':
                return b''.join(lines)
            if line.startswith(b'.'):
                line = line[1:]
            lines.append(line[:-2] + b'\n' if line[-2:] == b'\r\n' else line)
        return None

    def mail(self, argument):
        self.sender, self.recipients = argument[5:], []
        return b'250 Ok'

    def rcpt(self, argument):
        if self.sender is None:
            return b'503 MAIL first'
        self.recipients.append(argument[3:])
        return b'250 Ok'

    def data(self, _):
        if not self.recipients:
            return b'503 RCPT first'
        self.say(b'354 Go on')
        message = self.content()
        self.sender, self.recipients = None, []
        if message is None:
            return b'451 Cut off'
        status = subprocess.run(self.command, input=message).returncode
        return b'250 Ok' if status == 0 else b'451 Later'

    def reset(self, _):
        self.sender, self.recipients = None, []
        return b'250 Ok'

    def serve(self):
        verbs = {b'HELO': self.reset, b'RSET': self.reset, b'MAIL': self.mail,
                 b'RCPT': self.rcpt, b'DATA': self.data,
                 b'EHLO': lambda _: b'250-python\r\n250 PIPELINING',
                 b'NOOP': lambda _: b'250 Ok'}
        self.say(b'220 python')
        for line in self.wire:
            verb, _, argument = line.strip().partition(b' ')
            if verb.upper() == b'QUIT':
                self.say(b'221 Bye')
                return
            act = verbs.get(verb.upper(), lambda _: b'500 What?')
            self.say(act(argument))


Session(sys.argv[1:], sys.stdin.buffer, sys.stdout.buffer).serve()
