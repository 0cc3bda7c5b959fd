#!/bin/sh
# pee of moreutils 0.67 gives its stdin to several commands.  Its exit status,
# of which its manual says nothing, is the bits of theirs put together: 65 and
# 2 are 67, and so are 3 and 64.  For whoever goes by sysexits.h, as mail
# systems do, a fault of a script and a message that is malformed make a user
# who is not there.  A command that dies of a signal is a 1.
. "$(dirname "$0")/unpack"
unpack moreutils=0.67-1
ended() {
	echo text | "$tree/usr/bin/pee" "cat >/dev/null; $1" \
		"cat >/dev/null; $2"
	status=$?
	echo "$1, $2: exit status $status"
	seen="$seen $status"
}
seen=
ended 'exit 0' 'exit 0'
ended 'exit 0' 'exit 75'
ended 'exit 65' 'exit 2'
ended 'exit 3' 'exit 64'
ended 'exit 75' 'exit 77'
ended 'kill $$' 'exit 0'
[ "$seen" = ' 0 75 67 67 79 1' ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
