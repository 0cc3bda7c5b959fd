#!/usr/bin/env bats
# CHUNKING and BINARYMIME (RFC 3030).
load helper

# bdat 'octets behind the envelope' [option ...]
bdat() {
	{ say "${HELLO[@]}"; octets "$1"; say QUIT; } |
		serve --no-received "${@:2}"
}

@test "chunks make one message, dots untouched, LAST ends it" {
	bdat 'BDAT 7\r\n..a\r\n.\rBDAT 6 LAST\r\n\nb\r\n.x'
	codes_are 220 250 250 250 250 250 221
	octets '..a\n.\nb\n.x' | cmp - "$(message)"
}

@test "BDAT 0 LAST ends a message, and alone is an empty one" {
	bdat 'BDAT 3\r\nabcBDAT 0 LAST\r\n'
	codes_are 220 250 250 250 250 250 221
	[ "$(cat "$(message)")" = abc ]
	bdat 'BDAT 0 LAST\r\n'
	codes_are 220 250 250 250 250 221
	delivered 2
}

@test "after the first chunk MAIL, RCPT and DATA are 503; RSET gives it up" {
	bdat 'BDAT 1\r\nxMAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\nRSET\r\nMAIL FROM:<a@b>\r\n'
	codes_are 220 250 250 250 250 503 503 503 250 250 221
	not_delivered
}

@test "refused, but the octets are read: before EHLO, MAIL and RCPT" {
	octets 'BDAT 6\r\nQUIT\r\nEHLO c\r\nBDAT 6\r\nQUIT\r\nMAIL FROM:<a@b>\r\nBDAT 6\r\nQUIT\r\nRCPT TO:<c@d>\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\nQUIT\r\n' |
		serve
	# the RCPT behind a refused chunk would make a message without it
	codes_are 220 503 250 503 250 503 503 503 250 221
	not_delivered
}

@test "every RCPT was refused: 554, or 451 where one might do later" {
	octets 'EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<->\r\nBDAT 3 LAST\r\nabcDATA\r\nQUIT\r\n' |
		serve
	codes_are 220 250 250 501 554 503 221
}

@test "too large: each chunk is read and answered 552, nothing runs" {
	bdat 'BDAT 6\r\nabcdefBDAT 6\r\nQUIT\r\nBDAT 3 LAST\r\nxyzNOOP\r\n' -s 5
	codes_are 220 250 250 250 552 552 552 250 221
	not_delivered
}

@test "a BDAT that cannot be read ends the session: 421 4.5.4" {
	for bad in 'BDAT' 'BDAT x' 'BDAT -1' 'BDAT 1 LAS' 'BDAT 1 LAST x' \
		'BDAT 99999999999999999999' 'BDAT 0x1' 'BDAT 1\0001' \
		'BDAT\0000 1'; do
		bdat "$bad\r\nMAIL FROM:<evil@b>\r\n"
		codes_are 220 250 250 250 421
		reply_is -1 '421 4.5.4'
		exited 0
	done
	for cut in 'BDAT %5000s' '%5000s 5' '%4096s'; do
		# shellcheck disable=SC2059 # the widths are the test
		{ say "${HELLO[@]}"; printf "$cut\\r\\n" BDAT; say QUIT; } | serve
		codes_are 220 250 250 250 421
	done
	not_delivered
}

@test "end of file in a chunk, or before LAST: nothing runs" {
	for cut in 'BDAT 3 LAST\r\nab' 'BDAT 3\r\nabc' 'BDAT 3 LAST' \
		'BDAT 3 LAST\r\n'; do
		{ say "${HELLO[@]}"; octets "$cut"; } | serve
		not_delivered
	done
}

@test "BINARYMIME: offered with --crlf only, octets as they are, DATA is 503" {
	octets 'EHLO c\r\nMAIL FROM:<a@b> BODY=BINARYMIME\r\nRCPT TO:<c@d>\r\nDATA\r\nBDAT 9 LAST\r\n\n\r\r\n\0000\n.\r\nQUIT\r\n' |
		serve --crlf --no-received --bare-newline reject
	codes_are 220 250 250 250 503 250 221
	octets '\n\r\r\n\0000\n.\r\n' | cmp - "$(message)"
	say 'EHLO c' 'MAIL FROM:<a@b> BODY=BINARYMIME' QUIT | serve
	codes_are 220 250 501 221
}

@test "bare newlines in chunks: normalised, or refused at the chunk" {
	bdat 'BDAT 4\r\na\nb\rBDAT 2 LAST\r\n\n\n' --crlf
	octets 'a\r\nb\r\n\r\n' | cmp - "$(message)"
	bdat 'BDAT 3\r\na\nbBDAT 2 LAST\r\nxx' --bare-newline reject
	codes_are 220 250 250 250 550 550 221
	delivered 1
}

@test "a chunk of some megabytes with commands in it stays data" {
	yes $'MAIL FROM:<x@y>\r' | head -n 300000 >"$BATS_TEST_TMPDIR/chunk"
	{ say "${HELLO[@]}"; echo "BDAT $(wc -c <"$BATS_TEST_TMPDIR/chunk") LAST"
		cat "$BATS_TEST_TMPDIR/chunk"; say QUIT; } | serve --no-received
	codes_are 220 250 250 250 250 221
	tr -d '\r' <"$BATS_TEST_TMPDIR/chunk" | cmp - "$(message)"
}

@test "--verbose logs each BDAT, once, with its reply" {
	{ say "${HELLO[@]}"; octets 'BDAT 3\r\nab\n'
		octets 'bdat  3  LAST\r\ncd\n'; say DATA QUIT; } | serve -v
	[ "$(grep -c 'command .* line=".*BDAT\|bdat' "$LOG")" -eq 2 ]
	logged 'command client=unknown line="BDAT 3"'
	logged 'command client=unknown line="bdat  3  LAST"'
	[ "$(grep -c 'command .* line=DATA' "$LOG")" -eq 1 ]
}

@test "libesmtp: header, body and BDAT 0 LAST in one write" {
	bdat 'BDAT 12\r\nSubject: x\r\nBDAT 8\r\n\r\nbody\r\nBDAT 0 LAST\r\n'
	codes_are 220 250 250 250 250 250 250 221
	octets 'Subject: x\n\nbody\n' | cmp - "$(message)"
}

@test "Dovecot: MAIL, RCPT, BDAT and its octets in one write" {
	local envelope='MAIL FROM:<ann@example.net>\r\nRCPT TO:'
	local chunk='\r\nBDAT 12 LAST\r\nSubject: x\r\nQUIT\r\n'
	octets "EHLO c\r\n$envelope<joe@example.org>$chunk" |
		serve --no-received
	codes_are 220 250 250 250 250 221
	[ "$(cat "$(message)")" = 'Subject: x' ]
	# where the recipient is refused, the octets are no commands
	octets "EHLO c\r\n$envelope<->$chunk" | serve --no-received
	codes_are 220 250 250 501 554 221
	delivered 1
}

@test "VRFY and EXPN between two chunks say what they say, and end nothing" {
	{ say "${HELLO[@]}"; octets 'BDAT 3\r\nab\n'
		say 'VRFY joe' 'EXPN ann'; octets 'BDAT 3 LAST\r\ncd\n'
		say QUIT; } | serve --vrfy --no-received
	codes_are 220 250 250 250 250 250 250 250 221
	octets 'ab\ncd\n' | cmp - "$(message)"
}
