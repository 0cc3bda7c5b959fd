#!/usr/bin/env bats
# Each file of examples/launch, as it is, under the superserver that it is for.
# shellcheck disable=SC2034,SC2154 # variables for and of others
load ../../helper
load ../helper
load helper

# runs COMMAND: not as the first process, to whom the orphans come.
runs() {
	machine sh -euc "$1
		wait"
}

nobody_gets_mail() {
	mail_arrives
	[ "$OWNER" -eq "$(id -u nobody)" ] || fail "uid $OWNER"
}

# What runs in the foreground and logs to standard error.
listens() {
	put "$1" /usr/local/sbin/smtpd-listen 755
	runs 'smtpd-listen &'
	nobody_gets_mail
	until_true grep -q "$LOGGED" "$LOG"
}

@test "tcpserver" {
	listens tcpserver
}

@test "socat" {
	listens socat
}

@test "ncat" {
	listens ncat
}

@test "busybox tcpsvd" {
	listens busybox
}

# inetd FILE PATH command: with smtpd-session, and a syslogd.
by_inetd() {
	put "$1" "$2"
	put inetd/smtpd-session /usr/local/sbin/smtpd-session 755
	runs "/usr/bin/busybox syslogd -n -O /var/box/syslog & $3"
	nobody_gets_mail
	logs_to /var/box/syslog
	not_logged smtpd
}

@test "openbsd-inetd" {
	by_inetd inetd/inetd.conf /etc/inetd.conf inetd
}

@test "inetutils-inetd" {
	by_inetd inetd/inetd.conf /etc/inetd.conf inetutils-inetd
}

@test "xinetd" {
	by_inetd xinetd/smtpd /etc/xinetd.d/smtpd xinetd
}

# supervised FOLDER command: and what the files say is to be done.
supervised() {
	put "$1/run" "$2/run" 755
	put "$1/log/run" "$2/log/run" 755
	runs "$(comment Once "$1/log/run")
		$3"
	nobody_gets_mail
	logs_to /var/log/smtpd/current
	not_logged smtpd
}

@test "runit" {
	# as runit's own start does
	supervised runit /etc/sv/smtpd "ln -s default /etc/runit/runsvdir/current
		$(comment On runit/run)
		runsvdir /etc/service &"
}

@test "s6" {
	supervised s6 /etc/s6/smtpd "SCANDIR=/run/service
		mkdir /run/service
		s6-svscan /run/service &
		until s6-svscanctl -z /run/service; do :; done
		$(comment On s6/run | sed 's/SCANDIR/$SCANDIR/g')"
}
