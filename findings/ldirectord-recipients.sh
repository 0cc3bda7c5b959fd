#!/bin/sh
# ldirectord 4.12.0 mails alerts to "emailalert", where its manual says that
# "multiple addresses may be supplied, comma delimited".  By its sendmail that
# is so.  With "smtp" it asks the server for one recipient whose address is the
# whole list, which no server knows; it does not look at the reply, logs
# "emailalert", and nobody hears of it.
# ipvsadm is a script here.  The port is 25, in a namespace.
. "$(dirname "$0")/unpack"
unpack ldirectord=1:4.12.0-2 libsocket6-perl=0.29-3 libmailtools-perl=2.21-2 \
	libtimedate-perl=2.3300-2
cat >"$tree/ipvsadm" <<'END'
#!/bin/sh
[ "$1" != -L ] || printf 'IP Virtual Server\nProt\n  ->\n'
END
cat >"$tree/sendmail" <<'END'
#!/bin/sh
grep -a ^To: >>"${0%/*}/by-sendmail"
END
chmod +x "$tree/ipvsadm" "$tree/sendmail"
cat >"$tree/try" <<'END'
import os
import subprocess
import sys
import time

import smtpserver

tree, = sys.argv[1:]
CONFIG = '''checkinterval = 1
quiescent = yes
emailalert = "%s"
emailalertfrom = ann@example.net
%s
virtual = 192.0.2.1:80
\treal = 127.0.0.1:81 masq
\tservice = http
\tscheduler = rr
\tchecktype = connect
\tprotocol = tcp
'''
USERS = (b'RCPT TO:<joe@example.org>\r\n', b'RCPT TO:<sue@example.org>\r\n')
asked = []


def to_line(line):
    if line[:4] == b'RCPT':
        asked.append(line)
        return None if line in USERS else b'550 5.1.1 no such user'
    if line[:4] == b'DATA' and not set(asked) & set(USERS):
        return b'503 5.5.1 no recipient'
    return None


def alert(whom, by):
    """The RCPTs that it leads to, and whether the log says that it went."""
    asked.clear()
    with open(tree + '/conf', 'w') as file:
        file.write(CONFIG % (whom, by))
    with open(tree + '/log', 'wb') as log:
        run = subprocess.Popen(
            ['perl', tree + '/usr/sbin/ldirectord', '-d', tree + '/conf',
             'start'], cwd=tree, stdout=log, stderr=log, env={
                 **os.environ, 'PERLIO': 'perlio',
                 'PERL5LIB': '%s/usr/share/perl5:%s/usr/lib/x86_64-linux-gnu/'
                 'perl5/5.36' % (tree, tree),
                 'PERL_MAILERS': 'sendmail:%s/sendmail' % tree})
    end = time.monotonic() + 20
    said = b''
    while b'Enabled ' not in said and time.monotonic() < end:
        time.sleep(0.1)
        with open(tree + '/log', 'rb') as log:
            said = log.read()
    run.terminate()
    run.wait(timeout=20)
    print(whom, by, *asked, sep='\n\t')
    if b'emailalert: Added real server' not in said:
        print(said.decode())
        sys.exit(2)
    return b''.join(asked), b'fail' in said


smtpserver.start(lambda content: b'250 taken', to_line, port=25)
LIST = 'joe@example.org, sue@example.org'
alert(LIST, '')
with open(tree + '/by-sendmail') as file:
    if LIST not in file.read():
        sys.exit(2)
if alert('joe@example.org', 'smtp = 127.0.0.1')[0] != USERS[0]:
    sys.exit(2)
as_seen = alert(LIST, 'smtp = 127.0.0.1') == (
    b'RCPT TO:<joe@example.org, sue@example.org>\r\n', False)
print('as it was seen' if as_seen else 'this has changed')
sys.exit(not as_seen)
END
unshare -rn true || exit 2
PYTHONPATH=$(dirname "$0")
export PYTHONPATH
unshare -rn sh -c 'ip link set lo up && exec python3 -B "$0/try" "$0"' \
	"$tree"
