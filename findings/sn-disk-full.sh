#!/bin/sh
# snmail of sn 0.3.8 makes an article of a message on stdin, and with "-s" has
# snstore keep it in a newsgroup.  Where there is room for the beginning of it
# only, both exit 0, and the article cannot be read: "Corrupt body".  No room
# for the beginning is 2.
. "$(dirname "$0")/unpack"
unpack sn=0.3.8-12
PATH=$tree/usr/sbin:$PATH
export SNROOT="$tree/news"
mkdir -p "$SNROOT/.outgoing" "$SNROOT/local.test"
mkfifo "$SNROOT/.fifo"
snprimedb || exit 2
# posted NAME LINES ROOM
posted() {
	{
		printf '%s\n' 'From: ann@example.net' 'Subject: x' \
			"Message-ID: <$1@example.net>" ''
		yes body | head -n "$2"
		echo "the end of $1"
	} | in_room "$3" snmail -s test 2>&1
	status=$?
	kept=$(sncat local.test:1-99 2>&1 | grep -c "the end of $1")
	echo "$1, room $3: exit status $status, whole: $kept"
}
posted first 1000 unlimited
[ "$status $kept" = '0 1' ] || exit 2
posted second 100000 64
[ "$status $kept" = '0 0' ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
