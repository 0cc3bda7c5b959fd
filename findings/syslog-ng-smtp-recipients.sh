#!/bin/sh
# syslog-ng 3.38.1, destination smtp() with two recipients.  The server takes
# one of them, refuses the other by 550, and takes the message: it is delivered.
# syslog-ng says "Error occurred while trying to send a message", sends it
# again, to the one that has it too, as often as its retries() says, 3 if it
# says nothing, and then "message(s) dropped".
. "$(dirname "$0")/unpack"
unpack syslog-ng-core=3.38.1-5+deb12u1 syslog-ng-mod-smtp=3.38.1-5+deb12u1 \
	libivykis0=0.42.4-1 libesmtp6=1.1.0-3.1~deb12u1 \
	libglib2.0-0=2.74.6-2+deb12u9 libpcre3=2:8.39-15
LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$tree/usr/lib/syslog-ng
LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$tree/lib/x86_64-linux-gnu
PYTHONPATH=$(dirname "$0") python3 -B - "$tree" <<'END'
import subprocess
import sys
import time

import smtpserver

tree = sys.argv[1]
CONFIG = '''
@version: 3.38
source s { file("%s/log" follow-freq(0.1) flags(no-parse)); };
destination d {
  smtp(host("127.0.0.1") port(%d) from("Ann" "ann@example.net")
       to("Joe" "joe@example.org") to("Sue" "sue@example.org")
       subject("line") body("$MSG") time-reopen(1));
};
log { source(s); destination(d); };
'''


def times(refused, taken):
    """How often the first of two lines came, once the second has."""

    def to_message(content):
        taken.append(content.split()[-1])
        return b'250 taken'

    port = smtpserver.start(to_message, lambda line:
                            b'550 5.1.1 no' if refused in line else None)
    with open(tree + '/conf', 'w') as file:
        file.write(CONFIG % (tree, port))
    with open(tree + '/log', 'w') as file:
        file.write('one\ntwo\n')
    syslog_ng = subprocess.Popen(
        [tree + '/usr/sbin/syslog-ng', '-F', '-e', '--no-caps',
         '-f', tree + '/conf', '--pidfile', tree + '/pid',
         '--persist-file', '%s/persist-%d' % (tree, len(refused)),
         '--control', tree + '/control',
         '--module-path', tree + '/usr/lib/syslog-ng/3.38'])
    end = time.monotonic() + 30
    while b'two' not in taken and time.monotonic() < end:
        time.sleep(0.05)
    syslog_ng.terminate()
    syslog_ng.wait(20)
    if b'two' not in taken:
        sys.exit(2)
    return taken.count(b'one')


whole, half = times(b'nobody', []), times(b'sue@', [])
print('both taken:', whole, 'one refused:', half)
as_seen = (whole, half) == (1, 3)
print('as it was seen' if as_seen else 'this has changed')
sys.exit(not as_seen)
END
