#!/usr/bin/env bats
# Real superservers and real clients, over TCP.
# shellcheck disable=SC2034 # variables for helper.bash
load ../helper
load helper

# What each client is to bring: dot lines, an empty line at the end.
letter() {
	printf '%s\n' 'From: ann@example.net' 'Subject: launch' '' . .. \
		'.dot' '...' ' . ' "$@" ''
}

# Each of them through the superserver that listens.
clients_deliver() {
	local letter=$BATS_TEST_TMPDIR/letter from='[127.0.0.1]'
	local ann=ann@example.net help=help@example.org
	letter >"$letter"
	# swaks ends the last line itself
	head -c -1 "$letter" | swaks --server "$ADDRESS" --port "$PORT" \
		--timeout 10 --helo client.example --from "$ann" --to "$help" \
		--data - >"$BATS_TEST_TMPDIR/swaks" ||
		fail "$(cat "$BATS_TEST_TMPDIR/swaks")"
	arrived 1 "$letter" "$from"

	sed 's/$/\r/' "$letter" >"$letter.crlf"
	curl -sS -m 10 -T "$letter.crlf" --mail-from "$ann" --mail-rcpt "$help" \
		"smtp://$ADDRESS:$PORT/client.example"
	arrived 2 "$letter" "$from"

	client deliver "$ADDRESS" "$PORT" "$letter" "$help" joe@example.org
	arrived 3 "$letter" "$from"
	[ "$(variable RECIPIENTS 3)" = "$help"$'\n'joe@example.org ]

	letter $'caf\xc3\xa9 \xff\x80' >"$letter.8bit"
	client deliver "$ADDRESS" "$PORT" "$letter.8bit" "$help"
	arrived 4 "$letter.8bit" "$from"
	[ "$(variable SMTP_MAIL_OPTIONS 4)" != '' ]
	delivered 4
	logged_soon 'message .*client=127.0.0.1 .*nrcpt=2 .*exit=0'
	logged_soon 'close client=127.0.0.1 port=[0-9]* reason=quit messages=1'
}

@test "tcpserver: swaks, curl and smtplib deliver" {
	listen tcpserver
	clients_deliver
}

@test "systemd, the connection on 0 and 1: swaks, curl and smtplib deliver" {
	listen inetd
	clients_deliver
}

@test "systemd, the connection on 3: swaks, curl and smtplib deliver" {
	listen systemd
	clients_deliver
	! variable LISTEN_FDS || fail 'the command got LISTEN_FDS'
}

@test "systemd, which does not accept: swaks, curl and smtplib deliver" {
	listen sockets
	clients_deliver
	! variable LISTEN_FDS || fail 'the command got LISTEN_FDS'
}

@test "likewise on 0 and 1, as inetd with wait" {
	listen wait
	clients_deliver
}

@test "likewise with two and three sockets, of another kind each" {
	MORE=("$BATS_TEST_TMPDIR/one")
	listen sockets
	clients_deliver
	by_unix one
	stop_listening
	rm "$BOX"/*
	MORE=("$BATS_TEST_TMPDIR/two" "$BATS_TEST_TMPDIR/three")
	listen sockets
	clients_deliver
	by_unix two
	by_unix three
}

# by_unix NAME: swaks delivers there.
by_unix() {
	rm "$BOX"/*
	swaks --socket "$BATS_TEST_TMPDIR/$1" --timeout 10 \
		--from ann@example.net --to help@example.org \
		>"$BATS_TEST_TMPDIR/swaks" ||
		fail "$(cat "$BATS_TEST_TMPDIR/swaks")"
	delivered 1
	! variable CLIENT_ADDRESS || fail 'the client has an address'
}

@test "IPv6: the address as CLIENT_ADDRESS, and in Received" {
	listen inetd6
	letter >"$BATS_TEST_TMPDIR/letter"
	client deliver ::1 "$PORT" "$BATS_TEST_TMPDIR/letter" help@example.org
	arrived 1 "$BATS_TEST_TMPDIR/letter" '[IPv6:::1]'
	logged_soon 'message .*client=::1 '
}

@test "typed by hand: command lines that end in LF" {
	listen tcpserver
	exec 8<>"/dev/tcp/$ADDRESS/$PORT"
	printf 'HELO me\nNOOP\nmail from:<a@b>\nrcpt to:<c@d>\nRSET\nQUIT\n' >&8
	timeout 10 cat <&8 >"$REPLIES"
	exec 8>&-
	codes_are 220 250 250 250 250 250 221
}

@test "neither log nor output reaches a client that is descriptor 2 too" {
	client two
}

@test "421 over TCP, too many errors: the whole line and no reset, 20 times" {
	listen tcpserver
	client errors "$PORT" 20
}

@test "421 over TCP, BDAT that cannot be read: likewise" {
	listen tcpserver
	client bdat "$PORT" 20
	client endless "$PORT" 20
	not_delivered
}

@test "421 over TCP, a line that takes too long: likewise" {
	listen tcpserver --timeout 1
	client dribble "$PORT" 20
}

@test "421 over TCP, a message that stops: likewise, nothing run" {
	listen tcpserver --timeout 1
	client stall "$PORT" 20
	not_delivered
}

@test "the demo works behind each superserver, and leaves nothing" {
	mkdir "$BATS_TEST_TMPDIR/empty"
	for server in tcpserver systemd-socket-activate socat ncat; do
		TMPDIR=$BATS_TEST_TMPDIR/empty timeout 60 "$ROOT/tests/demo" \
			"$server" >"$REPLIES" 2>&1 3>&- || fail "$server"
		[ -z "$(ls "$BATS_TEST_TMPDIR/empty")" ] || fail 'files are left'
	done
}
