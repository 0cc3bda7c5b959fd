#!/usr/bin/env bats
# examples/commands/milter: the real milters, on sockets of their own, and one
# that says what it is told to.
# shellcheck disable=SC2153,SC2154 # helper's variables
load ../helper
load helper

export PROTO=TCP TCPREMOTEIP=192.0.2.7 TCPREMOTEPORT=4711

# milterd: tests/lib/milterd.py, in the place of a milter; $MILTER.
milterd() {
	SAID=$BATS_TEST_TMPDIR/milterd
	mkdir "$SAID"
	does
	PYTHONPATH=$ROOT/tests/lib python_server 'import milterd
milterd.serve(server, sys.argv[1])' "$SAID"
	MILTER=inet:127.0.0.1:$PORT
}

# does STEP=ANSWER ...: from the next connection on.
does() {
	rm -f "$SAID/heard" "$SAID/bodies"
	: >"$SAID/do"
	[ $# -eq 0 ] || printf '%s\n' "$@" >"$SAID/do"
}

# filtered REPLY [option ...]: by $MILTER, before $CATCH.
filtered() {
	# shellcheck disable=SC2086 # words
	posted "$1" "${OPTIONS[@]}" -- "$COMMANDS/milter" "${@:2}" $MILTER \
		-- "$CATCH"
}

# heard LINE ...: among what the milter was told, in this order, with nothing
# else of their letters.
heard() {
	local letters
	letters=$(printf '%.1s' "$@")
	grep "^[$letters] " "$SAID/heard" | diff - <(printf '%s\n' "$@") ||
		fail 'not heard so'
}

# not_heard TEXT ...: in no macro.
not_heard() {
	local text
	for text; do
		! grep '^D' "$SAID/heard" | grep -F "$text" || fail "$text"
	done
}

# header_is LINE ...: of what came last; its body is the letter's.
header_is() {
	local got
	got=$(message "$(deliveries)")
	sed '/^$/,$d' "$got" | diff - <(printf '%s\n' "$@") ||
		fail 'not this header'
	sed '1,/^$/d' "$got" | cmp - <(sed '1,/^$/d' "$LETTER")
}

LETTER_HEADER=('From: Ann <ann@example.net>' 'To: <help@example.org>,'
	' joe@example.org' 'Subject: a letter'
	'Message-ID: <letter@example.net>')

# ---- what a milter is told ----

@test "milter: it is told all of a message, in the order and words of Postfix" {
	milterd
	TO=('"a b"@example.org' joe+x@example.org)
	filtered '250 2.0.0'
	cmp "$(message)" "$LETTER"
	heard $'C [192.0.2.7]|4\\x12g192.0.2.7|' 'H client.example|' \
		'M <ann@example.net>|' 'R <"a b"@example.org>|' \
		'R <joe+x@example.org>|' 'T ' 'L From|Ann <ann@example.net>|' \
		'L To|<help@example.org>,\n joe@example.org|' \
		'L Subject|a letter|' 'L Message-ID|<letter@example.net>|' \
		'N ' 'B 58' 'E ' 'Q '
	cmp "$SAID/bodies" <(sed -e '1,/^$/d' -e 's/$/\r/' "$LETTER")
	[ "$(sed -n 1p "$SAID/heard")" = \
		'O |||\x06||\x01\xff|\x1f\xff\xff' ]
}

@test "milter: parameters, an IPv6 client, no sender, what is no UTF-8" {
	milterd
	export TCPREMOTEIP=2001:db8::7
	LETTER=$BATS_TEST_TMPDIR/odd
	printf 'X:\ty\xff\nA : b\nB:\nC:  two\nN:a\0b\n\n\n' >"$LETTER"
	{
		say 'LHLO c' 'MAIL FROM:<> BODY=8BITMIME SIZE=9' \
			'RCPT TO:<a@x> NOTIFY=NEVER' DATA
		sed 's/$/\r/' "$LETTER"
		say . QUIT
	} | serve --lmtp --dsn --no-received -- \
		"$COMMANDS/milter" "$MILTER" -- "$CATCH"
	cmp "$(message)" "$LETTER"
	heard $'C [2001:db8::7]|6\\x12g2001:db8::7|' \
		'M <>|BODY=8BITMIME|SIZE=9|' 'R <a@x>|NOTIFY=NEVER|' \
		'L X|\ty\xff|' 'L A|b|' 'L B||' \
		'L C| two|' 'L N|ab|' 'B 2'
}

@test "milter: the space behind the colon, where it was asked for" {
	milterd
	does steps=0x100000 'E=hX-A\0b\0|hX-B\0 \tc\0|c'
	filtered '250 2.0.0'
	heard 'L From| Ann <ann@example.net>|' \
		'L To| <help@example.org>,\n joe@example.org|' \
		'L Subject| a letter|' 'L Message-ID| <letter@example.net>|'
	header_is "${LETTER_HEADER[@]}" X-A:b 'X-B: 	c'
	does 'E=hX-A\0b\0|hX-B\0 \tc\0|c'
	filtered '250 2.0.0'
	header_is "${LETTER_HEADER[@]}" 'X-A: b' 'X-B:  	c'
}

@test "milter: the body has CR LF, in chunks of 65535 octets; SKIP ends them" {
	milterd
	write_letter
	yes 'a line of the body' | head -n 9000 >>"$LETTER"
	for option in --no-received --crlf; do
		does
		OPTIONS=("$option")
		filtered '250 2.0.0'
		heard 'B 65535' 'B 65535' 'B 48988' 'E '
		cmp "$SAID/bodies" <(sed -e '1,/^$/d' -e 's/$/\r/' "$LETTER")
	done
	does B2=s
	filtered '250 2.0.0'
	heard 'B 65535' 'B 65535' 'E '
	cmp "$(message 3)" <(sed 's/$/\r/' "$LETTER")
	delivered 3
}

@test "milter: octets of a body that are no lines, or no text, stay so" {
	milterd
	printf 'Subject: x\r\n\r\na\0\r\n\nb\rc' >"$BATS_TEST_TMPDIR/octets"
	for now in c 'hX\0y\0|c'; do
		does "E=$now"
		{
			say "${HELLO[@]}" 'BDAT 22 LAST'
			cat "$BATS_TEST_TMPDIR/octets"
			say QUIT
		} | sed 's/example.net>/& BODY=BINARYMIME/' |
			serve --no-received --crlf -- "$COMMANDS/milter" \
				"$MILTER" -- "$CATCH"
		reply_is 5 '250 2.0.0'
		printf 'a\0\r\n\nb\rc' | cmp - "$SAID/bodies"
	done
	cmp "$(message)" "$BATS_TEST_TMPDIR/octets"
	printf 'Subject: x\r\nX: y\r\n\r\na\0\r\n\nb\rc' | cmp - "$(message 2)"
}

@test "milter: a CR before a line's end is the client's, and makes no CR LF" {
	milterd
	does 'E=hX\0y\0|c'
	{
		say "${HELLO[@]}" DATA
		printf '%s\r\n' $'A: a\r' 'B: b' $'C: c\r' '' body . QUIT
	} | serve --no-received -- "$COMMANDS/milter" "$MILTER" -- "$CATCH"
	printf 'body\r\n' | cmp - "$SAID/bodies"
	printf 'A: a\r\nB: b\nC: c\r\nX: y\n\nbody\n' | cmp - "$(message)"
}

@test "milter: an end of header is told of where there is no body, no header" {
	milterd
	for text in '' 'Subject: x' '\n' '\nbody' ' no header' 'a: b\nnone' \
		'a: b\n\n'; do
		does
		LETTER=$BATS_TEST_TMPDIR/odd
		octets "$text${text:+\n}" >"$LETTER"
		filtered '250 2.0.0'
		heard 'N ' 'E '
		cmp "$(message "$(deliveries)")" "$LETTER"
		does 'E=hX-A\0b\0|c'
		filtered '250 2.0.0'
		cp "$(message "$(deliveries)")" "$BATS_TEST_TMPDIR/got"
		does
		LETTER=$BATS_TEST_TMPDIR/got
		filtered '250 2.0.0'
		grep -q '^L X-A|b|' "$SAID/heard" || fail "$text"
	done
}

@test "milter: our own Return-Path and Received are not told, a look-up's are" {
	milterd
	write_letter 'Received: by another'
	{
		cat <<-EOF
		Return-Path: <ann@example.net>
		Received-SPF: pass
		Received: from x
		 by y with SMTP id $$;
		EOF
		cat "$LETTER"
	} >"$BATS_TEST_TMPDIR/with"
	OPTIONS=(--return-path)
	LETTER=$BATS_TEST_TMPDIR/with post --return-path -- env SMTP_ID=$$ \
		"$COMMANDS/milter" "$MILTER" -- "$CATCH"
	told '250 2.0.0'
	heard 'L Return-Path|<ann@example.net>|' 'L Received-SPF|pass|' \
		'L From|Ann <ann@example.net>|' \
		'L To|<help@example.org>,\n joe@example.org|' \
		'L Subject|a letter|' 'L Message-ID|<letter@example.net>|' \
		'L Received|by another|'
	does
	say "${HELLO[@]}" DATA 'Received: by another' 'A: b' '' . QUIT |
		serve --return-path -- "$COMMANDS/milter" "$MILTER" -- "$CATCH"
	heard 'L Received|by another|' 'L A|b|'
}

@test "milter: macros, as they are known; none is empty" {
	milterd
	filtered '250 2.0.0'
	grep -c '^D' "$SAID/heard" | grep -qx 6
	grep '^DC\|^D C' "$SAID/heard" | grep -F 'j|mx.example.org|' |
		grep -F '_|unknown [192.0.2.7]|' |
		grep -qF '{daemon_name}|mx.example.org|'
	not_heard '||' auth cipher tls
	id=$(reply 6 | sed 's/.*Ok //')
	grep '^D M' "$SAID/heard" | grep -F "i|$id|" |
		grep -qF '{mail_addr}|ann@example.net|{mail_host}|example.net|'
	grep '^D R' "$SAID/heard" | grep -F "i|$id|" |
		grep -qF '{rcpt_addr}|help@example.org|{rcpt_host}|example.org|'
	grep -qx "D Ei|$id|" "$SAID/heard"
	does
	FROM=
	filtered '250 2.0.0'
	not_heard mail_addr mail_host
	does
	posted '250 2.0.0' -- env SASL_METHOD=PLAIN SSL_PROTOCOL=TLSv1.3 \
		SSL_CIPHER=AES TCPLOCALIP=192.0.2.1 CLIENT_HOSTNAME=c.example \
		"$COMMANDS/milter" "$MILTER" -- "$CATCH"
	not_heard auth_
	grep -q '^D H{tls_version}|TLSv1.3|{cipher}|AES|$' "$SAID/heard"
	grep -q '^D C.*_|c.example \[192.0.2.7\]|' "$SAID/heard"
	grep -q '^C c.example|4' "$SAID/heard"
	does
	posted '250 2.0.0' -- env SASL_USERNAME=ann SASL_METHOD=PLAIN \
		"$COMMANDS/milter" "$MILTER" -- "$CATCH"
	grep -qF '{auth_type}|PLAIN|{auth_authen}|ann|' "$SAID/heard"
}

@test "milter: it may name the macros that it wants" {
	milterd
	does 'lists=\0\0\0\0{j} no, {client_addr}\0\0\0\0\5i,{rcpt_addr}\0'
	filtered '250 2.0.0'
	grep -qxF 'D C{j}|mx.example.org|{client_addr}|192.0.2.7|' \
		"$SAID/heard"
	grep -q '^D M.*{mail_addr}' "$SAID/heard"
	grep -q '^D Ei|.*help' "$SAID/heard"
}

@test "milter: what it waives is not told, nor awaited" {
	milterd
	does steps=0xff080 C= H= M= R= T= L= N= B= 'E=hX-A\0b\0|a'
	write_letter
	yes 'a line of the body' | head -n 9000 >>"$LETTER"
	filtered '250 2.0.0'
	header_is "${LETTER_HEADER[@]}" 'X-A: b'
	[ "$(grep -c '^[CHMRTLNBEQ] ' "$SAID/heard")" -eq 15 ]
	does steps=0x37f
	filtered '250 2.0.0'
	[ "$(grep -v '^D' "$SAID/heard" | cut -c 1 | paste -sd ' ')" = 'O E Q' ]
}

# ---- who is asked about whom ----

@test "milter: of a client without an address none is asked, unless --local" {
	unset TCPREMOTEIP PROTO TCPREMOTEPORT
	MILTER=unix:/nowhere
	filtered '250 2.0.0'
	cmp "$(message)" "$LETTER"
	filtered '451 4.3.0' --local
	milterd
	filtered '250 2.0.0' --local
	heard 'C localhost|4||127.0.0.1|' 'H client.example|'
	delivered 2
}

@test "milter: several, each with the message as those before it left it" {
	milterd
	does 'E=m\0\0\0\1X-N\0\0|hX-N\0one\0|b1\r\n2\r\n|+<joe@example.org>\0|c'
	MILTER="$MILTER inet:$PORT@localhost local:$BATS_TEST_TMPDIR/socket"
	started socat "UNIX-LISTEN:$BATS_TEST_TMPDIR/socket" \
		"TCP:127.0.0.1:$PORT"
	until_true test -S "$BATS_TEST_TMPDIR/socket"
	filtered '250 2.0.0'
	grep '^L X\|^B\|^R\|^O' "$SAID/heard" | cut -c 1-9 |
		diff - <(printf '%s\n' 'O |||\x06' 'R <help@e' 'B 58' \
			'O |||\x06' 'R <help@e' 'L X-N|one' 'B 6' \
			'O |||\x06' 'R <help@e' 'L X-N|one' 'B 6')
	sed '1,/^$/d' "$(message)" | cmp - <(printf '1\n2\n')
	[ "$(grep -c '^X-N: one$' "$(message)")" -eq 1 ]
	variable RECIPIENTS | diff - <(printf '%s@example.org\n' help joe)
}

# ---- what it answers ----

@test "milter: accept is the end for it, wherever; continue is none" {
	milterd
	for step in C H M R T L N B E; do
		does "$step=a"
		filtered '250 2.0.0'
		cmp "$(message "$(deliveries)")" "$LETTER"
		[ "$(tail -n 2 "$SAID/heard" | cut -c 1 | paste -sd ' ')" = \
			"$step Q" ]
	done
	delivered 9
}

@test "milter: refusals at each step are the reply, and nothing runs" {
	milterd
	for step in C H M R T L N B E; do
		does "$step=r"
		filtered '550 5.7.1 Command rejected'
		[ "$(tail -n 1 "$SAID/heard")" = 'Q ' ]
		for answer in t 4 f; do
			does "$step=p|$answer"
			filtered '451 4.7.1 Service unavailable'
		done
		does "$step=y550 5.1.1 100%% no\0"
		filtered '550 5.1.1 100% no'
		does "$step=y452 4.2.2 later"
		filtered '452 4.2.2 later'
	done
	not_delivered
}

@test "milter: edits before a refusal, and of one that breaks off, are none" {
	milterd
	edits='hX-A\0b\0|bnew\r\n|+<joe@example.org>\0|e<x@y>\0'
	for answer in r=550 t=451 'y554 5.7.1 no\0=554' d=250 close=451 \
		Z=451 'qbad\0|a=451'; do
		does "E=$edits|${answer%=*}"
		filtered "${answer##*=}"
	done
	not_delivered
	does "E=$edits|close"
	filtered '250 2.0.0' --optional
	cmp "$(message)" "$LETTER"
	[ "$(variable SENDER)" = "$FROM" ]
	[ "$(variable RECIPIENTS)" = "${TO[*]}" ]
}

@test "milter: replies of several lines, of no text, with 421, and no replies" {
	milterd
	does 'N=y550-5.7.1 one\r\n550-5.7.1 two\r\n550 5.7.1 three\0'
	filtered '550 5.7.1 three'
	[ "$(reply 6)" = '550 5.7.1 three' ]
	grep -c '^550-5.7.1 \(one\|two\).$' "$REPLIES" | grep -qx 2
	does N=y554
	filtered '554 5.7.1 Rejected'
	does 'N=y421 4.3.2 closing\0'
	filtered '451 4.3.2 closing'
	does 'N=y550 your mail\0'
	filtered '550 5.0.0 your mail'
	for reply in '250 2.0.0 ok' '550 4.7.1 x' 'no' '' 55 5500 '354 go' \
		'550-5.7.1 a\r\n450 4.7.1 b' '550-5.7.1 a\r\nQUIT' \
		'550-5.7.1 a\n250 2.0.0 ok' '550 2.0.0 ok' '550 5.7'; do
		does "N=y$reply\0"
		filtered '451 4.3.0'
	done
	does 'N=y550 5.7.1 a\rb\tc\01d\0'
	filtered '550 5.7.1 a?b?c?d'
	not_delivered
}

@test "milter: discard is 250, and nothing runs; of a client it means nothing" {
	milterd
	for step in M R T L N B E; do
		does "$step=d"
		filtered '250 2.0.0'
		not_delivered
	done
	logged 'milter: discarded'
	for step in C H; do
		does "$step=d"
		filtered '250 2.0.0'
	done
	delivered 2
}

@test "milter: quarantine is 451, or what --quarantine says" {
	milterd
	does 'E=qbad\n250 2.0.0 ok\0|hX\0y\0|c'
	filtered '451 4.7.1 Quarantined'
	filtered '451 4.7.1 Quarantined' --quarantine 4xx
	filtered '550 5.7.1 Quarantined' --quarantine 5xx
	filtered '450 4.7.1 Quarantined' --quarantine 450
	does 'E=qbad\0|r'
	filtered '550 5.7.1 Command rejected'
	not_delivered
}

@test "milter: one recipient of several that is refused is 451 for all" {
	milterd
	TO=(a@example.org b@example.org c@example.org)
	for answer in r t 'y550 5.1.1 no b\0'; do
		does "R2=$answer"
		filtered '451 4.7.1 Some'
		heard 'R <a@example.org>|' 'R <b@example.org>|' \
			'R <c@example.org>|' 'Q '
	done
	logged '<b@example.org>.*550 5.1.1 no b'
	for answer in a d; do
		does R1=r "R2=$answer"
		filtered '451 4.7.1 Some'
	done
	does R=r
	filtered '550 5.7.1 Command rejected'
	does R=r R3=t
	filtered '451 4.7.1 Service'
	does R=r
	post -r 1 -- "$COMMANDS/milter" "$MILTER" -- "$CATCH"
	codes_are 220 250 250 250 452 452 354 550 221
	not_delivered
}

# ---- what it changes ----

@test "milter: fields are added, inserted, changed, removed, as it counted" {
	milterd
	write_letter 'X-Same: 1' 'X-Same: 2' ' folded' 'x-same: 3'
	header=("${LETTER_HEADER[@]}")
	does 'E=m\0\0\0\2X-SAME\0two\0|m\0\0\0\1x-same\0\0|hX-Last\0z\0|c'
	filtered '250 2.0.0'
	header_is "${header[@]}" 'X-SAME: two' 'x-same: 3' 'X-Last: z'
	does 'E=m\0\0\0\1x-same\0\0|m\0\0\0\2x-same\0\0|m\0\0\0\4x-same\0\0|c'
	filtered '250 2.0.0'
	header_is "${header[@]}" 'x-same: 3'
	edits='m\0\0\0\0x-same\0one\0|m\0\0\0\4X-Same\0four\0'
	does "E=$edits|m\\0\\0\\0\\0X\\0y\\0|c"
	filtered '250 2.0.0'
	header_is "${header[@]}" 'x-same: one' 'X-Same: 2' ' folded' \
		'x-same: 3' 'X-Same: four' 'X: y'
	does 'E=i\0\0\0\1X-1\0b\0|i\0\0\0\0X-0\0a\0|i\0\0\1\0X-Last\0c\0|c'
	filtered '250 2.0.0'
	header_is 'X-0: a' "${header[0]}" 'X-1: b' "${header[@]:1}" \
		'X-Same: 1' 'X-Same: 2' ' folded' 'x-same: 3' 'X-Last: c'
}

@test "milter: a field is inserted as Postfix counts, with our own Received" {
	milterd
	does 'E=i\0\0\0\0X-0\0a\0|i\0\0\0\2X-2\0b\0|m\0\0\0\1Received\0c\0|c'
	say "${HELLO[@]}" DATA 'Received: by another' 'A: b' '' . QUIT |
		serve --return-path -- "$COMMANDS/milter" "$MILTER" -- "$CATCH"
	reply_is 6 '250 2.0.0'
	grep -v '^	' "$(message)" | sed 's/ from.*//' | diff - <(printf \
		'%s\n' 'Return-Path: <ann@example.net>' 'X-0: a' Received: \
		'X-2: b' 'Received: c' 'A: b' '')
}

@test "milter: what comes back has the line ends of the message" {
	milterd
	does 'E=hX-A\0b\n\tc\r\n d\0|bone\r\n|btwo\r|b\nthree\0\r\n.\r\nx|c'
	filtered '250 2.0.0'
	tail -n +6 "$(message)" | cmp - <(printf \
		'X-A: b\n\tc\n d\n\none\ntwo\nthree\0\n.\nx')
	[ "$(variable SMTP_SIZE)" -eq "$(stat -c %s "$(message)")" ]
	OPTIONS=(--crlf)
	filtered '250 2.0.0'
	cmp "$(message 2)" <(sed 's/$/\r/' "$(message)" | head -c -1)
	[ "$(variable SMTP_SIZE 2)" -eq "$(stat -c %s "$(message 2)")" ]
}

@test "milter: what it leaves alone is the same octets, the same variables" {
	milterd
	env=(env -u LANG -u LC_ALL -u LC_CTYPE PATH=/usr/bin:/bin)
	posted '250 2.0.0' -- "${env[@]}" "$COMMANDS/milter" "$MILTER" \
		-- "$CATCH"
	posted '250 2.0.0' -- "${env[@]}" "$CATCH"
	cmp "$(message)" "$(message 2)"
	for n in 1 2; do
		file=$(message "$n")
		tr '\0\n' '\n ' <"${file%.msg}.env" |
			sed -E 's/(SMTP_ID=|UFLINE=.*:).*/\1/; /^_=/d' | sort \
			>"$BATS_TEST_TMPDIR/env.$n"
	done
	diff "$BATS_TEST_TMPDIR"/env.[12]
}

@test "milter: the next command has a file at its start, and default signals" {
	milterd
	for now in c 'hX-A\0b\0|c'; do
		does "E=$now"
		posted '250 2.0.0' -- "$COMMANDS/milter" "$MILTER" -- sh -c \
			'cat /dev/stdin >"$BOX/again" && cat >"$BOX/read" &&
			grep Sig[BI] /proc/self/status; readlink /proc/$$/fd/0;
			ls /proc/$$/fd; ! echo >&0'
		cmp "$BOX/again" "$BOX/read"
		grep -q '^Subject: a letter' "$BOX/read"
		logged 'SigIgn:.*0000000000000000'
		logged 'SigBlk:.*0000000000000000'
		not_logged 'line="\(3\|4\|5\|6\)"'
	done
	posted '550 5.1.1' -- "$COMMANDS/milter" "$MILTER" -- sh -c 'exit 67'
	posted '451 4.3.0' -- "$COMMANDS/milter" "$MILTER" -- /no/such
}

# variables_are NAME=VALUE ...: of the last run, "|" for a newline; "-NAME" is
# unset.
variables_are() {
	local word file
	file=$(message "$(deliveries)")
	tr '\0\n' '\n|' <"${file%.msg}.env" >"$BATS_TEST_TMPDIR/variables"
	for word; do
		case $word in
		-*) ! grep "^${word#-}=" "$BATS_TEST_TMPDIR/variables" ;;
		*) grep -qxF -- "$word" "$BATS_TEST_TMPDIR/variables" ;;
		esac || fail "$word: $(grep "^${word%%=*}=" \
			"$BATS_TEST_TMPDIR/variables")"
	done
}

