#!/bin/sh
# MHonArc 2.6.19 with "-add" takes a message on stdin into an archive of web
# pages.  Where there is no room for it, it says nothing, and exits 0.  The page
# of the message before, which it writes anew for its links, is empty then too,
# and so is its database: with room again it takes nothing more, by 255.
. "$(dirname "$0")/unpack"
unpack mhonarc=2.6.19-2.2
out=$tree/out
mkdir "$out"
added() {
	printf '%s\n' 'From: ann@example.net' "Subject: $1" \
		"Message-ID: <$1@example.net>" \
		'Date: Mon, 30 Nov 2026 06:00:00 +0000' '' "body of $1" |
		in_room "$2" perl -I "$tree/usr/share/mhonarc" \
			"$tree/usr/bin/mhonarc" -add -quiet -outdir "$out" 2>&1
	status=$?
	echo "message $1, room: $2, exit status: $status, octets:" \
		"$(wc -c <"$out/.mhonarc.db"), of pages:" \
		"$(cd "$out" && stat -c %s msg*.html | tr '\n' ' ')"
}
added 1 unlimited
[ "$status" -eq 0 ] || exit 2
added 2 unlimited
[ "$status" -eq 0 ] && grep -q 'body of 2' "$out"/msg*.html || exit 2
added 3 0
as_seen=$status
added 4 unlimited
grep 'body of [23]' "$out"/msg*.html && as_seen=changed
[ "$as_seen,$status" = 0,255 ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
