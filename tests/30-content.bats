#!/usr/bin/env bats
# DESIGN: the message.  The decoder alone is fed exhaustively in unit/content.c.
load helper

# content 'octets of the DATA phase' [option ...]
content() {
	{ say "${HELLO[@]}" DATA; octets "$1"; say QUIT; } |
		serve --no-received "${@:2}"
}

got() {
	octets "$1" | cmp - "$(message)"
}

@test "what only looks like the end stays content, and nothing in it is a command" {
	for end in '\n.\n' '\n.\r\n' '\r\n.\n' '\r.\r' '\r\n.\r\r\n' '\r.\r\n' \
		'\r\n.\0000\r\n' '\r\n\0000.\r\n'; do
		rm -f "$BOX"/*
		content "x${end}MAIL FROM:<evil@b>\r\nRCPT TO:<evil@c>\r\nDATA\r\n.\r\n"
		codes_are 220 250 250 250 354 250 221
		delivered 1
		grep -q 'MAIL FROM:<evil@b>' "$(message)"
	done
}

@test "CRLF becomes LF, bare LF a line end, bare CR stays" {
	content 'a\r\nb\nc\rd\r\n.\r\n'
	got 'a\nb\nc\rd\n'
}

@test "--crlf: each line end becomes CRLF" {
	content 'a\r\nb\nc\rd\r\n.\r\n' --crlf
	got 'a\r\nb\r\nc\rd\r\n'
}

@test "--bare-newline reject: read to its end, then 550 5.5.2, nothing run" {
	for bad in 'a\nb' 'a\rb' '\n.' 'a\r\r\nb'; do
		content "$bad\r\n.\r\n" --bare-newline reject
		codes_are 220 250 250 250 354 550 221
		reply_is 6 '550 5.5.2'
		not_delivered
	done
	content 'a\r\n..b\r\n.\r\n' --bare-newline reject
	got 'a\n.b\n'
}

@test "NUL and 8-bit octets pass unchanged" {
	i=0
	while [ $i -lt 256 ]; do
		[ $i -eq 10 ] || [ $i -eq 13 ] || printf '%b' "$(printf '\\0%03o' $i)"
		i=$((i + 1))
	done >"$BATS_TEST_TMPDIR/all"
	[ "$(wc -c <"$BATS_TEST_TMPDIR/all")" -eq 254 ]
	{ say "${HELLO[@]}" DATA; cat "$BATS_TEST_TMPDIR/all"; say '' . QUIT; } |
		serve --no-received
	codes_are 220 250 250 250 354 250 221
	{ cat "$BATS_TEST_TMPDIR/all"; echo; } | cmp - "$(message)"
}

@test "a line of three million octets passes" {
	head -c 3000000 /dev/zero | tr '\0' x >"$BATS_TEST_TMPDIR/line"
	{ say "${HELLO[@]}" DATA; cat "$BATS_TEST_TMPDIR/line"; say '' . QUIT; } |
		serve --no-received
	{ cat "$BATS_TEST_TMPDIR/line"; echo; } | cmp - "$(message)"
}

@test "an empty message is one" {
	content '.\r\n'
	codes_are 220 250 250 250 354 250 221
	[ ! -s "$(message)" ]
	delivered 1
}

@test "exactly --max-size is taken, one octet more is 552 5.3.4" {
	content '12345678\r\n.\r\n' -s 10
	codes_are 220 250 250 250 354 250 221
	content '..345678\r\n.\r\n' -s 9
	codes_are 220 250 250 250 354 250 221
	content '123456789\r\n.\r\n' -s 10
	codes_are 220 250 250 250 354 552 221
	reply_is 6 '552 5.3.4'
	delivered 2
}

@test "100 Received fields are taken, 101 are a loop: 554 5.4.6" {
	fields=$(printf 'Received: x\\r\\n\tfolded\\r\\n%.0s' $(seq 100))
	content "$fields\r\nReceived: body\r\n.\r\n"
	codes_are 220 250 250 250 354 250 221
	content "${fields}rEcEiVeD :y\r\n\r\n.\r\n"
	codes_are 220 250 250 250 354 554 221
	reply_is 6 '554 5.4.6'
	delivered 1
}

@test "the Received field: who, from where, as whom, when (RFC 5321, 4.4)" {
	say 'EHLO a b;(c)"d' 'MAIL FROM:<ann@example.net>' 'RCPT TO:<x@y>' \
		DATA 'Subject: s' . QUIT |
		LISTENS='' PROTO=TCP TCPREMOTEIP=::ffff:192.0.2.7 serve
	head -n 4 "$(message)" | tr '\n' '|' >"$BATS_TEST_TMPDIR/field"
	grep -Eq "^Received: from a\?b\?\?c\?\?d \(\[192\.0\.2\.7\]\)\|	by mx\.example\.org with ESMTP id $(variable SMTP_ID)\|	for <x@y>;\|	[A-Z][a-z]{2}, [0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} \+0000\|$" \
		"$BATS_TEST_TMPDIR/field" || fail "$(cat "$BATS_TEST_TMPDIR/field")"
	[ "$(sed -n 5p "$(message)")" = 'Subject: s' ]
}

@test "the date in Received is now, in UTC" {
	content 'x\r\n.\r\n'
	before=$(date +%s)
	say "${HELLO[@]}" DATA x . QUIT | TZ=Asia/Tokyo serve
	field=$(sed -n 4p "$(message 2)")
	stamp=$(date -d "$field" +%s)
	[ $((stamp - before)) -ge 0 ] && [ $((stamp - before)) -le 30 ] ||
		fail "$field"
}

@test "Received names no recipient where there are two; IPv6 is tagged" {
	say "${HELLO[@]}" 'RCPT TO:<b@c>' DATA x . QUIT |
		LISTENS='' PROTO=TCP TCPREMOTEIP='[2001:DB8::1]' serve
	grep -q '(\[IPv6:2001:db8::1\])' "$(message)"
	! grep -q 'for <' "$(message)" || fail 'a recipient is shown'
	grep -q "id $(variable SMTP_ID);" "$(message)"
}

@test "HELO gives SMTP, EHLO ESMTP, SMTPUTF8 UTF8SMTP in Received" {
	say 'HELO c' 'MAIL FROM:<a@b>' 'RCPT TO:<c@d>' DATA . \
		'EHLO c' 'MAIL FROM:<a@b>' 'RCPT TO:<c@d>' DATA . \
		'MAIL FROM:<a@b> SMTPUTF8' 'RCPT TO:<c@d>' DATA . QUIT | serve
	[ "$(variable CLIENT_PROTOCOL 1)" = SMTP ]
	[ "$(variable CLIENT_PROTOCOL 2)" = ESMTP ]
	[ "$(variable CLIENT_PROTOCOL 3)" = UTF8SMTP ]
	grep -q 'with SMTP id' "$(message 1)"
	grep -q 'with UTF8SMTP id' "$(message 3)"
}

@test "text without a header is text, below ours (RFC 5322, 2.1)" {
	local line
	for line in 'UPS on battery' ' spoofed' ': x' 'two words: x' .: \
		$'caf\xc3\xa9: x'; do
		rm -f "$BOX"/*
		say "${HELLO[@]}" DATA "$line" 'Subject: x' . QUIT |
			serve --return-path
		[ "$(sed -n 6p "$(message)")" = '' ]
		sed 1,6d "$(message)" | cmp - <(printf '%s\n' "${line#.}" \
			'Subject: x')
	done
}

@test "an mbox line on top becomes a field, as Postfix does it" {
	local line
	for line in 'From ann@example.net Mon Jan  1 00:00:00 2024' '>From x' \
		'>>>From x'; do
		rm -f "$BOX"/*
		say "${HELLO[@]}" DATA "$line" 'Subject: s' '' x . QUIT | serve
		sed 1,4d "$(message)" | cmp - <(printf '%s\n' \
			"X-Mailbox-Line: $line" 'Subject: s' '' x)
	done
}

@test "a field, an empty line and nothing stay right below our header" {
	local line
	for line in 'Subject: x' 'X :y' 'From: ann' ''; do
		rm -f "$BOX"/*
		say "${HELLO[@]}" DATA "$line" x . QUIT | serve
		[ "$(sed -n 5p "$(message)")" = "$line" ]
		[ "$(sed -n 6p "$(message)")" = x ]
	done
	say "${HELLO[@]}" DATA . QUIT | serve
	[ "$(wc -l <"$(message 2)")" -eq 4 ]
}

@test "where we add no header nothing is put between" {
	for line in 'UPS on battery' 'From x' ' x'; do
		rm -f "$BOX"/*
		say "${HELLO[@]}" DATA "$line" . QUIT | serve --no-received
		[ "$(cat "$(message)")" = "$line" ]
		rm -f "$BOX"/*
		say "${HELLO[@]}" DATA "$line" . QUIT |
			serve --no-received --return-path
		[ "$(wc -l <"$(message)")" -gt 1 ]
	done
}

@test "the first line is known however it is cut, in LF" {
	python_case 100 lib/opening.py
}

@test "the first line is known however it is cut, in CRLF" {
	python_case 100 lib/opening.py --crlf
}

@test "--return-path puts the sender on top" {
	say "${HELLO[@]}" DATA x . QUIT | serve --return-path
	[ "$(head -n 1 "$(message)")" = 'Return-Path: <ann@example.net>' ]
	[ "$(sed -n 2p "$(message)" | cut -c 1-9)" = Received: ]
}

@test "--crlf gives our header CRLF too" {
	say "${HELLO[@]}" DATA x . QUIT | serve --crlf --return-path
	[ "$(grep -c $'\r$' "$(message)")" -eq "$(wc -l <"$(message)")" ]
}

@test "real mail comes out octet for octet, in LF and in CRLF" {
	mapfile -t mails < <(find /usr/lib/python3*/test/test_email/data \
		-name 'msg_*.txt' 2>/dev/null | sort)
	[ "${#mails[@]}" -ge 40 ] ||
		fail 'the package libpython3.11-testsuite is needed'
	printf '%s\n' '' . .. ..x '. ' >"$BATS_TEST_TMPDIR/dots"
	mails+=("$BATS_TEST_TMPDIR/dots")
	for option in '' --crlf; do
		rm -f "$BOX"/*
		{
			say 'EHLO c'
			"$ROOT/tests/lib/wire" "${mails[@]}"
			say QUIT
		} | serve --no-received $option
		"$ROOT/tests/lib/wire" --plain "$BATS_TEST_TMPDIR" $option \
			"${mails[@]}"
		for n in "${!mails[@]}"; do
			cmp "$BATS_TEST_TMPDIR/$n" "$(message $((n + 1)))" ||
				fail "${mails[n]} $option"
		done
		delivered "${#mails[@]}"
	done
}

@test "a message over 1 MiB goes through the spool, whole and seekable" {
	seq 1 400000 | sed 's/$/\r/' >"$BATS_TEST_TMPDIR/big"
	{ say "${HELLO[@]}" DATA; cat "$BATS_TEST_TMPDIR/big"; say . QUIT; } |
		serve --no-received --spool "$BATS_TEST_TMPDIR"
	codes_are 220 250 250 250 354 250 221
	seq 1 400000 | cmp - "$(message)"
	[ "$(variable SMTP_SIZE)" -eq "$(seq 1 400000 | wc -c)" ]
}
