#!/usr/bin/env bats
# examples/handlers/lmtpd.py: as a server of LMTP, behind forward, and with
# other clients; tests/peers/handlers.bats has Postfix.
# shellcheck disable=SC2034,SC2154 # helper's variables
load ../helper
load helper
load ../lib/handler

FORWARD=${FORWARD:-$ROOT/forward}

# handler_starts [ADDRESS]: at $AT, else at a socket of its own.
handler_starts() {
	AT=${1:-$BATS_TEST_TMPDIR/socket}
	edit_handler
	started /usr/bin/python3 "$HANDLER" "$AT"
	until_true listens
}

# Whether it answers, by a client of its own.
listens() {
	python3 -c 'import smtplib, sys
at = sys.argv[1].rpartition(":")
smtplib.LMTP(at[0] or at[2], int(at[2] if at[0] else 0)).quit()' \
		"$AT" 2>/dev/null
}

# mail ADDRESS: what was kept for it, without its first line.
mail() {
	grep -alF -- "|$1|" "$BOX"/*.mail | xargs cat | sed 1d
}

# forwarded [option ...]: the letter, by smtpd and forward, to each of $TO.
forwarded() {
	post "$@" -- "$FORWARD" --lmtp "$AT"
}

@test "lmtpd.py: its dialogue" {
	python_case 60 commands/lmtp.py dialogue
}

@test "lmtpd.py: paths with quotes, parameters and UTF-8" {
	python_case 60 commands/lmtp.py envelopes
}

@test "lmtpd.py: every content of up to five of CR, LF, dot and x" {
	python_case 100 commands/lmtp.py contents
}

@test "lmtpd.py: handle() gets nothing before the message is whole" {
	python_case 60 commands/lmtp.py cut
}

@test "lmtpd.py: what handle() returns is the reply, what it raises is 451" {
	python_case 60 commands/lmtp.py verdicts
}

@test "lmtpd.py: more than SIZE is 552, and the next message is taken" {
	python_case 60 commands/lmtp.py sizes
}

@test "lmtpd.py: the example itself logs each message" {
	AT=$BATS_TEST_TMPDIR/socket
	started "$ROOT/examples/handlers/lmtpd.py" "$AT"
	until_true listens
	forwarded -r 1
	told '250 2.0.0'
	has "$BATS_TEST_TMPDIR/server" \
		'octets from <ann@example.net> to <help@example.org>'
}

@test "lmtpd.py behind forward: octet for octet, its words are the reply" {
	handler_starts
	forwarded -r 1
	told '250 2.0.0'
	mail help@example.org | tr -d '\r' | cmp - "$LETTER"
	grep -qaxF "$FROM|help@example.org|mx.example.org" "$BOX"/*.mail
	FROM='' TO=(no@example.org)
	forwarded -r 1
	told '550 5.1.1 <no@example.org> is nobody'
	TO=(later@example.org)
	forwarded -r 1
	told '451 4.3.0 Local error'
	has "$BATS_TEST_TMPDIR/server" 'ValueError: later'
	for address in "${ODD[@]}" $'jos\xc3\xa9@example.org'; do
		TO=("$address")
		forwarded -r 1
		told '250 2.0.0'
		mail "$address" | tr -d '\r' | cmp - "$LETTER"
	done
	[ "$(files "$BOX")" -eq 18 ]
	nothing_ran
}

@test "lmtpd.py behind forward, by LMTP: each recipient has its own reply" {
	handler_starts
	say 'LHLO c' 'MAIL FROM:<ann@example.net>' 'RCPT TO:<a@x>' \
		'RCPT TO:<no@x>' 'RCPT TO:<later@x>' 'RCPT TO:<b@x>' DATA x . \
		QUIT | serve --lmtp -- "$FORWARD" --lmtp "$AT"
	codes_are 220 250 250 250 250 250 250 354 250 550 451 250 221
	[ "$(files "$BOX")" -eq 2 ]
}

@test "lmtpd.py: dead in the middle is 451, and so is none at all" {
	handler_starts
	TO=(dies@example.org)
	forwarded -r 1
	told '451 4.'
	gone "$SERVER"
	TO=(help@example.org)
	forwarded -r 1
	told '451 4.'
	# Its socket's file is still there.
	[ -S "$AT" ]
	handler_starts
	forwarded -r 1
	told '250 2.0.0'
}

@test "lmtpd.py: its socket is its user's; a file in its place stays" {
	handler_starts
	[ "$(stat -c %a "$AT")" = 700 ]
	echo precious >"$BATS_TEST_TMPDIR/file"
	ends 1 timeout 20 /usr/bin/python3 "$HANDLER" "$BATS_TEST_TMPDIR/file" \
		2>"$LOG"
	[ "$(cat "$BATS_TEST_TMPDIR/file")" = precious ]
}

@test "lmtpd.py at a port, with smtplib, swaks and Postfix's smtp-source" {
	handler_starts "127.0.0.1:$(free_port)"
	python3 - "${AT#*:}" <<-'END'
	import smtplib, sys
	client = smtplib.LMTP('127.0.0.1', int(sys.argv[1]))
	for n in range(3):
	    client.sendmail('a@b', ['smtplib@x'], b'Subject: x\n\n.\n..\nx')
	assert client.has_extn('pipelining')
	client.sendmail('a@b', ['jos\xe9@x'], b'y', mail_options=['SMTPUTF8'])
	client.quit()
	END
	swaks --protocol LMTP --server "${AT%:*}" --port "${AT#*:}" \
		--from a@b --to swaks@x,no@x --body $'.\n..' >"$LOG" || :
	grep -q '^<\*\* 550 5.1.1 ' "$LOG"
	smtp-source -L -s 5 -m 50 -f a@b -t source@x "$AT"
	[ "$(grep -alF '|smtplib@x|' "$BOX"/*.mail | wc -l)" -eq 3 ]
	[ "$(mail josé@x | tail -n 1)" = $'y\r' ]
	mail swaks@x | tail -n 4 | cmp - <(printf '.\r\n..\r\n\r\n\r\n')
	[ "$(grep -alF '|source@x|' "$BOX"/*.mail | wc -l)" -eq 50 ]
}
