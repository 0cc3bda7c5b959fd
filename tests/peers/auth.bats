#!/usr/bin/env bats
# AUTH with the clients that devices and hosts have: what each says, and what it
# does where that is refused, put off or not asked for.  In clear where it takes
# that; else by a real couriertls.  smtplib, curl and swaks are in
# ../launch/auth.bats.
# shellcheck disable=SC2016 # the words are the command's
load ../helper
load ../launch/helper
load helper

CLIENTS=${CLIENTS:-/opt/clients}
NAME=joe@example.org
SECRET=s3cr3t-Zq7wN3xKf9
KNOWS='[ "$(tr "\0" "\n" <&3 | head -n 2)" = "joe@example.org
s3cr3t-Zq7wN3xKf9" ]'
HELP=help@example.org
BOB=bob@elsewhere.example
DMA=

setup_file() {
	install_pem
}

teardown() {
	[ -z "$DMA" ] || kill "$DMA"
	postfix_stops
	stop_listening
}

# ---- the server ----

in_clear() {
	listen tcpserver -v -d example.org --auth-in-clear --auth "$KNOWS" "$@"
}

in_tls() {
	courier -d example.org --auth "$KNOWS"
}

# No way to AUTH, for want of TLS.
without() {
	listen tcpserver -v -d example.org --auth "$KNOWS"
}

no_session() {
	! pgrep -P "$SERVER" >/dev/null
}

# The log's events of the name, less what each line begins with, once all
# sessions have ended.
events() {
	until_true no_session
	sed -n "s/^smtpd\[[0-9]*\]: \($1 .*\)/\1/p" "$LOG"
}

# A new page for the next client.
forget() {
	rm -f "$BOX"/*
	: >"$LOG"
	[ ! -e "$MAILLOG" ] || : >"$MAILLOG"
}

# proofs_are REPLY METHOD ...: these had this answer, in this order; how COMMAND
# failed is no part of it.
proofs_are() {
	local method
	diff <(events auth | sed 's/ exit=75 / /') <(for method in "${@:2}"; do
		printf 'auth client=127.0.0.1 method=%s user=%s reply="%s"\n' \
			"$method" "$NAME" "$1"
	done)
}

# came_by METHOD PROTOCOL: one message, and who brought it had said who he is
# just once.
came_by() {
	proofs_are '235 2.7.0' "$1"
	delivered 1
	is SASL_USERNAME 1 "$NAME"
	is SASL_METHOD 1 "$1"
	is CLIENT_PROTOCOL 1 "$2"
	forget
}

# told REPLY METHOD ...: and nothing was delivered.
told() {
	proofs_are "$@"
	not_delivered
}

wrong() {
	told '535 5.7.8' "$@"
	forget
}

# refused_are WORDS ...: of each line of the event, verb and reply.
refused_are() {
	diff <(events refuse |
		sed -E 's/.* verb=(\S+) reply="(...) .*/\1 \2/') \
		<([ $# -eq 0 ] || printf '%s\n' "$@")
}

# dialogue_is CODE ...: the replies to AUTH and to the lines behind it.
dialogue_is() {
	local got
	got=$(events '\(command\|reply\)' |
		sed -nE '/line="AUTH /,/line=/s/.* reply="?(...).*/\1/p' |
		paste -sd ' ')
	[ "$got" = "$*" ] || fail "the dialogue: $got"
}

# says TEXT: the client did, to who started it.
says() {
	grep -qF -- "$1" "$BATS_TEST_TMPDIR/said" ||
		fail "the client said: $(cat "$BATS_TEST_TMPDIR/said")"
}

# ---- the clients: by_NAME PASSWORD [what it knows of methods] ----

# saying command ...: what it says is kept.
saying() {
	HOME=$BATS_TEST_TMPDIR timeout 30 "$@" \
		>"$BATS_TEST_TMPDIR/said" 2>&1 3>&-
}

# configuration FILE LINE ...: which has a password.
configuration() {
	(umask 077 && printf '%s\n' "${@:2}" >"$BATS_TEST_TMPDIR/$1")
}

