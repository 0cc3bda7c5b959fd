#!/usr/bin/env bats
# DESIGN: the session table, as a client sees it.
load helper

# answers LINE REPLY: what a line gets in a session of its own after EHLO.
answers() {
	say 'EHLO client.example' "$1" QUIT | serve
	reply_is 3 "$2"
}

@test "EHLO announces what works and nothing else (RFC 5321, 4.1.1.1)" {
	say 'EHLO client.example' QUIT | serve
	tr -d '\r' <"$REPLIES" | sed -n 's/^250[- ]//p' >"$BATS_TEST_TMPDIR/got"
	printf '%s\n' mx.example.org PIPELINING 8BITMIME SMTPUTF8 \
		ENHANCEDSTATUSCODES CHUNKING 'SIZE 33554432' \
		'LIMITS RCPTMAX=100' HELP | diff - "$BATS_TEST_TMPDIR/got"
}

@test "options change what EHLO announces" {
	say 'EHLO client.example' QUIT | serve --crlf --dsn --terminal \
		--max-messages 5 -s 0 -r 7
	for word in BINARYMIME DSN SEND SOML SAML 'SIZE 0' \
		'LIMITS MAILMAX=5 RCPTMAX=7'; do
		grep -q "^250[- ]$word" "$REPLIES" || fail "no $word"
	done
}

@test "HELO is answered on one line with our name" {
	say 'HELO client.example' QUIT | serve
	reply_is 2 '250 mx.example.org'
	[ "$(grep -c ^250 "$REPLIES")" -eq 1 ]
}

@test "verbs, parameter names and fixed values in any case" {
	say 'ehlo c' 'mAiL fRoM:<a@b.example> bOdY=8bItMiMe' 'rCpT tO:<c@d>' \
		'dAtA' x . 'qUiT' | serve
	codes_are 220 250 250 250 354 250 221
}

@test "HELP reads the command table; an unknown topic is 504" {
	say HELP 'HELP rcpt' 'HELP xyzzy' 'HELP SEND' QUIT | serve
	codes_are 220 214 214 504 504 221
	grep -q '^214-2.0.0 RCPT TO:' "$REPLIES"
	! grep -q '^214.*SEND' "$REPLIES" || fail 'SEND is off and listed'
	reply_is 3 '214 2.0.0 RCPT TO:'
}

@test "VRFY says nothing, EXPN, TURN, AUTH, STARTTLS, SEND are not there" {
	answers 'VRFY joe' '252 2.0.0'
	answers 'EXPN list' '502 5.5.1'
	answers TURN '502 5.5.1'
	answers 'AUTH PLAIN AGEAYg==' '502 5.5.1'
	answers STARTTLS '502 5.5.1'
	answers 'SEND FROM:<a@b>' '502 5.5.1'
}

