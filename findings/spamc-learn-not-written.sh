#!/bin/sh
# spamc 4.0.1 has spamd learn what is on stdin, by "-L spam".  Where spamd may
# not write its database, or has no room for it, nothing is learned, and spamc
# says "Message was already un/learned", and exits 0, as of a message that it
# has learned before.  Only spamd's log tells.
# The folder of the database becomes a file here.
. "$(dirname "$0")/unpack"
unpack spamassassin=4.0.1-1~deb12u1 spamd=4.0.1-1~deb12u1 \
	spamc=4.0.1-1~deb12u1 libhtml-parser-perl=3.81-1+deb12u1 \
	libnet-dns-perl=1.36-1+deb12u1 \
	libnetaddr-ip-perl=4.079+dfsg-2+b1 libhttp-date-perl=6.05-2 \
	libtimedate-perl=2.3300-2
PERL5LIB=$tree/usr/share/perl5:$tree/usr/lib/x86_64-linux-gnu/perl5/5.36
export PERL5LIB HOME="$tree"
chmod 755 "$tree"
mkdir -m 777 "$tree/own"
echo "bayes_path $tree/own/bayes" >"$tree/etc/spamassassin/local.cf"
port=$(python3 -c 'import socket
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1])')
[ "$(id -u)" -ne 0 ] || user=nobody
timeout 100 perl -T -I "$tree/usr/share/perl5" \
	-I "$tree/usr/lib/x86_64-linux-gnu/perl5/5.36" "$tree/usr/sbin/spamd" \
	-L -l -x ${user:+-u "$user"} -i 127.0.0.1 -p "$port" -m 1 \
	-C "$tree/usr/share/spamassassin" \
	--siteconfigpath "$tree/etc/spamassassin" -s stderr \
	2>>"$tree/log" &
spamd=$!
trap 'kill "$spamd"; rm -rf "$tree"' EXIT
until grep -q 'server started' "$tree/log"; do
	kill -0 "$spamd" || { cat "$tree/log" >&2; exit 2; }
	sleep 0.1
done
# learned NAME
learned() {
	printf 'From: ann@example.net\nMessage-ID: <%s@example.net>\n' "$1" |
		{ cat; printf 'Subject: %s pills\n\nbuy %s\n' "$1" "$1"; } |
		timeout 60 "$tree/usr/bin/spamc" -d 127.0.0.1 -p "$port" \
			-L spam >"$tree/said" 2>&1
	status=$?
	echo "$1: exit status $status, $(cat "$tree/said")"
}
learned first
grep -q success "$tree/said" || { cat "$tree/log" >&2; exit 2; }
rm -r "$tree/own"
: >"$tree/own"
learned second
grep 'bayes: ' "$tree/log" | cut -c 1-78
grep -q already "$tree/said" || status=other
[ "$status" = 0 ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
