#!/usr/bin/env bats
# Exim with the files of examples/launch, as they are, among what Debian
# configures; smtpd --lmtp is behind tcpserver.  For Postfix see tests/peers.
# shellcheck disable=SC2034,SC2154 # variables for and of others
load ../../helper
load ../helper
load helper

TO='To: help@example.org
Date: Tue, 03 Jun 2025 09:00:00 +0000
Message-Id: <launch@example.net>'

# relays COMMAND: after it, a mail system at port 25 brings the mail.
relays() {
	put tcpserver /usr/local/sbin/smtpd-listen 755
	sed -i 's|sbin/smtpd |&--lmtp |' "$DISK/usr/local/sbin/smtpd-listen"
	machine sh -euc "/usr/bin/busybox syslogd -n -O /var/box/syslog &
		smtpd-listen &
		$1
		wait"
	PORT=25
	bring "$TO" || fail 'the client got no 250'
	until_true message_came
	tail -n "$(wc -l <"$LETTER")" "$(message 1)" | cmp - "$LETTER"
	[ "$(variable CLIENT_PROTOCOL)" = LMTP ]
	[ "$(variable SENDER)" = ann@example.net ]
	[ "$(variable RECIPIENT)" = help@example.org ]
}

message_came() {
	[ -n "$(message 1)" ]
}

@test "Exim" {
	put exim/router /etc/exim4/conf.d/router/150_smtpd
	put exim/transport /etc/exim4/conf.d/transport/30_smtpd
	relays "getent passwd Debian-exim ||
			useradd --system --user-group Debian-exim
		echo mx.example.org >/etc/mailname
		printf \"dc_%s='%s'\n\" eximconfig_configtype internet \
			use_split_config true relay_domains example.org \
			local_interfaces 127.0.0.1 \
			>/etc/exim4/update-exim4.conf.conf
		$(comment On exim/router)
		install -d -o Debian-exim /var/spool/exim4 /var/log/exim4
		exim4 -bd"
}
