#!/bin/sh
# pee of moreutils 0.67 feeds what is on stdin to several commands.  Its manual
# says nothing of its exit status.  That is theirs, joined bit by bit: of two
# that fail for a while, by 64 and by 3, or by 73 and by 4, it makes 67 and 77,
# which sysexits.h has for "no such user" and "permission denied".
. "$(dirname "$0")/unpack"
unpack moreutils=0.67-1
fed() {
	echo mail | timeout 20 "$tree/usr/bin/pee" "cat >/dev/null; exit $1" \
		"cat >/dev/null; exit $2"
	status=$?
	echo "$1 and $2: exit status $status"
}
fed 0 0
[ "$status" -eq 0 ] || exit 2
fed 0 75
[ "$status" -eq 75 ] || exit 2
fed 64 3
as_seen=$status
fed 73 4
[ "$as_seen $status" = '67 77' ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