@test "milter: recipients are added and taken away, with all that is theirs" {
	milterd
	does 'E=+<joe-x+y@example.org>\0|-<help@example.org>\0|c'
	filtered '250 2.0.0'
	joe='joe-x+y@example.org'
	variables_are RECIPIENTS=$joe RECIPIENT=$joe ORIGINAL_RECIPIENT=$joe \
		LOCAL=joe-x+y HOST=example.org DOMAIN=example.org EXT=x+y \
		EXTENSION=y "DTLINE=Delivered-To: $joe|" SMTP_RCPT_OPTIONS= \
		FORWARD_RECIPIENTS= SENDER=ann@example.net
	cmp "$(message)" "$LETTER"
	does 'E=2"a b"@x\0NOTIFY=NEVER\0|+help@example.org\0|-x@y\0|c'
	filtered '250 2.0.0'
	variables_are 'RECIPIENTS=help@example.org|"a b"@x' -RECIPIENT \
		-ORIGINAL_RECIPIENT -LOCAL -HOST -DOMAIN -EXT -EXTENSION \
		-DTLINE 'SMTP_RCPT_OPTIONS=|'
	to='<"a@b"@x>'
	does "E=+$to\\0|-<help@example.org>\\0|+<postmaster>\\0|-$to\\0|c"
	filtered '250 2.0.0'
	variables_are RECIPIENT=postmaster LOCAL=postmaster HOST= DOMAIN= EXT=
	delivered 3
}