# by_mutt PASSWORD [setting ...]
by_mutt() {
	configuration muttrc \
		"set smtp_url=smtp://${NAME/@/%40}@$ADDRESS:$PORT/" \
		"set smtp_pass='$1'" 'set ssl_starttls=no ssl_force_tls=no' \
		'set hostname=client.example copy=no' \
		"set use_envelope_from=yes envelope_from_address=$ANN" "${@:2}"
	saying mutt -n -F "$BATS_TEST_TMPDIR/muttrc" -s letter -- \
		"${TO:-$BOB}" <"$LETTER"
}

# by_nullmailer PASSWORD [option ...]: as nullmailer-send starts it.
by_nullmailer() {
	printf '%s\n' "$ANN" "${TO:-$BOB}" '' | cat - "$LETTER" \
		>"$BATS_TEST_TMPDIR/queued"
	printf '%s\n' "host=$ADDRESS" "port=$PORT" "user=$NAME" "pass=$1" \
		"${@:2}" '' | HELOHOST=client.example saying bash -c \
		'exec "$0" 3<"$1"' "$CLIENTS/usr/lib/nullmailer/smtp" \
		"$BATS_TEST_TMPDIR/queued"
}

# by_ssmtp PASSWORD [line ...]
by_ssmtp() {
	configuration ssmtp "mailhub=$ADDRESS:$PORT" hostname=client.example \
		FromLineOverride=YES "AuthUser=$NAME" "AuthPass=$1" "${@:2}"
	saying "$CLIENTS/usr/sbin/ssmtp" -C "$BATS_TEST_TMPDIR/ssmtp" \
		-f "$ANN" "${TO:-$BOB}" <"$LETTER"
}

by_esmtp() {
	configuration esmtp "hostname = $ADDRESS:$PORT" \
		"username = \"$NAME\"" "password = \"$1\"" 'starttls = disabled'
	saying esmtp -C "$BATS_TEST_TMPDIR/esmtp" -f "$ANN" "${TO:-$BOB}" \
		<"$LETTER"
}

# by_msmtp PASSWORD METHOD [option ...]
by_msmtp() {
	saying msmtp --host="$ADDRESS" --port="$PORT" --domain=client.example \
		--from="$ANN" --auth="$2" --user="$NAME" \
		--passwordeval="echo $1" "${@:3}" "${TO:-$BOB}" <"$LETTER"
}

# by_s_nail PASSWORD [option ...]
by_s_nail() {
	saying s-nail -:/ -Sv15-compat -Snosave -Shostname=client.example \
		"-Smta=smtp://${NAME/@/%40}:$1@$ADDRESS:$PORT" \
		"${@:2}" -r "$ANN" -s letter "${TO:-$BOB}" <<<letter
}

# by_net_smtp PASSWORD [METHODS]: it goes on, whatever AUTH says, as scripts do
# that do not look.
by_net_smtp() {
	saying perl - "$ADDRESS" "$PORT" "$NAME" "$1" "${2:-}" "$ANN" \
		"${TO:-$BOB}" "$LETTER" <<-'END'
		use Net::SMTP;
		use Authen::SASL;
		my ($host, $port, $name, $word, $how, $from, $to, $file) =
		    @ARGV;
		my $server = Net::SMTP->new($host, Port => $port, Timeout => 20,
		    Hello => 'client.example') or die;
		$server->auth($how ? Authen::SASL->new(mechanism => $how,
		    callback => { user => $name, pass => $word }) :
		    ($name, $word)) or print 'auth: ', $server->message;
		open my $letter, '<', $file or die;
		$server->mail($from) && $server->to($to) &&
		    $server->data(<$letter>) or print $server->message and
		    exit 1;
		$server->quit;
	END
}

# by_nodemailer PASSWORD [METHOD]
by_nodemailer() {
	NODE_PATH=$CLIENTS/node_modules saying node - "$ADDRESS" "$PORT" \
		"$NAME" "$1" "${2:-}" "$ANN" "${TO:-$BOB}" "$LETTER" \
		"$CERTIFICATE" <<-'END'
		const [host, port, user, pass, authMethod, from, to, letter,
		    certificate] = process.argv.slice(2);
		const {readFileSync} = require('fs');
		require('nodemailer').createTransport({
		    host, port, name: 'client.example',
		    auth: {user, pass}, authMethod,
		    tls: {ca: readFileSync(certificate),
		        servername: 'mx.example.org'},
		}).sendMail({
		    envelope: {from, to: [to]},
		    raw: readFileSync(letter),
		}).catch(error => {
		    console.log(error.code, error.response);
		    process.exit(1);
		});
	END
}

