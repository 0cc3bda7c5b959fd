#!/bin/sh
# gammu-smsd-inject 1.42.0 of Gammu makes short messages of a text on stdin, and
# leaves them in the folder from which gammu-smsd sends, "service = files".
# Where there is no room for them the files there are empty, or end in the
# middle; it prints "Written message with ID", and exits 0.  A folder that is
# not there is 2.
. "$(dirname "$0")/unpack"
unpack gammu-smsd=1.42.0-8 libgsmsd8=1.42.0-8 libgammu8=1.42.0-8 \
	libbluetooth3=5.66-1+deb12u2 libdbi1=0.9.0-6 \
	libglib2.0-0=2.74.6-2+deb12u9 libldap-2.5-0=2.5.13+dfsg-5 \
	libltdl7=2.4.7-7~deb12u1 libmariadb3=1:10.11.19-0+deb12u1 \
	libodbc2=2.3.11-2+deb12u1 libpq5=15.20-0+deb12u1 \
	libsasl2-2=2.1.28+dfsg-10+deb12u1 libusb-1.0-0=2:1.0.26-1
LD_LIBRARY_PATH=$tree/usr/lib:$LD_LIBRARY_PATH
own=$tree/own
mkdir "$own"
printf '%s\n' '[gammu]' 'port = /dev/null' 'connection = at' '[smsd]' \
	'service = files' "outboxpath = $own/outbox/" >"$own/conf"
# injected ROOM
injected() {
	mkdir -p "$own/outbox"
	rm -f "$own/outbox/"*
	echo 'the printer burns' |
		in_room "$1" "$tree/usr/bin/gammu-smsd-inject" \
			-c "$own/conf" TEXT 12345 >"$own/said" 2>&1
	status=$?
	grep Written "$own/said"
	octets=$(find "$own/outbox" -type f -exec cat {} + | wc -c)
	echo "room $1: exit status $status, octets in its folder: $octets"
}
injected unlimited
[ "$status" -eq 0 ] && [ "$octets" -gt 0 ] || exit 2
injected 0
[ "$status $octets" = '0 0' ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
