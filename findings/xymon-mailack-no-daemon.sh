#!/bin/sh
# xymon-mailack 4.3.30 of Xymon reads a mail on stdin that answers an alert, and
# tells xymond that somebody has seen it.  Where xymond cannot be reached it
# says "Failed to send message", and exits 0: the answer is lost, and the alerts
# go on.  A mail that answers no alert is 3.
. "$(dirname "$0")/unpack"
unpack xymon=4.3.30-1+b2 libpcre3=2:8.39-15
LD_LIBRARY_PATH=$tree/lib/x86_64-linux-gnu:$LD_LIBRARY_PATH
# answered SUBJECT: port 1 is nobody's
answered() {
	printf '%s\n' 'From: ann@example.net' "Subject: $1" '' \
		'delay 60 I look at it' |
		XYMSRV=127.0.0.1 XYMONDPORT=1 timeout 60 \
			"$tree/usr/lib/xymon/server/bin/xymon-mailack" 2>&1
	status=$?
	echo "exit status $status"
}
answered 'holidays'
[ "$status" -eq 3 ] || exit 2
answered 'Re: Xymon [12345] host:cpu CRITICAL (RED)' >"$tree/said"
cat "$tree/said"
grep -q 'Failed to send' "$tree/said" || status=another
[ "$status" = 0 ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
