#!/bin/sh
# recins of GNU recutils 1.9 adds a record to a file.  Where the file has a line
# that is neither field nor comment it says "error: expected a record", puts a
# file with the new record alone in its place, and exits 0: all others are lost.
# Such a line may be what recins itself leaves on a full disk, where it cuts the
# file off, and exits 0, too.  recset and recdel leave such a file alone, by 1.
. "$(dirname "$0")/unpack"
unpack recutils=1.9-2 librec1=1.9-2 libcurl3-gnutls=7.88.1-10+deb12u15
export TMPDIR="$tree"
cd "$tree" || exit 2
# added BLOCKS
added() {
	in_room "$1" "$tree/usr/bin/recins" -f Id -v new mails 2>&1
	status=$?
	echo "room: $1, exit status $status," \
		"records: $(grep -c ^Id: mails), octets: $(wc -c <mails)"
}
seq 1000 | sed 's/.*/Id: &\nSubject: x\n/' >mails
added unlimited
[ "$status $(grep -c ^Id: mails)" = '0 1001' ] || exit 2
added 16
as_seen=$status,$(wc -c <mails)
printf '%s\n' 'Id: one' '' 'Id: two' 'what somebody typed' '' 'Id: three' >mails
added unlimited
[ "$as_seen $status $(cat mails)" = '0,8192 0 Id: new' ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
