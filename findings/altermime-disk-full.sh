#!/bin/sh
# altermime 0.3.10 adds a disclaimer to the message in a file, in its place.
# Where there is no room for that, it leaves the file empty, says nothing, and
# exits 0: whoever looks at that sends an empty message on.
. "$(dirname "$0")/unpack"
unpack altermime=0.3.10-12
altered() {
	{
		printf 'From: ann@example.net\nSubject: x\nContent-Type: '
		printf 'text/plain\n\n'
		yes body | head -n 1000
	} >"$tree/mail"
	echo disclaimer >"$tree/disclaimer"
	before=$(wc -c <"$tree/mail")
	in_room "$1" "$tree/usr/bin/altermime" --input="$tree/mail" \
		--disclaimer="$tree/disclaimer"
	status=$?
	after=$(wc -c <"$tree/mail")
	echo "room: $1, exit status: $status, octets: $before, $after"
}
altered unlimited
[ "$status" -eq 0 ] || exit 2
[ "$after" -gt "$before" ] || exit 2
altered 0
if [ "$status" -eq 0 ] && [ "$after" -lt "$before" ]; then
	echo 'as it was seen'
else
	echo 'this has changed'
	exit 1
fi
