#!/usr/bin/env bats
# DESIGN, 8: the log in real daemons, and each line of it under the parser of
# logs.py.  A daemon and smtpd meet in mount namespaces of their own, where /dev
# is $DEV and /run is $RUN; the machine's stay as they are.
# shellcheck disable=SC2016,SC2153 # the words are a command's; LOG is set
load ../helper
load ../launch/helper

MESSAGE=("${HELLO[@]}" DATA x .)
NEXT=('MAIL FROM:<next@b>' 'RCPT TO:<c@d>' DATA x .)
LOGS=(python3 -B "$ROOT/tests/peers/logs.py")
# The daemon's; smtpd is on the other side of the world.
DAEMON_TZ=AAA+5
export TZ=BBB-9

WITHIN=(unshare --mount sh -ec '
	for name in null zero full urandom; do
		: >>"$DEV/$name"
		mount --bind "/dev/$name" "$DEV/$name"
	done
	mount --bind "$RUN" /run
	mount --rbind "$DEV" /dev
	exec "$@"' sh)

# As busybox writes it too.
FORMAT=(%timestamp% %hostname% %syslogfacility-text%.%syslogseverity-text%
	'%syslogtag%%msg%\n')

# It is to heed a time stamp of smtpd's, were there one.
rsyslog_conf() {
	cat <<-END
		module(load="imuxsock" SysSock.Name="/dev/log"
			SysSock.IgnoreTimestamp="off"
			SysSock.UseSysTimeStamp="off")
		:programname, isequal, "rsyslogd" stop
		template(name="all" type="string" string="${FORMAT[*]}")
		action(type="omfile" file="$SEEN" template="all")
	END
}

prepare_daemon() {
	export DEV=$BATS_TEST_TMPDIR/dev RUN=$BATS_TEST_TMPDIR/run
	SEEN=$BATS_TEST_TMPDIR/seen
	mkdir -p "$DEV" "$RUN/systemd"
}

# daemon_starts rsyslogd|busybox|journald: what the first two take is in $SEEN.
daemon_starts() {
	local run
	SOCKET=$DEV/log
	case $1 in
	rsyslogd)
		rsyslog_conf >"$DEV/conf"
		run=(rsyslogd -n -f "$DEV/conf" -i "$DEV/pid")
		;;
	busybox) run=(busybox syslogd -n -O "$SEEN") ;;
	journald)
		SOCKET=$RUN/systemd/journal/stdout
		journald_conf
		run=("${JOURNALD[@]}")
		;;
	esac
	rm -f "$SOCKET"
	TZ=$DAEMON_TZ "${WITHIN[@]}" "${run[@]}" >/dev/null 2>&1 3>&- &
	SERVER=$!
	until_true test -S "$SOCKET"
}

teardown() {
	[ -z "$SERVER" ] || kill -CONT "$SERVER" || :
	stop_listening
	exec 8>&-
}

until_true() {
	local end=$((SECONDS + 10))
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] ||
			fail "in vain: $*" "$(tail -n 5 "$SEEN")"
	done
}

# $SEEN as "SEVERITY PID text": lines of this host, of facility mail, and with
# one tag; what else is there is gone.
seen() {
	local tag='smtpd\[([0-9]+)\]: ' stamp='\w+ [ 0-9]+ [0-9:]+'
	sed -nE "s/^$stamp ${HOSTNAME%%.*} mail\.(\w+) $tag/\1 \2 /p" "$SEEN"
}

# In seconds since 1970.
times() {
	cut -c 1-15 "$SEEN" | TZ=$DAEMON_TZ date -f - +%s
}

# Less what differs from one session to the next.
alike() {
	sed -E 's/ (id|client|port|size|in|seconds)=\S*//g'
}

# A session, and one that is refused; descriptor 2 is the caller's.
sessions() {
	say "${MESSAGE[@]}" BOGUS QUIT | "$@" sh -c 'exit 75' >"$REPLIES"
	codes_are 220 250 250 250 354 451 500 221
	say QUIT | "$@" --bogus >"$REPLIES" || [ $? -eq 64 ]
	codes_are 421
}

