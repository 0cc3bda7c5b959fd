#!/bin/sh
# fdm 1.9 with an account "stdin", which its manual has for mail that a mail
# system hands over, as "fdm -a stdin fetch": it says "fetching error. aborted",
# and exits 0, when the program of a pipe has failed or the folder cannot be
# made, and so it does with a message that no rule takes, which it says that it
# keeps.  The mail system takes the message for delivered, and it is nowhere.
# As root fdm wants a user of its package; root gives it another one here.
. "$(dirname "$0")/unpack"
unpack fdm=1.9+git20181219-1+b2 libtdb1=1.4.8-2
own=$tree/own
mkdir "$own"
become=
[ "$(id -u)" -ne 0 ] || {
	become='setpriv --reuid 65534 --regid 65534 --clear-groups'
	chown -R 65534 "$tree"
}
fetched() {
	{
		echo 'account "stdin" stdin'
		echo "set lock-file \"$own/lock\""
		echo "action \"it\" $1"
		echo "match ${2:-all} action \"it\""
	} >"$own/conf"
	chmod 600 "$own/conf"
	[ -z "$become" ] || chown 65534 "$own/conf"
	echo "== $1 ${2:-}"
	printf 'From: ann@example.net\nSubject: x\n\nbody\n' |
		HOME=$own $become "$tree/usr/bin/fdm" -f "$own/conf" \
			-a stdin fetch 2>&1
	status=$?
	echo "exit status $status"
}
fetched "pipe \"cat >$own/got\""
[ -s "$own/got" ] && [ "$status" -eq 0 ] || exit 2
fetched 'pipe "exit 1"'
as_seen=$status
fetched "maildir \"$own/conf/maildir\""
as_seen=$as_seen$status
fetched "pipe \"cat >$own/got\"" '"^No-Such:" in headers'
[ "$as_seen$status" = 000 ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
