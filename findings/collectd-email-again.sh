#!/bin/sh
# collectd 5.12.0, plugin notify_email.  The server takes sender and recipient,
# and answers the first mail by 451, which is "later".  The log says "notify
# sent to joe@example.org: 250 ok" of it, which was the reply to RCPT.  It comes
# again with the second notification, but with that one's text: two mails that
# say the same, and what the first one said is lost.
. "$(dirname "$0")/unpack"
unpack collectd-core=5.12.0-14 libesmtp6=1.1.0-3.1~deb12u1
PYTHONPATH=$(dirname "$0") python3 -B - "$tree" <<'END'
import socket
import subprocess
import sys
import time

import smtpserver

tree = sys.argv[1]
CONFIG = '''
BaseDir "%(tree)s"
PIDFile "%(tree)s/pid"
PluginDir "%(tree)s/usr/lib/collectd"
TypesDB "%(tree)s/usr/share/collectd/types.db"
LoadPlugin logfile
<Plugin logfile>
  LogLevel info
  File "%(tree)s/log"
</Plugin>
LoadPlugin unixsock
<Plugin unixsock>
  SocketFile "%(tree)s/socket"
</Plugin>
LoadPlugin notify_email
<Plugin notify_email>
  From "ann@example.net"
  SMTPServer "127.0.0.1"
  SMTPPort %(port)d
  Subject "alert"
  Recipient "joe@example.org"
</Plugin>
'''


def alerts(verdicts):
    """Which alerts came, of three of which each waits for the one before."""
    taken = []

    def to_message(content):
        if verdicts:
            return verdicts.pop(0)
        taken.append(content)
        return b'250 taken'

    port = smtpserver.start(to_message)
    with open(tree + '/conf', 'w') as file:
        file.write(CONFIG % {'tree': tree, 'port': port})
    with open(tree + '/log', 'w'):
        pass
    collectd = subprocess.Popen([tree + '/usr/sbin/collectd', '-f', '-C',
                                 tree + '/conf'])
    talk = socket.socket(socket.AF_UNIX)
    talk.settimeout(20)
    end = time.monotonic() + 20
    while talk.connect_ex(tree + '/socket') and time.monotonic() < end:
        time.sleep(0.05)
    for word in (b'one', b'two', b'three'):
        talk.sendall(b'PUTNOTIF severity=failure time=1700000000 host=h '
                     b'message="alert %s"\n' % word)
        if not talk.recv(1000).startswith(b'0 '):
            sys.exit(2)
    talk.close()
    collectd.terminate()
    collectd.wait(20)
    with open(tree + '/log') as file:
        said = [line.split('] ')[-1].strip() for line in file
                if 'notify sent' in line]
    came = [word for content in taken for word in ('one', 'two', 'three')
            if b'alert ' + word.encode() in content]
    print('\n'.join(said), came, sep='\n')
    return came, said


good, bad = alerts([]), alerts([b'451 later'])
as_seen = (good[0] == ['one', 'two', 'three'] and
           bad[0] == ['two', 'two', 'three'] and
           bad[1] == ['notify_email: notify sent to joe@example.org: 250 ok'] *
           len(bad[1]))
print('as it was seen' if as_seen else 'this has changed')
sys.exit(not as_seen)
END
