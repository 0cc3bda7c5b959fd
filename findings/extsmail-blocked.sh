#!/bin/sh
# extsmail 2.5 queues mail for a sendmail that may be out of reach, and
# extsmaild hands it on: its manual says that it tries to send all messages, and
# ultimately does.  Of five messages sendmail refuses one for ever, by 67, which
# is "no such user".  extsmaild stops there, at each run: whatever stands behind
# it in the folder, in the order that the file system has them, is not tried,
# and waits for ever.  Nothing bounces.
# sendmail is a script here that refuses the message that it saw first.  The
# home is /root in a namespace, so it wants unshare.
. "$(dirname "$0")/unpack"
unpack extsmail=2.5-1 libbsd0=0.11.7-2 libmd0=1.0.4-2
mkdir -p "$tree/home/.extsmail" "$tree/spool"
chmod 700 "$tree/home" "$tree/spool"
echo "spool_dir = \"$tree/spool\"" >"$tree/home/.extsmail/conf"
cat >"$tree/home/.extsmail/externals" <<END
group {
	external local {
		sendmail = "$tree/sendmail"
	}
}
END
cat >"$tree/sendmail" <<'END'
#!/bin/sh
own=${0%/*}
cat >"$own/now"
[ -e "$own/first" ] || cp "$own/now" "$own/first"
! cmp -s "$own/now" "$own/first" || exit 67
sed -n 's/Subject: /sent: /p' "$own/now" >>"$own/sent"
END
chmod +x "$tree/sendmail"
touch "$tree/sent"
cat >"$tree/try" <<'END'
mount --bind "$1/home" /root || exit 2
for word in one two three four five; do
	printf 'Subject: %s\n\n%s\n' "$word" "$word" |
		"$1/usr/bin/extsmail" joe@example.org || exit 2
done
run() {
	timeout 60 "$1/usr/bin/extsmaild" -m batch 2>/dev/null
	status=$?
	sent=$(wc -l <"$1/sent")
	echo "exit status $status, $sent of 5 sent"
}
run "$1"
run "$1"
run "$1"
refused="$status $sent"
rm "$1/first"
: >"$1/first"
run "$1"
[ "$status $sent" = '0 5' ] || exit 2
[ "$refused" = '1 0' ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
END
unshare -rm true || exit 2
unshare -rm sh "$tree/try" "$tree" 2>&1
