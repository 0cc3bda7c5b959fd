#!/usr/bin/env python3
"""devices PORT POSTFIX DOMAIN: each line of the table beside, to the Postfix on
that port, whose configuration is in POSTFIX and whose own domain is DOMAIN, and
to smtpd.  Says where they differ and it is not listed, or the other way
round."""
import json
import os
import re
import socket
import subprocess
import sys
import tempfile

from reasoned import octets, table

PORT, POSTFIX, DOMAIN = int(sys.argv[1]), sys.argv[2], sys.argv[3]
HELLO = b'EHLO client.example'
MAIL = b'MAIL FROM:<ann@example.net>'
RCPT = b'RCPT TO:<help@example.org>'
LETTER = b'Subject: x\r\n\r\nx\r\n.'


def session(line):
    """The lines around it, and its place.  "!": without a hello."""
    verb = line.split()[0].upper()
    if line.startswith(b'!'):
        return [line[1:]], 0
    if verb == b'MAIL':
        return [HELLO, line, RCPT, b'DATA', LETTER], 1
    if verb == b'RCPT':
        return [HELLO, MAIL, line, b'DATA', LETTER], 2
    if verb in (b'HELO', b'EHLO'):
        return [line, MAIL, RCPT, b'DATA', LETTER], 0
    return [HELLO, line], 1


class Client:
    def __init__(self):
        self.socket = socket.create_connection(('127.0.0.1', PORT), 20)
        self.file = self.socket.makefile('rb')

    def reply(self):
        line = b'-' * 4
        while line[3:4] == b'-':
            line = self.file.readline()
        return line

    def say(self, line):
        self.socket.sendall(line + b'\r\n')
        return self.reply()


def ask_postfix(line):
    """Whether it is taken, and the id of the message behind it."""
    lines, place = session(line)
    client = Client()
    client.reply()
    replies = []
    for each in lines:
        replies.append(client.say(each))
        if replies[-1][:1] not in (b'2', b'3'):
            break
    taken = len(replies) > place and replies[place][:1] == b'2'
    found = re.search(rb'queued as (\w+)', replies[-1])
    client.file.close()
    client.socket.close()
    return taken, found and found[1].decode()


def queue():
    """The sender and the recipient of each message, by its id."""
    said = subprocess.run(['postqueue', '-c', POSTFIX, '-j'], check=True,
                          capture_output=True).stdout.decode()
    return {it['queue_id']: (
        '' if it['sender'] == 'MAILER-DAEMON' else it['sender'],
        it['recipients'][0]['address'])
            for it in map(json.loads, said.splitlines())}


def ask_smtpd(line):
    """Whether it is taken, and what the command is told."""
    lines, place = session(line)
    with tempfile.NamedTemporaryFile() as file:
        said = subprocess.run(
            [os.environ['SMTPD'], '-n', DOMAIN, '--log', 'none', '--', 'sh',
             '-c', r'printf "%s\n%s" "$SENDER" "$RECIPIENT" >"$0"',
             file.name], input=b''.join(each + b'\r\n' for each in lines),
            stdout=subprocess.PIPE, check=True, timeout=20).stdout
        told = file.read().decode().split('\n')
    codes = re.findall(rb'(?m)^(\d)\d\d ', said)
    return codes[place + 1] == b'2', told if len(told) == 2 else None


def plain(address):
    """Less its quotes, which are no part of what it means."""
    local, domain = re.fullmatch(
        r'((?:"(?:\\.|[^"\\])*"|[^"@])*)(?:@([^@]*))?', address,
        re.DOTALL).groups()
    local = re.sub(r'\\(.)|"', r'\1', local, flags=re.DOTALL)
    return local, domain or (DOMAIN if local else '')


def main():
    rows = [(octets(line), reason) for line, reason in table('devices')]
    theirs = [ask_postfix(line) for line, _ in rows]
    queued = queue()
    wrong = differ = 0
    for (line, reason), (taken, queue_id) in zip(rows, theirs):
        ours, told = ask_smtpd(line)
        postfix = taken and (not queue_id or list(
            map(plain, queued[queue_id])))
        smtpd = ours and (told is None or list(map(plain, told)))
        different = postfix != smtpd
        differ += different
        if different != (reason is not None):
            wrong += 1
            print('listed and alike:' if reason else 'unlisted:', line,
                  'Postfix:', postfix, 'smtpd:', smtpd)
    print(f'{len(rows)} lines, {differ} differences')
    sys.exit(wrong > 0 or len(rows) < 300)


main()
