#!/usr/bin/env bats
# smtpd behind nginx's mail proxy and its stream proxy, by the files of
# examples/front.
# shellcheck disable=SC2034,SC2154 # variables for and of others
load ../helper
load ../launch/helper
load ../launch/real/helper
load helper

THEIRS=/run/front.sock

# and_unix FILE: clients come to $THEIRS too.
and_unix() {
	edited "front/$1" "s#listen \[::1\]:2625;#& listen unix:$THEIRS;#"
}

# by_smtplib <SCRIPT: from 127.0.0.2; c is the session.
by_smtplib() {
	at 127.0.0.2
	until_true listening
	{
		echo "import smtplib
c = smtplib.SMTP('127.0.0.1', $AT, 'client.example', 20, ('$PEER', 0))"
		cat
		echo 'c.close()'
	} >"$BATS_TEST_TMPDIR/script"
	inside python3 "$BATS_TEST_TMPDIR/script" >"$REPLIES" || fail
}

@test "nginx mail, XCLIENT: who the client is" {
	and_unix nginx/mail.conf
	behind nginx/mail.conf
	brings 127.0.0.2
	is_known 127.0.0.2 ''
	came_to 127.0.0.1 2525
	with ESMTP
	is CLIENT_HELO client.example
	unset_are CLIENT_HOSTNAME SASL_USERNAME
	brings 2001:db8::7
	is_known 2001:db8::7 ''
	brings "$THEIRS"
	is_unknown
}

@test "nginx mail, XCLIENT: behind STARTTLS, behind HELO, pipelined" {
	behind nginx/mail.conf
	brings 127.0.0.2 --tls
	is_known 127.0.0.2 ''
	with ESMTP
	unset_are SSL_PROTOCOL
	brings 127.0.0.2 --protocol SMTP
	with SMTP
	brings 127.0.0.2 --pipeline
	is_known 127.0.0.2 ''
}

@test "nginx mail, XCLIENT: the client's name, where nginx looks it up" {
	edited front/nginx/mail.conf \
		's/auth_http 127.*/&\n    resolver 127.0.0.1;/'
	certified
	boots "$(ours "$(options_of nginx/mail.conf)")" \
		"python3 '$ROOT/tests/front/dns.py' host.example.net &" \
		"($(tried nginx/mail.conf)) &"
	brings 127.0.0.2
	is_known 127.0.0.2 ''
	is CLIENT_HOSTNAME host.example.net
	is TCPREMOTEHOST host.example.net
}

@test "nginx mail, XCLIENT: what smtpd says to RCPT is what the client hears" {
	install -d "$DISK/etc/smtpd"
	echo joe >"$DISK/etc/smtpd/users"
	behind nginx/mail.conf -u /etc/smtpd/users
	turned_away 127.0.0.2 '550 5.1.1'
	logged_here ' refuse client=127.0.0.2 verb=RCPT reply="550 5.1.1"'
}

# As the example says.
@test "nginx mail: what smtpd says to MAIL, it does not" {
	behind nginx/mail.conf -s 100
	by_smtplib <<-'END'
		c.ehlo()
		print(c.mail('ann@example.net', ['SIZE=101']))
		print(c.rcpt('help@example.org'))
	END
	grep -q '^(451, .*4.3.2 ' "$REPLIES" || fail
	logged_here ' refuse client=127.0.0.2 verb=MAIL reply="552 5.3.4"'
}

@test "nginx mail, XCLIENT, without --xclient: 451, and 500 in the log" {
	certified
	boots "$(ours)" "($(tried nginx/mail.conf)) &"
	turned_away 127.0.0.2 '451 4.3.2'
	logged_here ' refuse client=127.0.0.1 verb=unknown reply="500 5.5.1"'
	not_delivered
}

@test "nginx mail, xclient off: nginx is the client, and names itself" {
	HELO=mx.example.org
	edited front/nginx/mail.conf 's/xclient on/xclient off/'
	certified
	boots "$(ours)" "($(tried nginx/mail.conf)) &"
	brings 127.0.0.2
	is CLIENT_ADDRESS 127.0.0.1
	received_from 'mx.example.org ([127.0.0.1])'
}