@test "milter: forwarded recipients, and parameters, are those of who is left" {
	milterd
	to=b@elsewhere.example
	does "E=-<$to>\\0|+<${to//b/d}>\\0|c"
	say 'EHLO c' 'MAIL FROM:<ann@example.net>' \
		'RCPT TO:<a@example.org> NOTIFY=NEVER' \
		'RCPT TO:<b@elsewhere.example>' \
		'RCPT TO:<c@elsewhere.example> NOTIFY=DELAY' DATA x . QUIT |
		serve --dsn -d example.org -f elsewhere.example -- \
			"$COMMANDS/milter" "$MILTER" -- "$CATCH"
	variables_are FORWARD_RECIPIENTS=c@elsewhere.example \
		'SMTP_RCPT_OPTIONS=NOTIFY=NEVER|NOTIFY=DELAY|' \
		"RECIPIENTS=a@example.org|${to//b/c}|${to//b/d}"
	grep -q 'rcpt_mailer}|smtp' "$SAID/heard"
}

@test "milter: no recipient is left: 250, and nothing runs" {
	milterd
	does 'E=-<help@example.org>\0|c'
	filtered '250 2.0.0'
	logged 'milter: no recipient is left'
	not_delivered
}

@test "milter: the sender is changed, in the Return-Path too" {
	milterd
	for new in '"b c"@example.com' ''; do
		does "E=e<$new>\\0|c"
		post --return-path -- "$COMMANDS/milter" "$MILTER" -- "$CATCH"
		variables_are "SENDER=$new" "NEWSENDER=$new" \
			"RPLINE=Return-Path: <$new>|"
		head -n 1 "$(message "$(deliveries)")" |
			grep -qxF "Return-Path: <$new>"
		tail -n +2 "$(message "$(deliveries)")" | cmp - "$LETTER"
	done
	variable UFLINE | grep -q '^From "b-c"@example.com ... ... '
	variable UFLINE 2 | grep -q '^From MAILER-DAEMON ... ... '
	does 'E=ex@y\0SIZE=1\0|c'
	filtered '250 2.0.0'
	variables_are SENDER=x@y 'RPLINE=Return-Path: <x@y>|'
}

