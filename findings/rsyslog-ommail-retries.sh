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
python3 - "$tree" <<'END'
import os
import socket
import subprocess
import sys
import threading
import time

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


def talk(client, greetings, verdicts, taken):
    """The first connection and the first message have it hard."""
    lines, replies = [], {b'DATA': b'354 go', b'QUIT': b'221 bye'}

    def say(reply):
        client.write(reply + b'\r\n')
        client.flush()

    say(greetings.pop())
    for line in client:
        lines.append(line.strip())
        if lines[-1] == b'.':
            say(verdicts[-1])
            if verdicts.pop().startswith(b'250'):
                taken += [lines[-3]]
            lines = []
        elif b'DATA' not in lines[:-1]:
            say(replies.get(lines[-1][:4], b'250 ok'))
        if line[:4] == b'QUIT':
            break
    client.close()


def serve(listener, *words):
    while True:
        client = listener.accept()[0].makefile('rwb')
        threading.Thread(target=talk, args=(client, *words),
                         daemon=True).start()


def names(taken):
    return {line.split()[-1].decode() for line in taken}


def fate(greeting, verdict, queue, awaited):
    """Whether the first of three lines came, once those awaited have."""
    taken = []
    listener = socket.create_server(('127.0.0.1', 0))
    greetings = [b'220 mx'] * 1000 + [greeting]
    verdicts = [b'250 ok'] * 1000 + [verdict]
    threading.Thread(target=serve, args=(listener, greetings, verdicts, taken),
                     daemon=True).start()
    with open(tree + '/conf', 'w') as file:
        file.write(CONFIG % (tree, listener.getsockname()[1], queue))
    rsyslogd = subprocess.Popen(
        [tree + '/usr/sbin/rsyslogd', '-n', '-f', tree + '/conf',
         '-i', tree + '/pid', '-M', tree + '/usr/lib/x86_64-linux-gnu/rsyslog'])
    end = time.monotonic() + 20
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    while log.connect_ex(tree + '/log') and time.monotonic() < end:
        time.sleep(0.05)
    for name in (b'one', b'two', b'three'):
        log.send(b'<13>Jan  1 00:00:00 tag: ' + name)
    while not awaited <= names(taken) and time.monotonic() < end:
        time.sleep(0.05)
    rsyslogd.terminate()
    rsyslogd.wait(20)
    print((greeting + b', ' + verdict).decode(), queue, names(taken))
    if not {'two', 'three'} <= names(taken):
        sys.exit(2)
    return 'one' in names(taken)


busy, later = (b'421 busy', b'250 ok'), (b'220 mx', b'451 later')
own = 'queue.type="LinkedList"'
lost = [not fate(*trouble, '', {'three'}) for trouble in (busy, later)]
kept = [fate(*trouble, own, {'one', 'two', 'three'})
        for trouble in (busy, later)]
as_seen = all(lost + kept)
print('as it was seen' if as_seen else 'this has changed')
sys.exit(not as_seen)
END
