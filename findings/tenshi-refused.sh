#!/bin/sh
# tenshi 0.13 mails lines of a log.  A report that is refused at RCPT, by 451
# too, stays, and comes with the next one.  Where the same 451 is the reply to
# the message, which is the usual place for it, tenshi does not read it: the
# report is lost, and there is no word.
# Each line is a report of its own here ("now").
. "$(dirname "$0")/unpack"
unpack tenshi=0.13-7 libio-bufferedselect-perl=1.0-3
PYTHONPATH=$(dirname "$0") python3 -B - "$tree" <<'END'
import grp
import os
import pwd
import subprocess
import sys
import time

import smtpserver

tree = sys.argv[1]
CONFIG = '''
set uid %s
set gid %s
set pidfile %s/pid
set logfile %s/log
set sleep 1
set tail /usr/bin/tail -n +1 -f
set mask ___
set mailserver 127.0.0.1:%d
set subject report
set queue a ann@example.net joe@example.org [now]
a ^.*
'''


def reports(at_rcpt, at_message):
    """What came of two lines, of which the first is a report that is refused
    where there is a word for it."""
    seen, taken = [], []

    def to_line(line):
        if line[:4].upper() != b'RCPT' or not at_rcpt:
            return None
        seen.append('refused')
        return at_rcpt.pop()

    def to_message(content):
        seen.append('came')
        if at_message:
            return at_message.pop()
        taken.extend(word for word in ('one', 'two') if b': log: %s' %
                     word.encode() in content)
        return b'250 taken'

    port = smtpserver.start(to_message, to_line)
    with open(tree + '/conf', 'w') as file:
        file.write(CONFIG % (pwd.getpwuid(os.getuid())[0],
                             grp.getgrgid(os.getgid())[0], tree, tree, port))
    with open(tree + '/log', 'w', buffering=1) as log:
        tenshi = subprocess.Popen(
            ['perl', '-I', tree + '/usr/share/perl5',
             tree + '/usr/sbin/tenshi', '-f', '-c', tree + '/conf'],
            stdout=subprocess.PIPE)
        for number, word in enumerate(('one', 'two'), 1):
            log.write('Nov 30 12:00:00 host log: %s\n' % word)
            end = time.monotonic() + 20
            while len(seen) < number and time.monotonic() < end:
                time.sleep(0.05)
    tenshi.terminate()
    said = tenshi.communicate(timeout=20)[0]
    if len(seen) < 2:
        sys.exit(2)
    return taken, b'rejected' in said


taken = reports([], [])
rcpt = reports([b'451 later'], [])
message = reports([], [b'451 later'])
print('taken', taken, '451 to RCPT', rcpt, '451 to the message', message)
as_seen = (taken == (['one', 'two'], False) and rcpt == (['one', 'two'], True)
           and message == (['two'], False))
print('as it was seen' if as_seen else 'this has changed')
sys.exit(not as_seen)
END
