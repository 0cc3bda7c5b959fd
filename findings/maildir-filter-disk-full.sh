#!/bin/sh
# maildir-filter 1.20 files a message that matches in a Maildir.  Where the disk
# is full it moves what there is of it from tmp to new, and exits 99, which is
# "delivered" for qmail: half a message is in the box, under a name that says
# the size of the whole one.
# The disk is full here by the limit for the size of files, with its signal
# ignored, so that a write fails by EFBIG, as it would by ENOSPC.
. "$(dirname "$0")/unpack"
unpack maildir-filter=1.20-6 libpcre3=2:8.39-15
LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$tree/lib/x86_64-linux-gnu
box=$tree/box
mkdir -p "$box/tmp" "$box/new" "$box/cur"
{
	printf 'From: ann@example.net\nSubject: x\n\n'
	yes body | head -n 10000
} >"$tree/mail"
filed() {
	(
		trap '' XFSZ
		ulimit -f "$1"
		exec "$tree/usr/bin/maildir-filter" -r Subject -d "$box"
	) <"$tree/mail" 2>/dev/null
	status=$?
	octets=$(cat "$box"/new/* 2>/dev/null | wc -c)
	echo "room: $1, exit status: $status, in new:" \
		"$(ls "$box/new"), octets: $octets"
	rm -f "$box"/new/*
}
filed unlimited
[ "$status $octets" = "99 $(wc -c <"$tree/mail")" ] || exit 2
filed 8
if [ "$status" -eq 99 ] && [ "$octets" -lt "$(wc -c <"$tree/mail")" ]; then
	echo 'as it was seen'
else
	echo 'this has changed'
	exit 1
fi
