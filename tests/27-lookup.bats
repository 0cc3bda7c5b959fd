#!/usr/bin/env bats
# --lookup: a command is asked about each recipient.
# shellcheck disable=SC2016 # the words are the look-up's
load helper

# asked COMMAND [ADDRESS]: what RCPT is told when COMMAND is asked.
asked() {
	say 'EHLO client.example' 'MAIL FROM:<ann@example.net>' \
		"RCPT TO:<${2:-joe@example.org}>" QUIT |
		serve "${OPTIONS[@]}" --lookup "$1"
	exited 0
}

# asked_is REPLY COMMAND [ADDRESS]
asked_is() {
	asked "${@:2}"
	reply_is 4 "$1" || fail "$2"
}

@test "exit 0: valid, whatever it says" {
	asked_is '250 2.1.5 Recipient ok' 'exit 0'
	asked_is '250 2.1.5 Recipient ok' 'echo secret; echo 550 5.7.1 no'
	! grep -q secret "$REPLIES" || fail 'its output reached the client'
	logged 'output client=unknown to=joe@example.org line=secret'
}

@test "67, 100, and 1 with no output: unknown" {
	for status in 67 100 1; do
		asked_is '550 5.1.1 No such user' "exit $status"
	done
	logged 'refuse client=unknown verb=RCPT reply="550 5.1.1" to=joe@example.org'
	not_logged ' lookup '
}

@test "65: ambiguous; 77: refused by policy" {
	asked_is '553 5.1.4 ' 'exit 65'
	asked_is '550 5.7.1 ' 'exit 77'
}

@test "75, 111 and every other status: a look-up that failed, 451 4.3.0" {
	for status in 2 64 66 68 69 75 76 78 99 111 112 126 127 255; do
		asked_is '451 4.3.0 ' "exit $status"
		logged " lookup client=unknown to=joe@example.org exit=$status "
	done
}

@test "a crash is no unknown user: a traceback, a signal, no such command" {
	asked_is '451 4.3.0 ' 'python3 -c "raise KeyError(1)"'
	logged 'lookup .* exit=1 '
	asked_is '451 4.3.0 ' 'echo; exit 1'
	asked_is '451 4.3.0 ' 'kill -SEGV $$'
	logged 'lookup .* signal=11 '
	asked_is '451 4.3.0 ' '/no/such/command "$1"'
	asked_is '451 4.3.0 ' 'if then'
}

@test "a reply that it chooses, unless it exits 0" {
	asked_is '450 4.7.1 greylisted, try later' \
		'echo first; echo 450 4.7.1 greylisted, try later; exit 75'
	asked_is '550 5.7.23 SPF says no' 'echo 550 5.7.23 SPF says no; exit 1'
	asked_is '554 5.1.1 not here' 'echo 5.1.1 not here; exit 67'
	asked_is '451 4.0.0 try later' 'echo 421 try later; exit 75'
	asked_is '451 4.3.0 Look-up failed' 'echo 550 5.7.1 no; exit 75'
	asked_is '451 4.3.0 Look-up failed' 'echo 503 Service Unavailable; exit 1'
	asked_is '451 4.3.0 Look-up failed' 'echo 550 5.7.1 no; echo; exit 2'
	asked_is '550 5.1.1 No such user' 'echo 250 2.0.0 welcome; exit 67'
}

@test "it gets the name as one word, and nothing on standard input" {
	OPTIONS=(--verbose)
	asked 'printf "[%s]" "$#" "$0" "$1" "$(cat)"' '"a b; echo $x"@example.org'
	logged 'line="\[1\]\[sh\]\[\\x22a b; echo $x\\x22@example.org\]\[\]"'
}

@test "no name is a word of the shell's: quotes, \$(), ;, newlines, options" {
	cd "$BOX"
	for name in 'a;touch${IFS}owned' '$(touch${IFS}owned)' '`touch owned`' \
		'"x`touch owned`"' "x'y" '|touch${IFS}owned' '&touch${IFS}owned' \
		'a"$(touch owned)"b' '*' '\$(touch${IFS}owned)'; do
		asked 'printf %s\\n "$1" "$RECIPIENT" >>log; exit 67' \
			"$name@example.org"
	done
	[ ! -e owned ]
	[ "$(uniq -c log | awk '$1 != 2' | wc -l)" -eq 0 ]
	asked_is '501 5.1.3' 'echo "$1" >option' '--help@example.org'
	[ ! -e option ]
}

