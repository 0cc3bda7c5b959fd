#!/usr/bin/env python3
"""Clients, and launchers, that shell has no words for; see main()."""
import smtplib
import socket
import subprocess
import sys
import threading
import time

from session import (DATA, EHLO, MAIL, PATIENCE, QUIT, RCPT, SMTPD,
                     Failure, check, tcp)

KIB = 1024


def deliver(address, port, path, *recipients):
    """smtplib; 8-bit octets are announced."""
    with open(path, 'rb') as file:
        message = file.read().replace(b'\n', b'\r\n')
    options = [] if message.isascii() else ['BODY=8BITMIME']
    with smtplib.SMTP(address, int(port), 'client.example',
                      PATIENCE) as server:
        refused = server.sendmail('ann@example.net', recipients, message,
                                  options)
    check(refused == {}, refused)


def authenticate(address, port, name, password, method, recipient):
    """smtplib: by one way, or by that of its choice."""
    with smtplib.SMTP(address, int(port), 'client.example',
                      PATIENCE) as server:
        server.ehlo()
        if method:
            server.esmtp_features['auth'] = method
        check(server.login(name, password)[0] == 235, 'not 235')
        check(server.sendmail('ann@example.net', [recipient],
                              'Subject: s\r\n\r\nx\r\n') == {}, 'refused')


def wrong_password(address, port, name, password):
    """smtplib tries both ways; then it goes on without."""
    with smtplib.SMTP(address, int(port), 'client.example',
                      PATIENCE) as server:
        try:
            server.login(name, password)
        except smtplib.SMTPAuthenticationError as error:
            check(error.smtp_code == 535, error)
        else:
            check(False, 'it is taken')
        check(server.mail('ann@example.net')[0] == 250, 'no MAIL')
        check(server.rcpt('bob@elsewhere.example')[0] == 550, 'it relays')


def all_three(*options):
    """inetd's way: 0, 1 and 2 are the connection."""
    ends = tcp()
    theirs = socket.socket(fileno=ends.their_in)
    says = ('sh', '-c', 'echo spilt; echo spilt >&2; cat >&2')
    with socket.socket(fileno=ends.reads) as ours:
        process = subprocess.Popen([SMTPD, '-v', *options, *says],
                                   stdin=theirs, stdout=theirs, stderr=theirs)
        theirs.close()
        ours.settimeout(PATIENCE)
        ours.sendall(EHLO + b'NONSENSE\r\n' + MAIL + RCPT + DATA +
                     b'spilt\r\n.\r\n' + QUIT)
        got = read_all(ours)
        status = process.wait(PATIENCE)
    for line in got.splitlines(True):
        check(line[:3].isdigit() and line[3:4] in b' -', line)
        check(line.endswith(b'\r\n'), line)
    check(b'spilt' not in got and b'smtpd[' not in got, got)
    return [int(line[:3]) for line in got.splitlines()
            if line[3:4] == b' '], status


def two():
    """Whatever --log says, descriptor 2 is the client and stays clean."""
    whole = [220, 250, 500, 250, 250, 354, 250, 221]
    for options in ([], ['--log', 'stderr'], ['--log', 'syslog']):
        got = all_three(*options)
        check(got == (whole, 0), options, got)
    got = all_three('--no-such-option')
    check(got == ([421], 64), got)


def read_all(connection):
    """To end of file; a reset is an exception."""
    got = b''
    while octets := connection.recv(64 * KIB):
        got += octets
    return got


def last_words(port, send, reply, patient):
    """What is read while send() goes on sending is the whole reply and end of
    file.  patient: no octet that is sent meets a reset either."""
    fault, seen = [], threading.Event()
    with socket.create_connection(('127.0.0.1', port), PATIENCE) as ours:
        def sending():
            try:
                send(ours, seen)
            except OSError as error:
                fault.append(error)

        sender = threading.Thread(target=sending)
        sender.start()
        try:
            got = read_all(ours)
        except OSError as error:
            fault = [error]
            patient = True
            got = b''
        finally:
            seen.set()
            sender.join()
    check(not patient or not fault, fault)
    check(got.endswith(b'\r\n'), got)
    check(got.splitlines()[-1].startswith(reply), got)


def errors(ours, _):
    ours.sendall(EHLO + 20 * b'NONSENSE\r\n')
    for _ in range(900):
        ours.sendall(KIB // 8 * b'FOOBAR\r\n')


def bdat(ours, _, kib=900):
    ours.sendall(EHLO + MAIL + RCPT + b'BDAT 9x LAST\r\n')
    for _ in range(kib):
        ours.sendall(KIB // 2 * b'y\n')


def endless(ours, seen):
    """More than smtpd is ready to read and drop."""
    bdat(ours, seen, 4 * KIB)


def dribble(ours, seen):
    """A command line that has no end."""
    ours.sendall(EHLO)
    while not seen.wait(0.01):
        ours.sendall(b'x')
    ours.sendall(200 * KIB * b'x')


def stall(ours, seen):
    """A message that stops, and goes on too late."""
    ours.sendall(EHLO + MAIL + RCPT + DATA + 100 * KIB * b'x')
    seen.wait()
    for _ in range(200):
        ours.sendall(KIB * b'x')
    ours.sendall(b'\r\n.\r\n')


def many(port, times, *last):
    """So often, all at once."""
    failures = []

    def one():
        try:
            last_words(int(port), *last)
        except Failure as failure:
            failures.append(failure)

    threads = [threading.Thread(target=one) for _ in range(int(times))]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(not failures, len(failures), 'of', times, 'failed:', *failures[:1])
    check(time.monotonic() - began < PATIENCE, 'it took too long')


def main():
    case, *words = sys.argv[1:]
    lasts = {'errors': (errors, b'421 4.7.0 ', True),
             'bdat': (bdat, b'421 4.5.4 ', True),
             'endless': (endless, b'421 4.5.4 ', False),
             'dribble': (dribble, b'421 4.4.2 ', True),
             'stall': (stall, b'421 4.4.2 ', True)}
    try:
        if case in lasts:
            many(*words, *lasts[case])
        else:
            {'deliver': deliver, 'two': two, 'authenticate': authenticate,
             'wrong_password': wrong_password}[case](*words)
    except Failure as failure:
        sys.exit(str(failure))


main()
