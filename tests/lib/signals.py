#!/usr/bin/env python3
"""signals CASE SIGNAL ...: each of them at one point of a session."""
import os
import select
import signal
import sys
import threading
import time

from session import (BOX, DATA, EHLO, MAIL, PATIENCE, QUIT, RCPT, Failure,
                     Session, box, check, socket_pair, two_pipes,
                     until)

SOON = 2.5   # seconds from the signal, or from the end of the command
STOP = b'421 4.3.2 '
MESSAGE = b'Subject: stop\r\n\r\n..dot\r\n.\r\n'
PLAIN = b'Subject: stop\n\n.dot\n'
CHUNK = b'BDAT 14 LAST\r\nSubject: two\r\n'
TWO = b'Subject: two\n'
# Says that it runs, waits to be let go, keeps the message.
HELD = ('sh', '-c', '''echo >"$BOX/runs"; read -r x <"$BOX/go"
name=$(date +%s%N).$$; cat >"$BOX/$name.msg"''')


def stopped(session, *codes, seconds=SOON):
    """421 4.3.2 is the last word, after the replies with these codes."""
    began = time.monotonic()
    session.rest(seconds)
    check(session.got.splitlines()[-1].startswith(STOP), session.got)
    check(session.got.endswith(b'\r\n'), session.got)
    check(session.codes() == [*codes, 421], session.codes())
    session.close()
    session.exit(max(0.1, began + seconds - time.monotonic()))


def at(stop, steps, last, *codes, kept=()):
    """After steps that were answered and octets that were taken."""
    session = Session(socket_pair(), '--no-received')
    try:
        check(session.script(steps), 'it closed')
        check(session.send(last), 'it closed')
        session.taken()
        session.process.send_signal(stop)
        stopped(session, *codes)
    finally:
        session.end()
    check(tuple(box()) == kept, 'what ran is not', kept)


def unread(stop):
    """The greeting is there and nobody has read it."""
    session = Session(socket_pair())
    try:
        check(select.select([session.ends.reads], [], [], PATIENCE)[0],
              'no greeting')
        session.process.send_signal(stop)
        stopped(session, 220)
    finally:
        session.end()


def idle(stop):
    at(stop, (), b'', 220)
    at(stop, (EHLO,), b'', 220, 250)
    at(stop, (EHLO, MAIL), b'', 220, 250, 250)
    at(stop, (EHLO, MAIL, RCPT), b'', 220, 250, 250, 250)
    at(stop, (EHLO, MAIL, RCPT, DATA, MESSAGE), b'',
       220, 250, 250, 250, 354, 250, kept=(PLAIN,))


def line(stop):
    """In the middle of a command line."""
    for last in b'M', b'MAIL FR', MAIL[:-2], MAIL[:-1], 5000 * b'x':
        at(stop, (EHLO,), last, 220, 250)


def content(stop):
    """In the middle of DATA, and of a chunk."""
    for last in (b'', b'Sub', MESSAGE[:-5], MESSAGE[:-3], MESSAGE[:-2],
                 MESSAGE[:-1], 1500000 * b'x'):
        at(stop, (EHLO, MAIL, RCPT, DATA), last, 220, 250, 250, 250, 354)
    at(stop, (EHLO, MAIL, RCPT), CHUNK[:-1], 220, 250, 250, 250)
    at(stop, (EHLO, MAIL, RCPT, b'BDAT 3\r\none'), b'BDAT 9 LAST\r\ntwo',
       220, 250, 250, 250, 250)


