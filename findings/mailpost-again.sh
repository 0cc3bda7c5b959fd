#!/bin/sh
# mailpost of INN 2.7.1 makes an article of a message on stdin, for inews to
# post, or the command of "-o".  It notes the Message-ID before that, so that a
# message that could not be posted, as while the server is down, is a duplicate
# when it comes again, which is 1 too, for ever.  And where that command fails
# without a word mailpost exits 0: it gives exit(3) what wait(2) has said, and
# of 256 there is nothing left.  A message that failed would have been expected
# to be a new one, and a failure to be one.
# Its paths are the ones of the folder here; "mta" gets the mail for newsmaster.
. "$(dirname "$0")/unpack"
unpack inn2=2.7.1-1+deb12u1 inn2-inews=2.7.1-1+deb12u1
own=$tree/own
news=$tree/usr/lib/news
mkdir "$own"
LD_LIBRARY_PATH=$news:$LD_LIBRARY_PATH
sed -i "s|'/usr/|'$tree/usr/|" "$news/bin/mailpost" \
	"$tree/usr/share/perl5/INN/Config.pm" \
	"$tree/usr/share/perl5/INN/Utils/Shlock.pm"
printf '#!/bin/sh\ncat >/dev/null\n' >"$own/mta"
chmod +x "$own/mta"
printf '%s\n' "mta: \"$own/mta %s\"" "pathnews: $news" "pathdb: $own" \
	"pathtmp: $own" "pathetc: $own" 'hismethod: hisv6' \
	'enableoverview: false' 'domain: example.org' 'server: 127.0.0.1' \
	'pathhost: news.example.org' >"$own/inn.conf"
export INNCONF="$own/inn.conf"
# posted MESSAGE mailpost's option and its argument
posted() {
	rm -f "$own/posted"
	printf '%s\n' 'From: ann@example.net' 'Subject: x' \
		"Message-ID: <$1@example.net>" \
		'Date: Mon, 30 Nov 2026 06:00:00 +0000' '' body |
		perl "$news/bin/mailpost" "$2" "$3" example.test 2>&1
	status=$?
	[ -s "$own/posted" ] && posted=yes || posted=no
	echo "message $1, $2 \"$3\": exit status $status, posted: $posted"
}
posted 1 -o "cat >$own/posted"
[ "$status $posted" = '0 yes' ] || exit 2
posted 2 -p 1    # nobody listens there
as_seen=$status$posted
posted 2 -o "cat >$own/posted"
as_seen=$as_seen,$status$posted
posted 3 -o false
[ "$as_seen,$status$posted" = 1no,1no,0no ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
