#!/usr/bin/env bats
# DESIGN: running the command, and its exit status as the reply.
load helper

SESSION=("${HELLO[@]}" DATA x . QUIT)

# run_says REPLY [option ...] -- command ...: what a message gets.
run_says() {
	say "${SESSION[@]}" | serve "${@:2}"
	codes_are 220 250 250 250 354 "${1%% *}" 221
	reply_is 6 "$1"
}

# Status, and the start of its reply.
exit_table() {
	local status want
	for status in {0..255}; do
		case $status in
		0 | 99) want='250 2.0.0' ;;
		65) want='554 5.6.0' ;;
		67) want='550 5.1.1' ;;
		68) want='550 5.1.2' ;;
		69 | 100 | 112) want='554 5.3.0' ;;
		76) want='554 5.5.0' ;;
		77) want='550 5.7.1' ;;
		73) want='451 4.2.0' ;;
		72 | 78) want='451 4.3.5' ;;
		*) want='451 4.3.0' ;;
		esac
		echo "$status $want"
	done
}

@test "the exit table: only what blames the message is permanent" {
	for status in {0..255}; do
		say 'EHLO c' 'MAIL FROM:<>' "RCPT TO:<$status>" DATA x .
	done | serve --max-errors 0 -- sh -c 'exit "$LOCAL"'
	exit_table >"$BATS_TEST_TMPDIR/table"
	sed -n '/^354/{n;s/^\(.........\).*/\1/p}' "$REPLIES" |
		diff - <(cut -d ' ' -f 2- "$BATS_TEST_TMPDIR/table") || fail
	sed -nE 's/.* exit=([0-9]+) reply="(.........).*/\1 \2/p' "$LOG" |
		diff - "$BATS_TEST_TMPDIR/table" || fail
}

@test "not there, not executable, no program: 451, and the log names it" {
	run_says '451 4.3.0' -- "$BATS_TEST_TMPDIR/nowhere"
	logged 'exit=127 error="No such file or directory" command='
	logged nowhere
	run_says '451 4.3.0' -- no-such-command-on-the-path
	logged no-such-command-on-the-path
	printf '#!/bin/sh\r\n' >"$BATS_TEST_TMPDIR/crlf"
	printf '#! /no/such/shell -e\n' >"$BATS_TEST_TMPDIR/shell"
	echo '#!/tmp' >"$BATS_TEST_TMPDIR/folder"
	chmod +x "$BATS_TEST_TMPDIR"/{crlf,shell,folder}
	run_says '451 4.3.0' -- "$BATS_TEST_TMPDIR/crlf"
	logged 'No such file or directory" hint="its #! line ends in CR LF"'
	run_says '451 4.3.0' -- "$BATS_TEST_TMPDIR/shell"
	logged 'No such file or directory" hint="its #! line names what is no'
	run_says '451 4.3.0' -- "$BATS_TEST_TMPDIR/folder"
	logged 'Permission denied" hint="its #! line names what is no program"'
	echo 'no program' >"$BATS_TEST_TMPDIR/file"
	run_says '451 4.3.0' -- "$BATS_TEST_TMPDIR/file"
	logged 'error="Permission denied"'
	chmod +x "$BATS_TEST_TMPDIR/file"
	run_says '451 4.3.0' -- "$BATS_TEST_TMPDIR/file"
	logged 'error="Exec format error" hint="no program, and no #! line"'
	run_says '451 4.3.0' -- "$BATS_TEST_TMPDIR"
}

@test "a shell line as the command: 451, and the log says what it needs" {
	local line long
	long=$(printf 'x%.0s' {1..300})
	for line in 'cat >/tmp/x' '|/usr/bin/cat >/tmp/x' '/bin/cat /dev/null' \
		'cat|cat' '$HOME/bin/x' \~/bin/x "'cat" "cat >/$long"; do
		run_says '451 4.3.0' -- "$line"
		logged " hint=\"a shell line needs sh -c '\.\.\.'\" command="
	done
	run_says '451 4.3.0' -- "$BATS_TEST_TMPDIR/nowhere"
	not_logged hint=
	echo "#!/bin/sh" >"$BATS_TEST_TMPDIR/a file"
	run_says '451 4.3.0' -- "$BATS_TEST_TMPDIR/a file"
	logged 'error="Permission denied" command='
}

@test "killed by a signal: 451" {
	# shellcheck disable=SC2016
	run_says '451 4.3.0' -- sh -c 'kill -9 $$'
	logged 'signal=9 reply="451 4.3.0"'
}