# ---- what is no milter ----

# broken ANSWER: at each step; 451, or passed over.
broken() {
	local step
	for step in O C H M R T L N B E; do
		does "$step=$1"
		filtered '451 4.3.0' --timeout 2
		logged 'milter: inet:127.0.0.1:'
	done
	not_delivered
	filtered '250 2.0.0' --timeout 2 --optional
	cmp "$(message)" "$LETTER"
	rm "$BOX"/*
}

@test "milter: one that closes at each step is 451, or passed over" {
	milterd
	broken close
	broken '=\0\0\0\5c|close'
}

@test "milter: garbage, wrong lengths and unknown answers at each step" {
	milterd
	broken '=\0\0\0\0'
	broken '=\xff\xff\xff\xffc'
	broken '=220 smtp.example.org ESMTP\r\n'
	broken 'cc'
	broken 'Z'
	broken 'pp|c'
}

@test "milter: one that is silent, or drips, at the first and last step" {
	milterd
	for step in O C E; do
		for answer in silence deaf '=\0\0\0\5c|silence' \
			'p|p|silence'; do
			does "$step=$answer"
			filtered '451 4.3.0' --timeout 1
			[ "$step" = O ] || logged 'timed out'
		done
	done
	filtered '250 2.0.0' --timeout 1 --optional
	delivered 1
}

@test "milter: one that does not read, and says that it answers nothing" {
	milterd
	does steps=0xff080 C= H= M= R= T= L= N= B=deaf
	write_letter
	yes "$(printf '%0998d' 1)" | head -n 20000 >>"$LETTER"
	filtered '451 4.3.0' --timeout 2
	not_delivered
}

@test "milter: edits of wrong lengths, of no names, of odd addresses are 451" {
	milterd
	for edit in h 'hX' 'hX\0' 'hX\0a' 'hX\0a\0b\0' 'h\0a\0' 'hX Y\0a\0' \
		'hX:Y\0a\0' 'hX\nY\0a\0' 'hX\xff\0a\0' i 'i\0\0\0' \
		'i\0\0\0\1' 'i\0\0\0\1X\0' 'm\0\0\0\1X' + '+a@b' '+\0\0\0' \
		'+<a@b>\n<c@d>\0' '+<a@b\nSENDER=x>\0' '+<a b@c>\0' \
		'+<a@b@c>\0' '+<a,b@c>\0' '+<a@b> <c@d>\0' '+<\xff@b>\0' \
		'+<a\x7f@b>\0' '+<a@b\r>\0' '+<"a\tb"@c>\0' '+<a\\b@c>\0' \
		'-a b\0' 'e<a\n@b>\0' 'e' 'eа@b' 'e<a>\0b\0c\0' \
		'+<-f@b>\0' '+-f\0' '+<a@-b>\0' 'e<-f@b>\0'; do
		does "E=$edit|c"
		post -- "$COMMANDS/milter" "$MILTER" -- "$CATCH"
		told '451 4.3.0' || fail "$edit"
	done
	for edit in 'hX\0a\0' 'bx' '+<a@b>\0' 'e<a@b>\0'; do
		does "N=$edit|c"
		filtered '451 4.3.0'
	done
	not_delivered
}

@test "milter: no line ends of a milter's make a field, or end the header" {
	milterd
	does 'E=hX-A\0a\r\n\r\nX-B: b\n\n\nX-C: c\rX-D: d\r\n \n\0|c'
	filtered '250 2.0.0'
	header_is "${LETTER_HEADER[@]}" 'X-A: a' \
		'	X-B: b' '	X-C: c' '	X-D: d'
	does 'E=m\0\0\0\1Subject\0\nFrom: b\0|i\xff\xff\xff\xffX\0\0|c'
	filtered '250 2.0.0'
	header_is "${LETTER_HEADER[@]:0:3}" 'Subject: ' '	From: b' \
		"${LETTER_HEADER[4]}" 'X: '
}

@test "milter: a version, or actions, that are not ours" {
	milterd
	for word in version=2 version=7 actions=0x3ff lists='\0\0\0\1j' \
		lists=x 'O=O\0\0\0\6' 'O=c'; do
		does "$word"
		filtered '451 4.3.0'
	done
	not_delivered
}

@test "milter: a field longer than a packet is cut for the milter alone" {
	milterd
	write_letter "X-Long: $(printf '%070000d' 1)"
	filtered '250 2.0.0'
	cmp "$(message)" "$LETTER"
	[ "$(grep '^L X-Long|' "$SAID/heard" | wc -c)" -eq 65538 ]
}

@test "milter: one that is not there is 451, or passed over; others are asked" {
	milterd
	there=$MILTER
	for MILTER in unix:/nowhere "inet:127.0.0.1:$(free_port)" \
		inet:1@no.such.example "unix:/nowhere $there" \
		"$there local:/nowhere"; do
		does
		filtered '451 4.3.0'
		not_delivered
		does E=r
		case $MILTER in
		*"$there"*) filtered '550 5.7.1' --optional ;;
		*) filtered '250 2.0.0' --optional && rm "$BOX"/* ;;
		esac
	done
}

@test "milter: a full disk for the new message is 451" {
	milterd
	small_disk 1
	does 'E=hX-A\0b\0|c'
	write_letter "$(printf 'X: %04000d' 1)"
	posted '451 4.3.0' -- "${SMALL_DISK[@]}" "$COMMANDS/milter" "$MILTER" \
		-- "$CATCH"
	not_delivered
}

@test "milter: a wrong call is 64, before anything is asked" {
	for words in '' '--' 'unix:/x' 'unix:/x --' '-- cat' 'smtp:x:1 -- cat' \
		'inet:x -- cat' 'unix: -- cat' '--nonsense unix:/x -- cat' \
		'--quarantine 2xx unix:/x -- cat' \
		'--timeout x unix:/x -- cat'; do
		# shellcheck disable=SC2086 # words
		ends 64 "$COMMANDS/milter" $words >"$BATS_TEST_TMPDIR/said"
		grep -q '^usage: milter ' "$BATS_TEST_TMPDIR/said"
	done
}

# ---- the real ones ----

# runs SOCKET COMMAND ...: a milter, until its socket is there; $MILTER.
runs() {
	started "${@:2}"
	until_true test -S "$1"
	MILTER=unix:$1
}

# in_place SOCKET COMMAND ...: so too, where the network has only a DNS that
# knows the key and the policy of example.net.
in_place() {
	keys
	runs "$1" unshare -n -m sh -ec '
		ip link set lo up
		mount --bind "$1/resolv.conf" /etc/resolv.conf
		key=$(cat "$1/txt")
		dnsmasq -C /dev/null -R -h -u root -a 127.0.0.1 -z -x "$2.dns" \
			--local=/net/ --local=/org/ --txt-record="$key" \
			--txt-record="_dmarc.example.net,v=DMARC1; p=reject"
		shift 2
		exec "$@"' - "$KEYS" "$@"
	SERVERS+=("$(cat "$1.dns")")
}

# keys: of example.net, in $KEYS, with what a DNS says about them.
keys() {
	KEYS=$BATS_TEST_TMPDIR/keys
	[ ! -d "$KEYS" ] || return 0
	mkdir "$KEYS"
	openssl genrsa -traditional -out "$KEYS/private" 1024 2>/dev/null
	{
		printf 'key._domainkey.example.net,v=DKIM1; k=rsa; p='
		openssl rsa -in "$KEYS/private" -pubout -outform DER \
			2>/dev/null | base64 -w 0
	} >"$KEYS/txt"
	echo nameserver 127.0.0.1 >"$KEYS/resolv.conf"
}

# opendkim_runs LINE ...: of its configuration.
opendkim_runs() {
	local socket
	socket=$BATS_TEST_TMPDIR/opendkim.$#
	printf '%s\n' "Socket local:$socket" 'Background no' 'Syslog no' \
		'UserID root' 'AuthservID mx.example.org' \
		'Nameservers 127.0.0.1' "$@" >"$socket.conf"
	in_place "$socket" opendkim -f -x "$socket.conf"
}

signer_runs() {
	keys
	opendkim_runs 'Mode s' 'Domain example.net' 'Selector key' \
		"KeyFile $KEYS/private" 'RequireSafeKeys no' \
		'InternalHosts 192.0.2.7' "$@"
}

verifier_runs() {
	opendkim_runs 'Mode v' 'AlwaysAddARHeader yes'
}

opendmarc_runs() {
	local socket=$BATS_TEST_TMPDIR/opendmarc
	printf '%s\n' "Socket local:$socket" 'Background no' 'Syslog no' \
		'UserID root' 'AuthservID mx.example.org' \
		'RejectFailures yes' >"$socket.conf"
	in_place "$socket" opendmarc -f -c "$socket.conf"
}

# verified FILE: what an independent verifier says: True, False.
verified() {
	/usr/bin/python3 - "$1" "$KEYS/txt" <<-'EOF2'
	import dkim, sys
	message, key = [open(name, 'rb').read() for name in sys.argv[1:]]
	print(dkim.verify(message, dnsfunc=lambda *_, **__: key.split(b',')[1]))
	EOF2
}

# What a signature by "simple" does not forgive.
write_odd_letter() {
	write_letter 'X-None:none' 'X-Two:  two' 'X-Tab:	tab' 'X-Bare:' \
		'X-Folded:' ' folded' '	again  '
}

# Without the signature, which says when it was made, and folds as it falls.
unsigned() {
	sed '/^DKIM-Signature:/,/^[^\t ]/{/^DKIM-Signature:/d;/^[\t ]/d}'
}

@test "milter: opendkim signs what comes out, with LF and with CR LF" {
	signer_runs 'Canonicalization simple/simple' 'SignHeaders *'
	write_odd_letter
	for option in --no-received --crlf; do
		OPTIONS=("$option")
		filtered '250 2.0.0'
	done
	[ "$(verified "$(message)")" = True ]
	[ "$(verified "$(message 2)")" = True ]
	cmp <(sed 's/$/\r/' "$(message)" | unsigned) \
		<(unsigned <"$(message 2)")
	sed 's/last/lost/' "$(message)" >"$BATS_TEST_TMPDIR/changed"
	[ "$(verified "$BATS_TEST_TMPDIR/changed")" = False ]
	OPTIONS=()
	TCPREMOTEIP=192.0.2.8 filtered '250 2.0.0'
	cmp "$(message 3)" "$LETTER"
}

@test "milter: opendkim, then opendmarc, before maildir: signed, and changed" {
	signer_runs
	filtered '250 2.0.0'
	signed=$(message)
	[ "$(verified "$signed")" = True ]
	verifier_runs
	verifier=$MILTER
	opendmarc_runs
	export TCPREMOTEIP=192.0.2.8
	mkdir -p "$BOX/Maildir/tmp" "$BOX/Maildir/new" "$BOX/Maildir/cur"
	LETTER=$signed
	through=("$COMMANDS/milter" "$verifier" "$MILTER"
		-- "$COMMANDS/maildir" "$BOX/Maildir")
	posted '250 2.0.0' -- "${through[@]}"
	grep '^Auth' "$BOX"/Maildir/new/* | sed 's/;.*;/;/; s/ (.*//' | diff - \
		<(printf 'Authentication-Results: mx.example.org; %s\n' \
		dmarc=pass; echo 'Authentication-Results: mx.example.org;')
	grep -q '^	dkim=pass .*header.d=example.net' "$BOX"/Maildir/new/*
	sed '/^Auth/,/^DKIM/{/^DKIM/!d}' "$BOX"/Maildir/new/* | cmp - "$signed"
	[ "$(verified "$(echo "$BOX"/Maildir/new/*)")" = True ]
	LETTER=$BATS_TEST_TMPDIR/changed
	sed 's/last/lost/' "$signed" >"$LETTER"
	posted '550 5.7.1 rejected by DMARC policy for example.net' \
		-- "${through[@]}"
	write_letter 'Authentication-Results: mx.example.org;' \
		' dkim=pass header.d=example.net'
	posted '550 5.7.1 rejected by DMARC policy for example.net' \
		-- "${through[@]}"
	[ "$(files "$BOX/Maildir")" -eq 1 ]
}

@test "milter: spamass-milter marks, refuses what is spam, and says later" {
	spamd_starts
	socket=$BATS_TEST_TMPDIR/spamass
	runs "$socket" spamass-milter -p "$socket" -r -1 -- -U "$SPAMD/socket"
	filtered '250 2.0.0'
	grep -q '^X-Spam-Checker-Version: SpamAssassin' "$(message)"
	grep -av '^X-Spam' "$(message)" | cmp - "$LETTER"
	write_letter
	echo 'buy my pills' >>"$LETTER"
	filtered '550 5.7.1 Blocked by SpamAssassin'
	delivered 1
	ended "$SERVER"
	filtered '451 4.3.0'
	delivered 1
}

# clamd_starts: with one virus that it knows.
clamd_starts() {
	CLAMD=$BATS_TEST_TMPDIR/clamd
	mkdir -p "$CLAMD/db"
	echo 'not a nice file' >"$CLAMD/virus"
	echo "$(md5sum <"$CLAMD/virus" | cut -c 1-32):16:Not-Nice" \
		>"$CLAMD/db/a.hdb"
	printf '%s\n' 'Foreground yes' "DatabaseDirectory $CLAMD/db" \
		"LocalSocket $CLAMD/socket" 'User root' >"$CLAMD/conf"
	started clamd -c "$CLAMD/conf"
	until_true test -S "$CLAMD/socket"
}

# clamav_milter_runs LINE ...
clamav_milter_runs() {
	local socket=$CLAMD/milter.$#
	printf '%s\n' 'Foreground yes' "MilterSocket unix:$socket" 'User root' \
		"ClamdSocket unix:$CLAMD/socket" "$@" >"$socket.conf"
	runs "$socket" clamav-milter -c "$socket.conf"
}

@test "milter: clamav-milter lets pass, refuses, quarantines, and says later" {
	clamd_starts
	clamd=$SERVER
	clamav_milter_runs 'AddHeader Replace' 'OnInfected Reject' \
		'RejectMsg 100% %v'
	write_letter 'X-Virus-Status: Clean, I swear'
	filtered '250 2.0.0'
	grep '^X-Virus' "$(message)" | sed 's/milter.*/milter/' | diff - <(
		printf '%s\n' 'X-Virus-Scanned: clamav-milter' \
		'X-Virus-Status: Clean')
	LETTER=$BATS_TEST_TMPDIR/mail
	{
		printf '%s\n' 'MIME-Version: 1.0' 'Content-Transfer-Encoding:' \
			' base64' 'Content-Type: image/png' ''
		base64 "$CLAMD/virus"
	} >"$LETTER"
	filtered '550 5.7.1 100% Not-Nice.UNOFFICIAL'
	clamav_milter_runs 'OnInfected Quarantine'
	filtered '451 4.7.1 Quarantined'
	filtered '550 5.7.1 Quarantined' --quarantine 5xx
	delivered 1
	ended "$clamd"
	filtered '451 4.7.1'
	delivered 1
}

