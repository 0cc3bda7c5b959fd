#!/usr/bin/env bats
# forward: its dialogue with a server that says what tests/lib/forward.py has it
# say, and mail that goes from smtpd to smtpd through it.
load helper
load launch/helper

FORWARD=${FORWARD:-$ROOT/forward}
case $FORWARD in /*) ;; *) FORWARD=$ROOT/$FORWARD ;; esac
export FORWARD

forward() {
	python_case 110 lib/forward.py "$@"
}

# ---- a server that says anything ----

@test "forward: taken, and the server's own words are the reply" {
	forward taken
}

@test "forward: 4xx at each step is 75, in the server's words" {
	forward each_step_puts_off
}

@test "forward: 5xx to the greeting or a hello is ours, then it is 77" {
	forward each_step_refuses
}

@test "forward: a code that is about us is 75 at each step, and logged" {
	forward each_step_is_about_us
}

@test "forward: what is no reply is 75 at each step" {
	forward each_step_is_garbage
}

@test "forward: a server that closes is 75 at each step" {
	forward each_step_is_the_last
}

@test "forward: a silent server is 75 at each step, by --timeout" {
	forward each_step_is_silent
}

@test "forward: a server that takes no connection is 75, by --timeout" {
	forward nobody_accepts
}

@test "forward: a server that is slow in all its steps is 75 in the end" {
	forward is_slow
}

@test "forward: a reply without an end is 75 at each step, by --timeout" {
	forward each_step_is_without_end
}

@test "forward: a reply that comes before it was asked for is 75" {
	forward each_step_says_too_much
}

@test "forward: a server that hangs up by 421 is 75, in its words" {
	forward hangs_up
}

@test "forward: 0 where nobody hears it, and no word goes elsewhere" {
	forward nobody_listens
}

@test "forward: no message unless all recipients were taken" {
	forward all_refused
}

@test "forward --lmtp: LHLO, over a unix socket" {
	forward lmtp
}

@test "forward: no octets of a server end a reply or hide one" {
	forward lies
}

# ---- from smtpd to smtpd ----

# post [option ...]: $BATS_TEST_TMPDIR/letter, to $TO, by way of forward.
TO=(help@example.org)
WAY=()
post() {
	{
		say 'EHLO client.example' "MAIL FROM:<ann@example.net>"
		printf 'RCPT TO:<%s>\r\n' "${TO[@]}"
		say DATA
		cat "$BATS_TEST_TMPDIR/letter"
		say . QUIT
	} | serve --no-received "$@" -- "$FORWARD" "${WAY[@]}" \
		"$ADDRESS:$PORT"
}

# Lines of all kinds, with CR LF, and dots stuffed.
write_letter() {
	{
		printf 'Subject: x\r\n\r\n..\r\n...x\r\n \r\n\r\ncaf\xe9 \x00\xff\r\n'
		printf 'a\rb\r\n%s\r\n' "$(printf '%0900d' 7)"
	} >"$BATS_TEST_TMPDIR/letter"
}

@test "forward: each octet of a message comes to the next smtpd" {
	write_letter
	letter=$BATS_TEST_TMPDIR/letter
	for _ in {1..12}; do
		cat "$letter" "$letter" >"$letter.2"
		mv "$letter.2" "$letter"
	done
	listen tcpserver --no-received
	post
	reply_is 6 '250 2.0.0 Ok '
	delivered
	sed -e 's/^\.//' -e 's/\r$//' "$letter" | cmp - "$(message)"
	[ "$(wc -c <"$(message)")" -gt 3000000 ]
}

@test "forward: sender, recipients and parameters come to the next smtpd" {
	listen tcpserver --dsn
	say 'EHLO c' 'MAIL FROM:<> BODY=8BITMIME RET=HDRS ENVID=q+20q AUTH=<>' \
		'RCPT TO:<"a b"@example.org> NOTIFY=NEVER' \
		'RCPT TO:<joe@[192.0.2.1]> ORCPT=rfc822;x@y.example' DATA . QUIT |
		serve --dsn -- "$FORWARD" "$ADDRESS:$PORT"
	codes_are 220 250 250 250 250 354 250 221
	[ -z "$(variable SENDER)" ]
	[ "$(variable RECIPIENTS)" = '"a b"@example.org
joe@[192.0.2.1]' ]
	variable SMTP_MAIL_OPTIONS |
		grep -x 'BODY=8BITMIME RET=HDRS ENVID=q+20q SIZE=[0-9]*'
	[ "$(variable SMTP_RCPT_OPTIONS)" = 'NOTIFY=NEVER
ORCPT=rfc822;x@y.example' ]
	[ "$(variable CLIENT_HELO)" = mx.example.org ]
}

@test "forward: BINARYMIME goes on as it is" {
	listen tcpserver --crlf --no-received
	body=$'\r\n.\r\nx\ny\r'
	{
		say EHLO\ c 'MAIL FROM:<ann@example.net> BODY=BINARYMIME' \
			'RCPT TO:<help@example.org>' "BDAT ${#body} LAST"
		printf %s "$body"
		say QUIT
	} | serve --crlf --no-received -- "$FORWARD" "$ADDRESS:$PORT"
	codes_are 220 250 250 250 250 221
	printf %s "$body" | cmp - "$(message)"
}

@test "forward: what the next smtpd says of a recipient is the reply" {
	write_letter
	echo help >"$BATS_TEST_TMPDIR/users"
	TO=(nobody@example.org)
	listen tcpserver --users "$BATS_TEST_TMPDIR/users"
	post
	reply_is 6 '550 5.1.1 '
	TO=(nobody@example.org help@example.org)
	post
	reply_is 7 '451 4.3.0 '
	logged 'RCPT TO:<nobody@example.org>, but not other recipients'
	not_delivered
}

@test "forward: what the next command says is the reply" {
	write_letter
	export CATCH_EXIT CATCH_SAYS
	CATCH_EXIT=77 CATCH_SAYS='554-5.7.1 spam\n554 5.7.1 and more'
	listen tcpserver
	post
	reply_is 6 '554 5.7.1 and more'
	grep -qx $'554-5.7.1 spam\r' "$REPLIES"
	stop_listening
	CATCH_EXIT=75 CATCH_SAYS='452 4.2.2 full'
	listen tcpserver
	post
	reply_is 6 '452 4.2.2 full'
	stop_listening
	CATCH_EXIT=0 CATCH_SAYS='250 2.6.0 kept as 7'
	listen tcpserver
	post
	reply_is 6 '250 2.6.0 kept as 7'
	stop_listening
	post
	reply_is 6 '451 4.3.0 '
	logged 'cannot connect: Connection refused'
}

@test "forward --lmtp: a run and a reply for each recipient" {
	write_letter
	echo help >"$BATS_TEST_TMPDIR/users"
	listen tcpserver --lmtp --users "$BATS_TEST_TMPDIR/users"
	{
		say 'LHLO c' 'MAIL FROM:<ann@example.net>' \
			'RCPT TO:<nobody@example.org>' \
			'RCPT TO:<help@example.org>' DATA . QUIT
	} | serve --lmtp -- "$FORWARD" --lmtp "$ADDRESS:$PORT"
	codes_are 220 250 250 250 250 354 550 250 221
	delivered
	[ "$(variable RECIPIENT)" = help@example.org ]
}

@test "forward --lmtp: several recipients in one run are for later" {
	write_letter
	listen tcpserver --lmtp
	TO=(joe@example.org sue@example.org)
	WAY=(--lmtp)
	post
	reply_is 7 '451 4.3.0 '
	logged 'forward: .*: --lmtp takes one recipient a run: give smtpd -r 1'
	not_delivered
	TO=(joe@example.org)
	post -r 1
	reply_is 6 '250 2.0.0 '
	delivered
}

@test "forward: IPv6 in brackets, a name, and a message from a pipe" {
	write_letter
	listen inetd6
	post
	reply_is 6 '451 4.3.0 '
	logged 'an IPv6 address needs brackets'
	ADDRESS="[::1]"
	post
	reply_is 6 '250 2.0.0 '
	stop_listening
	ADDRESS=127.0.0.1
	listen tcpserver --no-received
	ADDRESS=localhost
	post
	reply_is 6 '250 2.0.0 '
	rm "$BOX"/*
	printf 'a\nb' >"$BATS_TEST_TMPDIR/in"
	export SENDER=a@example.net RECIPIENTS=b@example.org
	sed s/a/c/ "$BATS_TEST_TMPDIR/in" | "$FORWARD" "$ADDRESS:$PORT" |
		grep '^250 2.0.0 Ok'
	printf 'c\nb\n' | cmp - "$(message)"
	[ "$(variable SMTP_MAIL_OPTIONS)" = SIZE=6 ]
	rm "$BOX"/*
	{ read -r _; "$FORWARD" "$ADDRESS:$PORT"; } <"$BATS_TEST_TMPDIR/in"
	[ "$(cat "$(message)")" = b ] || fail 'not from where the file stood'
}

@test "forward: a message that a filter has read up is 75; given anew it goes" {
	run_from_smtpd() {
		say 'EHLO client.example' 'MAIL FROM:<a@example.net>' \
			'RCPT TO:<b@example.org>' DATA hi . QUIT |
			serve -- sh -c "$1" "$FORWARD" "$ADDRESS:$PORT"
	}
	listen tcpserver
	run_from_smtpd 'grep -c . >&2; exec "$0" "$1"'
	reply_is 6 '451 4.3.0 '
	logged 'nothing is left of the message'
	not_delivered
	run_from_smtpd 'grep -c . >&2; exec "$0" "$1" </dev/stdin'
	reply_is 6 '250 2.0.0 '
	rm "$BOX"/*
	# one with no octets is whole as it is
	say 'EHLO client.example' 'MAIL FROM:<a@example.net>' \
		'RCPT TO:<b@example.org>' DATA . QUIT |
		serve --no-received -- "$FORWARD" "$ADDRESS:$PORT"
	reply_is 6 '250 2.0.0 '
}

@test "forward: an input that cannot be read is 75, and no message" {
	export SENDER=a@example.net RECIPIENTS=b@example.org
	listen tcpserver
	unreadable() {
		ends 75 "$FORWARD" "$ADDRESS:$PORT" 2>"$BATS_TEST_TMPDIR/said"
		grep 'standard input: ' "$BATS_TEST_TMPDIR/said"
	}
	unreadable <&-
	unreadable <"$BATS_TEST_TMPDIR"
	unreadable 0>"$BATS_TEST_TMPDIR/written"
	not_delivered
}

@test "forward: what it cannot do is 64, and says so" {
	export SENDER=a@example.net RECIPIENTS=b@example.org
	wrong() {
		ends 64 "$FORWARD" "${@:2}" >"$LOG" 2>&1 </dev/null
		logged "$1"
	}
	wrong 'one server is to be named'
	wrong 'one server is to be named' 127.0.0.1:25 127.0.0.1:26
	wrong 'is neither HOST:PORT' example.org
	wrong 'is neither HOST:PORT' example.org:0
	wrong 'is neither HOST:PORT' example.org:smtp
	wrong 'has no host' :25
	wrong 'the path is too long' "/$(printf '%0200d' 1)"
	wrong '--timeout is 1 to' --timeout 0 127.0.0.1:25
	wrong '--hello is no name' --hello 'a b' 127.0.0.1:25
	wrong 'unrecognized option' --no-such 127.0.0.1:25
	RECIPIENTS=$'b@example.org\r\nDATA' wrong 'has a control' 127.0.0.1:25
	SENDER=$'b@example.org\nDATA' wrong 'is not as smtpd' 127.0.0.1:25
	RECIPIENTS='' wrong 'is not as smtpd sets it' 127.0.0.1:25
	unset SENDER
	wrong 'SENDER is not set' 127.0.0.1:25
	ends 0 "$FORWARD" --version
	ends 0 "$FORWARD" --help
}

# Whatever fails, and whenever: a message that is not taken is 75, and one that
# is 0 has come.
@test "forward: each system call that fails, once" {
	local call n status
	write_letter
	export SENDER=a@example.net RECIPIENTS=b@example.org
	unset TCPLOCALHOST
	listen tcpserver
	for call in read /lseek socket connect setsockopt pselect6 /^recv \
		/^send; do # i386 has _llseek, recv and send
		for ((n = 1; n <= 40; n++)); do
			rm -f "$BOX"/*
			status=0
			timeout 20 strace -qq -o "$BATS_TEST_TMPDIR/trace" \
				-e "inject=$call:error=EIO:when=$n" "$FORWARD" \
				127.0.0.1:"$PORT" <"$BATS_TEST_TMPDIR/letter" \
				>/dev/null 2>"$BATS_TEST_TMPDIR/said" || status=$?
			grep -q INJECTED "$BATS_TEST_TMPDIR/trace" || break
			case $status in
			0) delivered ;;
			75) [ -s "$BATS_TEST_TMPDIR/said" ] ;;
			127 | 71) [ "$call" = read ] && not_delivered ;;
			1) grep -q LeakSanitizer "$BATS_TEST_TMPDIR/said" ;;
			*) fail "$call $n: $status" ;;
			esac
		done
		[ "$n" -gt 1 ] || fail "no $call"
	done
}