# The client talks to smtpd itself, once nginx has said whom it is.
@test "nginx mail, XCLIENT: the client has no right to say it too" {
	behind nginx/mail.conf
	by_smtplib <<-'END'
		c.ehlo()
		c.mail('ann@example.net')
		c.rcpt('help@example.org')
		print(c.docmd('RSET'))
		print(c.docmd('XCLIENT ADDR=192.0.2.9 LOGIN=joe'))
		print(c.docmd('XFORWARD ADDR=192.0.2.9'))
	END
	[ "$(grep -c '^(550, ' "$REPLIES")" -eq 2 ] || fail
	not_logged 192.0.2.9
}

@test "nginx mail, proxy_protocol: who the client is" {
	HELO=mx.example.org
	and_unix nginx/mail-proxy.conf
	behind nginx/mail-proxy.conf
	comes 127.0.0.2 127.0.0.1
	is CLIENT_HELO mx.example.org
	comes 2001:db8::7 ::1
	brings "$THEIRS"
	is_unknown
	came_to_none
}

# Version 6 to nginx, 4 from there.
@test "nginx mail, proxy_protocol to ::1: who the client is" {
	at_v6
	HELO=mx.example.org
	edited front/nginx/mail-proxy.conf 's/Auth-Server .*;/Auth-Server ::1;/'
	boots "$(ours '--proxy=\\:\\:1')" "($(tried nginx/mail-proxy.conf)) &"
	brings 127.0.0.2
	is_known
	brings 2001:db8::7
	is_known
}

# submission [option ...]
submission() {
	AT=2687
	certified
	boots "python3 '$ROOT/tests/front/auth_http.py' &" \
		"$(ours "$(options_of nginx/submission.conf)" "$@")" \
		"($(tried nginx/submission.conf)) &"
	until_true inside bash -c 'exec 9<>/dev/tcp/127.0.0.1/8026'
}

joe() {
	is SASL_USERNAME "$1"
	is REMOTE_USER "$1"
	is SASL_METHOD XCLIENT
	with ESMTPA
	logged_here " message id=.* user=$1"
}

@test "nginx mail, smtp_auth plain, starttls only: who has logged in" {
	local login
	submission
	for login in PLAIN LOGIN; do
		brings 127.0.0.2 --tls --auth "$login" --auth-user joe \
			--auth-password secret
		is_known 127.0.0.2 ''
		joe joe
	done
	brings 2001:db8::7 --tls --auth PLAIN --auth-user joe \
		--auth-password secret
	is_known 2001:db8::7 ''
	joe joe
	turned_away 127.0.0.2 '535 5.7.0' --tls --auth PLAIN --auth-user joe \
		--auth-password wrong
	turned_away 127.0.0.2 '530 5.7.1'
}

@test "nginx mail: who has logged in may send to anybody" {
	submission -d example.net
	by_smtplib <<-'END'
		c.starttls()
		c.login('joe', 'secret')
		c.sendmail('ann@example.net', ['help@example.org'], 'x')
		c.quit()
	END
	BROUGHT=1
	joe joe
	is FORWARD_RECIPIENTS help@example.org
	AT=2525
	turned_away 127.0.0.2 '530 5.7.0'
}

@test "nginx stream: who the client is" {
	and_unix nginx/stream.conf
	behind nginx/stream.conf
	comes 127.0.0.2 127.0.0.1
	comes 2001:db8::7 ::1
	brings "$THEIRS"
	is_unknown
	came_to_none
}

@test "nginx stream, over a unix socket: who the client is" {
	at_socket /run/smtpd.sock
	edited front/nginx/stream.conf \
		's#proxy_pass .*#proxy_pass unix:/run/smtpd.sock;#'
	boots "$(ours --proxy)" "($(tried nginx/stream.conf)) &"
	comes 127.0.0.2 127.0.0.1
	brings 2001:db8::7
	is_known
}