rspamd_runs() {
	RSPAMD=$BATS_TEST_TMPDIR/rspamd
	mkdir "$RSPAMD"
	printf '%s\n' com net org >"$RSPAMD/tld"
	cat >"$RSPAMD/conf" <<-EOF
	options { pidfile = "$RSPAMD/pid"; tempdir = "$RSPAMD"; filters = "";
	    rrd = "$RSPAMD/rrd"; control_socket = "$RSPAMD/control";
	    url_tld = "$RSPAMD/tld"; gtube_patterns = "all";
	    enable_test_patterns = true; dns { nameserver = ["127.0.0.1"]; } }
	logging { type = "console"; }
	worker "rspamd_proxy" { bind_socket = "$RSPAMD/socket mode=0600";
	    milter = yes; timeout = 10s; count = 1;
	    upstream "local" { default = yes; self_scan = yes; } }
	actions { reject = 15; add_header = 6; }
	EOF
	started rspamd -i -f -c "$RSPAMD/conf"
	until_true socat -u OPEN:/dev/null "UNIX-CONNECT:$RSPAMD/socket"
	MILTER=unix:$RSPAMD/socket
}

# gtube LETTER: what rspamd, and no other, takes for spam.
gtube() {
	printf '%s%s\n' "$1" 'JS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-'\
'UBE-TEST-EMAIL*C.34X' >>"$LETTER"
}

@test "milter: rspamd, which answers but once: lets pass, marks, refuses" {
	rspamd_runs
	filtered '250 2.0.0'
	cmp "$(message)" "$LETTER"
	gtube Y
	filtered '250 2.0.0'
	header_is "${LETTER_HEADER[@]}" 'X-Spam: Yes'
	write_letter
	gtube X
	filtered '554 5.7.1 Gtube pattern'
	delivered 2
}