@test "its environment: what is known at RCPT, and no more" {
	OPTIONS=(--dsn)
	say 'EHLO client.example' 'MAIL FROM:<ann@example.net> ENVID=a+2Bb' \
		'RCPT TO:<x@y>' \
		'RCPT TO:<joe+box@example.org> NOTIFY=NEVER' QUIT |
		TCPREMOTEIP=192.0.2.7 PROTO=TCP SMTP_ID=old serve --dsn \
		--lookup 'env -0 | sort -z | tr "\0\n" "\n~" >"$BOX/$LOCAL"'
	codes_are 220 250 250 250 250 221
	local got
	got=$(grep -E '^(SENDER|RECIPIENTS?|LOCAL|DOMAIN|EXTENSION|ENVID|CLIENT_[A-Z]*|SMTP_[A-Z_]*|DTLINE|UFLINE|RPLINE|FORWARD_RECIPIENTS)=' \
		"$BOX/joe+box" | sed 's/^SMTP_ID=[0-9a-f]\{19\}$/SMTP_ID=one/')
	[ "$got" = 'CLIENT_ADDRESS=192.0.2.7
CLIENT_HELO=client.example
CLIENT_PROTOCOL=ESMTP
DOMAIN=example.org
DTLINE=Delivered-To: joe+box@example.org~
ENVID=a+b
EXTENSION=box
FORWARD_RECIPIENTS=
LOCAL=joe+box
RECIPIENT=joe+box@example.org
RECIPIENTS=joe+box@example.org
RPLINE=Return-Path: <ann@example.net>~
SENDER=ann@example.net
SMTP_ID=one
SMTP_MAIL_OPTIONS=ENVID=a+2Bb
SMTP_RCPT_OPTIONS=NOTIFY=NEVER
SMTP_VERB=MAIL' ] || fail "$got"
}

@test "it is asked about local recipients only, after --users, and then it decides" {
	printf '%s\n' joe ann >"$BATS_TEST_TMPDIR/users"
	say 'EHLO c' 'MAIL FROM:<>' 'RCPT TO:<joe@b>' 'RCPT TO:<ann@b>' \
		'RCPT TO:<bob@b>' 'RCPT TO:<joe@fwd>' 'RCPT TO:<joe@other>' \
		'RCPT TO:<-joe@b>' QUIT |
		serve -d b -f fwd -u "$BATS_TEST_TMPDIR/users" --lookup \
		'echo "$1" >>"$BOX/asked"; [ "$LOCAL" = joe ] || exit 75'
	codes_are 220 250 250 250 451 550 251 550 501 221
	[ "$(cat "$BOX/asked")" = joe@b$'\n'ann@b ]
}

@test "postmaster is not unknown, but may be put off (RFC 5321, 4.5.1)" {
	asked_is '250 2.1.5' 'exit 67' Postmaster@example.org
	asked_is '250 2.1.5' 'echo 550 5.1.1 no such user; exit 67' postmaster
	asked_is '250 2.1.5' 'exit 65' postmaster
	asked_is '550 5.7.1' 'echo no; exit 77' postmaster
	asked_is '451 4.3.0' 'exit 75' postmaster
	asked_is '450 4.7.1' 'echo 450 4.7.1 greylisted; exit 75' postmaster
}

@test "one that hangs is a 451 in its time, and all of it is gone" {
	OPTIONS=(-t 1)
	asked_is '451 4.3.0' 'echo $$ >"$BOX/pids"; sleep 300 &
		echo $! >>"$BOX/pids"; wait; exit 0'
	logged 'lookup .* timeout=yes'
	all_gone
	asked_is '451 4.3.0' 'trap "" TERM; echo $$ >"$BOX/pids"
		while :; do sleep 300; done'
	logged 'lookup .* signal=9 timeout=yes'
	all_gone
}

@test "a child that stays and holds its output is a 451, and gone" {
	OPTIONS=(-t 1)
	asked_is '451 4.3.0' 'sleep 300 & echo $! >"$BOX/pids"; exit 0'
	all_gone
}

@test "a child that lets go of its output is gone too" {
	asked_is '250 2.1.5' 'sleep 300 >/dev/null 2>&1 & echo $! >"$BOX/pids"'
	all_gone
}

@test "10 MB of output is a 451, and is not logged whole" {
	asked_is '451 4.3.0' 'echo $$ >"$BOX/pids"
		yes 0123456789 | head -c 10000000; exit 0'
	all_gone
	logged 'lookup .* error="too much output"'
	[ "$(wc -c <"$LOG")" -lt 2000000 ]
	asked_is '451 4.3.0' 'head -c 10000000 /dev/zero; exit 67'
}

@test "it runs with no descriptor, signal or group of ours" {
	OPTIONS=(-t 20)
	asked 'ls /proc/self/fd | paste -sd " "; ps -o pgid= -p $$ | tr -d " "
		echo $$; grep -E "^Sig(Blk|Ign)" /proc/self/status' || true
	logged 'line="0 1 2 3"'
	[ "$(sed -n 's/.* line=\([0-9]*\)$/\1/p' "$LOG" | sort -u | wc -l)" -eq 1 ]
	# but the two that are glibc's own, which its posix_spawn leaves ignored
	[ "$(grep -c 'line="Sig...:.x090000000[01]80*"\|Sig...:.x090*"' \
		"$LOG")" -eq 2 ] || fail 'signals'
}

@test "replies that are due leave before it is asked" {
	mkfifo "$BATS_TEST_TMPDIR/go"
	export GO=$BATS_TEST_TMPDIR/go
	say "${HELLO[@]}" QUIT | timeout 20 "$SMTPD" -n mx --lookup \
		'read -r x <"$GO"' -- "$CATCH" 2>"$LOG" | tee "$REPLIES" | {
			while read -r line; do
				case $line in '250 2.1.0'*) break ;; esac
			done
			# the look-up waits for us, and we have MAIL's reply
			echo now >"$GO"
			cat >/dev/null
		}
	codes_are 220 250 250 250 221
}

@test "RCPT after RCPT: each is asked, the good ones get the message" {
	say 'EHLO c' 'MAIL FROM:<>' 'RCPT TO:<a@b>' 'RCPT TO:<no@b>' \
		'RCPT TO:<c@b>' 'RCPT TO:<no@b>' DATA x . QUIT |
		serve --lookup '[ "$LOCAL" != no ]'
	codes_are 220 250 250 250 550 250 550 354 250 221
	[ "$(variable RECIPIENTS)" = a@b$'\n'c@b ]
}

@test "the message's own log line and id know nothing of a look-up's reply" {
	say "${HELLO[@]}" 'RCPT TO:<no@b>' DATA x . QUIT | serve --lookup \
		'[ "$LOCAL" != no ] || { echo 550 5.7.9 never; exit 67; }'
	reply_is 5 '550 5.7.9 never'
	reply_is 7 '250 2.0.0 Ok '
}

# ---- SMTP_ID, and PREPEND: what it may say of the message ----

@test "SMTP_ID is the transaction's: of look-ups, the message, and no other" {
	say 'EHLO c' 'VRFY joe' 'MAIL FROM:<>' 'RCPT TO:<a@b>' 'VRFY joe' \
		'RCPT TO:<c@b>' DATA x . 'MAIL FROM:<>' 'RCPT TO:<a@b>' RSET \
		'MAIL FROM:<>' 'RCPT TO:<c@b>' DATA x . 'VRFY joe' QUIT |
		serve --vrfy -r 1 --lookup 'echo "${SMTP_ID-none}" >>"$BOX/ids"'
	codes_are 220 250 250 250 250 250 452 354 250 250 250 250 250 250 354 \
		250 250 221
	mapfile -t ids <"$BOX/ids"
	one=$(variable SMTP_ID 1) two=$(variable SMTP_ID 2)
	[ "${ids[*]}" = "none $one $one ${ids[3]} $two none" ] ||
		fail "${ids[*]}"
	[ "$one" != "${ids[3]}" ] && [ "${ids[3]}" != "$two" ]
	[ "$one" != "$two" ] && [ "$one" != none ]
}

# header: of the first message, less Received's lines.
header() {
	sed -e '/^\r*$/q' -e '/^Received:/d; /^\t/d' "$(message "${1:-1}")"
}

# fields COMMAND [option ...]: a letter to two, with that look-up.
fields() {
	rm -f "$BOX"/*
	say 'EHLO c' 'MAIL FROM:<>' 'RCPT TO:<a@b>' 'RCPT TO:<c@b>' DATA \
		"${LETTER:-Subject: x}" '' y . QUIT |
		serve --lookup "$1" "${@:2}"
}

@test "PREPEND: fields before Received, in order, each once" {
	fields 'echo "PREPEND X-One: 1"; echo name; echo "PREPEND X-To:$LOCAL"
		echo "prepend  X-Two : two words "' --return-path
	[ "$(header)" = 'Return-Path: <>
X-One: 1
X-To:a
X-Two : two words
X-To:c
Subject: x' ] || fail "$(header)"
	sed -n 6p "$(message)" | grep '^Received: '
}

@test "PREPEND: in every run, and where we add no other field" {
	fields 'echo "PREPEND X-One: 1"' -r 1 --no-received
	reply_is 5 '452 4.5.3'
	fields 'echo "PREPEND X-One: 1"' --no-received --crlf
	[ "$(header)" = $'X-One: 1\r\nSubject: x\r\n\r' ] || fail "$(header)"
	LETTER='no field'
	fields 'echo "PREPEND X-One: 1"' --no-received
	[ "$(cat "$(message)")" = $'X-One: 1\n\nno field\n\ny' ]
	fields true --no-received
	[ "$(cat "$(message)")" = $'no field\n\ny' ]
	say 'LHLO c' 'MAIL FROM:<>' 'RCPT TO:<a@b>' 'RCPT TO:<c@b>' DATA . \
		QUIT | serve --lmtp --lookup 'echo "PREPEND X-To: $1"'
	delivered 3
	[ "$(header 2)" = $'X-To: a@b\nX-To: c@b' ]
	[ "$(header 3)" = $'X-To: a@b\nX-To: c@b' ]
}

@test "PREPEND: of RCPT with exit 0 alone, and RSET forgets it" {
	say 'EHLO c' 'VRFY joe' 'MAIL FROM:<>' 'RCPT TO:<a@b>' RSET 'VRFY joe' \
		'MAIL FROM:<>' 'RCPT TO:<no@b>' 'RCPT TO:<postmaster@b>' \
		'VRFY joe' 'RCPT TO:<c@b>' DATA 'Subject: x' . 'MAIL FROM:<>' \
		'RCPT TO:<last@b>' DATA 'Subject: y' . QUIT |
		serve --vrfy --lookup 'echo "PREPEND X-Who: $1"
		case $1 in *@b) ;; *) echo "Joe Smith <joe@b>" ;; esac
		case $LOCAL in no | postmaster) exit 67 ;; esac'
	reply_is 3 '250 2.1.5 Joe Smith <joe@b>'
	[ "$(header 1)" = $'X-Who: c@b\nSubject: x' ] || fail "$(header 1)"
	[ "$(header 2)" = $'X-Who: last@b\nSubject: y' ]
}

@test "PREPEND: what is no field, or has no room, is left out and logged" {
	bad() {
		fields "printf 'PREPEND $1\\n'"
		[ "$(header)" = 'Subject: x' ] || fail "$(header)"
		logged "lookup client=unknown to=a@b prepend=.* error=\"$2"
	}
	bad '' 'is no header field'
	bad 'X-One' 'is no header field'
	bad ': 1' 'is no header field'
	bad 'X One: 1' 'is no header field'
	bad 'X\303\266: 1' 'is no header field'
	bad 'X-One: \001' 'is no header field'
	bad 'X-One: a\rb' 'is no header field'
	bad 'X-One: \377' 'is no header field'
	bad "X-One: $(printf %0992d 1)" 'is longer than a line may be'
	bad "X-One: $(printf %03000d 1)" 'is longer than a line may be'
	fields "printf 'PREPEND X: %0995d\\n' 1"
	[ "$(header | head -n 1 | wc -c)" -eq 999 ]
	fields 'for i in 1 2 3 4 5; do printf "PREPEND X$i: %0994d\n" 1; done
		echo "PREPEND Y: 1"; echo "PREPEND Z: 1"'
	[ "$(header | cut -d: -f1 | xargs)" = 'X1 X2 X3 X4 Y Z Subject' ]
	[ "$(grep -c 'error="has no room' "$LOG")" -ge 2 ]
}
