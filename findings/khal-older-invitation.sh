#!/bin/sh
# khal 0.10.5 takes an invitation on stdin by "import --batch", and finds the
# event that it has by its UID.  It does not look at SEQUENCE: an invitation
# that comes late, as a mail that was put off, takes the place of the newer one,
# or of the cancellation, which is undone, and khal exits 0.  By RFC 5546 the
# higher number counts.
. "$(dirname "$0")/unpack"
unpack khal=1:0.10.5-1.1 python3-icalendar=4.0.3-5 python3-tz=2022.7.1-4 \
	python3-pytz-deprecation-shim=0.1.0.post0-3 python3-tzlocal=4.2-1 \
	python3-click=8.1.3-2 python3-click-log=0.3.2-1 \
	python3-configobj=5.0.8-1 python3-dateutil=2.8.2-2 \
	python3-xdg=0.28-2 python3-atomicwrites=1.4.1-1 \
	python3-urwid=2.1.2-4+deb12u1 python3-six=1.16.0-4
PYTHONPATH=$tree/usr/lib/python3/dist-packages
export PYTHONPATH HOME="$tree" TZ=UTC LC_ALL=C.UTF-8
unset XDG_CONFIG_HOME XDG_DATA_HOME XDG_CACHE_HOME
mkdir -p "$tree/.config/khal" "$tree/calendar"
cat >"$tree/.config/khal/config" <<END
[calendars]
[[mine]]
path = $tree/calendar
[default]
default_calendar = mine
[locale]
timeformat = %H:%M
dateformat = %Y-%m-%d
longdateformat = %Y-%m-%d
datetimeformat = %Y-%m-%d %H:%M
longdatetimeformat = %Y-%m-%d %H:%M
local_timezone = UTC
default_timezone = UTC
END
# imported METHOD SEQUENCE HOUR STATUS
imported() {
	printf '%s\r\n' BEGIN:VCALENDAR VERSION:2.0 PRODID:x "METHOD:$1" \
		BEGIN:VEVENT UID:one@example.net DTSTAMP:20261130T120000Z \
		"DTSTART:20261201T${3}0000Z" DURATION:PT1H "SEQUENCE:$2" \
		"STATUS:$4" SUMMARY:Meeting END:VEVENT END:VCALENDAR |
		timeout 60 python3 -B -c 'from khal.cli import main_khal
main_khal()' import --batch 2>&1
	status=$?
	echo "$1, SEQUENCE $2: exit status $status"
	grep -h -e ^SEQ -e ^DTSTART -e ^STATUS "$tree"/calendar/*
}
imported REQUEST 1 12 CONFIRMED
[ "$status" -eq 0 ] || exit 2
imported CANCEL 2 12 CANCELLED
grep -q CANCELLED "$tree"/calendar/* || exit 2
imported REQUEST 0 09 CONFIRMED
grep -q SEQUENCE:0 "$tree"/calendar/* || status=kept
[ "$status" = 0 ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