# by_dma PASSWORD [line ...]: of a machine that has its configuration and its
# queue; $DMA.
by_dma() {
	local own=$BATS_TEST_TMPDIR/dma
	mkdir -p "$own/etc/dma" "$own/queue"
	chmod a+x "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"
	chgrp mail "$own/queue"
	chmod 2770 "$own/queue"
	cp /etc/passwd /etc/group /etc/hosts /etc/nsswitch.conf "$own/etc"
	printf '%s\n' "SMARTHOST $ADDRESS" "PORT $PORT" NULLCLIENT \
		'AUTHPATH /etc/dma/auth.conf' "SPOOLDIR $own/queue" \
		'MAILNAME client.example' "${@:2}" >"$own/etc/dma/dma.conf"
	echo "$NAME|$ADDRESS:$1" >"$own/etc/dma/auth.conf"
	unshare --mount sh -ec 'cd "$1"
		mount --bind etc /etc
		exec "$2" -D -f "$3" "$4" <"$5"' sh "$own" \
		"$CLIENTS/usr/sbin/dma" "$ANN" "${TO:-$BOB}" "$LETTER" \
		>"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
	DMA=$!
}

# dma_ends [STATUS]
dma_ends() {
	ends "${1:-0}" wait "$DMA"
	DMA=
}

# by_exim PASSWORD [transport option ...]: with these authenticators, each with
# this condition of Debian's: no password in clear.
AUTHENTICATORS='PLAIN LOGIN'
ONLY_IN_TLS='client_condition = ${if !eq{$tls_out_cipher}{}}'
by_exim() {
	local name
	rm -rf "$BATS_TEST_TMPDIR/exim"
	exim_at "tls_verify_certificates = $CERTIFICATE" "${@:2}"
	echo 'begin authenticators' >>"$CONF"
	for name in $AUTHENTICATORS; do
		printf '%s\n' "$name:" 'driver = plaintext' \
			"public_name = $name" "$CONDITION"
		case $name in
		PLAIN) echo "client_send = ^$NAME^$1" ;;
		LOGIN) echo "client_send = : $NAME : $1" ;;
		esac
	done >>"$CONF"
	exim -i -f "$ANN" -- "${TO:-$BOB}" <"$LETTER"
}

# by_postfix PASSWORD [setting ...]: one recipient was tried once.
by_postfix() {
	postfix_stops
	rm -rf "$BATS_TEST_TMPDIR/postfix"
	postfix_starts "relayhost=[$ADDRESS]:$PORT" \
		{smtp,lmtp}_sasl_auth_enable=yes \
		{smtp,lmtp}_sasl_password_maps="static:$NAME:$1" \
		{smtp,lmtp}_sasl_security_options=noanonymous "${@:2}"
	post "${TO:-$BOB}"
	until_true tried 1
}

# ---- what they say ----

@test "mutt: PLAIN, LOGIN where it is told to; a wrong password is one error" {
	write_letter
	in_clear
	by_mutt "$SECRET"
	dialogue_is 235
	came_by PLAIN ESMTPA
	by_mutt "$SECRET" 'set smtp_authenticators=login'
	dialogue_is 334 334 235
	came_by LOGIN ESMTPA
	ends 1 by_mutt wrong
	says 'SASL authentication failed'
	wrong PLAIN
	ends 1 by_mutt wrong 'set smtp_authenticators=plain:login'
	wrong PLAIN LOGIN
}

@test "nullmailer: PLAIN, LOGIN with the name on the line; one error" {
	write_letter
	in_clear
	by_nullmailer "$SECRET"
	dialogue_is 235
	came_by PLAIN ESMTPA
	by_nullmailer "$SECRET" auth-login
	dialogue_is 334 235
	came_by LOGIN ESMTPA
	# 20: it tries again; 35, with 32 in it, bounces
	ends 20 by_nullmailer wrong
	says '535 5.7.8'
	wrong PLAIN
	ends 35 by_nullmailer wrong auth-login
	says '535 5.7.8'
	wrong LOGIN
}

