#!/usr/bin/env bats
# LMTP (RFC 2033): one reply a recipient, each from a run of its own.
load helper

LHLO=('LHLO client.example' 'MAIL FROM:<ann@example.net>')
THREE=('RCPT TO:<one@b>' 'RCPT TO:<two@b>' 'RCPT TO:<one@b>')

@test "LHLO in place of HELO and EHLO, which are 500 5.5.1" {
	say 'HELO c' 'EHLO c' 'LHLO c' QUIT | serve --lmtp
	codes_are 220 500 500 250 221
	reply_is 1 '220 mx.example.org LMTP ready'
	grep -q '^250-PIPELINING' "$REPLIES"
}

@test "one reply a recipient, in order, duplicates too, each with its own run" {
	say "${LHLO[@]}" "${THREE[@]}" DATA 'Subject: s' '' body . QUIT |
		serve --lmtp
	codes_are 220 250 250 250 250 250 354 250 250 250 221
	delivered 3
	[ "$(variable RECIPIENT 1) $(variable RECIPIENT 2) $(variable RECIPIENT 3)" = \
		'one@b two@b one@b' ]
	[ "$(variable RECIPIENTS 2)" = two@b ]
	[ "$(variable CLIENT_PROTOCOL)" = LMTP ]
	cmp "$(message 1)" "$(message 2)"
	cmp "$(message 1)" "$(message 3)"
	! grep -q 'for <' "$(message 1)" || fail 'a recipient shows'
}

@test "a recipient that fails does not touch the others" {
	# shellcheck disable=SC2016
	say "${LHLO[@]}" "${THREE[@]}" DATA x . QUIT | serve --lmtp -- sh -c \
		'[ "$LOCAL" = one ] && exec "$CATCH"; exit 67'
	codes_are 220 250 250 250 250 250 354 250 550 250 221
	delivered 2
	reply_is 9 '550 5.1.1'
}

@test "each run reads from the start, whatever the one before it read" {
	# shellcheck disable=SC2016
	say "${LHLO[@]}" "${THREE[@]}" DATA abc . QUIT |
		serve --lmtp --no-received -- sh -c 'head -c 2 >"$BOX/$$.msg"'
	codes_are 220 250 250 250 250 250 354 250 250 250 221
	[ "$(cat "$BOX"/*.msg)" = ababab ]
}

@test "a message refused as a whole is refused once a recipient" {
	say "${LHLO[@]}" "${THREE[@]}" DATA 1234567890 . 'MAIL FROM:<a@b>' QUIT |
		serve --lmtp -s 5
	codes_are 220 250 250 250 250 250 354 552 552 552 250 221
	not_delivered
}

@test "without an accepted recipient: DATA and BDAT 503, BDAT LAST no reply" {
	say "${LHLO[@]}" 'RCPT TO:<->' DATA QUIT | serve --lmtp
	codes_are 220 250 250 501 503 221
	{ say "${LHLO[@]}" 'RCPT TO:<->'; octets 'BDAT 3\r\nabc'
		octets 'BDAT 6 LAST\r\nQUIT\r\n'; say NOOP QUIT; } | serve --lmtp
	codes_are 220 250 250 501 503 250 221
	not_delivered
}

@test "each reply leaves before the next run starts" {
	mkfifo "$BATS_TEST_TMPDIR/go"
	export GO=$BATS_TEST_TMPDIR/go
	# shellcheck disable=SC2016
	say "${LHLO[@]}" "${THREE[@]}" DATA x . QUIT |
		"$SMTPD" -n mx --lmtp -- sh -c \
		'[ "$LOCAL" = one ] && exit 0; read -r x <"$GO"' 2>"$LOG" |
		tee "$REPLIES" | {
			n=0
			while [ $n -lt 1 ] && read -r line; do
				case $line in '250 2.0.0 Ok'*) n=$((n + 1)) ;; esac
			done
			# the second run waits for us, and we have the first reply
			echo now >"$GO"
			cat >/dev/null
		}
	codes_are 220 250 250 250 250 250 354 250 250 250 221
}

@test "a client that is gone after the first reply: no further run" {
	python3 - "$SMTPD" "$BOX" <<-'EOF' 2>"$LOG"
	import os, socket, struct, subprocess, sys
	listener = socket.socket()
	listener.bind(('127.0.0.1', 0))
	listener.listen()
	client = socket.create_connection(listener.getsockname())
	server, _ = listener.accept()
	fifo = os.path.join(sys.argv[2], 'go')
	os.mkfifo(fifo)
	smtpd = subprocess.Popen([sys.argv[1], '-n', 'mx', '--lmtp', '--', 'sh',
	    '-c', 'echo run >>"$BOX/runs"; read -r x <"$BOX/go"'],
	    stdin=server, stdout=server)
	server.close()
	client.sendall(b'LHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n'
	    b'RCPT TO:<e@f>\r\nRCPT TO:<g@h>\r\nDATA\r\nx\r\n.\r\n')
	go = os.open(fifo, os.O_WRONLY)    # the first run is on
	client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
	    struct.pack('ii', 1, 0))
	client.close()
	os.write(go, b'go\n')
	os.close(go)
	sys.exit(smtpd.wait(10))
	EOF
	[ "$(wc -l <"$BOX/runs")" -eq 1 ]
}

@test "BDAT LAST is answered once a recipient, a chunk once" {
	{ say "${LHLO[@]}" "${THREE[@]}"; octets 'BDAT 3\r\nab\n'
		octets 'BDAT 3 LAST\r\ncd\n'; say QUIT; } | serve --lmtp --no-received
	codes_are 220 250 250 250 250 250 250 250 250 250 221
	delivered 3
	[ "$(cat "$(message 3)")" = $'ab\ncd' ]
}

@test "a list server with 300 recipients, half of them refused, loses nothing" {
	local n all
	for n in {1..300}; do
		all[n]="RCPT TO:<list$n@example.org>"
	done
	# shellcheck disable=SC2016
	say "${LHLO[@]}" "${all[@]}" DATA x . QUIT | serve --lmtp -r 300 -- \
		sh -c 'n=${LOCAL#list}; echo "$n" >>"$BOX/all"; [ $((n % 2)) = 0 ] ||
			exit 67'
	[ "$(seq 300 | cmp - "$BOX/all" && echo same)" = same ]
	[ "$(sed '1,/^354/d' "$REPLIES" | cut -c1-3 | paste -sd ' ')" = \
		"$(yes 550$'\n'250 | head -n 300 | paste -sd ' ') 221" ]
	logged 'reason=quit'
}

@test "Cyrus deliver says RSET first, OpenSMTPD a recipient with no domain" {
	say 'LHLO deliver' RSET 'MAIL FROM:<ann@example.net>' 'RCPT TO:<joe>' \
		DATA x . QUIT | serve --lmtp
	codes_are 220 250 250 250 250 354 250 221
	[ "$(variable RECIPIENT)" = joe ]
}

@test "getmail and smtplib, which read one reply: all of them are sent" {
	# shellcheck disable=SC2016
	say 'lhlo [127.0.0.1]' 'mail FROM:<ann@example.net>' \
		'rcpt TO:<one@b>' 'rcpt TO:<two@b>' data x . rset quit |
		serve --lmtp -- sh -c '[ "$LOCAL" = one ] || exit 75'
	codes_are 220 250 250 250 250 354 250 451 250 221
}
