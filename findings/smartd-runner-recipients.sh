#!/bin/sh
# smartmontools 7.3, as Debian sets smartd up: "-M exec smartd-runner" in its
# configuration.  smartd.conf(5) says that "-m ann@example.org,joe@example.org"
# mails both.  smartd gives the runner both addresses, but that hands on three
# words, "-s", the subject and the first address: nobody else hears that a disk
# fails, and the exit status is 0.  A mail program in its place mails both.
# mail is a script here, and the paths of the runner and of what it runs are
# those in $tree.
. "$(dirname "$0")/unpack"
unpack smartmontools=7.3-1+b1
exec 2>&1
share=$tree/usr/share/smartmontools
run=$tree/etc/smartmontools/run.d
sed -i "s,/etc/smartmontools,$tree&," "$share/smartd-runner"
sed -i "s,/usr/bin/mail,$tree/mail,g" "$run/10mail"
cat >"$tree/mail" <<'END'
#!/bin/sh
shift 2
echo "mail to: $*"
cat >/dev/null
END
chmod +x "$tree/mail"
# What smartd sets for its script, which is in the package too.
export SMARTD_DEVICE=/dev/sda SMARTD_DEVICETYPE=sat SMARTD_PREVCNT=0 \
	SMARTD_DEVICESTRING=/dev/sda SMARTD_DEVICEINFO=disk SMARTD_NEXTDAYS='' \
	SMARTD_FAILTYPE=Health SMARTD_TFIRST=now SMARTD_TFIRSTEPOCH=1 \
	SMARTD_MESSAGE='Device: /dev/sda, FAILED SMART self-check.' \
	SMARTD_ADDRESS='ann@example.org joe@example.org'
# mailed MAILER: what comes of a warning; that MAILER is in "-M exec"
mailed() {
	SMARTD_MAILER=$1 "$share/smartd_warning.sh"
	status=$?
	echo "exit status $status"
}
both=$(mailed "$tree/mail")
runner=$(mailed "$share/smartd-runner")
printf '%s\n== smartd-runner\n%s\n' "$both" "$runner"
case $both in
*'mail to: ann@example.org joe@example.org'*) ;;
*) exit 2 ;;
esac
case $runner in
*'mail to: ann@example.org
exit status 0') ;;
*)
	echo 'this has changed'
	exit 1
	;;
esac
echo 'as it was seen'