@test "ssmtp: LOGIN in three steps, whatever it is told; one error" {
	write_letter
	in_clear
	for method in LOGIN PLAIN; do
		by_ssmtp "$SECRET" "AuthMethod=$method"
		dialogue_is 334 334 235
		came_by LOGIN ESMTPA
	done
	ends 1 by_ssmtp wrong
	says 'Authorization failed (535 5.7.8'
	wrong LOGIN
	# a blank or "=" ends it
	by_ssmtp "$SECRET=x"
	came_by LOGIN ESMTPA
}

@test "esmtp: PLAIN; a wrong password is two errors, and it goes on" {
	write_letter
	in_clear
	by_esmtp "$SECRET"
	dialogue_is 235
	came_by PLAIN ESMTPA
	ends 70 by_esmtp wrong
	says '550 Relaying denied'
	refused_are 'RCPT 550'
	wrong PLAIN LOGIN
	TO=$HELP by_esmtp wrong
	delivered 1
	is CLIENT_PROTOCOL 1 ESMTP
}

@test "msmtp: in TLS PLAIN by itself, in clear what it is told; one error" {
	local tls=(--tls=on "--tls-trust-file=$PEM"
		--tls-host-override=mx.example.org)
	write_letter
	in_tls
	by_msmtp "$SECRET" on "${tls[@]}"
	came_by PLAIN ESMTPSA
	ends 77 by_msmtp wrong on "${tls[@]}"
	says '535 5.7.8'
	wrong PLAIN
	stop_listening
	in_clear
	for method in plain login; do
		by_msmtp "$SECRET" $method
		came_by "${method^^}" ESMTPA
		ends 77 by_msmtp wrong $method
		says '535 5.7.8'
		wrong "${method^^}"
	done
	ends 69 by_msmtp "$SECRET" on
	told ''
}

@test "s-nail: PLAIN behind an empty 334, LOGIN; one error" {
	write_letter
	in_clear
	by_s_nail "$SECRET"
	dialogue_is 334 235
	came_by PLAIN ESMTPA
	by_s_nail "$SECRET" -Ssmtp-auth=login
	dialogue_is 334 334 235
	came_by LOGIN ESMTPA
	ends 4 by_s_nail wrong
	says '535 5.7.8'
	wrong PLAIN
	ends 4 by_s_nail wrong -Ssmtp-auth=login
	wrong LOGIN
}

@test "Perl's Net::SMTP: PLAIN, LOGIN; one error" {
	write_letter
	in_clear
	for methods in '' 'PLAIN LOGIN' 'LOGIN PLAIN'; do
		method=${methods%% *}
		by_net_smtp "$SECRET" "$methods"
		came_by "${method:-PLAIN}" ESMTPA
		ends 1 by_net_smtp wrong "$methods"
		says 'auth: 5.7.8'
		refused_are 'RCPT 550'
		wrong "${method:-PLAIN}"
	done
}

@test "nodemailer: PLAIN, LOGIN, in TLS wherever there is some; one error" {
	write_letter
	in_tls
	for method in '' PLAIN LOGIN; do
		by_nodemailer "$SECRET" "$method"
		came_by "${method:-PLAIN}" ESMTPSA
		ends 1 by_nodemailer wrong "$method"
		says 'EAUTH 535 5.7.8'
		wrong "${method:-PLAIN}"
	done
	stop_listening
	in_clear
	by_nodemailer "$SECRET"
	came_by PLAIN ESMTPA
}

@test "dma: LOGIN, in TLS; a wrong password is two errors, for it bounces" {
	write_letter
	in_tls
	by_dma "$SECRET" SECURETRANSFER STARTTLS
	dma_ends
	came_by LOGIN ESMTPSA
	by_dma wrong SECURETRANSFER STARTTLS
	dma_ends 70
	wrong LOGIN LOGIN
	stop_listening
	in_clear
	by_dma "$SECRET" INSECURE
	dma_ends
	came_by LOGIN ESMTPA
}