@test "SEND, SOML and SAML work with --terminal, and the command is told" {
	for verb in SEND SOML SAML; do
		rm -f "$BOX"/*
		say 'EHLO c' "$verb FROM:<a@b.example>" 'RCPT TO:<c@d>' DATA x . \
			QUIT | serve --terminal
		codes_are 220 250 250 250 354 250 221
		[ "$(variable SMTP_VERB)" = "$verb" ]
	done
}

@test "out of sequence is 503" {
	say 'MAIL FROM:<a@b>' 'RCPT TO:<a@b>' 'BDAT 0 LAST' 'EHLO c' \
		'RCPT TO:<a@b>' DATA 'MAIL FROM:<a@b>' 'MAIL FROM:<a@b>' QUIT | serve
	codes_are 220 503 503 503 250 503 503 250 503 221
	reply_is 2 '503 5.5.1 Say hello first'
	reply_is 4 '503 5.5.1 Say hello first'
	reply_is 6 '503 5.5.1 Bad sequence'
	not_delivered
}

@test "every RCPT was refused, whatever refused it: DATA is 554" {
	for bad in RCPT 'RCPT TO:<->' $'RCPT TO:<a@b\001>' \
		"RCPT TO:<$(printf '%5000s' x)>"; do
		say "${HELLO[@]:0:2}" "$bad" DATA QUIT | serve
		reply_is -1 221
		reply_is 5 '554 5.5.1' || fail "$bad"
	done
	say 'EHLO c' 'RCPT TO:<a@b>' 'MAIL FROM:<a@b>' DATA QUIT | serve
	codes_are 220 250 503 250 503 221
}

@test "a missing argument, or one too many, is 501 5.5.4 for every verb" {
	for line in MAIL RCPT VRFY EXPN 'DATA x' 'RSET x' 'QUIT x'; do
		answers "$line" '501 5.5.4'
	done
	say LHLO QUIT | serve --lmtp
	codes_are 220 501 221
}

@test "HELO and EHLO without a name, from a UPS that has none: 250" {
	for line in HELO EHLO 'HELO ' $'EHLO \t '; do
		rm -f "$BOX"/*
		say "$line" 'MAIL FROM:<ups@example.net>' \
			'RCPT TO:<help@example.org>' DATA 'Subject: x' . QUIT |
			PROTO=TCP TCPREMOTEIP=192.0.2.7 serve
		codes_are 220 250 250 250 354 250 221
		[ -z "$(variable CLIENT_HELO)" ]
		grep -q '^Received: from unknown\( (\[192.0.2.7\])\)\?$' \
			"$(message)"
		logged 'helo=""'
	done
}

@test "unknown commands are 500 5.5.1 and never echoed" {
	answers 'XYZZY plugh' '500 5.5.1'
	answers '' '500 5.5.1'
	answers LHLO '500 5.5.1'
	! grep -q plugh "$REPLIES" || fail 'it was echoed'
}

@test "bad paths are refused, odd ones of devices taken" {
	answers 'MAIL FROM <a@b>' '501 5.5.2'
	answers 'MAIL FROM:<a@b' '501 5.5.2'
	answers 'MAIL FROM:<a@b>SIZE=1' '501 5.5.2'
	answers 'MAIL FROM:<a b@c>' '501 5.1.7'
	answers 'MAIL FROM:<-f@c>' '501 5.1.7'
	answers 'MAIL FROM:<a@b..c>' '501 5.1.7'
	answers 'MAIL FROM:<a@b..>' '501 5.1.7'
	answers 'MAIL FROM:<a@-b>' '501 5.1.7'
	answers 'MAIL FROM:<"a@b>' '501 5.1.7'
	answers 'MAIL FROM:<>' '250 2.1.0'
	answers 'MAIL FROM: <a@b>' '250 2.1.0'
	answers 'MAIL FROM:a@b' '250 2.1.0'
	answers 'MAIL FROM:<"a>b \" @"@c>' '250 2.1.0'
	answers 'MAIL FROM:<a@[IPv6:::1]>' '250 2.1.0'
	answers 'MAIL FROM:<@x,@y.example:a@b>' '250 2.1.0'
	answers 'MAIL FROM:<@x,a@b>' '501 5.5.2'
}

# comes_from FORM ADDRESS, and goes_to: whom the command is told of.
comes_from() {
	rm -f "$BOX"/*
	say 'HELO cam' "MAIL FROM:$1" 'RCPT TO:<help@example.org>' DATA \
		'Subject: x' . QUIT | serve
	codes_are 220 250 250 250 354 250 221
	[ "$(variable SENDER)" = "$2" ] || fail "$1: $(variable SENDER)"
}

goes_to() {
	rm -f "$BOX"/*
	say 'HELO cam' 'MAIL FROM:<cam@example.net>' "RCPT TO:$1" DATA \
		'Subject: x' . QUIT | serve -d example.org
	codes_are 220 250 250 250 354 250 221
	[ "$(variable RECIPIENT)" = "$2" ] || fail "$1: $(variable RECIPIENT)"
	grep -q "	for <$2>;\$" "$(message)"
}

# unit/forms.c has more of them.
@test "what a device writes is the address that it means" {
	local form
	for form in joe@example.org '<<joe@example.org>>' \
		'<Joe <joe@example.org>>' '<"Smith, Joe" <joe@example.org>>' \
		'"Joe Smith"<joe@example.org>' '<joe@example.org (Joe)>' \
		'<joe@example.org>(Joe)' '< joe @ example.org >' \
		$'<\tjoe@example.org\t>' '<joe@example.org.>' \
		'<joe@example.org;>' 'joe@example.org,' '<"joe@example.org">' \
		'<@a.example , @b.example: joe@example.org>'; do
		comes_from "$form" joe@example.org
		goes_to "$form" joe@example.org
	done
	comes_from '<Joe <>>' ''
	comes_from '<Mailer-Daemon>' ''
	comes_from '<Mailer-Daemon@b>' Mailer-Daemon@b
}

@test "UTF-8 from who never heard of SMTPUTF8 is taken, and not shown" {
	goes_to $'<Ty\xc5\x82@example.org>' $'Ty\xc5\x82@example.org'
	comes_from $'<cam@b\xc5\x82.example>' $'cam@b\xc5\x82.example'
	say 'EHLO c' 'MAIL FROM:<a@b>' $'RCPT TO:<Ty\xc5\x82@f.example>' \
		$'RCPT TO:<joe@\xc5\x82.example>' \
		$'RCPT TO:<\xc5@example.org>' \
		RSET 'MAIL FROM:<a@b> SMTPUTF8' \
		$'RCPT TO:<Ty\xc5\x82@f.example>' QUIT |
		serve -d example.org -f f.example
	codes_are 220 250 250 250 550 501 250 250 251 221
	reply_is 4 '250 2.1.5 Recipient ok'
	[ "$(LC_ALL=C grep -c $'[\x80-\xff]' "$REPLIES")" -eq 1 ]
}

@test "more than one address, or what may be, is none" {
	local path
	for path in '<victim@elsewhere.example,joe@example.org>' \
		'<victim@elsewhere.example;joe@example.org>' \
		'victim@elsewhere.example,joe@example.org' \
		'<a,joe@example.org>' \
		'<a;joe@example.org>' '<a:joe@example.org>' \
		'<a(joe@example.org>' '<a)joe@example.org>' \
		'<a[joe@example.org>' '<a]joe@example.org>' \
		'<a\joe@example.org>' '<a@joe@example.org>' \
		'<a@elsewhere.example\,joe@example.org>' \
		'<list:a@elsewhere.example,joe@example.org;>' \
		'<a@elsewhere.example <joe@example.org>, x>' \
		'<victim@elsewhere.example joe@example.org>' \
		'<a@elsewhere.example (> <joe@example.org>'; do
		say 'EHLO c' 'MAIL FROM:<ann@example.net>' "RCPT TO:$path" \
			"RCPT TO:$path NOTIFY=NEVER" QUIT |
			serve -d example.org -a
		codes_are 220 250 250 501 501 221 || fail "$path"
		reply_is 4 '501 5.1.3'
	done
	say 'EHLO c' 'MAIL FROM:<>' 'RCPT TO:<"a@elsewhere.example">' \
		'RCPT TO:<"a@elsewhere.example."@elsewhere.example.>' \
		'RCPT TO:<joe@example.org <a@elsewhere.example>>' QUIT |
		serve -d example.org
	codes_are 220 250 250 550 550 550 221
}

@test "unknown, bad and repeated parameters" {
	answers 'MAIL FROM:<a@b> FOO=1' '555 5.5.4'
	answers 'MAIL FROM:<a@b> SIZE=x' '501 5.5.4'
	answers 'MAIL FROM:<a@b> SIZE=1 SIZE=1' '501 5.5.4'
	answers 'MAIL FROM:<a@b> BODY=9BIT' '501 5.5.4'
	answers 'MAIL FROM:<a@b> BODY=BINARYMIME' '501 5.5.4'
	answers 'MAIL FROM:<a@b> SIZE=33554433' '552 5.3.4'
	answers 'MAIL FROM:<a@b> SIZE=99999999999999999999' '552 5.3.4'
	answers 'MAIL FROM:<a@b> SIZE=33554432' '250 2.1.0'
}

@test "parameters that nobody asked for cost no message" {
	say 'EHLO x' \
		'MAIL FROM:<a@b> RET=FULL ENVID=X400:+20ADMD+3d+20 AUTH=a+3db' \
		'RCPT TO:<joe+l@c> ORCPT=rfc822;joe+2bl@c NOTIFY=FAILURE,' \
		DATA 'Subject: x' . QUIT | serve
	codes_are 220 250 250 250 354 250 221
	[ "$(variable ENVID)" = 'X400: ADMD= ' ]
	[ "$(variable SMTP_MAIL_OPTIONS)" = \
		'RET=FULL ENVID=X400:+20ADMD+3d+20 AUTH=a+3db' ]
	[ "$(variable SMTP_RCPT_OPTIONS)" = \
		'ORCPT=rfc822;joe+2bl@c NOTIFY=FAILURE,' ]
}

@test "what was refused is in the log, in the client's words" {
	say 'EHLO c' 'MAIL FROM:<a@b> XOORG=x' 'MAIL FROM:<a b@c> X' \
		'MAIL FROM <a@b>' 'MAIL FROM:<> SIZE=999999999' \
		'MAIL FROM:<a@b>' 'MAIL FROM:<c@d>' 'RCPT TO:<x@y> SIZE=1' \
		$'RCPT TO:<a\001"b@c> client=1' 'RCPT TO:<x,y@z>' DATA QUIT |
		serve
	sed -n 's/.*: refuse client=unknown //p' "$LOG" |
		diff - <(printf '%s\n' \
		'verb=MAIL reply="555 5.5.4" from=a@b parameter="XOORG=x"' \
		'verb=MAIL reply="501 5.1.7" from="<a b@c> X"' \
		'verb=MAIL reply="501 5.5.2" from="FROM <a@b>"' \
		'verb=MAIL reply="552 5.3.4" from=<> parameter="SIZE=999999999"' \
		'verb=MAIL reply="503 5.5.1" from=<c@d>' \
		'verb=RCPT reply="555 5.5.4" to=x@y parameter="SIZE=1"' \
		'verb=RCPT reply="500 5.5.2" to="<a\x01\x22b@c> client=1"' \
		'verb=RCPT reply="501 5.1.3" to="<x,y@z>"' \
		'verb=DATA reply="554 5.5.1"')
}

@test "a health check is silent: nothing said, hello and QUIT, hello and gone" {
	local lines
	for lines in '' 'QUIT\r\n' 'HELO x\r\nQUIT\r\n' 'EHLO x\r\n' 'HELO' \
		'EHLO x\r\nNOOP\r\nRSET\r\nVRFY x\r\nHELP\r\nQUIT\r\n'; do
		octets "$lines" | serve
		[ ! -s "$LOG" ] || fail "$lines"
		octets "$lines" | serve --verbose
		logged ' close .*reason='
	done
	say 'EHLO x' 'MAIL FROM:<>' QUIT | serve
	logged ' close .*reason=quit messages=0 '
	say 'EHLO x' X QUIT | serve
	logged ' close .*reason=quit messages=0 '
}

@test "control octets and NUL in a line are 500 5.5.2" {
	octets 'EHLO c\r\nNOOP \001\r\nNOOP \0000\r\nNO\rOP\r\nNOOP\tx\r\nQUIT\r\n' |
		serve
	codes_are 220 250 500 500 500 250 221
	reply_is 3 '500 5.5.2'
}

@test "a line of 4096 octets is taken, one more is 500, read to its end" {
	{
		printf 'NOOP %4089s\r\n' x
		printf 'NOOP %4090s\r\n' x
		printf 'NOOP %300000s\r\n' QUIT
		say QUIT
	} | serve
	codes_are 220 250 500 500 221
	reply_is 3 '500 5.5.2'
}

@test "a bare LF ends a command line, a last line without end is none" {
	octets 'EHLO c\nNOOP\nQUIT' | serve
	codes_are 220 250 250
	exited 0
}

@test "the tenth error ends the session with 421 4.7.0; RCPT's do not count" {
	say 'EHLO c' 'MAIL FROM:<a@b>' \
		'RCPT TO:<->' 'RCPT TO:<->' 'RCPT TO:<->' 'RCPT TO:<->' \
		'RCPT TO:<->' 'RCPT TO:<->' 'RCPT TO:<->' 'RCPT TO:<->' \
		X X X X X X X X X X X | serve
	codes_are 220 250 250 501 501 501 501 501 501 501 501 \
		500 500 500 500 500 500 500 500 500 421
	reply_is -1 '421 4.7.0'
	exited 0
}

@test "a browser is sent away before it says anything of ours" {
	say 'GET / HTTP/1.1' 'Host: x' 'EHLO c' | serve
	codes_are 220 421
	for name in Host X_y x.y; do
		say "$name: x" 'EHLO c' | serve
		codes_are 220 421
	done
	{ printf 'GET /%5000s\r\n' x; say 'EHLO c'; } | serve
	codes_are 220 421
	say 'EHLO c' 'Host: x' QUIT | serve
	codes_are 220 250 500 221
}

@test "the text of who did not look at the reply to DATA is no commands" {
	say 'EHLO c' 'MAIL FROM:<a@b>' 'RCPT TO:<joe@elsewhere.example>' DATA \
		'Subject: x' '' 'RCPT TO:<help@example.org>' DATA hidden . |
		serve -d example.org
	codes_are 220 250 250 550 554 421
	not_delivered
	say 'EHLO c' 'MAIL FROM:<a@b>' DATA 'RCPT TO:<c@d>' 'Host: x' QUIT |
		serve
	codes_are 220 250 250 503 250 500 221
}

# The lines, then silence until the program has ended.
say_and_wait() {
	mkfifo "$BATS_TEST_TMPDIR/in"
	serve "${@:2}" <"$BATS_TEST_TMPDIR/in" &
	exec 4>"$BATS_TEST_TMPDIR/in"
	printf '%b' "$1" >&4
	wait $!
	exec 4>&-
}

@test "silence ends the session with 421 4.4.2" {
	say_and_wait 'EHLO c\r\n' -t 1
	codes_are 220 250 421
	reply_is -1 '421 4.4.2'
	exited 0
	logged reason=timeout
}

@test "silence in the middle of a message runs nothing" {
	say_and_wait 'EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n.\r' \
		-t 1
	codes_are 220 250 250 250 354 421
	not_delivered
	not_logged hint=
}

@test "a fault that the client never heard of: the message is dropped" {
	say "${HELLO[@]}" DATA 123456 | serve -s 5
	codes_are 220 250 250 250 354
	logged ' message .* dropped=yes hint="Message too large" seconds='
	say "${HELLO[@]}" 'BDAT 9 LAST' 123456 | serve -s 5
	codes_are 220 250 250 250
	logged ' message .* dropped=yes hint="Message too large" seconds='
	say "${HELLO[@]}" 'BDAT 8' 123456 | serve -s 5
	codes_are 220 250 250 250 552
	logged ' message .* reply="552 5.3.4" seconds='
	not_logged hint=
}

@test "who ends lines in LF alone waits for ever: the log says why" {
	local start='EHLO c\nMAIL FROM:<a@b>\nRCPT TO:<c@d>\nDATA\n'
	say_and_wait "${start}Subject: x\n\nx\n.\nQUIT\n" -t 1
	codes_are 220 250 250 250 354 421
	logged ' message .* dropped=yes hint="lines end in LF alone'
	octets "${start}Subject: x\r\n\r\nx\n.\r\n" | serve
	logged ' message .* dropped=yes hint="lines end in LF alone'
	octets "${start}Subject: x\r\n\r\nx\r\n" | serve
	not_logged hint=
	octets "${start}Subject: x\n\nx" | serve --bare-newline reject
	logged ' message .* dropped=yes hint="lines end in LF alone'
	octets "${start}Subject: x\n\nx\r\n.\r\n" | serve -- false
	codes_are 220 250 250 250 354 451
	not_logged hint=
	octets "${start}Subject: x\n\nx\r\n.\r\n" | serve -s 5
	not_logged hint=
	octets "${start%DATA*}BDAT 20\nSubject: x\n\nx" | serve
	not_logged hint=
	not_delivered
}

@test "--session-timeout ends a session that is not silent" {
	(i=0; while [ $i -lt 60 ] && printf 'NOOP\r\n' && sleep 0.2; do
		i=$((i + 1)); done) 2>/dev/null | serve --session-timeout 1
	reply_is -1 '421 4.4.2'
}

@test "--session-timeout cuts off no command that runs, and no reply of it" {
	say_and_wait "$(say "${HELLO[@]}" DATA x . | sed 's/\r$/\\r\\n/' |
		tr -d '\n')" --session-timeout 1 -- \
		sh -c 'cat >"$BOX/1.msg"; sleep 1.5'
	codes_are 220 250 250 250 354 250 421
	reply_is 6 '250 2.0.0 Ok'
	reply_is -1 '421 4.4.2'
	delivered
}

@test "what was pipelined before the session's time ended is still answered" {
	say_and_wait "$(say "${HELLO[@]}" DATA x . NOOP VRFY\ x |
		sed 's/\r$/\\r\\n/' | tr -d '\n')" --session-timeout 1 -- \
		sh -c 'sleep 1.5'
	codes_are 220 250 250 250 354 250 250 252 421
}

@test "a client that does not read is given up after --timeout" {
	mkfifo "$BATS_TEST_TMPDIR/full"
	exec 6<>"$BATS_TEST_TMPDIR/full"
	yes $'HELP\r' | ends 0 timeout 20 "$SMTPD" -n mx -t 1 -- "$CATCH" \
		>"$BATS_TEST_TMPDIR/full" 2>"$LOG"
	exec 6>&-
	logged 'close client=unknown reason=timeout .* unsent=[1-9]'
}

@test "a list server with 300 recipients at once loses nothing: 452, and again" {
	local n all
	for n in {1..300}; do
		all[n]="RCPT TO:<list$n@example.org>"
	done
	say 'EHLO c' 'MAIL FROM:<>' "${all[@]}" DATA x . 'MAIL FROM:<>' \
		"${all[@]:101}" DATA x . 'MAIL FROM:<>' "${all[@]:201}" \
		DATA x . QUIT | serve
	[ "$(grep -c '^452 4.5.3' "$REPLIES")" -eq 300 ]
	delivered 3
	[ "$(for n in 1 2 3; do variable RECIPIENTS $n; done |
		sort -u | wc -l)" -eq 300 ]
	logged 'reason=quit messages=3'
}

@test "one octet at a time does not put off the end of a line's time" {
	(i=0; while [ $i -lt 60 ] && printf N && sleep 0.2; do
		i=$((i + 1)); done) 2>/dev/null | serve -t 1
	codes_are 220 421
	reply_is -1 '421 4.4.2'
}

@test "--max-messages: the next MAIL is 452, the session goes on" {
	say "${HELLO[@]}" DATA x . 'MAIL FROM:<a@b>' QUIT | serve --max-messages 1
	codes_are 220 250 250 250 354 250 452 221
}

@test "--max-recipients: one too many is 452, the others get their mail" {
	say "${HELLO[@]}" 'RCPT TO:<b@c>' 'RCPT TO:<d@e>' DATA x . QUIT |
		serve -r 2
	codes_are 220 250 250 250 250 452 354 250 221
	[ "$(variable RECIPIENTS)" = $'help@example.org\nb@c' ]
}

@test "RSET, HELO and EHLO forget the envelope" {
	for verb in RSET 'HELO x' 'EHLO x'; do
		say "${HELLO[@]}" "$verb" DATA 'MAIL FROM:<new@b>' \
			'RCPT TO:<other@b>' DATA x . QUIT | serve
		codes_are 220 250 250 250 250 503 250 250 354 250 221
		[ "$(variable RECIPIENTS)" = other@b ]
		rm "$BOX"/*
	done
}

@test "after a message the next starts from nothing" {
	say "${HELLO[@]}" DATA x . DATA 'MAIL FROM:<>' 'RCPT TO:<two@b>' DATA y \
		. QUIT | serve
	codes_are 220 250 250 250 354 250 503 250 250 354 250 221
	[ "$(variable RECIPIENTS 2)" = two@b ]
	[ -z "$(variable SENDER 2)" ]
}

@test "the replies to pipelined commands leave in one write (RFC 2920, 3.2)" {
	say "${HELLO[@]}" DATA >"$BATS_TEST_TMPDIR/in"
	strace -f -o "$BATS_TEST_TMPDIR/trace" -e trace=write,sendto,writev \
		"$SMTPD" -n mx.example.org -- "$CATCH" \
		<"$BATS_TEST_TMPDIR/in" >"$REPLIES" 2>"$LOG"
	codes_are 220 250 250 250 354
	# the greeting, then the five replies
	[ "$(grep -c '\bwrite(1,' "$BATS_TEST_TMPDIR/trace")" -eq 2 ] ||
		fail "$(cat "$BATS_TEST_TMPDIR/trace")"
}

# What real clients write, each session as it was seen: one write for what is
# one line here.

@test "nodemailer pipelines DATA too, and is off without QUIT" {
	local envelope='MAIL FROM:<jos\0303\0251@example.net>\r\n'
	envelope+='RCPT TO:<->\r\nRCPT TO:<help@example.org>\r\nDATA\r\n'
	{ say 'EHLO [127.0.0.1]'; octets "$envelope"; say x .; } | serve
	codes_are 220 250 250 501 250 354 250
	delivered 1
	[ "$(variable RECIPIENTS)" = help@example.org ]
}

@test "nodemailer, all recipients refused: its dot behind DATA runs nothing" {
	say 'EHLO [127.0.0.1]' 'MAIL FROM:<ann@example.net>' 'RCPT TO:<->' \
		'RCPT TO:<+@>' DATA . | serve
	codes_are 220 250 250 501 501 554 500
	not_delivered
}

@test "mlmmj asks for XVERP unannounced, and comes again without" {
	say 'EHLO c' 'MAIL FROM:<list+bounces-2@example.org> XVERP=-=' QUIT |
		serve
	codes_are 220 250 555 221
	say 'EHLO c' \
		'MAIL FROM:<list+bounces-2-joe=example.org@example.org>' \
		'RCPT TO:<joe@example.org>' DATA x . QUIT | serve
	codes_are 220 250 250 250 354 250 221
	delivered 1
}

@test "mutt, getmail and smtplib write verbs or values in lower case" {
	say 'ehlo c' 'mail FROM:<a@example.net> size=9 body=8bitmime ret=hdrs' \
		'rcpt TO:<joe@example.org> NOTIFY=failure,delay' data x . quit |
		serve --dsn
	codes_are 220 250 250 250 354 250 221
	delivered 1
	[ "$(variable SMTP_RCPT_OPTIONS)" = NOTIFY=failure,delay ]
}

@test "monit puts a blank before each path" {
	say 'EHLO c' 'MAIL FROM: <monit@c>' 'RCPT TO: <joe@example.org>' DATA \
		x . QUIT | serve
	codes_are 220 250 250 250 354 250 221
	[ "$(variable SENDER)" = monit@c ]
	[ "$(variable RECIPIENT)" = joe@example.org ]
}
