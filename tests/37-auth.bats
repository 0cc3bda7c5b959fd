#!/usr/bin/env bats
# --auth: who sends, by a command's word; and TLS before us.
# shellcheck disable=SC2016 # the words are the command's
load helper

NAME=joe@example.org
SECRET=s3cr3t-Zq7wN3xKf9
CLEAR=(--auth-in-clear)

# Base64 of octets, printf's escapes understood.
b64() {
	printf '%b' "$1" | base64 -w 0
}

# plain NAME PASSWORD [IDENTITY]: PLAIN's message.
plain() {
	b64 "${3:-}\0000$1\0000$2"
}

# proves COMMAND [LINE ...]: a session of these lines; else a good PLAIN.
proves() {
	local command=$1
	shift
	[ $# -gt 0 ] || set -- "AUTH PLAIN $(plain "$NAME" "$SECRET")"
	say 'EHLO client.example' "$@" QUIT |
		serve "${CLEAR[@]}" --auth "$command" "${OPTIONS[@]}"
	exited 0
}

# answer_is REPLY COMMAND [LINE ...]: to the last of them.
answer_is() {
	proves "${@:2}"
	[ "$(tr -d '\r' <"$REPLIES" | grep '^[0-9]* ' | tail -n 2 |
		head -n 1 | cut -c "1-${#1}")" = "$1" ] || fail "not $1"
}

# After either mechanism: COMMAND was asked, or was not.
asked() {
	[ -e "$BOX/asked" ] || fail 'it was not asked'
	rm "$BOX/asked"
}

not_asked() {
	[ ! -e "$BOX/asked" ] || fail 'it was asked'
}

# All lines of the log of this event, without what each line begins with.
events() {
	sed -n "s/^smtpd\[[0-9]*\]: \($1 \)/\1/p" "$LOG"
}

no_secret() {
	local word
	for word in "$@" "$SECRET" "$(b64 "$SECRET")" \
		"$(plain "$NAME" "$SECRET")"; do
		! grep -qF -- "$word" "$LOG" "$REPLIES" || fail "it shows $word"
	done
}

# ---- the mechanisms ----

@test "PLAIN with the command, and behind an empty 334 (RFC 4954, 4)" {
	proves true
	codes_are 220 250 235 221
	reply_is 3 '235 2.7.0 '
	proves true 'AUTH PLAIN' "$(plain joe x joe)"
	codes_are 220 250 334 235 221
	grep -q $'^334 \r$' "$REPLIES"
}

@test "LOGIN in three steps, and with the name on the line" {
	proves true 'AUTH LOGIN' "$(b64 joe)" "$(b64 x)"
	codes_are 220 250 334 334 235 221
	grep -q $'^334 VXNlcm5hbWU6\r$' "$REPLIES"
	grep -q $'^334 UGFzc3dvcmQ6\r$' "$REPLIES"
	proves true "auth login $(b64 joe)" "$(b64 x)"
	codes_are 220 250 334 235 221
	grep -q $'^334 UGFzc3dvcmQ6\r$' "$REPLIES"
}

@test "after HELO, in LMTP after LHLO, not before either" {
	say 'HELO c' "AUTH PLAIN $(plain joe x)" QUIT |
		serve "${CLEAR[@]}" --auth true
	codes_are 220 250 235 221
	say "AUTH PLAIN $(plain joe x)" 'LHLO c' "AUTH PLAIN $(plain joe x)" \
		QUIT | serve "${CLEAR[@]}" --auth true --lmtp
	codes_are 220 503 250 235 221
	reply_is 2 '503 5.5.1'
}

@test "what is no proof is 501 5.5.2, and nobody is asked" {
	local word
	for word in A AB AGE '=' '====' "$(plain joe x)=" "$(plain joe x)*" \
		"$(plain joe x) x" "$(b64 'joe')" "$(b64 '\0000joe')" \
		"$(plain joe 'x\0000')" "$(plain '' x)" "$(plain joe '')" \
		"$(plain -joe x)" "$(plain '() {' x)" "$(plain 'j\001e' x)" \
		"$(plain 'j\0366e' x)" "$(plain "$(printf '%0256d' 0)" x)"; do
		answer_is '501 5.5.2' ': >"$BOX/asked"' "AUTH PLAIN $word"
		not_asked
	done
	for word in '=' "$(b64 'x\0000')" A; do
		answer_is '501 5.5.2' ': >"$BOX/asked"' 'AUTH LOGIN am9l' "$word"
		not_asked
	done
	answer_is '501 5.7.0' ': >"$BOX/asked"' 'AUTH LOGIN' '*'
	answer_is '504 5.5.4' ': >"$BOX/asked"' 'AUTH CRAM-MD5'
	answer_is '503 5.5.1' true "AUTH PLAIN $(plain joe x)" \
		"AUTH PLAIN $(plain joe x)"
	answer_is '503 5.5.1' ': >"$BOX/asked"' 'MAIL FROM:<>' \
		"AUTH PLAIN $(plain joe x)"
	not_asked
}

@test "to be somebody else is 535, and nobody is asked" {
	answer_is '535 5.7.8' ': >"$BOX/asked"' \
		"AUTH PLAIN $(plain joe x ann)"
	not_asked
	logged 'auth client=unknown method=PLAIN user=joe reply="535 5.7.8"'
}

@test "lines up to 4096 octets: 500 5.5.2 past it, 500 5.5.6 in the dialogue" {
	answer_is '235' ': >"$BOX/asked"' \
		"AUTH PLAIN $(plain "$(printf '%0255d' 1)" "$(printf '%091d' 1)" \
		"$(printf '%0255d' 1)")"   # 817 octets
	asked
	answer_is '535 5.7.8' ': >"$BOX/asked"' 'AUTH PLAIN' \
		"$(plain joe "$(printf '%03064d' 1)")"   # 4094
	not_asked
	answer_is '501 5.5.2' true 'AUTH PLAIN' "$(printf '%04094d' 1)"
	answer_is '500 5.5.6' true 'AUTH PLAIN' "$(printf '%04095d' 1)"
	answer_is '500 5.5.6' true 'AUTH LOGIN' am9l "$(printf '%0300000d' 1)"
	answer_is '250 2.0.0' true 'AUTH PLAIN' "$(printf '%04095d' 1)" NOOP
	answer_is '501 5.5.2' true "AUTH PLAIN $(printf '%04083d' 1)"
	answer_is '500 5.5.2' true "AUTH PLAIN $(printf '%04084d' 1)"
	logged 'refuse client=unknown verb=AUTH reply="500 5.5.2"'
}

# ---- the command's word ----

@test "exit 0 is 235, whatever it says; 1 and 100 are 535" {
	answer_is '235 2.7.0' 'echo secret; echo 535 5.7.8 no'
	! grep -q secret "$REPLIES" || fail 'its output reached the client'
	logged 'output client=unknown line=secret'
	answer_is '535 5.7.8' 'exit 1'
	answer_is '535 5.7.8' 'exit 100'
	answer_is '535 5.7.8' 'echo no such user; exit 100'
}

@test "anything else is our fault, 454: statuses, a traceback, signals" {
	for status in 2 64 67 69 75 77 99 101 111 126 127 255; do
		answer_is '454 4.7.0' "exit $status"
	done
	answer_is '454 4.7.0' 'echo Traceback; exit 1'
	answer_is '454 4.7.0' 'echo; exit 1'
	answer_is '454 4.7.0' 'echo >&2; exit 1'
	answer_is '454 4.7.0' 'kill -SEGV $$'
	answer_is '454 4.7.0' 'kill $$'
	answer_is '454 4.7.0' '/no/such/program'
	answer_is '454 4.7.0' 'if then'
	answer_is '454 4.7.0' 'echo 550 5.7.1 no; exit 75'
}

@test "a 454 says why in its auth line" {
	local auth='^smtpd.* auth client=unknown method=PLAIN user=joe@.*'
	why() {
		answer_is '454 4.7.0' "$1"
		logged "$auth $2 reply=\"454 4.7.0\"\$"
	}
	why 'exit 75' exit=75
	why 'echo Traceback; exit 1' exit=1
	why 'kill -SEGV $$' signal=11
	why 'exec yes' 'signal=[0-9]* error="too much output"'
	OPTIONS=(-t 1)
	why 'exec sleep 300' 'signal=15 timeout=yes'
}

@test "one that hangs is 454 in its time, and all of it is gone" {
	OPTIONS=(-t 1)
	answer_is '454 4.7.0' 'echo $$ >"$BOX/pids"; sleep 300 &
		echo $! >>"$BOX/pids"; wait; exit 0'
	all_gone
	answer_is '454 4.7.0' 'trap "" TERM; echo $$ >"$BOX/pids"
		while :; do sleep 300; done'
	all_gone
	answer_is '235 2.7.0' 'sleep 300 >/dev/null 2>&1 & echo $! >"$BOX/pids"'
	all_gone
}

@test "more than 64 KiB of output is 454, and is not logged whole" {
	answer_is '454 4.7.0' 'echo $$ >"$BOX/pids"
		yes 0123456789 | head -c 10000000; exit 0'
	all_gone
	[ "$(wc -c <"$LOG")" -lt 2000000 ]
	answer_is '235 2.7.0' 'head -c 65536 /dev/zero'
	answer_is '454 4.7.0' 'head -c 65537 /dev/zero; exit 1'
}

@test "one that does not read is asked all the same" {
	answer_is '235 2.7.0' 'exec 3<&-; exit 0'
	answer_is '535 5.7.8' 'exec 3<&-; exit 1'
}

@test "a signal while it runs: its answer, 421 4.3.2, and nothing more" {
	python_case 100 lib/signals.py proving SIGTERM SIGINT SIGHUP
}

# ---- what it gets ----

@test "name, password and time on descriptor 3, and then its end" {
	local line three=$BOX/three now
	for line in "AUTH PLAIN $(plain "j\303\266 e" ' \001p\377 ')" \
		"AUTH LOGIN $(b64 "j\303\266 e")"; do
		now=$(date +%s)
		proves 'cat <&3 >"$BOX/three"; cat >"$BOX/in"' "$line" \
			"$(b64 ' \001p\377 ')"
		printf 'j\303\266 e\0 \001p\377 \0' >"$BOX/want"
		head -c "$(wc -c <"$BOX/want")" "$three" | cmp - "$BOX/want"
		tail -c 12 "$three" | tr '\0' x | grep -qE '^x[0-9]{10}x$' ||
			fail 'no time'
		[ "$(wc -c <"$three")" -eq $(($(wc -c <"$BOX/want") + 11)) ]
		[ "$(tail -c 11 "$three" | tr -d '\0')" -ge "$now" ]
		[ "$(tail -c 11 "$three" | tr -d '\0')" -le "$(date +%s)" ]
		[ ! -s "$BOX/in" ]
	done
}

@test "512 octets at most: one more is 535, and it is not asked" {
	local command='cat <&3 >"$BOX/three"; : >"$BOX/asked"'
	answer_is '235 2.7.0' "$command" \
		"AUTH PLAIN $(plain "$(printf '%0200d' 0)" "$(printf '%0299d' 0)")"
	asked
	[ "$(wc -c <"$BOX/three")" -eq 512 ]
	answer_is '535 5.7.8' "$command" \
		"AUTH PLAIN $(plain "$(printf '%0200d' 0)" "$(printf '%0300d' 0)")"
	not_asked
	logged "auth client=unknown method=PLAIN user=0* reply=\"535 5.7.8\""
	answer_is '535 5.7.8' "$command" "AUTH LOGIN $(b64 joe)" \
		"$(b64 "$(printf '%02000d' 0)")"
	not_asked
}

@test "it runs with no other descriptor, signal or group of ours" {
	proves 'ls /proc/self/fd | paste -sd " "; ps -o pgid= -p $$ |
		tr -d " "; echo $$; grep -E "^Sig(Blk|Ign)" /proc/self/status' \
		'NOOP' "AUTH PLAIN $(plain joe x)"
	# 4 is the folder that ls reads
	logged 'line="0 1 2 3 4"'
	[ "$(sed -n 's/.* line=\([0-9]*\)$/\1/p' "$LOG" | sort -u | wc -l)" -eq 1 ]
	[ "$(grep -c 'line="Sig...:.x090000000[01]80*"\|Sig...:.x090*"' \
		"$LOG")" -eq 2 ] || fail 'signals'
}

@test "its environment: the method and what is known, nobody's name" {
	local name
	for name in SASL_USERNAME REMOTE_USER RECIPIENT RECIPIENTS SENDER \
		LOCAL SMTP_ID SMTP_VERB FORWARD_RECIPIENTS SASL_METHOD \
		CLIENT_PROTOCOL; do
		export "$name=stale"
	done
	say 'EHLO client.example' "AUTH LOGIN $(b64 "$NAME")" \
		"$(b64 "$SECRET")" QUIT |
		TCPREMOTEIP=192.0.2.7 PROTO=TCP serve "${CLEAR[@]}" \
		--auth 'env | sort >"$BOX/env"
			cat /proc/$$/environ /proc/$$/cmdline \
				/proc/$PPID/environ /proc/$PPID/cmdline >"$BOX/all"'
	codes_are 220 250 334 235 221
	! grep -q '=stale$' "$BOX/env" || fail "$(cat "$BOX/env")"
	[ "$(grep -E '^(SASL|REMOTE|SENDER|RECIP|CLIENT|SMTP_|LOCAL|PROTO)' \
		"$BOX/env")" = 'CLIENT_ADDRESS=192.0.2.7
CLIENT_HELO=client.example
CLIENT_PROTOCOL=ESMTP
PROTO=TCP
REMOTE_ADDR=192.0.2.7
SASL_METHOD=LOGIN' ] || fail "$(cat "$BOX/env")"
	for name in "$NAME" "$SECRET" "$(b64 "$NAME")" "$(b64 "$SECRET")"; do
		! grep -qaF -- "$name" "$BOX/all" || fail "it shows $name"
	done
}

@test "replies that are due leave before it is asked" {
	mkfifo "$BATS_TEST_TMPDIR/go"
	export GO=$BATS_TEST_TMPDIR/go
	say 'EHLO c' 'NOOP' "AUTH PLAIN $(plain joe x)" QUIT |
		timeout 20 "$SMTPD" -n mx "${CLEAR[@]}" --auth 'read -r x <"$GO"' \
		-- "$CATCH" 2>"$LOG" | tee "$REPLIES" | {
			while read -r line; do
				case $line in '250 2.0.0'*) break ;; esac
			done
			# it waits for us, and we have NOOP's reply
			echo now >"$GO"
			cat >/dev/null
		}
	codes_are 220 250 250 235 221
}

@test "who authenticated may relay, who did not may not, RELAYCLIENT as ever" {
	local relay=('MAIL FROM:<a@b>' 'RCPT TO:<c@elsewhere.example>' RSET)
	OPTIONS=(-d example.org --lookup ': >"$BOX/asked"; exit 67')
	proves '[ "$(tr "\0" "\n" <&3 | sed -n 2p)" = x ]' "${relay[@]}" \
		"AUTH PLAIN $(plain joe y)" "${relay[@]}" \
		"AUTH PLAIN $(plain joe x)" "${relay[@]}" 'EHLO d' "${relay[@]}" \
		'MAIL FROM:<a@b>' 'RCPT TO:<no@example.org>'
	codes_are 220 250 250 550 250 535 250 550 250 235 250 251 250 \
		250 250 251 250 250 550 221
	reply_is 4 '550 5.7.1'
	reply_is 19 '550 5.1.1'
	asked
	say 'EHLO c' "${relay[@]}" QUIT | RELAYCLIENT='' serve -d example.org \
		"${CLEAR[@]}" --auth 'exit 1'
	codes_are 220 250 250 251 250 221
}

@test "the name and the way for look-up and command, and in Received" {
	OPTIONS=(-d example.org --lookup 'env >"$BOX/lookup"')
	proves true "AUTH LOGIN $(b64 'J\0303\0266 O''"''x')" "$(b64 x)" \
		"${HELLO[@]:1}" 'RCPT TO:<x@elsewhere.example>' DATA x .
	codes_are 220 250 334 235 250 250 251 354 250 221
	for name in SASL_USERNAME REMOTE_USER; do
		[ "$(variable $name)" = 'Jö O"x' ] || fail $name
		grep -qxF "$name=Jö O\"x" "$BOX/lookup"
	done
	[ "$(variable SASL_METHOD)" = LOGIN ]
	[ "$(variable CLIENT_PROTOCOL)" = ESMTPA ]
	[ "$(variable FORWARD_RECIPIENTS)" = x@elsewhere.example ]
	grep -qx SASL_METHOD=LOGIN "$BOX/lookup"
	grep -qx CLIENT_PROTOCOL=ESMTPA "$BOX/lookup"
	grep -q 'with ESMTPA id ' "$(message)"
	logged 'message id=[0-9a-f]* client=unknown user="J\\xC3\\xB6 O\\x22x" '
}

@test "who did not authenticate has none of these, whatever was inherited" {
	export SASL_USERNAME=stale SASL_METHOD=stale REMOTE_USER=stale
	OPTIONS=(-d example.org --lookup 'env >"$BOX/lookup"')
	proves 'exit 1' "AUTH PLAIN $(plain joe x)" "${HELLO[@]:1}" \
		'RCPT TO:<x@elsewhere.example>' DATA x .
	codes_are 220 250 535 250 250 550 354 250 221
	for name in SASL_USERNAME SASL_METHOD REMOTE_USER; do
		! variable $name || fail $name
		! grep "^$name=" "$BOX/lookup" || fail $name
	done
	[ "$(variable CLIENT_PROTOCOL)" = ESMTP ]
	not_logged user=stale
	OPTIONS=()
	proves true "${HELLO[@]:1}" DATA x .
	! variable SASL_USERNAME 2 || fail 'nobody said AUTH'
}

@test "RSET and EHLO keep it, for every message of the session" {
	proves true "AUTH PLAIN $(plain joe x)" RSET 'EHLO d' "${HELLO[@]:1}" \
		DATA x . "${HELLO[@]:1}" DATA y .
	delivered 2
	[ "$(variable SASL_USERNAME 1)$(variable SASL_USERNAME 2)" = joejoe ]
}

@test "the protocol's names in Received (RFC 3848, 6531)" {
	local auth mail
	auth="AUTH PLAIN $(plain joe x)"
	mail="${HELLO[2]}"
	with() {
		[ "$(variable CLIENT_PROTOCOL)" = "$1" ] || fail "not $1"
		grep -q "with $1 id " "$(message)" || fail "Received: not $1"
		rm "$BOX"/*
	}
	proves true "$auth" 'MAIL FROM:<a@b> SMTPUTF8' "$mail" DATA x .
	with UTF8SMTPA
	OPTIONS=(--tls)
	proves true "${HELLO[1]}" "$mail" DATA x .
	with ESMTPS
	proves true "$auth" "${HELLO[1]}" "$mail" DATA x .
	with ESMTPSA
	proves true "$auth" 'MAIL FROM:<a@b> SMTPUTF8' "$mail" DATA x .
	with UTF8SMTPSA
	proves true 'HELO c' "$auth" "${HELLO[1]}" "$mail" DATA x .
	with SMTP
	say 'LHLO c' "$auth" "${HELLO[1]}" "$mail" DATA x . QUIT |
		serve --lmtp --tls --auth true
	with LMTPSA
	say 'LHLO c' "$auth" 'MAIL FROM:<> SMTPUTF8' "$mail" 'BDAT 3 LAST' x \
		QUIT | serve --lmtp "${CLEAR[@]}" --auth true
	with UTF8LMTPA
}

# Some clients go on behind a 454; dma bounces at any 5xx.
@test "behind a 454 what needs AUTH is 451, until there is a verdict" {
	local good away='RCPT TO:<c@elsewhere.example>'
	good="AUTH PLAIN $(plain joe x)"
	printf '%s\n' 75 75 1 0 >"$BOX/status"
	OPTIONS=(-d example.org)
	proves 'read -r status <"$BOX/status"; sed -i 1d "$BOX/status"
		exit "$status"' "$good" "${HELLO[1]}" "$away" DATA \
		"${HELLO[2]}" RSET "$good" 'EHLO d' "${HELLO[1]}" "$away" RSET \
		"$good" "${HELLO[1]}" "$away" RSET "$good" "${HELLO[1]}" "$away"
	codes_are 220 250 454 250 451 451 250 250 454 250 250 451 250 \
		535 250 550 250 235 250 251 221
	reply_is 5 '451 4.7.0'
	reply_is 6 '451 4.3.0'
	logged 'refuse client=unknown verb=RCPT reply="451 4.7.0" to=c@else'
	OPTIONS=(--require-auth --vrfy)
	proves 'exit 75' "${HELLO[1]}" "$good" "${HELLO[1]}" 'VRFY joe'
	codes_are 220 250 530 454 451 451 221
}

# ---- the log ----

@test "an auth line for each 235, 535 and 454, a refuse line for the rest" {
	local good
	good=$(plain "$NAME" "$SECRET")
	OPTIONS=(--max-errors 0)
	printf '%s\n' 1 100 75 0 >"$BOX/status"
	proves 'read -r status <"$BOX/status"; sed -i 1d "$BOX/status"
		exit "$status"' "AUTH PLAIN $good" "AUTH LOGIN $(b64 'a b"')" \
		"$(b64 "$SECRET")" "AUTH PLAIN $good" 'AUTH X' 'AUTH LOGIN' '*' \
		'AUTH PLAIN x' "AUTH PLAIN $(plain "$NAME" "$SECRET" x)" AUTH \
		"AUTH PLAIN $good" "AUTH PLAIN $good"
	[ "$(sed 's/^smtpd\[[0-9]*\]: //; /^close/d' "$LOG")" = \
'auth client=unknown method=PLAIN user=joe@example.org reply="535 5.7.8"
auth client=unknown method=LOGIN user="a b\x22" reply="535 5.7.8"
auth client=unknown method=PLAIN user=joe@example.org exit=75 reply="454 4.7.0"
refuse client=unknown verb=AUTH reply="504 5.5.4"
refuse client=unknown verb=AUTH reply="501 5.7.0"
refuse client=unknown verb=AUTH reply="501 5.5.2"
auth client=unknown method=PLAIN user=joe@example.org reply="535 5.7.8"
refuse client=unknown verb=AUTH reply="501 5.5.4"
auth client=unknown method=PLAIN user=joe@example.org reply="235 2.7.0"
refuse client=unknown verb=AUTH reply="503 5.5.1"' ] || fail 'events'
	no_secret
}

@test "one wrong password too many is 421, and its auth line says so" {
	local wrong
	wrong="AUTH PLAIN $(plain joe x)"
	OPTIONS=(--max-errors 3)
	proves 'exit 1' "$wrong" "$wrong" "$wrong" "$wrong"
	codes_are 220 250 535 535 421
	reply_is 5 '421 4.7.0'
	[ "$(events auth | tail -n 1)" = \
		'auth client=unknown method=PLAIN user=joe reply="421 4.7.0"' ]
	[ "$(events auth | wc -l)" -eq 3 ]
	[ -z "$(events refuse)" ]
	logged 'close client=unknown reason=errors'
	proves 'exit 75' "$wrong" "$wrong" "$wrong" "$wrong"
	codes_are 220 250 454 454 454 454 221
}

@test "--verbose shows verb and mechanism, of a dialogue nothing" {
	local hidden
	OPTIONS=(--verbose)
	proves true "AUTH PLAIN $(plain "$NAME" "$SECRET")"
	no_secret
	[ "$(events command | tail -n 2)" = \
'command client=unknown line="AUTH PLAIN"
command client=unknown line=QUIT' ]
	proves true 'AUTH LOGIN' "$(b64 "$NAME")" "$(b64 "$SECRET")"
	no_secret "$(b64 "$NAME")"
	[ "$(events command | wc -l)" -eq 3 ]
	# what a client says that was refused, and goes on
	for hidden in XOAUTH2 CRAM-MD5; do
		proves true "AUTH $hidden $(b64 "$SECRET")" "$(b64 "$SECRET")" \
			"$SECRET" NOOP
		no_secret
		[ "$(events command | sed -n 2,5p)" = \
"command client=unknown line=\"AUTH $hidden\"
command client=unknown length=24
command client=unknown length=17
command client=unknown line=NOOP" ] || fail "$(events command)"
	done
	CLEAR=()
	proves true 'AUTH LOGIN' "$(b64 "$NAME")" "$(b64 "$SECRET")"
	no_secret "$(b64 "$NAME")"
	say 'EHLO c' 'AUTH LOGIN' "$(b64 "$NAME")" "$(b64 "$SECRET")" \
		"AUTH PLAIN $(plain "$NAME" "$SECRET")" QUIT | serve --verbose
	codes_are 220 250 502 500 500 502 221
	no_secret "$(b64 "$NAME")"
}

@test "--verbose shows no word of AUTH that may be more than a mechanism" {
	local line secret
	secret=$(plain "$NAME" "$SECRET")
	for CLEAR in '--auth-in-clear --auth true' ''; do
		for line in "$secret" "PLAIN:$secret" "PLAIN=$secret" \
			"LOGIN,$secret" "PLAIN\0001$secret" \
			"PLAIN\0013 $secret"; do
			# shellcheck disable=SC2086 # options
			octets "EHLO c\r\nAUTH $line\r\n$secret\r\nQUIT\r\n" |
				serve --verbose $CLEAR
			no_secret
			[ "$(events command | sed -n 2,3p)" = \
"command client=unknown line=AUTH
command client=unknown length=${#secret}" ] || fail "$(events command)"
		done
		for line in "AUTH=PLAIN $secret" "AUTHPLAIN $secret" \
			"AUTH: PLAIN $secret" "AUTH,PLAIN $secret" \
			"XAUTH PLAIN $secret" "\"AUTH\" PLAIN $secret"; do
			# shellcheck disable=SC2086 # options
			say 'EHLO c' "$line" "$SECRET" QUIT |
				serve --verbose $CLEAR
			codes_are 220 250 500 500 221
			no_secret
			[ "$(events command | sed -n 2,3p)" = \
"command client=unknown length=${#line}
command client=unknown length=17" ] || fail "$(events command)"
		done
	done
	octets "EHLO c\r\nAUTH\0001PLAIN $secret\r\nQUIT\r\n" |
		serve --verbose
	no_secret
	logged ' command client=unknown line=AUTH$'
}

@test "no log line has more lines than one, whatever the name is" {
	OPTIONS=(--verbose)
	proves true "AUTH PLAIN $(plain 'x reply="235" \0134 \0302\0205' x)"
	[ "$(events auth)" = 'auth client=unknown method=PLAIN user="x reply=\x22235\x22 \x5C \xC2\x85" reply="235 2.7.0"' ] ||
		fail "$(events auth)"
}

# ---- where it is offered, what has to come first ----

# The lines of EHLO about AUTH and STARTTLS.
offers() {
	say 'EHLO c' "AUTH PLAIN $(plain joe x)" QUIT | serve "$@"
	sed -n 's/\r$//; s/^250[- ]\(.*AUTH.*\|STARTTLS.*\)/\1/p' "$REPLIES"
}

@test "AUTH is offered in TLS, or with --auth-in-clear everywhere" {
	[ -z "$(offers)" ]
	[ -z "$(offers --tls)" ]
	[ -z "$(offers --auth true)" ]
	offers --auth true >/dev/null
	reply_is 3 '538 5.7.11 Not without TLS'
	[ "$(offers --auth true --auth-in-clear)" = 'AUTH PLAIN LOGIN' ]
	[ "$(offers --auth true --tls)" = 'AUTH PLAIN LOGIN' ]
	[ "$(offers --auth true --tls --require-tls)" = 'AUTH PLAIN LOGIN' ]
	offers --auth true --tls --require-tls >/dev/null
	reply_is 3 '235 2.7.0'
	say 'EHLO c' "AUTH PLAIN $(plain joe x)" 'EHLO c' QUIT |
		serve --auth true --tls
	[ "$(grep -c 'AUTH PLAIN LOGIN' "$REPLIES")" -eq 1 ]
}

@test "--require-auth: MAIL, VRFY and EXPN before it are 530, MAIL's count" {
	OPTIONS=(--require-auth --vrfy --max-errors 2)
	proves true 'VRFY joe' 'EXPN joe' 'VRFY joe' MAIL 'MAIL FROM:<a@b>'
	codes_are 220 250 530 530 530 501 421
	logged 'refuse client=unknown verb=VRFY reply="530 5.7.0"'
	OPTIONS=(--require-auth --vrfy)
	proves true "${HELLO[1]}" "${HELLO[2]}" DATA \
		"AUTH PLAIN $(plain joe x)" "${HELLO[@]:1}" DATA x . 'VRFY joe'
	codes_are 220 250 530 503 503 235 250 250 354 250 250 221
	reply_is 3 '530 5.7.0'
	delivered
	say 'LHLO c' "${HELLO[1]}" QUIT |
		serve --lmtp "${CLEAR[@]}" --auth true --require-auth
	codes_are 220 250 530 221
}

# A client is told to come back, the log what is wrong, and nothing is run.
refused() {
	say "${HELLO[@]}" DATA x . QUIT | serve "${@:2}"
	exited 78
	codes_are 421
	reply_is 1 '421 4.3.5'
	logged "config error=\"$1\""
	[ "$(wc -l <"$LOG")" -eq 1 ]
	not_delivered
	ends 78 "$SMTPD" "${@:2}" --check -- cat >"$REPLIES" 2>"$LOG" ||
		fail '--check likes it'
}

@test "an option whose other half is missing is config, 78" {
	local either='needs --auth or --xclient'
	refused "option --require-auth: $either" --require-auth
	refused 'option --auth-in-clear: needs --auth' --auth-in-clear
	refused "option --require-auth: $either" --require-auth --tls
	say QUIT | ends 64 "$SMTPD" --auth '' -- cat >"$REPLIES" 2>"$LOG"
	logged 'option --auth : not a command'
	ends 0 "$SMTPD" --auth true --require-auth --auth-in-clear --check \
		-- cat >"$REPLIES" 2>"$LOG"
}

@test "--require-tls with no way to TLS is config, 78" {
	say "${HELLO[@]}" DATA x . QUIT | serve --require-tls
	exited 78
	codes_are 421
	reply_is 1 '421 4.3.5'
	logged 'config error="option --require-tls: needs '
	not_delivered
	ends 0 "$SMTPD" --require-tls --check -- cat >"$REPLIES" 2>"$LOG"
	say "${HELLO[@]}" DATA x . QUIT | serve --require-tls --tls
	codes_are 220 250 250 250 354 250 221
}

# ---- TLS before us ----

# tls_is NAME [PROTOCOL CIPHER]: of a message of this session.
tls_is() {
	[ "$(variable CLIENT_PROTOCOL)" = "$1" ] || fail "not $1"
	[ "$(variable SSL_PROTOCOL || echo unset)" = "${2-unset}" ] ||
		fail "SSL_PROTOCOL $(variable SSL_PROTOCOL)"
	[ "$(variable SSL_CIPHER || echo unset)" = "${3-unset}" ] ||
		fail "SSL_CIPHER $(variable SSL_CIPHER)"
	rm "$BOX"/*
}

deliver() {
	say "${HELLO[@]}" DATA x . QUIT | "$@"
	delivered
}

@test "--tls, or a launcher's variables where 0 is a pipe" {
	deliver serve
	tls_is ESMTP
	deliver serve --tls
	tls_is ESMTPS
	export SSL_PROTOCOL=TLSv1.3 SSL_CIPHER=TLS_AES_256_GCM_SHA384
	deliver serve
	tls_is ESMTPS TLSv1.3 TLS_AES_256_GCM_SHA384
	deliver serve --require-tls --tls
	tls_is ESMTPS TLSv1.3 TLS_AES_256_GCM_SHA384
	unset SSL_CIPHER
	deliver serve --require-tls
	tls_is ESMTPS TLSv1.3
	unset SSL_PROTOCOL
	export SSL_CIPHER=stray
	deliver serve
	tls_is ESMTP
	deliver serve --tls
	tls_is ESMTPS
	export SOCAT_OPENSSL_PROTO_VERSION=TLSv1.2 SOCAT_OPENSSL_CIPHER=AES128-SHA
	deliver serve
	tls_is ESMTPS TLSv1.2 AES128-SHA
	export SSL_PROTOCOL=TLSv1.3 SSL_CIPHER=''
	deliver serve
	tls_is ESMTPS TLSv1.3
}

@test "a launcher's variable that says nothing makes no TLS" {
	local word
	for word in '' $'TLS\nv1' $'\303\266' $'TLSv1\177' \
		"$(printf '%065d' 0)"; do
		SSL_PROTOCOL=$word SSL_CIPHER=AES deliver serve
		tls_is ESMTP
		SOCAT_OPENSSL_PROTO_VERSION=$word deliver serve
		tls_is ESMTP
		SSL_PROTOCOL=$word SSL_CIPHER=AES deliver serve --tls
		tls_is ESMTPS
		say QUIT | SSL_PROTOCOL=$word serve --require-tls
		exited 78
	done
	SSL_PROTOCOL='' SOCAT_OPENSSL_PROTO_VERSION=TLSv1.2 \
		SOCAT_OPENSSL_CIPHER=AES SSL_CIPHER=x deliver serve
	tls_is ESMTPS TLSv1.2 AES
	SSL_PROTOCOL=$(printf '%064d' 0) SSL_CIPHER=$'x\303\266' deliver serve
	tls_is ESMTPS "$(printf '%064d' 0)"
}

@test "of socat and ncat their own variables count alone, ncat has none" {
	export SSL_PROTOCOL=TLSv1.3 SSL_CIPHER=AES
	SOCAT_PEERADDR=192.0.2.7 deliver serve
	tls_is ESMTP
	SOCAT_PEERADDR=192.0.2.7 SOCAT_OPENSSL_PROTO_VERSION=TLSv1.2 \
		SOCAT_OPENSSL_CIPHER=AES128-SHA deliver serve
	tls_is ESMTPS TLSv1.2 AES128-SHA
	NCAT_REMOTE_ADDR=192.0.2.7 SOCAT_OPENSSL_PROTO_VERSION=TLSv1.2 \
		deliver serve
	tls_is ESMTP
	NCAT_REMOTE_ADDR=192.0.2.7 deliver serve --tls
	tls_is ESMTPS
	say 'EHLO c' QUIT | SOCAT_PEERADDR=192.0.2.7 serve --auth true
	! grep -q AUTH "$REPLIES" || fail 'it offers AUTH in clear text'
}

# Behind a socket of its own kind, by python: on_socket unix|tcp [option ...]
on_socket() {
	python3 - "$@" <<-'END'
		import os, socket, subprocess, sys
		if sys.argv[1] == 'unix':
		    ours, theirs = socket.socketpair()
		else:
		    host = '127.0.0.1' if sys.argv[1] == 'tcp' else '::1'
		    family = socket.AF_INET if host[0] == '1' else socket.AF_INET6
		    with socket.create_server((host, 0), family=family) as server:
		        ours = socket.create_connection(server.getsockname()[:2])
		        theirs = server.accept()[0]
		ours.settimeout(20)
		run = subprocess.Popen([os.environ['SMTPD'], '-n', 'mx',
		                        *sys.argv[2:], os.environ['CATCH']],
		                       stdin=theirs, stdout=theirs)
		theirs.close()
		ours.sendall(b'EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n'
		             b'DATA\r\nx\r\n.\r\nQUIT\r\n')
		while ours.recv(65536):
		    pass
		sys.exit(run.wait(20))
	END
}

@test "on an internet socket a stray variable makes no TLS" {
	export SSL_PROTOCOL=TLSv1.3 SSL_CIPHER=AES SOCAT_OPENSSL_CIPHER=x \
		SOCAT_OPENSSL_PROTO_VERSION=TLSv1.2
	on_socket unix
	tls_is ESMTPS TLSv1.3 AES
	for kind in tcp tcp6; do
		on_socket $kind
		tls_is ESMTP
		on_socket $kind --tls
		tls_is ESMTPS TLSv1.3 AES
		ends 78 on_socket $kind --require-tls 2>"$LOG"
	done
}

@test "a client's own words in a launcher's variables: none that is no text" {
	export SSL_CLIENT_S_DN='CN=joe' SSL_CLIENT_I_DN=$'CN=a\nb' \
		SSL_CLIENT_CERT='() { :; }; x' SSL_PEER_CERT=$'x\177' \
		SSL_PEER_NAME='(){ :;}' SSL_TLS_SNI_SERVERNAME=$'a\tb' \
		SOCAT_OPENSSL_X509_SUBJECT='() {' SOCAT_OPENSSL_X509_ISSUER=ok \
		SSL_SERVER_CERT=$'-----\n-----' SSL_CERT_FILE='() {'
	deliver serve
	for name in SSL_CLIENT_I_DN SSL_CLIENT_CERT SSL_PEER_CERT \
		SSL_TLS_SNI_SERVERNAME SOCAT_OPENSSL_X509_SUBJECT; do
		! variable $name || fail "$name is there"
	done
	[ "$(variable SSL_CLIENT_S_DN)" = CN=joe ]
	[ "$(variable SSL_PEER_NAME)" = '(){ :;}' ]
	[ "$(variable SOCAT_OPENSSL_X509_ISSUER)" = ok ]
	[ "$(variable SSL_SERVER_CERT)" = $'-----\n-----' ]
	[ "$(variable SSL_CERT_FILE)" = '() {' ]
}
