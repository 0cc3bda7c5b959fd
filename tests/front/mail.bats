#!/usr/bin/env bats
# smtpd behind Postfix and Dovecot, by the files of examples/front.
# shellcheck disable=SC2034,SC2154 # variables for and of others
load ../helper
load ../launch/helper
load ../launch/real/helper
load helper

# postfix_behind FILE SETTING ...: Debian's, with these lines of main.cf.
postfix_behind() {
	local file=$1
	shift
	install -d "$DISK/etc/postfix"
	printf '%s\n' compatibility_level=3.6 myhostname=mx.example.net \
		mydestination= alias_maps= inet_interfaces=loopback-only \
		smtp_host_lookup=native disable_dns_lookups=yes \
		maillog_file=/dev/stdout "$@" >"$BATS_TEST_TMPDIR/main.cf"
	echo '127.0.0.2 host.example.net' >"$BATS_TEST_TMPDIR/hosts"
	boots "$(ours "$(options_of "postfix/$file")")" "
		cp '$BATS_TEST_TMPDIR/main.cf' /etc/postfix/main.cf
		cat '$BATS_TEST_TMPDIR/hosts' >>/etc/hosts
		cat examples/front/postfix/$file >>/etc/postfix/$file
		/usr/lib/postfix/configure-instance.sh -
		postfix start-fg &"
}

ON_MAIL='#!/bin/sh
case $SENDER in refuse@*) echo 550 5.7.1 not this; exit 77 ;; esac
BOX=/var/box exec /usr/local/bin/catch'

@test "Postfix, smtpd_proxy_filter: who the client is; smtpd answers it" {
	postfix_behind master.cf relay_domains=example.org
	brings 127.0.0.2
	is CLIENT_ADDRESS 127.0.0.2
	is CLIENT_PORT "$PEER_PORT"
	is CLIENT_HOSTNAME host.example.net
	is CLIENT_HELO client.example
	received_from 'mx.example.net ([127.0.0.1])'
	logged_here ' message id=[^ ]* client=127.0.0.2 helo=client.example '
	unset_are SASL_USERNAME
	brings 127.0.0.3
	is CLIENT_ADDRESS 127.0.0.3
	unset_are CLIENT_HOSTNAME
	turned_away 127.0.0.2 '550 5.7.1 not this' --from refuse@example.net
}

@test "Postfix, LMTP with XFORWARD: who brought it to Postfix" {
	postfix_behind main.cf
	AT=25
	talks 127.0.0.2
	until_true delivered_here
	BROUGHT=1
	is CLIENT_ADDRESS 127.0.0.2
	is CLIENT_PORT "$PEER_PORT"
	is CLIENT_HOSTNAME host.example.net
	is CLIENT_HELO client.example
	with LMTP
	logged_here ' message id=[^ ]* client=127.0.0.2 helo=client.example '
}

delivered_here() {
	[ "$(deliveries)" -ge 1 ]
}

# dovecot_behind FILE
dovecot_behind() {
	certified
	cat >"$BATS_TEST_TMPDIR/97-test.conf" <<-'END'
		hostname = mail.example.org
		ssl = yes
		log_path = /dev/stderr
		mail_location = maildir:/var/mail/%u
		mail_uid = mail
		mail_gid = mail
		first_valid_uid = 1
		passdb {
		  driver = static
		  args = password=secret
		}
		userdb {
		  driver = static
		  args = uid=mail gid=mail home=/var/mail/%u
		}
	END
	boots "$(ours "$(options_of "dovecot/$1")")" "
		cp examples/front/dovecot/$1 /etc/dovecot/conf.d/99-smtpd.conf
		cd /etc/dovecot/conf.d
		cp '$BATS_TEST_TMPDIR/97-test.conf' .
		sed -i -e '/^!include auth-system/d' \
			-e 's#</etc/dovecot/private.*#</etc/smtpd/tls.pem#' \
			10-auth.conf 10-ssl.conf
		chmod 1777 /var/mail
		dovecot -F &"
}

@test "Dovecot's submission: who the client is, and its login" {
	AT=587
	HELO=mail.example.org
	dovecot_behind submission.conf
	brings 127.0.0.2 --tls --auth PLAIN --auth-user joe \
		--auth-password secret
	is_known
	is CLIENT_HELO mail.example.org
	is SASL_USERNAME joe
	is REMOTE_USER joe
	is SASL_METHOD XCLIENT
	with ESMTPA
	logged_here ' message id=.* user=joe'
	brings 2001:db8::7 --tls --auth PLAIN --auth-user ann@example.org \
		--auth-password secret
	is_known
	is SASL_USERNAME ann@example.org
	turned_away 127.0.0.2 535 --tls --auth PLAIN --auth-user joe \
		--auth-password wrong
}

@test "Dovecot's LMTP: who brought it there" {
	AT=2624
	HELO=mail.example.org
	dovecot_behind lmtp.conf
	brings 127.0.0.2 --protocol LMTP
	is_known
	with LMTP
	is RECIPIENT help@example.org
}
