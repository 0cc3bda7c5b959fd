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
	runs "($(readme "$1")) &"
	nobody_gets_mail
	until_true grep -q "smtpd.*$LOGGED" "$LOG"
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

# by_inetd LAUNCHER UNIT: as Debian starts it.
by_inetd() {
	systemd "$2"
	inside systemctl start "$2"
	inside sh -euc "$(readme "$1")"
	nobody_gets_mail
	logs_to_journal syslog
}

@test "openbsd-inetd" {
	by_inetd openbsd-inetd inetd.service
}

@test "inetutils-inetd" {
	by_inetd inetutils-inetd inetutils-inetd.service
}

@test "xinetd" {
	by_inetd xinetd xinetd.service
}

# supervised LAUNCHER command: which starts it.
supervised() {
	runs "$2
		$(readme "$1")"
	nobody_gets_mail
	logs_to /var/log/smtpd/current
	not_logged smtpd
}

@test "runit" {
	# as runit's own start does
	supervised runit 'ln -s default /etc/runit/runsvdir/current
		runsvdir /etc/service &'
}

@test "s6" {
	supervised s6 'mkdir /run/service
		s6-svscan /run/service &
		until s6-svscanctl -z /run/service; do :; done'
}

# What the Dockerfile's last stage does, less the packages, as a script.
last_stage() {
	python3 - "$EXAMPLES/docker/Dockerfile" <<-'END'
		import json, shlex, sys
		text = open(sys.argv[1]).read().replace('\\\n', '')
		user = 'root'
		for line in text.rpartition('\nFROM ')[2].splitlines()[1:]:
		    word, _, rest = line.partition(' ')
		    if word == 'RUN' and not rest.startswith('apt-get '):
		        print(rest)
		    elif word == 'COPY' and not rest.startswith('--from=build'):
		        print('cp', rest)
		    elif word == 'USER':
		        user = rest
		    elif word == 'CMD':
		        print('exec setpriv --clear-groups --reuid', user,
		              shlex.join(json.loads(rest)))
	END
}

# Its /mail is elsewhere here: the machine has no / of its own.
@test "Dockerfile: its command takes mail, as nobody" {
	runs "cd $CHECKOUT
		$(last_stage | sed 's|/mail\>|/var/mails|') &"
	bring 'Subject: launch' || fail 'the client got no 250'
	until_true inside sh -c 'cat /var/mails/*.eml' >"$BATS_TEST_TMPDIR/eml"
	sed '1,/ +0000$/d' "$BATS_TEST_TMPDIR/eml" | cmp - "$LETTER"
	[ "$(inside sh -c 'stat -c %U /var/mails/*.eml')" = nobody ]
}
