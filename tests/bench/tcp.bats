#!/usr/bin/env bats
# That tests/bench/load and tests/bench/tcp measure what they say.  Needs what
# "make cost" builds.
load ../helper

setup_file() {
	export BENCH=$ROOT/tests/bench
}

answers() {
	(exec 9<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null
}

# A server that listens, its command a line in $BOX for each message; the third
# takes the longest, and where $BOX/end is, it ends the oldest session.
listen() {
	cat >"$BATS_TEST_TMPDIR/count" <<-'END'
		#!/bin/sh
		cat >/dev/null
		echo x >>"$BOX/arrived"
		[ "$(wc -l <"$BOX/arrived")" -eq 3 ] || exit 0
		sleep 0.3
		[ ! -e "$BOX/end" ] ||
			kill "$(pgrep -o -P "$(ps -o ppid= -p $PPID | xargs)")"
	END
	chmod +x "$BATS_TEST_TMPDIR/count"
	PORT=$((20000 + RANDOM % 12000))
	while answers; do
		PORT=$((20000 + RANDOM % 12000))
	done
	timeout 60 "$BENCH/listen" "$PORT" "$SMTPD" -n mx.example.org "$@" -- \
		"$BATS_TEST_TMPDIR/count" </dev/null >/dev/null 2>"$LOG" 3>&- &
	SERVER=$!
}

teardown() {
	[ -z "${SERVER:-}" ] || kill "$SERVER"
}

load_it() {
	timeout 60 "$BENCH/load" "$@" "127.0.0.1:$PORT"
}

# of NAME: its value in the line of a measure.
of() {
	tr ' ' '\n' <<<"$output" | sed -n "s/^$1=//p"
}

# true_that EXPRESSION, of numbers.
true_that() {
	awk "BEGIN { exit !($*) }" || fail "not so: $*"
}

# Sessions that are open; polled until there are so many.
open_sessions_are() {
	local end=$((SECONDS + 10))
	until [ "$(pgrep -c -P "$(pgrep -P "$SERVER")")" -eq "$1" ]; do
		[ "$SECONDS" -lt "$end" ] || fail "there are not $1 sessions"
	done
}

@test "each session that is counted is a message, and one is not counted" {
	listen
	run load_it -c 3 -n 40 -t 60
	[ "$status" -eq 0 ]
	[ "$(of clients)" -eq 3 ]
	[ "$(of sessions)" -eq 40 ]
	[ "$(wc -l <"$BOX/arrived")" -eq 41 ]
}

# Half of them take the median or longer, and each client has one at a time.
@test "a session's time and the time for all of them fit together" {
	listen
	run load_it -c 3 -n 40 -t 60
	[ "$status" -eq 0 ]
	true_that "$(of median_us) > 0 && $(of median_us) <= $(of p99_us)"
	true_that "$(of median_us) / 2 <= 3 * $(of session_us)"
	true_that "$(of p99_us) <= 40 * $(of session_us)"
}

@test "what takes the longest is in the 99th percentile" {
	listen
	run load_it -c 1 -n 40 -t 60
	[ "$status" -eq 0 ]
	true_that "$(of p99_us) >= 300000"
	true_that "40 * $(of session_us) >= $(of p99_us)"
}

@test "there is a measure for each number of clients" {
	listen
	run load_it -c 1,2,3 -t 0.1
	[ "$status" -eq 0 ]
	[ "$(of clients | paste -sd ' ')" = '1 2 3' ]
}

@test "idle sessions are as many as asked for, and stay until the end" {
	listen
	coproc load_it -k -i 7
	local said=${COPROC[0]} input=${COPROC[1]} keeper=$COPROC_PID line
	read -r line <&"$said"
	[ "$line" = idle=7 ]
	open_sessions_are 7
	exec {input}>&-
	wait "$keeper"
	open_sessions_are 0
}

@test "clients are served beside idle sessions" {
	listen
	run load_it -i 7 -c 2 -n 20
	[ "$status" -eq 0 ]
	[ "$(of idle)" -eq 7 ]
	[ "$(of sessions)" -eq 20 ]
}

@test "a session that is refused is a failure, and said" {
	listen --max-per-client 2
	run load_it -c 5 -n 20
	[ "$status" -eq 1 ]
	[[ $output = 'load: after connecting: 421 '* ]]
}

@test "a recipient that is refused is a failure, and said" {
	listen -d example.net
	run load_it -c 1 -n 1
	[ "$status" -eq 1 ]
	[[ $output = 'load: after RCPT: 550 '* ]]
}

@test "an idle session that is ended is a failure, and said" {
	listen
	touch "$BOX/end"
	run load_it -i 2 -c 1 -n 1000 -t 60
	[ "$status" -eq 1 ]
	[ "$output" = 'load: an idle session was ended, or spoken to' ] ||
		fail "$output"
}

# All that is printed of a server is a number above 0, each time.
has_figures() {
	awk -F '\t' -v server="$1" '
		$3 == server && $5 > 0 { n[$1]++ }
		END {
			for (label in n)
				found++
			exit found != '"$2"'
		}' "$BATS_TEST_TMPDIR/figures" || fail "$1: $(cat \
			"$BATS_TEST_TMPDIR/figures")"
}

tcp() {
	PEERS=/nonexistent timeout 100 "$BENCH/tcp" -r 1 -t 0.05 -i 10 \
		-o "$BATS_TEST_TMPDIR/figures" "$@"
}

@test "tests/bench/tcp measures ours beside a server that is given" {
	run tcp -s listening -- tcpserver -HRl0 -c 200 -b 200 \
		127.0.0.1 '{port}' "$SMTPD" -- "$BENCH/sink"
	[ "$status" -eq 0 ]
	has_figures listening 22
	has_figures yours 22
}

@test "tests/bench/tcp measures ours beside what listens already" {
	listen --max-sessions 200 --max-per-client 0
	run tcp -s listening -- "127.0.0.1:$PORT"
	[ "$status" -eq 0 ]
	has_figures listening 22
	has_figures yours 18
}

@test "what is not there is said and left out; who is unknown is an error" {
	run tcp -s 'tcpserver smtp-server'
	[ "$status" -eq 0 ]
	has_figures tcpserver 22
	has_figures smtp-server 0
	[[ $output = *'smtp-server is left out: there is no smtp-server'* ]]
	run tcp -s nobody
	[ "$status" -eq 1 ]
	[[ $output = *'no such server: nobody'* ]]
}
