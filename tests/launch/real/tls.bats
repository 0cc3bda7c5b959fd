#!/usr/bin/env bats
# TLS by the programs of examples/launch and examples/starttls, as they are.
# shellcheck disable=SC2034,SC2154 # variables for and of others
load ../../helper
load ../helper
load helper

nobody_gets_mail_in_tls() {
	mail_arrives
	[ "$OWNER" -eq "$(id -u nobody)" ] || fail "uid $OWNER"
	grep -q '^	by .* with ESMTPS id ' "$(message 1)" || fail
}

# A client that begins with TLS, and what that wants.
at_465() {
	PORT=2465 SWAKS=(--tls-on-connect)
	certified
}

# listens LAUNCHER: in the foreground, with its log on standard error.
listens() {
	at_465
	machine sh -euc "($(readme "$1")) &
		wait"
	nobody_gets_mail_in_tls
	until_true grep -q "smtpd.*$LOGGED" "$LOG"
}

@test "tlswrapper, port 465" {
	listens tlswrapper
}

@test "socat, port 465: the command knows which TLS it is" {
	listens smtps-socat
	[ "$(variable SSL_PROTOCOL)" = TLSv1.3 ]
	[ "$(variable SSL_CIPHER)" = TLS_AES_256_GCM_SHA384 ]
	SWAKS+=(--tls-protocol tlsv1_1)
	! bring 'Subject: old' || fail 'TLS 1.1 is taken'
}

@test "stunnel, port 465: the client is who it is, and not stunnel" {
	at_465
	systemd stunnel@.service
	inside sh -euc "$(readme stunnel)"
	SWAKS+=(--local-interface 192.0.2.1)
	bring 'Subject: from elsewhere' || fail 'the client got no 250'
	[ "$(variable CLIENT_ADDRESS)" = 192.0.2.1 ]
	rm "$BOX"/*
	SWAKS=(--tls-on-connect)
	nobody_gets_mail_in_tls
	logs_to_journal syslog
}

# starttls_at FILE: of couriertls; tcpserver listens.
starttls_at() {
	certified
	install -D "$ROOT/examples/starttls/couriertls" \
		"$DISK/usr/local/lib/smtpd/couriertls"
	SWAKS=(--tls)
	machine sh -euc "tcpserver -H -R -l 0 127.0.0.1 2525 smtpd \
		--require-tls --starttls \
		'exec /usr/local/lib/smtpd/couriertls $1' \
		/usr/local/bin/on-mail &
		wait"
}

@test "couriertls: STARTTLS, and no TLS of old" {
	starttls_at /etc/smtpd/tls.pem
	mail_arrives
	grep -q '^	by .* with ESMTPS id ' "$(message 1)" || fail
	SWAKS+=(--tls-protocol tlsv1_1)
	! bring 'Subject: old' || fail 'TLS 1.1 is taken'
	logged ' tls client=127.0.0.1 error='
}

@test "couriertls: what its file lacks is in the log, the client told 454" {
	starttls_at /etc/smtpd/cert.pem
	until_true inside test -e /etc/smtpd/tls.pem
	! bring 'Subject: none' || fail 'without a certificate?'
	grep -q '^<.* 454 4.7.0' "$REPLIES" || fail
	logged 'output client=127.0.0.1 line="couriertls: no file /etc/'
	inside sh -c 'sed -n "/BEGIN CERT/,\$p" /etc/smtpd/tls.pem \
		>/etc/smtpd/cert.pem'
	! bring 'Subject: none' || fail 'without a key?'
	logged 'output client=127.0.0.1 line="couriertls: no key in /etc/'
	inside sh -c 'sed "/BEGIN CERT/,\$d" /etc/smtpd/tls.pem \
		>/etc/smtpd/cert.pem'
	! bring 'Subject: none' || fail 'with a key alone?'
	logged 'line="couriertls: no certificate in /etc/'
	{
		printf '%s\r\n' 'EHLO c' STARTTLS
		until_true grep -q '^454 4.7.0' "$REPLIES"
	} | inside smtpd --starttls "exec /usr/local/lib/smtpd/couriertls \
		/etc/smtpd/tls.pem" cat >"$REPLIES"
	grep -q 'couriertls: the connection is a pipe' \
		"$BATS_TEST_TMPDIR/said" || fail
	not_delivered
}

@test "make demo TLS=1: the whole path" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	ln -s "$LAUNCH/usr/bin/couriertls" "$BATS_TEST_TMPDIR/bin"
	PATH=$PATH:$BATS_TEST_TMPDIR/bin TLS=1 timeout 60 "$ROOT/tests/demo" \
		>"$BATS_TEST_TMPDIR/said" 2>&1 || fail "$(cat "$BATS_TEST_TMPDIR/said")"
	tail -n 1 "$BATS_TEST_TMPDIR/said" | grep -q 'arrived octet for octet'
}

# The comment's two ways, and a certificate that is somebody else's.
@test "renew: by certbot's variable, and by acme.sh's two files" {
	local folder=$BATS_TEST_TMPDIR file=$BATS_TEST_TMPDIR/tls.pem live
	certified
	live=$folder/live/mx.example.org
	mkdir -p "$live"
	cp "$folder/key" "$live/privkey.pem"
	cp "$folder/chain" "$live/fullchain.pem"
	sed "s|^file=.*|file=$file|" "$ROOT/examples/starttls/renew" \
		>"$folder/renew"
	RENEWED_LINEAGE=$folder/live/www.example.org sh "$folder/renew" \
		2>"$folder/said"
	grep -q "/www.example.org' is not mx.example.org" "$folder/said"
	env -u RENEWED_LINEAGE sh "$folder/renew" 2>"$folder/said"
	grep -q "LINEAGE '' is not mx.example.org" "$folder/said"
	[ ! -e "$file" ]
	RENEWED_LINEAGE=$live/ RENEWED_DOMAINS=mx.example.org sh "$folder/renew"
	cmp "$file" "$DISK/etc/smtpd/tls.pem"
	[ "$(stat -c %a:%U "$file")" = 640:root ]
	sh "$folder/renew" "$folder/chain" "$folder/key"
	head -n 1 "$file" | grep -q CERTIFICATE
	! sh "$folder/renew" "$folder/chain" "$folder/none" 2>/dev/null || fail
	head -n 1 "$file" | grep -q CERTIFICATE
	[ "$(find "$folder" -maxdepth 1 -name 'tls.pem*' | wc -l)" -eq 1 ]
}