@test "Exim: PLAIN, in TLS; a wrong password is two errors, and it goes on" {
	write_letter
	CONDITION=$ONLY_IN_TLS
	in_tls
	by_exim "$SECRET" 'hosts_try_auth = *'
	statuses_are "sent $BOB"
	came_by PLAIN ESMTPSA
	by_exim wrong 'hosts_require_auth = *'
	statuses_are "deferred $BOB"
	wrong PLAIN LOGIN
	TO=$HELP by_exim wrong 'hosts_try_auth = *'
	statuses_are "sent $HELP"
	delivered 1
	is CLIENT_PROTOCOL 1 ESMTPS
}

@test "Exim: LOGIN, where that comes first, and in clear" {
	write_letter
	in_clear
	AUTHENTICATORS='LOGIN PLAIN'
	by_exim "$SECRET" 'hosts_try_auth = *'
	statuses_are "sent $BOB"
	dialogue_is 334 334 235
	came_by LOGIN ESMTPA
}

@test "Postfix: PLAIN, LOGIN where it is told to, in TLS; one error" {
	local tls=(smtp_tls_security_level=encrypt)
	write_letter
	in_tls
	by_postfix "$SECRET" "${tls[@]}"
	statuses_are "sent $BOB"
	came_by PLAIN ESMTPSA
	by_postfix "$SECRET" "${tls[@]}" smtp_sasl_mechanism_filter=login
	came_by LOGIN ESMTPSA
	by_postfix wrong "${tls[@]}"
	statuses_are "deferred $BOB"
	wrong PLAIN
	# what it does by itself: none that shows a password, in TLS either
	by_postfix "$SECRET" "${tls[@]}" \
		'smtp_sasl_security_options=noplaintext, noanonymous'
	statuses_are "deferred $BOB"
	grep -q 'no mechanism available' "$MAILLOG"
	told ''
}

@test "Postfix, LMTP: a recipient each, by who said who he is" {
	write_letter
	in_clear --lmtp
	by_postfix "$SECRET" default_transport=lmtp
	came_by PLAIN LMTPA
	by_postfix wrong default_transport=lmtp
	statuses_are "deferred $BOB"
	wrong PLAIN
}

# ---- what else they do ----

# To be the name itself is to be nobody else.
@test "mutt, nullmailer and Net::SMTP name themselves twice in PLAIN" {
	local wire=$BATS_TEST_TMPDIR/wire
	write_letter
	printf '%s\n' '#!/bin/sh' "tee -a '$wire' | exec '$SMTPD' \"\$@\"" \
		>"$BATS_TEST_TMPDIR/tapped"
	chmod +x "$BATS_TEST_TMPDIR/tapped"
	SMTPD=$BATS_TEST_TMPDIR/tapped in_clear
	for client in by_mutt by_nullmailer by_net_smtp; do
		$client "$SECRET"
		came_by PLAIN ESMTPA
		sed -n 's/^AUTH PLAIN \(.*\)\r$/\1/p' "$wire" | base64 -d |
			cmp - <(printf '%s\0%s\0%s' "$NAME" "$NAME" "$SECRET")
		: >"$wire"
	done
}

@test "clients that go on where no AUTH is announced: 550 5.7.1" {
	write_letter
	without
	for client in by_mutt by_esmtp by_net_smtp by_nodemailer; do
		! $client "$SECRET" || fail "$client takes it for sent"
		refused_are 'RCPT 550'
		told ''
		forget
	done
	for options in INSECURE NULLCLIENT; do
		by_dma "$SECRET" $options
		dma_ends 70
		refused_are 'RCPT 550' 'RCPT 550'
		forget
	done
	by_exim "$SECRET" 'hosts_try_auth = *'
	statuses_are "bounced $BOB" "bounced $ANN"
	forget
	by_exim "$SECRET" 'hosts_require_auth = *'
	statuses_are "deferred $BOB"
	refused_are
	forget
	by_postfix "$SECRET"
	until_true tried 2
	statuses_are "bounced $BOB" "bounced $ANN"
	logged 'refuse .* verb=RCPT reply="550 5.7.1" to=bob@elsewhere'
	told ''
}

@test "clients that go on in clear, by a rule of theirs, where AUTH wants TLS" {
	write_letter
	in_tls
	by_dma "$SECRET"
	dma_ends 70
	refused_are 'RCPT 550' 'RCPT 550'
	told ''
	forget
	CONDITION=$ONLY_IN_TLS
	by_exim "$SECRET" 'hosts_try_auth = *' 'hosts_avoid_tls = *'
	statuses_are "bounced $BOB" "bounced $ANN"
	told ''
}

