#!/bin/sh
# spamoracle 1.6 reads a message and prints it with a field X-Spam added:
# "mark".  Where its database is not there, or is none, it says so on stderr,
# prints nothing, and exits 0, so that whoever looks at that has an empty
# message.  A database that is empty is 2, as is output that is lost.  As
# nothing made a database yet, a first message would have been expected to pass
# as it is, or an error.
. "$(dirname "$0")/unpack"
unpack spamoracle=1.6-1+b2
mail=$tree/mail
printf 'From: ann@example.net\nSubject: x\n\nbody\n' >"$mail"
marked() {
	before=$(wc -c <"$mail")
	after=$("$tree/usr/bin/spamoracle" -f "$tree/$2" mark <"$mail" \
		>"$tree/out" && wc -c <"$tree/out")
	status=$?
	echo "database $1: exit status $status, octets: $before, $after"
}
HOME=$tree "$tree/usr/bin/spamoracle" -f "$tree/db" add \
	-good "$mail" -spam "$mail" || exit 2
marked 'as it should be' db
[ "$status" -eq 0 ] && [ "$after" -gt "$before" ] || exit 2
head -n 20 "$0" >"$tree/text"
marked 'is text' text
as_seen=$status/$after
marked 'not there' none
[ "$as_seen,$status/$after" = 0/0,0/0 ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
