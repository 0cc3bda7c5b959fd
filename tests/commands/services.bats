#!/usr/bin/env bats
# examples/commands that hand a message on to a service: the real ones, on
# loopback or on sockets of their own.
# shellcheck disable=SC2154 # helper's variables
load ../helper
load helper

# ---- queue ----

redis_starts() {
	REDIS=$BATS_TEST_TMPDIR/redis
	mkdir -p "$REDIS"
	started redis-server --port 0 --unixsocket "$REDIS/socket" \
		--dir "$REDIS" --appendonly yes --appendfsync always \
		--save ''
	until_true eval '[ "$(redis PING)" = PONG ]'
}

redis() {
	redis-cli -s "$REDIS/socket" "$@" 2>/dev/null
}

queued() {
	posted "$1" -- "${COPY:-$COMMANDS/queue}" -s "$REDIS/socket"
}

# entry ID FIELD
entry() {
	redis --raw EVAL 'local e = redis.call("XRANGE", "mail", "-", "+")
		for _, x in ipairs(e) do
			local f = x[2]
			for i = 1, #f, 2 do
				if f[2] == ARGV[1] and f[i] == ARGV[2] then
					return f[i + 1]
				end
			end
		end' 0 "$1" "$2"
}

@test "queue: an entry of the stream, still there after a crash of Redis" {
	redis_starts
	queued '250 2.0.0'
	id=$(reply 6 | sed 's/.*Ok //')
	FROM='"$(touch pwned)"@x' TO=("${ODD[@]}")
	queued '250 2.0.0'
	odd=$(reply $((${#TO[@]} + 5)) | sed 's/.*Ok //')
	kill -KILL "$SERVER"
	wait "$SERVER" || :
	redis_starts
	[ "$(redis XLEN mail)" -eq 2 ]
	entry "$id" message | cmp - <(cat "$LETTER"; echo)
	[ "$(entry "$id" sender)" = ann@example.net ]
	[ "$(entry "$id" recipients)" = help@example.org ]
	[ "$(entry "$odd" sender)" = "$FROM" ]
	entry "$odd" recipients | cmp - <(printf '%s\n' "${ODD[@]}")
	nothing_ran
}

@test "queue: Redis down, full, read-only, of another mind, silent are 451" {
	REDIS=$BATS_TEST_TMPDIR/redis
	queued '451 4.3.0'
	redis_starts
	redis SET mail string
	queued '451 4.3.0'
	redis DEL mail
	redis CONFIG SET maxmemory 1
	queued '451 4.3.0'
	redis CONFIG SET maxmemory 0
	redis REPLICAOF 127.0.0.1 1
	queued '451 4.3.0'
	redis REPLICAOF NO ONE
	redis CONFIG SET requirepass x
	queued '451 4.3.0'
	export REDISCLI_AUTH=x
	[ "$(redis XLEN mail)" -eq 0 ]
	queued '250 2.0.0'
	copy queue 's/timeout 60/timeout 1/'
	kill -STOP "$SERVER"
	queued '451 4.3.0'
	kill -CONT "$SERVER"
}

# ---- msmtp ----

# next_server [option ...] [-- command ...]: another smtpd behind tcpserver,
# which keeps what comes in $BOX; $PORT.
next_server() {
	local try
	: >"$BATS_TEST_TMPDIR/next"
	[[ $* == *" -- "* ]] || set -- "$@" -- "$CATCH"
	for try in 1 2 3 4 5; do
		PORT=$(free_port)
		started tcpserver -H -R -l 0 127.0.0.1 "$PORT" "$SMTPD" \
			--no-received -n next.example.org "$@"
		! until_answered || return 0
	done
	fail "no next server after $try"
}

until_answered() {
	local end=$((SECONDS + 10))
	until (exec 9<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; do
		kill -0 "$SERVER" 2>/dev/null || return
		[ "$SECONDS" -lt "$end" ] || return
	done
}

forwarded() {
	posted "$1" -- "${COPY:-$COMMANDS/msmtp}" -C /dev/null \
		--host=127.0.0.1 --port="$PORT"
}

@test "msmtp: the next server gets it octet for octet, for all of them" {
	next_server
	write_letter 'Bcc: x@y'
	TO=(help@example.org "o'neil+x@example.org" '../a=b~c@example.org')
	forwarded '250 2.0.0'
	cmp "$(message)" "$LETTER"
	[ "$(variable SENDER)" = "$FROM" ]
	variable RECIPIENTS | cmp - <(printf '%s\n' "${TO[@]}")
	FROM=''
	forwarded '250 2.0.0'
	[ -z "$(variable SENDER 2)" ]
	LETTER=$BATS_TEST_TMPDIR/bare FROM='"$(touch pwned) b,c"@x'
	printf 'only a line\n' >"$LETTER"
	forwarded '250 2.0.0'
	[ "$(variable SENDER 3)" = "$FROM" ]
	cmp "$(message 3)" "$LETTER"
	delivered 3
	nothing_ran
}

@test "msmtp: what the next server refuses for good, its words; else 451" {
	next_server -d example.org -u "$BATS_TEST_TMPDIR/users" -- "$CATCH"
	echo help >"$BATS_TEST_TMPDIR/users"
	TO=(help@elsewhere.example)
	forwarded '550 5.7.1'
	TO=(joe@example.org)
	forwarded '550 5.1.1'
	TO=(help@example.org joe@example.org)
	forwarded '550 5.1.1'
	TO=(help@example.org)
	next_server -- sh -c 'echo "550 5.7.1 Looks like spam"; exit 77'
	forwarded '550 5.7.1 Looks like spam'
	for status in 75 1; do
		next_server -- sh -c "exit $status"
		forwarded '451 4.3.0'
	done
	next_server -l 'exit 75' -- "$CATCH"
	forwarded '451 4.3.0'
	next_server --no-such-option -- "$CATCH"
	forwarded '451 4.3.0'
	ended "$SERVER"
	forwarded '451 4.3.0'
	posted '451 4.3.0' -- "$COMMANDS/msmtp" -C /nonexistent
	posted '451 4.3.0' -- "$COMMANDS/msmtp" -C /dev/null --host=x.invalid
	not_delivered
}

@test "msmtp: a server's no to us, or none of its words, is 451" {
	# smtp_server ANSWER ...: to greeting, EHLO and so on, then it leaves.
	for said in 554 421 '220 530' '220 250 530' '220 250 250 535' \
		'220 250 250 250 421' '220 250 250 250 354' 220 '220 250 250'; do
		python_server 'client, _ = server.accept()
lines = client.makefile("rb")
for code in sys.argv[1].split():
    client.sendall(code.encode() + b" 5.7.1 x\r\n")
    lines.readline()' "$said"
		forwarded '451 4.3.0' || fail "$said"
	done
}

@test "msmtp: a server that says nothing is 451, and so is msmtp's own exit" {
	copy msmtp 's/--timeout=60/--timeout=1/'
	silent_server
	forwarded '451 4.3.0'
	for status in 65 67 68 69 76 77 78; do
		stand_in msmtp "exit $status"
		forwarded '451 4.3.0'
	done
}

@test "msmtp: addresses that msmtp would take for others go nowhere" {
	next_server
	for address in "${ODD[@]}"; do
		[ "$address" != "o'neil@example.org" ] || continue
		[ "$address" != '../../pwned@example.org' ] || continue
		TO=(help@example.org "$address")
		forwarded '553 5.1.3'
	done
	not_delivered
	nothing_ran
}

# ---- autoreply, by msmtp ----

@test "autoreply: by msmtp, from the null sender, to another server" {
	next_server
	stand_in sendmail "exec msmtp -C /dev/null --host=127.0.0.1 --port=$PORT \
		--set-from-header=off --set-date-header=off \"\$@\""
	copy autoreply "s|^sendmail=.*|sendmail=$BATS_TEST_TMPDIR/bin/sendmail|"
	printf '%s\n' 'Back on Monday.' . x >"$BATS_TEST_TMPDIR/text"
	for _ in 1 2; do
		posted '250 2.0.0' -r 1 -- "$COPY" "$BATS_TEST_TMPDIR/text" \
			"$BATS_TEST_TMPDIR" cat
	done
	delivered 1
	[ -z "$(variable SENDER)" ]
	[ "$(variable RECIPIENTS)" = ann@example.net ]
	[ "$(sed '1,/^$/d' "$(message)")" = 'Back on Monday.
.
x' ]
	grep -q '^Auto-Submitted: auto-replied$' "$(message)"
	ended "$SERVER"
	FROM=other@example.net
	posted '250 2.0.0' -r 1 -- "$COPY" "$BATS_TEST_TMPDIR/text" \
		"$BATS_TEST_TMPDIR" cat
	logged 'no reply to <other@example.net>: .*sendmail: '
	delivered 1
}

# ---- alert, in rsyslog and the journal ----

@test "alert: in rsyslog's file" {
	cat >"$BATS_TEST_TMPDIR/conf" <<-END
		module(load="imuxsock" SysSock.Name="$BOX/socket")
		template(name="all" type="string"
			string="%syslogpriority-text% %programname%:%msg%\\n")
		action(type="omfile" file="$BOX/seen" template="all")
	END
	started rsyslogd -n -f "$BATS_TEST_TMPDIR/conf" -i "$BATS_TEST_TMPDIR/pid"
	until_true test -S "$BOX/socket"
	posted '250 2.0.0' -- "$COMMANDS/alert" -u "$BOX/socket" -t mail \
		-p user.warning
	until_true has "$BOX/seen" 'warning mail: from <ann@example.net> to '
	[ "$(grep -c 'to help@example.org: a letter$' "$BOX/seen")" -eq 1 ]
	ended "$SERVER"
	posted '451 4.3.0' -- "$COMMANDS/alert" -u "$BOX/socket"
}

# journald, in a mount namespace where /run is $RUN.
journal_starts() {
	RUN=$BATS_TEST_TMPDIR/run
	mkdir -p "$RUN/systemd"
	printf '%s\n' '[Journal]' Storage=volatile ReadKMsg=no Audit= \
		ForwardToSyslog=no >"$RUN/conf"
	tr -d - </proc/sys/kernel/random/uuid >"$RUN/id"
	started unshare --mount sh -ec '
		mount --bind "$1/conf" /etc/systemd/journald.conf
		mount --bind "$1/id" /etc/machine-id
		mount --bind "$1" /run
		exec /lib/systemd/systemd-journald' sh "$RUN"
	until_true test -S "$RUN/systemd/journal/dev-log"
}

journal_has() {
	journalctl --quiet --directory "$RUN/log/journal" -o cat -t mail \
		-p "$1..$1" 2>/dev/null | grep -qxF "$2"
}

@test "alert: in the journal" {
	journal_starts
	posted '250 2.0.0' -- "$COMMANDS/alert" -t mail -p user.crit \
		-u "$RUN/systemd/journal/dev-log"
	until_true journal_has crit \
		'from <ann@example.net> to help@example.org: a letter'
}

# ---- spam ----

spam_asks_spamd() {
	spamd_starts
	copy spam "s|^spamd=.*|spamd='-U $SPAMD/socket'|"
}

@test "spam: the command gets what is none; spam is 550; no spamd is 451" {
	spam_asks_spamd
	posted '250 2.0.0' -- "$COPY" "$CATCH"
	cmp "$(message)" "$LETTER"
	CATCH_EXIT=67 posted '550 5.1.1' -- "$COPY" "$CATCH"
	delivered 2
	write_letter
	echo 'buy my pills' >>"$LETTER"
	posted '550 5.7.1 This looks like spam (9.0/5.0)' -- "$COPY" "$CATCH"
	delivered 2
	ended "$SERVER"
	posted '451 4.3.0' -- "$COPY" "$CATCH"
	delivered 2
}

@test "spam: more than spamc's half a megabyte is asked about too" {
	spam_asks_spamd
	write_letter
	{
		echo 'buy my pills'
		yes 'x and y and z' | head -n 50000
	} >>"$LETTER"
	posted '550 5.7.1' -- "$COPY" "$CATCH"
	not_delivered
}

@test "spam: a spamd that says nothing, and all else that spamc says, is 451" {
	silent_server
	copy spam "s/-p 783/-p $PORT/; s/-t 60/-t 1/"
	posted '451 4.3.0' -- "$COPY" "$CATCH"
	for status in 1 64 65 68 69 73 76 77 98 100; do
		stand_in spamc "exit $status"
		posted '451 4.3.0' -- "$COMMANDS/spam" "$CATCH"
	done
	for status in 69 77 98; do
		stand_in spamc "echo 0/0; exit $status"
		posted '451 4.3.0' -- "$COMMANDS/spam" "$CATCH"
	done
	stand_in spamc 'exit 0'
	posted '451 4.3.0' -- "$COMMANDS/spam" "$CATCH"
	not_delivered
}