# seen_right DAEMON WARNING ERR command ...: its words for them.
seen_right() {
	local began daemon=$1 severities="$2 info info $3" pid
	sessions "$SMTPD" -n mx 2>"$LOG"
	prepare_daemon
	began=$(date +%s)
	daemon_starts "$daemon"
	sessions "${WITHIN[@]}" "${@:4}" 2>"$BATS_TEST_TMPDIR/2"
	[ ! -s "$BATS_TEST_TMPDIR/2" ]
	until_true grep -q bogus "$SEEN"
	diff <(sed 's/^smtpd\[[0-9]*\]: //' "$LOG" | alike) \
		<(seen | cut -d ' ' -f 3- | alike)
	[ "$(seen | cut -d ' ' -f 1 | paste -sd ' ')" = "$severities" ] ||
		fail "$(seen)"
	# a message's id ends in the number of its process
	pid=$(seen | awk '{ print $2; exit }')
	seen | head -n 1 | grep -q " id=\w*$(printf %06x "$pid") "
	[ -z "$(times | awk -v first="$began" -v last="$(date +%s)" \
		'$1 < first || $1 > last')" ] || fail "$(cat "$SEEN")"
}

AS_INETD=("${LOGS[@]}" three "$SMTPD" -n mx)
BY_OPTION=("$SMTPD" -n mx --log syslog)

@test "rsyslogd, --log syslog: facility, severity, tag, number, time and text" {
	seen_right rsyslogd warning err "${BY_OPTION[@]}"
}

@test "rsyslogd, as inetd starts it: likewise, with no option" {
	seen_right rsyslogd warning err "${AS_INETD[@]}"
}

@test "busybox syslogd, --log syslog: likewise" {
	seen_right busybox warn err "${BY_OPTION[@]}"
}

@test "busybox syslogd, as inetd starts it: likewise" {
	seen_right busybox warn err "${AS_INETD[@]}"
}

# A session in the daemon's namespace that is told what to do line by line.
session_starts() {
	mkfifo "$BATS_TEST_TMPDIR/in"
	"${WITHIN[@]}" "$SMTPD" -n mx "$@" <"$BATS_TEST_TMPDIR/in" \
		>"$REPLIES" 2>"$LOG" 3>&- &
	SESSION=$!
	exec 8>"$BATS_TEST_TMPDIR/in"
}

# tell COUNT LINE ...: so many replies in all, the last of them 250, and soon.
tell() {
	local began=$SECONDS
	say "${@:2}" >&8
	until_true codes_counted "$1"
	[ $((SECONDS - began)) -le 5 ] || fail "late: $((SECONDS - began)) s"
	reply_is -1 250
}

codes_counted() {
	[ "$(codes | wc -w)" -eq "$1" ]
}

session_ends() {
	say QUIT >&8
	exec 8>&-
	ends 0 wait "$SESSION"
}

