#!/bin/sh
# Virtuoso 7.2.5, its SQL function smtp_send.  It sends the text as it is: a
# line that begins with a dot comes without it, and one that is a lone dot ends
# the mail.  What stands behind it is commands, it may be another mail, and the
# function returns 0, which is success.
. "$(dirname "$0")/unpack"
unpack virtuoso-opensource-7-bin=7.2.5.1+dfsg1-0.3 \
	libminizip1=1.1-8+deb12u1 libldap-2.5-0=2.5.13+dfsg-5 \
	libpcre3=2:8.39-15
cat >"$tree/virtuoso.ini" <<END
[Database]
DatabaseFile=$tree/db
ErrorLogFile=$tree/log
TransactionFile=$tree/trx
xa_persistent_file=$tree/pxa
[TempDatabase]
DatabaseFile=$tree/temp
TransactionFile=$tree/temptrx
[Parameters]
ServerPort=127.0.0.1:PORT
ServerThreads=4
NumberOfBuffers=2000
END
cat >"$tree/send" <<'END'
#!/bin/sh
tree=${0%/*}
sql() {
	"$tree/usr/bin/isql-vt" "127.0.0.1:$(cat "$tree/port")" dba dba \
		banner=off verbose=off errors=stdout exec="$1"
}
if [ $# -eq 0 ]; then
	sql 'select 7*6;' 2>/dev/null | grep -q 42
	exit
fi
sql "select concat('result ', cast(smtp_send('127.0.0.1:$1',
	'<ann@example.net>', '<joe@example.org>', replace('$2', '|',
	concat(chr(13), chr(10)))) as varchar));" | grep -q 'result 0'
END
chmod +x "$tree/send"
PYTHONPATH=$(dirname "$0") python3 -B - "$tree" <<'END'
import socket
import subprocess
import sys
import time

import lonedot

tree = sys.argv[1]
with socket.create_server(('127.0.0.1', 0)) as free:
    port = str(free.getsockname()[1])
with open(tree + '/port', 'w') as file:
    file.write(port)
with open(tree + '/virtuoso.ini') as file:
    config = file.read()
with open(tree + '/virtuoso.ini', 'w') as file:
    file.write(config.replace('PORT', port))
server = subprocess.Popen(
    [tree + '/usr/bin/virtuoso-t', '-f', '-c', tree + '/virtuoso.ini'],
    stderr=subprocess.DEVNULL)
try:
    end = time.monotonic() + 60
    while subprocess.call([tree + '/send']) and time.monotonic() < end:
        time.sleep(0.2)
    lonedot.check([tree + '/send'], '|'.join(['Subject: x', ''] +
                                             lonedot.LINES))
finally:
    server.terminate()
    server.wait(30)
END
