#!/bin/sh
# uudeview 0.5.20 with "-" decodes what is attached to a message on stdin, which
# it keeps in TMPDIR first.  Where there is no room for that it says "cannot
# write to temp file", decodes nothing, and exits 0, as of a message with no
# attachment.  No room for what it decodes is 2.
. "$(dirname "$0")/unpack"
unpack uudeview=0.5.20-14 libuu0=0.5.20-14
LD_LIBRARY_PATH=$tree/usr/lib:$LD_LIBRARY_PATH
own=$tree/own
mkdir "$own"
export TMPDIR="$own"
decoded() {
	rm -f "$own/hello"
	printf '%s\n' 'From: ann@example.net' 'Subject: x' '' \
		'begin 644 hello' '&:&5L;&\*' '`' end |
		in_room "$1" "$tree/usr/bin/uudeview" -q -i -p "$own" - 2>&1
	status=$?
	[ -s "$own/hello" ] && found=yes || found=no
	echo "room: $1, exit status $status, decoded: $found"
}
decoded unlimited
[ "$status $found" = '0 yes' ] || exit 2
decoded 0
[ "$status $found" = '0 no' ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