# restarts DAEMON [LINE ...]: what is told while there is none.
restarts() {
	prepare_daemon
	daemon_starts "$1"
	session_starts --log syslog -- "$CATCH"
	tell 6 "${MESSAGE[@]}"
	until_true grep -q 'message id=' "$SEEN"
	stop_listening
	[ $# -eq 1 ] || tell 10 "${@:2}"
	daemon_starts "$1"
	tell $(($# == 1 ? 10 : 14)) "${NEXT[@]}"
	until_true grep -q 'message id=.*from=next@b' "$SEEN"
	session_ends
	until_true grep -q 'close client=unknown .*reason=quit' "$SEEN"
	delivered $(($# == 1 ? 2 : 3))
}

@test "rsyslogd is restarted in a session: the next line is logged again" {
	restarts rsyslogd
}

@test "busybox syslogd likewise" {
	restarts busybox
}

@test "mail while rsyslogd is down: neither late nor lost, logged after" {
	restarts rsyslogd 'MAIL FROM:<b@b>' 'RCPT TO:<c@d>' DATA x .
}

@test "no daemon at all, one that comes: logged from then on" {
	prepare_daemon
	session_starts --log syslog -- "$CATCH"
	tell 6 "${MESSAGE[@]}"
	daemon_starts busybox
	tell 10 "${NEXT[@]}"
	session_ends
	until_true grep -q 'message id=.*from=next@b' "$SEEN"
	delivered 2
}

@test "a daemon that hangs, its queue full: lines are lost, no time" {
	prepare_daemon
	daemon_starts busybox
	until_true grep -q started "$SEEN"
	kill -STOP "$SERVER"
	session_starts --log syslog sh -c 'seq 20000'
	tell 6 "${MESSAGE[@]}"
	tell 10 "${NEXT[@]}"
	kill -CONT "$SERVER"
	session_ends
	until_true grep -q 'line=1$' "$SEEN"
	! grep -q dropped= "$SEEN" || fail 'its queue was not full'
}

RAN='message id client helo from to nrcpt size'
CLOSED='close client reason messages in out seconds'

# events_are name|priority EVENT ...: each with its keys, under the parser.
events_are() {
	"${LOGS[@]}" keys "$LOG" "$1" >"$BATS_TEST_TMPDIR/keys" 2>&1 ||
		fail "$(cat "$BATS_TEST_TMPDIR/keys")"
	printf '%s\n' "${@:2}" | diff - "$BATS_TEST_TMPDIR/keys"
}

# Descriptor 2 is a stream; JOURNAL_STREAM says $2, where RIGHT is that stream.
streamed() {
	rm -f "$LOG"
	sessions "${LOGS[@]}" stream "$2" "$LOG" "$SMTPD" -n mx
	events_are "$1" "$RAN exit reply seconds" 'refuse client verb reply' \
		"$CLOSED" 'config error'
}

@test "JOURNAL_STREAM is descriptor 2: <4>, <6> and <3>, and no name" {
	streamed priority RIGHT
	[ "$(cut -c 1-4 "$LOG" | paste -sd ' ')" = '<4>m <6>r <6>c <3>c' ]
}

@test "JOURNAL_STREAM is something else, or nothing: smtpd[PID]:" {
	for at in 1:2 '' RIGHT:; do
		streamed name "$at"
	done
}

journald_conf() {
	printf '%s\n' '[Journal]' Storage=volatile ReadKMsg=no Audit= \
		ForwardToSyslog=no >"$DEV/conf"
	tr -d - </proc/sys/kernel/random/uuid >"$DEV/id"
	JOURNALD=(sh -ec '
		mount --bind "$DEV/conf" /etc/systemd/journald.conf
		mount --bind "$DEV/id" /etc/machine-id
		exec /lib/systemd/systemd-journald')
}

# journal_has PRIORITY: what is there with it.
journal_has() {
	journalctl --quiet --directory "$RUN/log/journal" -o cat -t smtpd \
		-p "$1..$1"
}

err_in_journal() {
	journal_has err 2>/dev/null | grep -q bogus
}

@test "journald: PRIORITY, and a MESSAGE that is the event alone" {
	prepare_daemon
	sessions "$SMTPD" -n mx 2>"$LOG"
	daemon_starts journald
	sessions "${LOGS[@]}" stream journal "$SOCKET" "$SMTPD" -n mx
	until_true err_in_journal
	diff <(sed 's/^smtpd\[[0-9]*\]: //' "$LOG" | alike) <(
		for priority in warning info err; do
			journal_has "$priority"
		done | alike)
	[ "$(journal_has warning | wc -l)" -eq 1 ]
	[ "$(journal_has err | wc -l)" -eq 1 ]
}

@test "each event of a session that a superserver began, with its client" {
	export PROTO=TCP TCPREMOTEIP=192.0.2.7 TCPREMOTEPORT=40122
	say 'EHLO c' BOGUS 'MAIL FROM:<ann@b>' 'RCPT TO:<joe@elsewhere>' \
		'RCPT TO:<joe@d>' DATA x . QUIT |
		serve -d d -- sh -c 'echo ticket opened'
	events_are name 'refuse client verb reply' \
		'refuse client verb reply to' 'output id line' \
		"$RAN exit reply seconds" \
		'close client port reason messages in out seconds'
	logged 'refuse client=192.0.2.7 verb=RCPT .* to=joe@elsewhere$'
	[ "$(grep -c client=192.0.2.7 "$LOG")" -eq 4 ]
	logged 'close client=192.0.2.7 port=40122 reason=quit messages=1 '
}

# ran KEYS [option ...] -- command ...: one message's line has these.
ran() {
	say "${MESSAGE[@]}" QUIT | serve "${@:2}"
	events_are name "$RAN $1 seconds" "$CLOSED"
}

@test "message: how the command ended, or why it was not run" {
	ran 'exit reply' -- true
	ran 'signal reply' -- sh -c 'kill -9 $$'
	logged 'signal=9 reply="451 4.3.0"'
	ran 'signal timeout reply' -T 1 -- sleep 20
	logged 'signal=15 timeout=yes reply="451 4.3.0"'
	ran 'exit error command reply' -- /no/such/command
	ran 'exit error hint command reply' -- "$ROOT/README.md"
	ran reply -s 2
	logged 'reply="552 5.3.4"'
	head -c 2000000 /dev/zero | tr '\0' x >"$BATS_TEST_TMPDIR/big"
	{ say "${HELLO[@]}" DATA; cat "$BATS_TEST_TMPDIR/big"
		say '' . QUIT; } | serve --spool /no/such/folder
	events_are name "$RAN spool error reply seconds" "$CLOSED"
	say "${HELLO[@]}" DATA x | serve
	events_are name "$RAN dropped seconds" "$CLOSED"
	say 'LHLO c' "${HELLO[@]:1:2}" "${HELLO[2]}" DATA x . QUIT |
		serve --lmtp
	events_are name "$RAN exit reply seconds" "$RAN exit reply seconds" \
		"$CLOSED"
}

# asked KEYS COMMAND [option ...]: a look-up that failed.
asked() {
	say "${HELLO[@]}" QUIT | serve --lookup "$2" "${@:3}"
	events_are name "lookup client to $1 seconds" \
		'refuse client verb reply to' "$CLOSED"
	logged 'lookup client=unknown to=help@example.org '
}

@test "lookup: one that failed; output: what one said" {
	asked exit 'exit 75'
	asked signal 'kill -9 $$'
	asked 'signal timeout' 'exec sleep 20' -t 1
	say "${HELLO[@]}" QUIT | serve --lookup 'echo she; echo "is here"'
	events_are name 'output client to line' 'output client to line' \
		"$CLOSED"
	say "${HELLO[@]}" QUIT | serve --lookup 'yes'
	grep -v ' output .* line=' "$LOG" >"$BATS_TEST_TMPDIR/rest"
	mv "$BATS_TEST_TMPDIR/rest" "$LOG"
	events_are name 'output client to dropped' \
		'lookup client to signal error seconds' \
		'refuse client verb reply to' "$CLOSED"
}

# closed REASON: the only line, and the last.
closed() {
	events_are name "${@:2}" "$CLOSED"
	logged " close client=unknown reason=$1 messages=0 "
}

@test "close: quit, eof, timeout, errors, stop and error" {
	say 'EHLO c' 'MAIL FROM:<>' QUIT | serve
	closed quit
	say 'EHLO c' 'MAIL FROM:<>' | serve
	closed eof
	say 'EHLO c' NOOP QUIT | serve
	[ ! -s "$LOG" ]
	say BOGUS | serve --max-errors 1
	closed errors 'refuse client verb reply'
	mkfifo "$BATS_TEST_TMPDIR/in"
	exec 8<>"$BATS_TEST_TMPDIR/in"
	serve -t 1 <&8
	closed timeout
	rm "$REPLIES"
	"$SMTPD" -n mx "$CATCH" <&8 >"$REPLIES" 2>"$LOG" 3>&- &
	until_true test -s "$REPLIES"
	kill "$!"
	ends 0 wait "$!"
	closed stop
	"$SMTPD" -n mx "$CATCH" </ >"$REPLIES" 2>"$LOG" || exited=$?
	[ "$exited" -eq 71 ]
	events_are name 'close client reason error messages in out seconds'
}

@test "config: what was not understood, file and line" {
	say QUIT | serve --no-such
	events_are name 'config error'
	printf 'a.example\n\001"b\\\n' >"$BATS_TEST_TMPDIR/list"
	say QUIT | serve --domain "$BATS_TEST_TMPDIR/list"
	events_are name 'config error'
	logged 'list:2: '
}

@test "--verbose: connect, command and reply; also when nothing is said" {
	say BOGUS QUIT | serve -v
	events_are name 'connect client' \
		'command client line' 'reply client reply text' \
		'refuse client verb reply' \
		'command client line' 'reply client reply text' "$CLOSED"
	serve -v </dev/null
	events_are name 'connect client' "$CLOSED"
	serve </dev/null
	[ ! -s "$LOG" ]
}

# Every octet but NUL and LF; those from FIRST on.
octets_from() {
	printf '%b' "$(printf '\\%04o' $(seq "$1" 9) $(seq 11 255))"
}

@test "whatever octets a client sends: a line an event" {
	local octet
	for octet in $(seq 1 9) $(seq 11 255); do
		printf -v octet '\\%04o' "$octet"
		printf '%b\r\n' "EHLO a${octet}b" "MAIL FROM:<a${octet}b@c>" \
			"RSET$octet" "${octet}x" "RCPT TO:<\"a${octet}b\"@c>" \
			"VRFY $octet" "NOOP $octet"
	done >"$BATS_TEST_TMPDIR/in"
	say QUIT | cat "$BATS_TEST_TMPDIR/in" - | serve -v --max-errors 0
	"${LOGS[@]}" keys "$LOG" >"$BATS_TEST_TMPDIR/keys" 2>&1 ||
		fail "$(cat "$BATS_TEST_TMPDIR/keys")"
	[ "$(grep -c '^command ' "$BATS_TEST_TMPDIR/keys")" -eq 1779 ]
	[ "$(grep -c '^reply ' "$BATS_TEST_TMPDIR/keys")" -eq 1779 ]
	grep -c '^refuse ' "$BATS_TEST_TMPDIR/keys" |
		cmp - <(grep -c '^[45]' "$REPLIES")
}

@test "whatever octets a command says: each in one line, and none is lost" {
	octets_from 1 >"$BATS_TEST_TMPDIR/all"
	{ fold -b -w 1 "$BATS_TEST_TMPDIR/all" && echo &&
		cat "$BATS_TEST_TMPDIR/all" && echo; } >"$BATS_TEST_TMPDIR/said"
	say "${MESSAGE[@]}" QUIT | serve -- cat "$BATS_TEST_TMPDIR/said"
	"${LOGS[@]}" values line "$LOG" | cmp - "$BATS_TEST_TMPDIR/said"
}

@test "a line of 100 KB: pieces, each of 4096 octets at most, and the rest" {
	local logged dropped
	say "${MESSAGE[@]}" QUIT | serve -- sh -c \
		'head -c 102400 /dev/zero | tr "\0" x'
	logged=$("${LOGS[@]}" values line "$LOG" | tr -d '\n' | wc -c)
	dropped=$("${LOGS[@]}" values dropped "$LOG")
	[ "$logged" -gt 60000 ] && [ "$logged" -le 65536 ]
	[ $((logged + dropped)) -eq 102400 ]
	say "${MESSAGE[@]}" QUIT | serve -- sh -c \
		'head -c 102400 /dev/zero | tr "\0" "\377"'
	"${LOGS[@]}" keys "$LOG"
	logged '\\xFF..."$'
}

@test "the longest values: every key is still there" {
	local name domain
	name=$(printf '%b' "$(printf '\\0303\\0251%.0s' $(seq 120))")
	domain=$(printf 'a%.0s' $(seq 63)).$(printf 'b%.0s' $(seq 63))
	say "EHLO $domain.$domain" "MAIL FROM:<$name@$domain> SMTPUTF8" \
		"RCPT TO:<$name@$domain>" DATA x . QUIT |
		serve -- "/$domain/$(printf '\377%.0s' $(seq 3000))"
	codes_are 220 250 250 250 354 451 221
	events_are name "$RAN exit error command reply seconds" "$CLOSED"
}

# unlogged REDIRECTION: a whole session, descriptor 2 is that.
unlogged() {
	say "${MESSAGE[@]}" BOGUS QUIT | eval 'timeout -s KILL 20 "$SMTPD" \
		-v -n mx "$CATCH" >"$REPLIES"' "$1"
}

whole() {
	codes_are 220 250 250 250 354 250 500 221
	delivered "$1"
}

@test "a log that cannot be written loses no mail and no time" {
	local began=$SECONDS full=$BATS_TEST_TMPDIR/full
	unlogged '2>&-'
	whole 1
	unlogged '2>/dev/full'
	whole 2
	mkfifo "$full"
	exec 7<>"$full" 8>"$full"
	dd if=/dev/zero of="$full" bs=4096 oflag=nonblock 2>/dev/null || :
	unlogged '2>&8'
	whole 3
	exec 7>&-
	unlogged '2>&8'
	whole 4
	# eight octets are left for it
	head -c 1048568 /dev/zero >"$LOG"
	(ulimit -f 1024 && unlogged '2>>"$LOG"')
	whole 5
	[ "$(wc -c <"$LOG")" -eq 1048576 ]
	[ $((SECONDS - began)) -le 10 ]
}
