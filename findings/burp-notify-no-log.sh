#!/bin/sh
# notify_script of burp 3.1.4, for its notify_failure_script, mails what became
# of a backup.  Where there is no log of it, as for one that failed before it
# had a folder, the header goes to burp's own log, and sendmail gets one line of
# text, which is for nobody; the exit status is 0.  The words for just this
# case, "No log found to send in email", never reach anybody.
# sendmail is a script here; the arguments are those of Debian's
# burp-server.conf.
. "$(dirname "$0")/unpack"
unpack burp=3.1.4-1
mkdir -p "$tree/client/working" "$tree/client/finishing" "$tree/storage"
cat >"$tree/sendmail" <<'END'
#!/bin/sh
echo "sendmail $* gets:"
sed 's/^/> /'
END
chmod +x "$tree/sendmail"
notify() {
	bash "$tree/usr/share/burp/scripts/notify_script" host \
		"$tree/client" "$tree/storage" log backup 0 \
		"$tree/sendmail -t" 'To: joe@example.org' 'From: burp' \
		'Subject: %b failed: %c %w' 2>&1
	echo "exit status $?"
}
without=$(notify)
date >"$tree/client/working/timestamp"
echo 'what went wrong' >"$tree/client/working/log"
with=$(notify)
printf '== with a log\n%s\n== without\n%s\n' "$with" "$without"
case $with in
*'> To: joe@example.org'*'> what went wrong'*) ;;
*) exit 2 ;;
esac
case $without in
*'sendmail -t gets:
> No log found to send in email
exit status 0') echo 'as it was seen' ;;
*)
	echo 'this has changed'
	exit 1
	;;
esac
