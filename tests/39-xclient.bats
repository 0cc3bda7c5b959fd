#!/usr/bin/env bats
# --xclient: Postfix's XCLIENT and XFORWARD, by which a mail system in front
# says whose mail it hands on.  The cases that need a socket are in
# tests/lib/front.py.
load helper

# As a launcher has it: the mail system in front.
export PROTO=TCP TCPREMOTEIP=192.0.2.1 TCPREMOTEPORT=5 \
	TCPREMOTEHOST=front.example.net TCPLOCALIP=192.0.2.25 TCPLOCALPORT=25
ANNOUNCED=(
	'XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT'
	'XFORWARD NAME ADDR PORT PROTO HELO')

front() {
	: >"$LOG"
	python_case 110 lib/front.py "$@"
}

# speaks LINE ... [:: OPTION ...]: a session of 192.0.2.1, which may speak, with
# QUIT at its end.
speaks() {
	local WORDS REST
	split "$@"
	rm -f "$BOX"/*
	say "${WORDS[@]}" QUIT | serve --xclient 192.0.2.1 "${REST[@]}"
	exited 0
}

LETTER=("${HELLO[@]}" DATA 'Subject: s' .)
GOOD='250 250 250 354 250'

# becomes ATTRIBUTES [OPTION ...]: XCLIENT before a letter, which is delivered.
becomes() {
	speaks "XCLIENT $1" "${LETTER[@]}" :: "${@:2}"
	codes_are "220 220 $GOOD 221"
	delivered 1
}

# Likewise XFORWARD, behind a hello of its own.
forwards() {
	speaks 'EHLO front.example.net' "XFORWARD $1" "${LETTER[@]:1}" :: \
		"${@:2}"
	codes_are "220 250 $GOOD 221"
	delivered 1
}

# is NAME VALUE [N]
is() {
	[ "$(variable "$1" "${3:-1}")" = "$2" ] ||
		fail "$1: $(variable "$1" "${3:-1}")" "expected: $2"
}

# are VALUE NAME ...
are() {
	local name
	for name in "${@:2}"; do
		is "$name" "$1"
	done
}

unset_are() {
	local name
	for name; do
		! variable "$name" >/dev/null ||
			fail "$name is set: $(variable "$name")"
	done
}

ADDRESSES=(CLIENT_ADDRESS TCPREMOTEIP REMOTE_ADDR)
PORTS=(CLIENT_PORT TCPREMOTEPORT REMOTE_PORT)
NAMES=(CLIENT_HOSTNAME TCPREMOTEHOST)

client_is_unknown() {
	unset_are "${ADDRESSES[@]}" "${PORTS[@]}" "${NAMES[@]}" PROTO
}

received() {
	[ "$(head -n 1 "$(message "${2:-1}")")" = "Received: from $1" ] ||
		fail "$(head -n 1 "$(message "${2:-1}")")"
}

# may [OPTION ...]: who is there is announced both verbs, and may say them.
may() {
	say 'EHLO c' 'XFORWARD NAME=x' 'XCLIENT NAME=x' QUIT |
		serve --xclient "$@"
	codes_are 220 250 250 220 221
	announced 1
}

may_not() {
	say 'EHLO c' 'XFORWARD NAME=x' 'XCLIENT NAME=x' QUIT |
		serve --xclient "$@"
	codes_are 220 250 550 550 221
	reply_is 3 '550 5.7.0'
	reply_is 4 '550 5.7.0'
	announced 0
}

# announced N: to so many hellos.
announced() {
	local line
	for line in "${ANNOUNCED[@]}"; do
		[ "$(grep -c "^250-$line"$'\r$' "$REPLIES")" -eq "$1" ] ||
			fail "$line"
	done
	[ "$(grep -c '^250.X' "$REPLIES")" -eq $((2 * $1)) ] || fail
}

# ---- who may ----

@test "who may: an address, or a network, by what the launcher knows of him" {
	local network
	for network in 192.0.2.1 192.0.2.1/32 192.0.2.0/31 192.0.2.77/24 \
		0.0.0.0/0 255.255.255.255/0 ::ffff:192.0.2.1 \
		::ffff:192.0.2.0/120 ::ffff:0.0.0.0/96; do
		may "$network"
	done
	for network in 192.0.2.2 192.0.2.2/31 192.0.3.0/24 ::/0 ::1 unix \
		2001:db8::/32 ::192.0.2.1; do
		may_not "$network"
	done
	may unix --xclient 198.51.100.1 --xclient 192.0.2.0/24 --xclient ::1
	TCPREMOTEIP=::ffff:192.0.2.1 may 192.0.2.1
	export TCPREMOTEIP=2001:DB8::1
	for network in 2001:db8::1 2001:db8::/32 2001:db8::f/124 ::/0 \
		2001:db8::1/128; do
		may "$network"
	done
	for network in 2001:db8::2 2001:db8::2/127 0.0.0.0/0 unix; do
		may_not "$network"
	done
}

@test "who is unknown may not: pipes are no unix socket" {
	unset PROTO TCPREMOTEIP
	may_not unix
	may_not 0.0.0.0/0 --xclient ::/0 --xclient unix
}

@test "who may: those on a unix socket, by the kernel's word" {
	front unix
}

@test "the announcement: as Postfix has it, to who may, and in LMTP" {
	speaks 'EHLO c' 'HELO c'
	announced 1
	speaks 'LHLO c' :: --lmtp
	announced 1
	say 'EHLO c' QUIT | serve
	announced 0
}

@test "without --xclient they are unknown verbs: 500 5.5.1" {
	say 'EHLO c' XCLIENT 'XCLIENT NAME=x' 'XFORWARD NAME=x' XFORWARD \
		'HELP XCLIENT' 'HELP XFORWARD' HELP QUIT | serve
	codes_are 220 250 500 500 500 500 504 504 214 221
	reply_is 4 '500 5.5.1'
	! grep -q 'XCLIENT\|XFORWARD' "$REPLIES" || fail
}

@test "HELP knows them with --xclient" {
	speaks HELP 'HELP xclient' 'HELP XForward'
	codes_are 220 214 214 214 221
	reply_is 3 '214 2.0.0 XCLIENT attribute=value '
	reply_is 4 '214 2.0.0 XFORWARD attribute=value '
	grep -q '^214-2.0.0 XCLIENT ' "$REPLIES"
	grep -q '^214-2.0.0 XFORWARD ' "$REPLIES"
}

@test "who may not: 550 5.7.0, an error, and a line of the log" {
	say 'XCLIENT ADDR=x' 'XFORWARD ADDR=x' 'XCLIENT NAME=x' QUIT |
		serve --xclient 192.0.2.2 --max-errors 3
	codes_are 220 550 550 421
	logged ' refuse client=192.0.2.1 verb=XCLIENT reply="550 5.7.0"'
	logged ' refuse client=192.0.2.1 verb=XFORWARD reply="550 5.7.0"'
}

# ---- XCLIENT ----

@test "XCLIENT: the client in all variables, the log and Received" {
	becomes 'ADDR=198.51.100.7 PORT=40122 NAME=mx.example.net'\
' HELO=x PROTO=ESMTP DESTADDR=203.0.113.1 DESTPORT=587'
	are 198.51.100.7 "${ADDRESSES[@]}"
	are 40122 "${PORTS[@]}"
	are mx.example.net "${NAMES[@]}"
	is TCPLOCALIP 203.0.113.1
	is TCPLOCALPORT 587
	is PROTO TCP
	is CLIENT_HELO client.example
	is CLIENT_PROTOCOL ESMTP
	unset_are SASL_USERNAME SASL_METHOD REMOTE_USER
	received 'client.example ([198.51.100.7])'
	logged ' message .* client=198.51.100.7 helo=client.example '
	logged ' close client=198.51.100.7 port=40122 reason=quit messages=1 '
	not_logged 192.0.2.1
}

@test "XCLIENT: an IPv6 address with IPV6: or without, mapped ones are IPv4" {
	local value
	for value in 2001:db8::7 IPV6:2001:db8::7 ipv6:2001:DB8:0::7; do
		becomes "ADDR=$value DESTADDR=$value"
		are 2001:db8::7 "${ADDRESSES[@]}" TCPLOCALIP
		received 'client.example ([IPv6:2001:db8::7])'
	done
	for value in ::ffff:198.51.100.7 IPv6:::FFFF:c633:6407 198.51.100.7; do
		becomes "ADDR=$value DESTADDR=$value"
		are 198.51.100.7 "${ADDRESSES[@]}" TCPLOCALIP
	done
}

@test "XCLIENT: the reply is the greeting, and the session as after it" {
	speaks 'XCLIENT NAME=x' 'MAIL FROM:<a@b>' 'EHLO c' 'XCLIENT NAME=y' \
		'RCPT TO:<a@b>' 'MAIL FROM:<a@b>' 'HELO c' 'MAIL FROM:<a@b>'
	codes_are 220 220 503 250 220 503 503 250 250 221
	[ "$(grep -c '^220 mx.example.org ESMTP ready.$' "$REPLIES")" -eq 3 ]
	logged ' refuse client=192.0.2.1 verb=MAIL reply="503 5.5.1"'
	speaks 'XCLIENT NAME=x' :: --banner 'at your service'
	reply_is 2 '220 mx.example.org at your service'
}

@test "XCLIENT: what the old client said is forgotten, HELO and PROTO are too" {
	speaks 'EHLO old' 'XCLIENT HELO=other PROTO=LMTP' 'HELO new' \
		"${LETTER[@]:1}"
	is CLIENT_HELO new
	is CLIENT_PROTOCOL SMTP
	received 'new ([192.0.2.1])'
	becomes 'HELO=other PROTO=LMTP'
	is CLIENT_HELO client.example
	is CLIENT_PROTOCOL ESMTP
}

@test "XCLIENT and XFORWARD in a transaction: 503 5.5.1, and it goes on" {
	speaks 'EHLO c' 'MAIL FROM:<a@b>' 'XCLIENT NAME=x' 'XFORWARD NAME=x' \
		'RCPT TO:<c@d>' 'XCLIENT NAME=x' 'XFORWARD NAME=x' DATA s . \
		'MAIL FROM:<a@b>' 'RCPT TO:<c@d>' $'BDAT 1\r\nxXCLIENT NAME=x' \
		'XFORWARD NAME=x' RSET 'XFORWARD NAME=x' 'XCLIENT NAME=x'
	codes_are 220 250 250 503 503 250 503 503 354 250 250 250 250 503 503 \
		250 250 220 221
	reply_is 4 '503 5.5.1'
	reply_is 5 '503 5.5.1'
	delivered 1
	is CLIENT_HOSTNAME front.example.net
}

@test "without an attribute they are 501 5.5.4" {
	speaks XCLIENT 'XCLIENT ' XFORWARD $'XFORWARD \t'
	codes_are 220 501 501 501 501 221
	reply_is 2 '501 5.5.4'
	reply_is 4 '501 5.5.4'
}

@test "XCLIENT: any order, number and case; of a repeated attribute the last" {
	becomes $'port=1  name=a\tADDR=203.0.113.9 Addr=198.51.100.7'\
' nAmE=b PORT=2 HELO=x HELO=y proto=smtp '
	are 198.51.100.7 "${ADDRESSES[@]}"
	are 2 "${PORTS[@]}"
	are b "${NAMES[@]}"
	becomes 'ADDR=198.51.100.7 NAME=a PORT=1 NAME=[UNAVAILABLE]'\
' PORT=[TEMPUNAVAIL]'
	is CLIENT_ADDRESS 198.51.100.7
	unset_are "${NAMES[@]}" "${PORTS[@]}"
	becomes 'LOGIN=joe LOGIN=[UNAVAILABLE] ADDR=unix:x ADDR=198.51.100.7'
	is CLIENT_ADDRESS 198.51.100.7
	unset_are SASL_USERNAME
}

@test "XCLIENT: [UNAVAILABLE], [TEMPUNAVAIL], unix: are unknown, in any case" {
	local word
	for word in '[UNAVAILABLE]' '[TEMPUNAVAIL]' '[unavailable]' \
		'[TempUnavail]' '+5BUNAVAILABLE+5D' unix: unix:/run/x UNIX:x; do
		becomes "ADDR=$word DESTADDR=$word"
		client_is_unknown
		unset_are TCPLOCALIP
		received client.example
		logged ' close client=unknown reason='
	done
	for word in '[UNAVAILABLE]' '[tempunavail]'; do
		becomes "$(printf "%s=$word " NAME PORT DESTPORT LOGIN HELO \
			PROTO)"
		are 192.0.2.1 "${ADDRESSES[@]}"
		unset_are "${NAMES[@]}" "${PORTS[@]}" TCPLOCALPORT SASL_USERNAME
		is TCPLOCALIP 192.0.2.25
		is CLIENT_HELO client.example
	done
}

@test "XCLIENT: ADDR forgets the old name and port, nothing else does" {
	becomes ADDR=198.51.100.7
	is CLIENT_ADDRESS 198.51.100.7
	unset_are "${NAMES[@]}" "${PORTS[@]}"
	is TCPLOCALIP 192.0.2.25
	is TCPLOCALPORT 25
	becomes PORT=7
	are 192.0.2.1 "${ADDRESSES[@]}"
	are 7 "${PORTS[@]}"
	are front.example.net "${NAMES[@]}"
	becomes NAME=mx.example.net
	are 192.0.2.1 "${ADDRESSES[@]}"
	are 5 "${PORTS[@]}"
	are mx.example.net "${NAMES[@]}"
	becomes DESTADDR=203.0.113.1
	is TCPLOCALIP 203.0.113.1
	is TCPLOCALPORT 25
	are 5 "${PORTS[@]}"
	becomes DESTPORT=26
	is TCPLOCALIP 192.0.2.25
	is TCPLOCALPORT 26
}

# answers VERB CODE ATTRIBUTES ...: each alone, in a session of its own.
answers() {
	local attribute
	for attribute in "${@:3}"; do
		say "$1 $attribute" QUIT | serve --xclient 192.0.2.1
		[ "$(reply 2 | cut -c "-${#2}")" = "$2" ] ||
			fail "$1 $attribute"
	done
}

VALUE_255=$(printf %0255d 0)
BAD_COMMON=(NAME= "NAME=${VALUE_255}0" NAME=a+20b NAME=a:b 'NAME=[x]' NAME=a@b
	NAME=ä 'NAME=a*' 'NAME=[UNKNOWN]' NAME=unix:x
	ADDR= ADDR=x ADDR=192.0.2 ADDR=192.0.2.1. ADDR=192.0.2.256
	ADDR=192.0.2.01 ADDR=IPV6: ADDR=IPV6:x ADDR=IPV4:192.0.2.1
	'ADDR=[192.0.2.1]' 'ADDR=IPV6:[::1]' ADDR=::1%lo ADDR=mx.example.net
	ADDR=IPV6:IPV6:::1 ADDR=192.0.2.1/32 ADDR=+20192.0.2.1 ADDR=unix
	PORT= PORT=65536 PORT=-1 PORT=0x19 PORT=2+205 PORT=25x
	PORT=99999999999999999999 PORT=unix:
	PROTO= PROTO=SMTPS PROTO=HTTP PROTO=ESMTPS PROTO=SMT PROTO=LMTPX
	HELO= HELO=a+0Ab HELO=+00 HELO=a+7F HELO=+1f 'HELO=()+20{'
	'HELO=()+20{+20:;};+20x'
	NAME=a+ NAME=a+4 NAME=a+4g ADDR=+3 HELO=+ HELO=+2 HELO=+G0
	NAME ADDR '=x' '=' +4EAME=x 'NAME =x' 'NAME= x' 'NAME=a, PORT=1'
	FOO=x NAMES=x XNAME=x ADDRESS=192.0.2.1 REVERSE_NAME=x)

@test "XCLIENT: an attribute or a value that cannot be read is 501 5.5.4" {
	answers XCLIENT '501 5.5.4' "${BAD_COMMON[@]}" \
		DESTADDR= DESTADDR=x DESTADDR=192.0.2.256 DESTPORT=65536 \
		DESTPORT= DESTPORT=x \
		LOGIN= LOGIN=-joe LOGIN=j+01e LOGIN=j+00e LOGIN=+FF \
		$'LOGIN=j\xf6e' LOGIN=+ED+A0+80 'LOGIN=()+20{' \
		"LOGIN=${VALUE_255}0" \
		IDENT=x SOURCE=LOCAL SOURCE=REMOTE
}

@test "XCLIENT: values up to their bounds are taken" {
	answers XCLIENT 220 "NAME=$VALUE_255" NAME=a_b-c.D NAME=- NAME=1 \
		ADDR=0.0.0.0 ADDR=255.255.255.255 ADDR=:: \
		PORT=0 PORT=65535 PORT=00025 PROTO=SMTP PROTO=ESMTP PROTO=lmtp \
		'HELO=[192.0.2.7]' HELO=a+20b HELO=ä HELO=a=b \
		"HELO=$VALUE_255" \
		HELO=+3D HELO=+3d 'HELO=()' DESTADDR=::1 DESTPORT=65535 \
		"LOGIN=$VALUE_255" LOGIN=joe@example.org \
		LOGIN=jö LOGIN=j+C3+B6 'LOGIN=a+20b'
}

@test "XCLIENT: a bad value changes nothing, wherever it stands" {
	local bad
	for bad in PORT=65536 NAME=a+20b FOO=x LOGIN=-x ADDR=x; do
		speaks 'EHLO client.example' 'XCLIENT LOGIN=ann' 'EHLO c' \
			"XCLIENT ADDR=198.51.100.7 NAME=x LOGIN=joe $bad" \
			"XCLIENT $bad ADDR=198.51.100.7 NAME=x LOGIN=joe" \
			"${LETTER[@]:1}"
		codes_are 220 250 220 250 501 501 250 250 354 250 221
		are 192.0.2.1 "${ADDRESSES[@]}"
		is CLIENT_HOSTNAME front.example.net
		is SASL_USERNAME ann
		is CLIENT_HELO c
	done
	answers XCLIENT '501 5.5.4' 'PORT=x PORT=1' 'PORT=1 PORT=x'
}

@test "a control octet in the line is 500 5.5.2, a line too long as well" {
	speaks $'XCLIENT NAME=a\001' $'XFORWARD NAME=a\177' \
		"XCLIENT HELO=$(printf %05000d 0)" \
		"XCLIENT HELO=$(printf %04000d 0)"
	codes_are 220 500 500 500 501 221
}

@test "LOGIN authenticates: ESMTPA, variables, log, relaying, --require-auth" {
	speaks 'EHLO c' 'MAIL FROM:<a@b>' 'VRFY x' \
		'XCLIENT LOGIN=joe+40example.net ADDR=198.51.100.7' 'EHLO c' \
		'MAIL FROM:<a@b>' 'RCPT TO:<c@elsewhere.example>' DATA s . :: \
		-d example.org --require-auth
	codes_are 220 250 530 530 220 250 250 251 354 250 221
	are joe@example.net SASL_USERNAME REMOTE_USER
	is SASL_METHOD XCLIENT
	is CLIENT_PROTOCOL ESMTPA
	grep -q ' with ESMTPA id ' "$(message)"
	logged ' message .* client=198.51.100.7 user=joe@example.net '
}

@test "LOGIN is forgotten by an XCLIENT without it, or with an unknown one" {
	local attribute
	for attribute in NAME=x ADDR=192.0.2.1 'LOGIN=[UNAVAILABLE]'; do
		speaks 'XCLIENT LOGIN=joe' "XCLIENT $attribute" 'EHLO c' \
			'MAIL FROM:<a@b>' 'RCPT TO:<c@elsewhere.example>' \
			'RCPT TO:<c@example.org>' DATA s . :: -d example.org
		codes_are 220 220 220 250 250 550 250 354 250 221
		unset_are SASL_USERNAME SASL_METHOD REMOTE_USER
		is CLIENT_PROTOCOL ESMTP
		not_logged user=
	done
	speaks 'XCLIENT LOGIN=joe' 'XCLIENT NAME=x' 'EHLO c' 'MAIL FROM:<a@b>' \
		:: --require-auth
	codes_are 220 220 220 250 530 221
}

@test "LOGIN stays through RSET and a further hello" {
	speaks 'XCLIENT LOGIN=joe' 'EHLO c' RSET 'EHLO d' "${LETTER[@]:1}"
	is SASL_USERNAME joe
	is CLIENT_PROTOCOL ESMTPA
}

@test "LOGIN and AUTH: who is known may not AUTH; XCLIENT forgets AUTH" {
	local auth='AUTH PLAIN AGFubgB4'
	speaks 'XCLIENT LOGIN=joe' 'EHLO c' "$auth" 'XCLIENT NAME=x' 'EHLO c' \
		"$auth" 'XCLIENT NAME=y' 'EHLO c' "${LETTER[@]:1}" :: \
		--auth true --auth-in-clear
	codes_are 220 220 250 503 220 250 235 220 250 250 250 354 250 221
	[ "$(grep -c '^250-AUTH PLAIN LOGIN' "$REPLIES")" -eq 2 ]
	unset_are SASL_USERNAME SASL_METHOD
	is CLIENT_PROTOCOL ESMTP
}

@test "TLS stays: before us, and by STARTTLS; who may speak may behind it" {
	becomes 'ADDR=198.51.100.7' --tls --require-tls
	is CLIENT_PROTOCOL ESMTPS
	speaks 'XCLIENT LOGIN=joe' "${LETTER[@]}" :: --tls
	is CLIENT_PROTOCOL ESMTPSA
	rm "$BOX"/*
	front starttls
}

@test "errors are counted over every XCLIENT" {
	speaks XYZZY 'XCLIENT NAME=x' XYZZY 'XCLIENT ADDR=192.0.2.1' XYZZY \
		NOOP :: --max-errors 3
	codes_are 220 500 220 500 220 421
	speaks 'XCLIENT PORT=x' 'XFORWARD PORT=x' 'XCLIENT NAME=x' XYZZY \
		:: --max-errors 3
	codes_are 220 501 501 220 421
}

@test "guesses are counted over every XCLIENT" {
	local once=('XCLIENT NAME=x' 'EHLO c' 'MAIL FROM:<a@b>') rcpt=() i
	for ((i = 0; i < 50; i++)); do
		rcpt+=("RCPT TO:<$i@elsewhere.example>")
	done
	speaks "${once[@]}" "${rcpt[@]}" RSET "${once[@]}" "${rcpt[@]}" NOOP \
		'RCPT TO:<a@elsewhere.example>' NOOP :: -d example.org
	[ "$(codes | tr ' ' '\n' | grep -c 550)" -eq 100 ]
	reply_is -1 '421 4.7.0'
}

@test "messages are counted over every XCLIENT" {
	speaks 'XCLIENT NAME=x' "${LETTER[@]}" 'XCLIENT NAME=y' 'EHLO c' \
		'MAIL FROM:<a@b>' :: --max-messages 1
	codes_are "220 220 $GOOD 220 250 452 221"
}

@test "once ADDR came, the right is asked of the new address" {
	local new
	for new in 198.51.100.7 '[UNAVAILABLE]' unix:/x ::1 192.0.2.2; do
		speaks 'EHLO c' "XCLIENT ADDR=$new" 'XCLIENT NAME=x' \
			'XFORWARD NAME=x' 'EHLO c' 'XCLIENT ADDR=192.0.2.1' :: \
			--xclient unix
		codes_are 220 250 220 550 550 250 550 221
		announced 1
	done
	for new in 192.0.2.1 ::ffff:192.0.2.1 203.0.113.9; do
		speaks "XCLIENT ADDR=$new" 'EHLO c' 'XFORWARD NAME=x' \
			'XCLIENT ADDR=198.51.100.7' 'XCLIENT NAME=x' :: \
			--xclient 203.0.113.0/24
		codes_are 220 220 250 250 220 550 221
		announced 1
	done
	for new in NAME=x PORT=1 LOGIN=joe DESTADDR=198.51.100.7 HELO=x; do
		speaks "XCLIENT $new" 'EHLO c' "XCLIENT $new"
		codes_are 220 220 250 220 221
		announced 1
	done
}

@test "RELAYCLIENT, TCPREMOTEHOST and TCPREMOTEINFO go where ADDR comes" {
	export RELAYCLIENT='' TCPREMOTEINFO=front
	local relay=('EHLO c' 'MAIL FROM:<a@b>' 'RCPT TO:<c@elsewhere.example>'
		'RCPT TO:<c@example.org>' DATA s .) attribute
	for attribute in NAME=x PORT=1 DESTADDR=198.51.100.7; do
		speaks "XCLIENT $attribute" "${relay[@]}" :: -d example.org
		codes_are 220 220 250 250 251 250 354 250 221
		is RELAYCLIENT ''
		unset_are TCPREMOTEINFO
	done
	is TCPREMOTEHOST front.example.net
	for attribute in 198.51.100.7 192.0.2.2 '[UNAVAILABLE]' unix:; do
		speaks "XCLIENT ADDR=$attribute" "${relay[@]}" :: -d example.org
		codes_are 220 220 250 250 550 250 354 250 221
		unset_are RELAYCLIENT TCPREMOTEHOST CLIENT_HOSTNAME \
			TCPREMOTEINFO
	done
	# and a later one gives none of it back
	speaks 'XCLIENT ADDR=192.0.2.1' 'XCLIENT NAME=x' "${relay[@]}" :: \
		-d example.org
	codes_are 220 220 220 250 250 550 250 354 250 221
}

@test "the log: connect again where ADDR came, and each line names him" {
	speaks 'EHLO c' 'MAIL x' 'XCLIENT ADDR=198.51.100.7 PORT=7' 'MAIL x' \
		'EHLO c' 'MAIL x' :: -v
	[ "$(grep -c ' connect ' "$LOG")" -eq 2 ]
	logged ' connect client=192.0.2.1 port=5$'
	logged ' connect client=198.51.100.7 port=7$'
	[ "$(grep -c ' refuse client=192.0.2.1 verb=MAIL' "$LOG")" -eq 1 ]
	[ "$(grep -c ' refuse client=198.51.100.7 verb=MAIL' "$LOG")" -eq 2 ]
	logged ' command client=198.51.100.7 line=QUIT$'
	speaks 'XCLIENT NAME=x PORT=8' :: -v
	[ "$(grep -c ' connect ' "$LOG")" -eq 1 ]
	logged ' close client=192.0.2.1 port=8 '
	speaks 'XCLIENT ADDR=198.51.100.7'
	not_logged connect
}

@test "XCLIENT in LMTP" {
	speaks 'XCLIENT ADDR=198.51.100.7 PROTO=LMTP LOGIN=joe' 'LHLO c' \
		"${LETTER[@]:1}" :: --lmtp
	codes_are "220 220 $GOOD 221"
	reply_is 2 '220 mx.example.org LMTP ready'
	is CLIENT_ADDRESS 198.51.100.7
	is CLIENT_PROTOCOL LMTPA
}

@test "XCLIENT pipelined with all that follows, by two clients" {
	speaks 'XCLIENT ADDR=192.0.2.1 NAME=a' "${LETTER[@]}" \
		'XCLIENT ADDR=198.51.100.7 NAME=b' "${LETTER[@]}"
	codes_are "220 220 $GOOD 220 $GOOD 221"
	is CLIENT_HOSTNAME a 1
	is CLIENT_ADDRESS 192.0.2.1 1
	is CLIENT_HOSTNAME b 2
	is CLIENT_ADDRESS 198.51.100.7 2
}

# ---- XFORWARD ----

ALL='NAME=mx.example.net ADDR=198.51.100.7 PORT=40122 HELO=his+20name'
ALL+=' PROTO=SMTP'

# Of the Nth message.
is_forwarded() {
	is CLIENT_ADDRESS 198.51.100.7 "${1:-1}"
	is CLIENT_HOSTNAME mx.example.net "${1:-1}"
}

is_front() {
	is CLIENT_ADDRESS 192.0.2.1 "${1:-1}"
	is CLIENT_HOSTNAME front.example.net "${1:-1}"
	is CLIENT_PORT 5 "${1:-1}"
}

@test "XFORWARD: log and variables name him, Received who is connected" {
	forwards "$ALL"
	reply_is 3 '250 2.0.0'
	are 198.51.100.7 "${ADDRESSES[@]}"
	are 40122 "${PORTS[@]}"
	are mx.example.net "${NAMES[@]}"
	is CLIENT_HELO 'his?name'
	is CLIENT_PROTOCOL SMTP
	is PROTO TCP
	is TCPLOCALIP 192.0.2.25
	is TCPLOCALPORT 25
	received 'front.example.net ([192.0.2.1])'
	grep -q ' with ESMTP id ' "$(message)"
	logged ' message .* client=198.51.100.7 helo="his name" '
	logged ' close client=192.0.2.1 port=5 reason=quit messages=1 '
}

@test "XFORWARD in several lines, each adds to it and the last word counts" {
	speaks 'EHLO front.example.net' 'XFORWARD NAME=a ADDR=203.0.113.9' \
		'XFORWARD PORT=1 HELO=x' 'XFORWARD PROTO=esmtp' \
		'XFORWARD ADDR=IPV6:2001:db8::7 PORT=2 PORT=3' "${LETTER[@]:1}"
	codes_are 220 250 250 250 250 250 250 250 354 250 221
	are a "${NAMES[@]}"
	are 2001:db8::7 "${ADDRESSES[@]}"
	are 3 "${PORTS[@]}"
	is CLIENT_HELO x
	is CLIENT_PROTOCOL ESMTP
}

@test "XFORWARD: what it does not tell is unknown" {
	forwards PORT=1
	unset_are "${ADDRESSES[@]}" "${NAMES[@]}" PROTO CLIENT_HELO \
		CLIENT_PROTOCOL
	are 1 "${PORTS[@]}"
	logged ' message .* client=unknown '
	forwards ADDR=198.51.100.7
	unset_are "${PORTS[@]}" "${NAMES[@]}" CLIENT_HELO CLIENT_PROTOCOL
	are 198.51.100.7 "${ADDRESSES[@]}"
	forwards 'HELO=x'
	is CLIENT_HELO x
	client_is_unknown
	forwards 'IDENT=x SOURCE=LOCAL'
	client_is_unknown
	unset_are CLIENT_HELO CLIENT_PROTOCOL
	# nothing of the client of the message before either
	speaks 'EHLO c' "XFORWARD $ALL" RSET 'XFORWARD PORT=1' "${LETTER[@]:1}"
	are 1 "${PORTS[@]}"
	unset_are "${ADDRESSES[@]}" "${NAMES[@]}" CLIENT_HELO CLIENT_PROTOCOL
}

@test "XFORWARD: [UNAVAILABLE] and its kind, IDENT and SOURCE are passed over" {
	local word
	for word in '[UNAVAILABLE]' '[tempunavail]'; do
		speaks 'EHLO c' "XFORWARD $ALL" \
			"XFORWARD NAME=$word PORT=$word IDENT=$word" \
			"XFORWARD HELO=$word PROTO=$word SOURCE=$word" \
			'XFORWARD IDENT=a+20b ident=x source=LOCAL' \
			"${LETTER[@]:1}"
		unset_are "${NAMES[@]}" "${PORTS[@]}" CLIENT_HELO \
			CLIENT_PROTOCOL
		is CLIENT_ADDRESS 198.51.100.7
		speaks 'EHLO c' "XFORWARD $ALL" "XFORWARD ADDR=$word" \
			"${LETTER[@]:1}"
		unset_are "${ADDRESSES[@]}" PROTO
		is CLIENT_HOSTNAME mx.example.net
	done
	forwards 'ADDR=unix:/run/x NAME=localhost'
	unset_are "${ADDRESSES[@]}"
	is CLIENT_HOSTNAME localhost
}

@test "XFORWARD: an attribute or a value that cannot be read is 501 5.5.4" {
	answers XFORWARD '501 5.5.4' "${BAD_COMMON[@]}" LOGIN=joe \
		DESTADDR=192.0.2.1 DESTPORT=25 IDENT= IDENT=+00 SOURCE=+ IDENT
	answers XFORWARD 250 "NAME=$VALUE_255" PORT=0 PORT=65535 PROTO=lmtp \
		HELO=a=b IDENT=x SOURCE=LOCAL
}

@test "XFORWARD: a bad value changes nothing, wherever it stands" {
	local bad
	for bad in PORT=65536 NAME=a+20b FOO=x LOGIN=joe ADDR=x; do
		speaks 'EHLO c' "XFORWARD $bad NAME=x" "XFORWARD NAME=x $bad" \
			"${LETTER[@]:1}" "XFORWARD $ALL" \
			"XFORWARD NAME=x $bad" "XFORWARD $bad NAME=x" \
			"${LETTER[@]:1}"
		codes_are 220 250 501 501 250 250 354 250 250 501 501 250 250 \
			354 250 221
		is_front 1
		is CLIENT_HELO c 1
		is_forwarded 2
	done
}

@test "XFORWARD ends with its message, whatever becomes of that" {
	local transaction
	for transaction in $'DATA\r\ns\r\n.' $'BDAT 1 LAST\r\nx' \
		$'BDAT 1\r\nx\r\nBDAT 0 LAST'; do
		speaks 'EHLO c' "XFORWARD $ALL" "${LETTER[@]:1:2}" \
			"$transaction" "${LETTER[@]:1}" :: --max-errors 0
		delivered 2
		is_forwarded 1
		is_front 2
	done
	speaks 'EHLO c' "XFORWARD $ALL" "${LETTER[@]:1}" "${LETTER[@]:1}" :: \
		-- sh -c '"$CATCH"; exit 75'
	codes_are 220 250 250 250 250 354 451 250 250 354 451 221
	is_forwarded 1
	is_front 2
	speaks 'EHLO c' "XFORWARD $ALL" "${LETTER[@]:1:2}" DATA 12345678 . \
		"${LETTER[@]:1:2}" DATA x . :: --max-size 5
	codes_are 220 250 250 250 250 354 552 250 250 354 250 221
	logged ' message .* client=198.51.100.7 .* reply="552 5.3.4"'
	is_front 1
}

@test "XFORWARD ends with RSET, a hello, XCLIENT; in LMTP with LHLO" {
	local end
	for end in RSET 'EHLO c' 'HELO c' $'XCLIENT PORT=5\r\nEHLO c'; do
		speaks 'EHLO c' "XFORWARD $ALL" "$end" "${LETTER[@]:1}"
		is_front
		is CLIENT_HELO c
		logged ' message .* client=192.0.2.1 helo=c '
	done
	speaks 'EHLO c' "XFORWARD $ALL" 'MAIL FROM:<x@y>' RSET "${LETTER[@]:1}"
	is_front
	speaks 'EHLO c' "XFORWARD $ALL" 'MAIL FROM:<x@y>' 'EHLO c' \
		"${LETTER[@]:1}"
	is_front
	speaks 'LHLO c' "XFORWARD $ALL" 'LHLO c' "${LETTER[@]:1}" :: --lmtp
	is_front
}

@test "XFORWARD does not end with what is no transaction" {
	local line
	for line in 'MAIL FROM:<-x@y>' 'MAIL x' 'MAIL FROM:<a@b> FOO=1' MAIL \
		NOOP HELP XYZZY 'VRFY x' 'RCPT TO:<c@d>' DATA 'XCLIENT PORT=x' \
		'XFORWARD PORT=x' 'EHLO () { x' $'BDAT 1\r\nx' \
		$'BDAT 1 LAST\r\nx' 'BDAT 0 LAST' 'AUTH PLAIN' STARTTLS; do
		speaks 'EHLO c' "XFORWARD $ALL" "$line" "${LETTER[@]:1}"
		delivered 1
		is_forwarded
	done
}

@test "XFORWARD before a hello: the hello ends it" {
	speaks "XFORWARD $ALL" "${LETTER[@]}"
	codes_are 220 250 250 250 250 354 250 221
	is_front
}

@test "XFORWARD: refusals, a look-up and its log name the client too" {
	speaks 'EHLO c' "XFORWARD $ALL" 'MAIL FROM:<a@b>' 'RCPT TO:<c@d>' \
		'RCPT TO:<x@y>' RSET 'MAIL FROM:<a@b>' 'RCPT TO:<x@y>' :: \
		-l 'echo $CLIENT_ADDRESS $CLIENT_HELO >>"$BOX/asked"
		[ "$1" = c@d ] || exit 75'
	codes_are 220 250 250 250 250 451 250 250 451 221
	[ "$(cat "$BOX/asked")" = '198.51.100.7 his?name
198.51.100.7 his?name
192.0.2.1 c' ]
	logged ' refuse client=198.51.100.7 verb=RCPT '
	logged ' lookup client=198.51.100.7 '
	logged ' refuse client=192.0.2.1 verb=RCPT '
	logged ' lookup client=192.0.2.1 '
	logged ' close client=192.0.2.1 '
}

@test "XFORWARD: a session that ends in its message is the front's" {
	printf '%s\r\n' 'EHLO c' "XFORWARD $ALL" 'MAIL FROM:<a@b>' \
		'RCPT TO:<c@d>' DATA x | serve --xclient 192.0.2.1
	logged ' message .* client=198.51.100.7 .* dropped=yes '
	logged ' close client=192.0.2.1 port=5 reason=eof '
	not_delivered
}

@test "XFORWARD gives no right and takes none" {
	local before relay=('MAIL FROM:<a@b>' 'RCPT TO:<c@elsewhere.example>')
	speaks 'EHLO c' "XFORWARD $ALL" "${relay[@]}" :: -d example.org
	codes_are 220 250 250 250 550 221
	RELAYCLIENT='' speaks 'EHLO c' "XFORWARD $ALL" "${relay[@]}" DATA s . \
		:: -d example.org
	codes_are 220 250 250 250 251 354 250 221
	is RELAYCLIENT ''
	is_forwarded
	for before in 'XCLIENT LOGIN=joe' 'AUTH PLAIN AGpvZQB4'; do
		speaks 'EHLO c' "$before" 'EHLO c' "XFORWARD $ALL" \
			"${relay[@]}" DATA s . :: -d example.org \
			--auth true --auth-in-clear --require-auth
		delivered 1
		is SASL_USERNAME joe
		is_forwarded
		grep -q ' with ESMTPA id ' "$(message)"
		logged ' message .* client=198.51.100.7 user=joe '
	done
	# nor to say it, or XCLIENT, again
	speaks 'EHLO c' "XFORWARD $ALL" "XFORWARD $ALL" 'XCLIENT NAME=x' \
		'EHLO c'
	codes_are 220 250 250 250 220 250 221
	announced 2
	speaks 'EHLO c' 'XFORWARD ADDR=203.0.113.9' 'XCLIENT ADDR=203.0.113.7' \
		'XFORWARD ADDR=192.0.2.1' 'XCLIENT ADDR=192.0.2.1'
	codes_are 220 250 250 220 550 550 221
}

@test "XFORWARD in LMTP: each run, and the next message is the front's again" {
	speaks 'LHLO c' "XFORWARD $ALL" 'MAIL FROM:<a@b>' 'RCPT TO:<c@d>' \
		'RCPT TO:<e@f>' DATA s . "${LETTER[@]:1}" :: --lmtp
	codes_are 220 250 250 250 250 250 354 250 250 250 250 354 250 221
	is_forwarded 1
	is_forwarded 2
	is_front 3
}

# ---- options ----

@test "--xclient: bad values are 64, and --check takes good ones" {
	local value
	for value in '' x UNIX unixx unix: unix/8 192.0.2.1/33 192.0.2.1/ \
		192.0.2.1/x 192.0.2 ::1/129 '[::1]' 192.0.2.1,unix \
		mx.example.net; do
		say QUIT | serve --xclient "$value"
		exited 64
		codes_are 421
		grep -qF "option --xclient $value: not a network" "$LOG" ||
			fail "$value"
	done
	for value in unix 192.0.2.1 0.0.0.0/0 2001:db8::/32 ::ffff:192.0.2.1; do
		[ "$("$SMTPD" --check --xclient "$value" -- "$CATCH")" = ok ] ||
			fail "$value"
	done
	[ "$("$SMTPD" --check --require-auth --xclient unix -- "$CATCH")" = ok ]
	ends 78 "$SMTPD" --check --require-auth -- "$CATCH" 2>"$LOG"
	logged 'option --require-auth: needs --auth or --xclient'
}
