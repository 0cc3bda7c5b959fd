#!/bin/sh
# abook 0.6.1 adds the sender of a message on stdin to its address book, by
# "--add-email-quiet".  It moves the book to a file with "~" behind its name and
# writes a new one.  Where there is no room for that the book is empty, or ends
# in the middle, abook says nothing, and exits 0; the next message moves that
# over the old book, and all addresses are gone.  An error would have been
# expected, and the book as it was.
. "$(dirname "$0")/unpack"
unpack abook=0.6.1-2+b1
own=$tree/own
mkdir "$own"
export HOME="$own"
# added NAME ROOM
added() {
	printf 'From: %s <%s@example.net>\nSubject: x\n\nbody\n' "$1" "$1" |
		in_room "$2" "$tree/usr/bin/abook" --add-email-quiet \
			>"$tree/out" 2>&1
	status=$?
	books=$(cd "$own/.abook" &&
		for book in addressbook addressbook~; do
			printf ' %s' "$(grep -c ^email= "$book" 2>/dev/null)"
		done)
	echo "$1, room $2: exit status $status," \
		"addresses in the book, and in the one before:$books"
}
added ann unlimited
added bob unlimited
[ "$status$books" = '0 2 1' ] || exit 2
added cyd 0
as_seen=$status$books
added dan unlimited
[ "$as_seen,$status$books" = '0 0 2,0 1 0' ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
