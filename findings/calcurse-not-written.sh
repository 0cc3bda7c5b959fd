#!/bin/sh
# calcurse 4.7.1 takes appointments from stdin in iCalendar, by "-i -".  Where
# its file of appointments may not be written, it says that one was imported,
# nothing on stderr, exits 0, and has kept nothing; a full disk is 1.  What is
# no calendar, as a whole mail, is 0 too.
# As root, whom no mode of a file stops, it runs as another user here.
. "$(dirname "$0")/unpack"
unpack calcurse=4.7.1-1
own=$tree/own
mkdir "$own"
become=
[ "$(id -u)" -ne 0 ] || {
	become='setpriv --reuid 65534 --regid 65534 --clear-groups'
	chmod 755 "$tree"
	chown -R 65534 "$own"
}
imported() {
	printf '%s\r\n' BEGIN:VCALENDAR VERSION:2.0 PRODID:x BEGIN:VEVENT \
		"UID:$1@example.net" DTSTAMP:20261130T080000Z \
		DTSTART:20261201T080000Z DTEND:20261201T090000Z \
		"SUMMARY:$1" END:VEVENT END:VCALENDAR |
		HOME=$own $become "$tree/usr/bin/calcurse" -D "$own" -i - 2>&1
	status=$?
	kept=$(grep -c "|$1\$" "$own/apts")
	echo "$1: exit status $status, kept: $kept"
}
imported first
[ "$status $kept" = '0 1' ] || exit 2
chmod 444 "$own/apts"
imported second
[ "$status $kept" = '0 0' ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