def held(stop, lmtp, behind):
    """While the command runs."""
    os.mkfifo(os.path.join(BOX, 'go'))
    session = Session(socket_pair(), *(['--lmtp'] if lmtp else []),
                      '--no-received', command=HELD)
    hello = EHLO.replace(b'EHLO', b'LHLO') if lmtp else EHLO
    recipients = 3 if lmtp else 1
    try:
        session.script((hello, MAIL, *recipients * [RCPT], DATA))
        before = session.codes()
        session.send(MESSAGE + behind)
        until('the command runs',
              lambda: os.path.exists(os.path.join(BOX, 'runs')))
        session.process.send_signal(stop)
        check(not session.read(0.2), 'it did not wait:', session.got)
        check(session.process.poll() is None, 'it did not wait')
        with open(os.path.join(BOX, 'go'), 'w', encoding='ascii') as go:
            go.write('\n')
        if lmtp:
            session.replies(len(before) + 3)
            codes = session.codes()[len(before):]
            check(codes[:3] == [250, 421, 421], codes)
            session.rest(SOON)
            session.close()
            session.exit(SOON)
        else:
            stopped(session, *before, 250)
    finally:
        session.end()
    os.unlink(os.path.join(BOX, 'go'))
    kept = box()
    check(kept == [PLAIN], kept)


def runs(stop):
    held(stop, False, b'')


def pipelined(stop):
    """What is behind the message is not begun."""
    held(stop, False, QUIT)
    held(stop, False, MAIL + RCPT + CHUNK)
    held(stop, False, MAIL + RCPT + DATA + MESSAGE + QUIT)


def lmtp(stop):
    held(stop, True, b'')


def proving(stop):
    """While AUTH's COMMAND runs: its answer, and nothing that is behind."""
    for status, code in (0, 235), (1, 535), (75, 454):
        proof(stop, status, code, b'')
        proof(stop, status, code, b'NOOP\r\nNO')
        proof(stop, status, code, MAIL + RCPT + DATA + MESSAGE + QUIT)


def proof(stop, status, code, behind):
    """The signal is there before COMMAND can end, and so before smtpd waits
    for its end for the last time."""
    go, runs = os.path.join(BOX, 'go'), os.path.join(BOX, 'runs')
    os.mkfifo(go)
    session = Session(socket_pair(), '--auth-in-clear', '--auth',
                      'echo >"$BOX/runs"; read -r x <"$BOX/go"; exit $x')
    try:
        session.script((EHLO,))
        session.send(b'AUTH PLAIN AGpvZQB4\r\n' + behind)
        until('COMMAND runs', lambda: os.path.exists(runs))
        session.process.send_signal(stop)
        with open(go, 'w', encoding='ascii') as file:
            file.write(f'{status}\n')
        stopped(session, 220, 250, code, seconds=PATIENCE)
    finally:
        session.end()
    check(box() == [], 'it ran')


def flood(stop):
    """A client that never pauses cannot hold it off.  It has to be faster than
    smtpd, so that smtpd never waits: therefore -v."""
    for ends in socket_pair, two_pipes:
        session = Session(ends(), '-v', log=os.devnull)
        try:
            session.script((EHLO,))
            sender = threading.Thread(target=keep_sending, args=(session,),
                                      daemon=True)
            sender.start()
            read_until(session, time.monotonic() + 0.3)
            check(session.codes()[-1] == 250, session.got)
            session.process.send_signal(stop)
            sent = time.monotonic()
            read_until(session, sent + SOON)
            check(session.eof, 'it goes on')
            check(session.got.splitlines()[-1].startswith(STOP), session.got)
            sender.join(SOON)
            session.close()
            session.exit(max(0.1, sent + SOON - time.monotonic()))
        finally:
            session.end()


def keep_sending(session):
    """Its input is never empty; until it is gone."""
    while session.send(10000 * b'NOOP\r\n'):
        pass


def read_until(session, deadline):
    """All replies, of which the last are kept.  What was sent meanwhile, and
    never read, may make the end a reset; behind all replies."""
    while not session.eof and time.monotonic() < deadline:
        try:
            session.read(0.1)
        except ConnectionResetError:
            session.eof = True
        session.got = session.got[-200:]


