#!/bin/sh
# rsyslog 8.2302.0, whose ommail sends log lines as mail, with
# action.resumeRetryCount="-1", which is to try again for ever.  The server
# answers the first mail by 451, or the first connection by 421.  Without a
# queue of its own (queue.type "Direct", the default) the action connects once
# more, sends nothing, and goes on with the next line: its log says "suspended"
# and "resumed", and that mail is lost.  With queue.type="LinkedList" it comes
# again.
. "$(dirname "$0")/unpack"
unpack rsyslog=8.2302.0-1+deb12u2 libestr0=0.1.11-1 libfastjson4=1.2304.0-1
PYTHONPATH=$(dirname "$0") python3 -B - "$tree" <<'END'
import socket
import subprocess
import sys
import time

import smtpserver

tree = sys.argv[1]
CONFIG = '''
module(load="imuxsock" SysSock.Use="off")
module(load="ommail")
input(type="imuxsock" Socket="%s/log")
template(name="mail" type="string" string="line")
action(type="ommail" server="127.0.0.1" port="%d" mailfrom="ann@example.net"
       mailto=["joe@example.org"] subject.template="mail"
       action.resumeRetryCount="-1" action.resumeInterval="1" %s)
'''


def fate(greeting, verdict, queue, awaited):
    """Whether the first of three lines came, once those awaited have."""
    taken, greetings, verdicts = set(), [greeting], [verdict]

    def to_message(content):
        reply = verdicts.pop() if verdicts else b'250 ok'
        if reply.startswith(b'250'):
            taken.add(content.split()[-1].decode())
        return reply

    port = smtpserver.start(to_message, greeting=lambda:
                            greetings.pop() if greetings else b'220 mx')
    with open(tree + '/conf', 'w') as file:
        file.write(CONFIG % (tree, port, queue))
    rsyslogd = subprocess.Popen(
        [tree + '/usr/sbin/rsyslogd', '-n', '-f', tree + '/conf',
         '-i', tree + '/pid', '-M', tree + '/usr/lib/x86_64-linux-gnu/rsyslog'])
    end = time.monotonic() + 20
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    while log.connect_ex(tree + '/log') and time.monotonic() < end:
        time.sleep(0.05)
    for name in (b'one', b'two', b'three'):
        log.send(b'<13>Jan  1 00:00:00 tag: ' + name)
    while not awaited <= taken and time.monotonic() < end:
        time.sleep(0.05)
    rsyslogd.terminate()
    rsyslogd.wait(20)
    print((greeting + b', ' + verdict).decode(), queue, taken)
    if not {'two', 'three'} <= taken:
        sys.exit(2)
    return 'one' in taken


busy, later = (b'421 busy', b'250 ok'), (b'220 mx', b'451 later')
own = 'queue.type="LinkedList"'
lost = [not fate(*trouble, '', {'three'}) for trouble in (busy, later)]
kept = [fate(*trouble, own, {'one', 'two', 'three'})
        for trouble in (busy, later)]
as_seen = all(lost + kept)
print('as it was seen' if as_seen else 'this has changed')
sys.exit(not as_seen)
END