@test "clients that stop there, and those that say AUTH all the same: 538" {
	write_letter
	without
	ends 69 by_msmtp "$SECRET" plain --tls=off
	ends 16 by_nullmailer "$SECRET"
	refused_are
	for client in by_ssmtp by_s_nail; do
		! $client "$SECRET" || fail "$client takes it for sent"
		says '538 5.7.11'
		refused_are 'AUTH 538'
		forget
	done
	ends 20 by_nullmailer "$SECRET" auth-login
	refused_are 'AUTH 538'
	told ''
}

# ---- our own faults ----

@test "a COMMAND that cannot tell: none bounces, and none takes it for sent" {
	write_letter
	listen tcpserver -v -d example.org --auth-in-clear --auth 'exit 75'
	for client in by_mutt by_ssmtp by_s_nail by_nodemailer; do
		! $client "$SECRET" || fail "$client takes it for sent"
		refused_are
	done
	ends 77 by_msmtp "$SECRET" plain
	ends 16 by_nullmailer "$SECRET"
	ends 16 by_nullmailer "$SECRET" auth-login
	for client in by_esmtp by_net_smtp; do
		forget
		! $client "$SECRET" || fail "$client takes it for sent"
		refused_are 'RCPT 451'
	done
	forget
	by_dma "$SECRET" INSECURE
	until_true grep -q 'verb=RCPT reply="451 4.7.0"' "$LOG"
	until_true no_session
	[ "$(find "$BATS_TEST_TMPDIR/dma/queue" -name 'M*' | wc -l)" -eq 1 ]
	kill "$DMA"
	dma_ends 143
	told '454 4.7.0' LOGIN
	forget
	for options in 'hosts_try_auth = *' 'hosts_require_auth = *'; do
		by_exim "$SECRET" "$options"
		statuses_are "deferred $BOB"
		told '454 4.7.0' PLAIN
		forget
	done
	by_postfix "$SECRET"
	statuses_are "deferred $BOB"
	told '454 4.7.0' PLAIN
}

@test "no TLS at the moment: who goes on in clear is not bounced either" {
	write_letter
	listen tcpserver -v -d example.org --auth "$KNOWS" \
		--starttls 'exec false'
	by_postfix "$SECRET" smtp_tls_security_level=may
	statuses_are "deferred $BOB"
	told ''
	forget
	by_exim "$SECRET" 'hosts_try_auth = *'
	statuses_are "deferred $BOB"
	told ''
}

# ---- by hand ----

# by_openssl LINE ...: it shows no reply before that to STARTTLS, and begins in
# TLS with the first line.
by_openssl() {
	printf '%s\n' "$@" | timeout 30 openssl s_client -quiet -crlf \
		-starttls smtp -connect "$ADDRESS:$PORT" \
		-CAfile "$CERTIFICATE" -verify_return_error \
		>"$REPLIES" 2>"$BATS_TEST_TMPDIR/said"
}

# plain IDENTITY NAME PASSWORD
plain() {
	printf '%s\0%s\0%s' "$@" | base64 -w 0
}

@test "AUTH behind HELO, in TLS: ours, but the protocol's name is SMTP" {
	in_tls
	by_openssl 'HELO client.example' \
		"AUTH PLAIN $(plain '' "$NAME" "$SECRET")" "MAIL FROM:<$ANN>" \
		"RCPT TO:<$BOB>" DATA x . QUIT
	codes_are 250 235 250 251 354 250 221
	came_by PLAIN SMTP
}

@test "an AUTH line of 817 octets, in TLS" {
	local name line
	name=$(printf '%0255d' 1)
	courier --auth 'cat <&3 | tr "\0" "\n" >"$BOX/three"'
	line="AUTH PLAIN $(plain "$name" "$name" "$(printf '%091d' 2)")"
	[ "${#line}" -eq 815 ]
	by_openssl 'EHLO client.example' "$line" QUIT
	codes_are 250 235 221
	head -n 2 "$BOX/three" | cmp - <(printf '%0255d\n%091d\n' 1 2)
}