@test "past the time limit: SIGTERM to its group, 451" {
	# shellcheck disable=SC2016
	run_says '451 4.3.0' -T 1 -- sh -c \
		'echo $$ >"$BOX/leader"; sleep 60 & echo $! >"$BOX/child"; wait'
	logged 'signal=15 timeout=yes'
	gone "$(cat "$BOX/leader")"
	gone "$(cat "$BOX/child")"
}

@test "one that is stopped hears of the time limit too" {
	run_says '451 4.3.0' -T 1 -- sh -c 'kill -STOP $$'
	logged 'signal=15 timeout=yes'
}

@test "one that shrugs off SIGTERM gets SIGKILL" {
	run_says '451 4.3.0' -T 1 -- sh -c 'trap "" TERM; while :; do sleep 1; done'
	logged 'signal=9 timeout=yes'
}

@test "exit 0 after the time limit is still 451" {
	run_says '451 4.3.0' -T 1 -- sh -c 'trap "exit 0" TERM; sleep 60 & wait'
	logged 'exit=0 timeout=yes'
}

@test "its output goes to the log, never to the client" {
	run_says '250 2.0.0' -- sh -c 'echo out; echo err >&2; printf "a\001\"b\n"'
	logged 'output id=[0-9a-f]* line=out$'
	logged 'output id=[0-9a-f]* line=err$'
	logged 'line="a\\x01\\x22b"$'
	! grep -q -e out -e err "$REPLIES" || fail 'the client saw it'
}

@test "output without bound: 64 KiB of it logged, the rest counted" {
	run_says '250 2.0.0' -- sh -c 'seq 1 200000'
	logged 'output id=[0-9a-f]* dropped=[0-9]*$'
	[ "$(grep -c ' output ' "$LOG")" -lt 14000 ]
	[ "$(grep -c ' output ' "$LOG")" -gt 10000 ]
}

@test "exactly 64 KiB of output are logged, and each octet more is counted" {
	run_says '250 2.0.0' -- sh -c 'head -c 65536 /dev/zero | tr "\0" a'
	! grep -q dropped= "$LOG" || fail
	[ "$(sed -n 's/.* line=\(a*\)$/\1/p' "$LOG" | tr -d '\n' | wc -c)" \
		-eq 65536 ] || fail
	run_says '250 2.0.0' -- sh -c 'head -c 65539 /dev/zero | tr "\0" a'
	logged 'output id=[0-9a-f]* dropped=3$'
	[ "$(sed -n 's/.* line=\(a*\)$/\1/p' "$LOG" | tr -d '\n' | wc -c)" \
		-eq 65536 ] || fail
	run_says '250 2.0.0' -- sh -c 'yes | head -c 65540'
	logged 'output id=[0-9a-f]* dropped=4$'
	[ "$(grep -c 'line=y$' "$LOG")" -eq 32768 ] || fail
	for little in x 'x\n' '\n' '\n\nx' 'a\nb'; do
		run_says '250 2.0.0' -- printf "$little"
		! grep -q dropped= "$LOG" || fail "$little"
	done
}

# left: a session of one message, whose client has closed before the reply.
left() {
	rm -f "$BOX/go" "$LOG"
	mkfifo "$BOX/go"
	LOG=$LOG PYTHONPATH=$ROOT/tests/lib python3 -B - <<-'EOF'
	from session import BOX, DATA, EHLO, MAIL, RCPT, Session, check, tcp
	session = Session(tcp(), command=('sh', '-c',
	    'cat >/dev/null; read -r x <"$BOX/go"'))
	check(session.script((EHLO, MAIL, RCPT, DATA)), 'it closed')
	session.send(b'x\r\n.\r\n')
	with open(BOX + '/go', 'w') as go:
	    session.close()
	    go.write('go\n')
	session.exit()
	EOF
	logged 'message .* exit=0 reply="250 2.0.0"'
	logged 'close client=127.0.0.1 .* reason=eof '
}

# The other side's answer may come behind our last look, if the machine is busy.
@test "a client that has left before its reply: the log says so" {
	for _ in 1 2 3 4 5; do
		left
		! grep -q 'close .* reason=eof error="' "$LOG" || return 0
	done
	fail
}

@test "a child that it leaves holding the pipe is not waited for" {
	# shellcheck disable=SC2016
	run_says '250 2.0.0' -- sh -c 'sleep 60 & echo $! >"$BOX/child"; echo said'
	kill "$(cat "$BOX/child")"
	logged line=said
	logged 'exit=0 reply="250 2.0.0" seconds=[0-9]\.'
}