def deaf(stop):
    """A client that reads nothing cannot either."""
    for ends in socket_pair, two_pipes:
        session = Session(ends())
        os.set_blocking(session.ends.writes, False)
        try:
            check(select.select([session.ends.reads], [], [], PATIENCE)[0],
                  'no greeting')
            stuck = time.monotonic() + 0.2
            while time.monotonic() < stuck:
                try:
                    os.write(session.ends.writes, 1000 * b'HELP\r\n')
                    stuck = time.monotonic() + 0.2
                except BlockingIOError:
                    select.select([], [session.ends.writes], [], 0.01)
            session.process.send_signal(stop)
            session.exit(5)
        finally:
            session.end()


def ignored(stop):
    """SIGHUP and SIGINT stay ignored; SIGTERM is ours all the same."""
    session = Session(socket_pair(), '--no-received', ignored=(stop,))
    try:
        session.script((EHLO,))
        session.process.send_signal(stop)
        if stop == signal.SIGTERM:
            stopped(session, 220, 250)
            return
        check(session.script((MAIL, RCPT, DATA, MESSAGE, QUIT)), session.got)
        session.close()
        session.exit()
    finally:
        session.end()
    check(session.codes() == [220, 250, 250, 250, 354, 250, 221],
          session.codes())
    kept = box()
    check(kept == [PLAIN], kept)


def blocked(stop):
    """Sent before smtpd is there to take it, or in the middle of a session."""
    everything = signal.valid_signals()
    session = Session(socket_pair(), blocked=everything)
    try:
        session.process.send_signal(stop)
        session.rest(SOON)
        check(session.got.splitlines()[-1].startswith(STOP), session.got)
        session.close()
        session.exit(SOON)
        session = Session(socket_pair(), blocked=everything)
        session.script((EHLO, MAIL))
        session.process.send_signal(stop)
        stopped(session, 220, 250, 250)
    finally:
        session.end()


def any_moment(stop):
    """Through a whole session, at moments as dense as it takes."""
    steps = (EHLO, MAIL, RCPT, DATA, MESSAGE, MAIL, RCPT, CHUNK, QUIT)
    tries = 50
    began = time.monotonic()
    moment(None, steps, PATIENCE)
    lasts = time.monotonic() - began
    stops = sum(moment(stop, steps, 1.2 * lasts * i / tries)
                for i in range(tries))
    check(stops > 0, 'no session was stopped')
    print(f'{tries} moments in {1000 * lasts:.0f} ms, {stops} stopped it')


def moment(stop, steps, delay):
    """One of them; true if the signal ended the session."""
    session = Session(socket_pair(), '--no-received')
    sent = None
    todo = list(steps)
    try:
        session.replies(1)
        began = time.monotonic()
        answered = 1
        session.send(todo.pop(0))
        while not session.eof:
            now = time.monotonic()
            check(now - began < PATIENCE, 'no end:', session.got)
            check(sent is None or now - sent < SOON, 'it goes on')
            if stop is not None and sent is None and now - began >= delay:
                session.process.send_signal(stop)
                sent = now
            session.read(0.0002)
            if len(session.codes()) > answered and todo:
                answered += 1
                session.send(todo.pop(0))
        session.close()
        session.exit(SOON)
    finally:
        session.end()
    codes = session.codes()
    whole = (220, 250, 250, 250, 354, 250, 250, 250, 250)
    check(tuple(codes[:-1]) == whole[:len(codes) - 1], codes)
    check(codes[-1] == 221 or session.got.splitlines()[-1].startswith(STOP),
          session.got)
    kept = box()
    answered = (len(codes) > 6) + (len(codes) > 9)
    check(kept == [PLAIN, TWO][:answered], kept, session.got)
    return codes[-1] == 421


def main():
    for name in sys.argv[2:]:
        try:
            globals()[sys.argv[1]](signal.Signals[name])
        except Failure as failure:
            sys.exit(f'{sys.argv[1]} {name}: {failure}')


main()