@test "a command that does not read the message has done nothing wrong" {
	head -c 3000000 /dev/zero | tr '\0' x >"$BATS_TEST_TMPDIR/big"
	{ say "${HELLO[@]}" DATA; cat "$BATS_TEST_TMPDIR/big"; say '' . QUIT; } |
		serve -- true
	codes_are 220 250 250 250 354 250 221
}

# What the command finds, as tests/unit/probe tells it.
probe() {
	say "${SESSION[@]}" | serve "$@" -- "$ROOT/tests/unit/probe" \
		"$BOX/facts"
	codes_are 220 250 250 250 354 250 221
}

found() {
	grep -qx -- "$1" "$BOX/facts" || fail "not found: $1" "$(cat "$BOX/facts")"
}

@test "stdin is the whole message: regular, read-only, at 0, seekable" {
	probe --no-received
	found stdin_type=regular
	found stdin_flags=rdonly
	found stdin_offset=0
	found stdin_size=2
	found seek=ok
	found write=EBADF
}

@test "descriptors 0, 1, 2 and no other, whatever the launcher left open" {
	exec 5</dev/null 7>/dev/null 200</dev/null
	probe
	found fds=0,1,2
	found stdout_type=pipe
	found same_12=yes
}

@test "its own process group, no signal ignored or blocked" {
	say "${SESSION[@]}" >"$BATS_TEST_TMPDIR/in"
	python3 -c '
import os, signal, sys
for n in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGHUP, signal.SIGINT,
          signal.SIGUSR1, signal.SIGQUIT):
    signal.signal(n, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
os.execv(sys.argv[1], sys.argv[1:])' "$SMTPD" -n mx -- \
		"$ROOT/tests/unit/probe" "$BOX/facts" \
		<"$BATS_TEST_TMPDIR/in" >"$REPLIES" 2>"$LOG"
	codes_are 220 250 250 250 354 250 221
	found pgrp=own
	found ignored=
	found blocked=
}

@test "the working directory is ours" {
	cd "$BOX"
	probe
	found "cwd=$BOX"
}

# spooled SIZE strace-option ...: that call fails, the message arrives whole and
# leaves no file.
spooled() {
	local size=$1
	{ say "${HELLO[@]}" DATA
		head -c "$size" /dev/zero | tr '\0' x
		say '' . QUIT; } | strace -o "$BATS_TEST_TMPDIR/trace" "${@:2}" \
		"$SMTPD" -n mx --no-received --spool "$SPOOL" -- "$CATCH" \
		>"$REPLIES" 2>"$LOG"
	codes_are 220 250 250 250 354 250 221
	# a build without these calls has nothing that could fail
	! nm -D "$SMTPD" | grep -q memfd_create ||
		grep -q INJECTED "$BATS_TEST_TMPDIR/trace" || fail 'nothing failed'
	[ "$(wc -c <"$(message)")" -eq $((size + 1)) ]
	[ -z "$(ls "$SPOOL")" ]
	rm "$BOX"/*
}

@test "each fallback of the spool works: no memfd, no O_TMPFILE, no /proc" {
	SPOOL=$BATS_TEST_TMPDIR/spool
	mkdir "$SPOOL"
	spooled 10 -e inject=memfd_create:error=ENOSYS
	spooled 1500000 -e inject=memfd_create:error=ENOSYS
	spooled 1500000 -e inject=openat:error=EOPNOTSUPP -P "$SPOOL"
	for size in 10 1500000; do
		spooled $size -e inject=openat:error=ENOENT -P /proc/self/fd/3
	done
}

@test "a full disk, or none: read to the end, 452 or 451, the session goes on" {
	head -c 3000000 /dev/zero | tr '\0' x >"$BATS_TEST_TMPDIR/big"
	big() {
		say "${HELLO[@]}" DATA
		cat "$BATS_TEST_TMPDIR/big"
		say '' . "$@" QUIT
	}
	big NOOP | serve --spool "$BATS_TEST_TMPDIR/nowhere"
	codes_are 220 250 250 250 354 451 250 221
	reply_is 6 '451 4.3.0'
	logged 'spool=.*/nowhere error="No such file or directory"'
	not_delivered
	# a file size limit is a full disk of our own
	big 'MAIL FROM:<a@b>' 'RCPT TO:<c@d>' DATA small . | (ulimit -f 2000; serve --spool "$BATS_TEST_TMPDIR")
	codes_are 220 250 250 250 354 452 250 250 354 250 221
	reply_is 6 '452 4.3.1'
	delivered 1
}
