#!/usr/bin/env bats
# --proxy: who the client is by the header of the PROXY protocol, and what such
# a header is without it.  The cases that need a socket are in
# tests/lib/front.py.
load helper

front() {
	: >"$LOG"
	python_case 110 lib/front.py "$@"
}

hex() {
	printf %s "${1^^}" | basenc --base16 -d
}

v1() {
	printf 'PROXY %s\r\n' "$1"
}

SIGNATURE=0d0a0d0a000d0a515549540a
# What a block of each family begins with: 192.0.2.7 and 198.51.100.1,
# 2001:db8::7 and 2001:db8::1, the ports 40122 and 25; two unix sockets.
FOUR=c0000207c63364019cba0019
SIX=20010db800000000000000000000000720010db80000000000000000000000019cba0019
UNIX=$(printf '2f78%0212d2f79%0212d' 0 0)

# v2 HEAD BLOCK [LENGTH]: in hexadecimal; HEAD is the 13th and 14th octet.
v2() {
	hex "$SIGNATURE$1${3:-$(printf %04x $((${#2} / 2)))}$2"
}

# tlv TYPE VALUE
tlv() {
	printf '%s%04x%s' "$1" $((${#2} / 2)) "$2"
}

text() {
	printf %s "$1" | od -An -v -tx1 | tr -d ' \n'
}

# ssl CLIENT [TLV ...]: PP2_TYPE_SSL, whose certificate was not verified.
ssl() {
	tlv 20 "${1}00000001$(printf %s "${@:2}")"
}

TLS_13=$(ssl 01 "$(tlv 21 "$(text TLSv1.3)")" \
	"$(tlv 23 "$(text TLS_AES_256_GCM_SHA384)")")

letter() {
	say "${HELLO[@]}" DATA 'Subject: s' . QUIT
}

# sends HEADER ... [:: OPTION ...]: the words of v1 or v2, and a letter, which
# is delivered.
sends() {
	local WORDS REST
	split "$@"
	rm -f "$BOX"/*
	{ "${WORDS[@]}"; letter; } | serve --proxy "${REST[@]}"
	codes_are 220 250 250 250 354 250 221
	delivered 1
}

is() {
	[ "$(variable "$1")" = "$2" ] ||
		fail "$1: $(variable "$1")" "expected: $2"
}

unset_are() {
	local name
	for name; do
		! variable "$name" >/dev/null ||
			fail "$name is set: $(variable "$name")"
	done
}

# The client and our own end, in all variables, the log and Received.
client_is() {
	local name
	for name in CLIENT_ADDRESS TCPREMOTEIP REMOTE_ADDR; do
		is "$name" "$1"
	done
	for name in CLIENT_PORT TCPREMOTEPORT REMOTE_PORT; do
		is "$name" "$2"
	done
	is TCPLOCALIP "$3"
	is TCPLOCALPORT "$4"
	is PROTO TCP
	logged " message .* client=$1 helo=client.example "
	logged " close client=$1 port=$2 reason=quit messages=1 "
	case $1 in
	*:*) received "([IPv6:$1])" ;;
	*) received "([$1])" ;;
	esac
}

# received ADDRESS: as it stands behind the name; or nothing.
received() {
	[ "$(head -n 1 "$(message)")" = \
		"Received: from client.example${1:+ }$1" ] ||
		fail "$(head -n 1 "$(message)")"
}

client_is_unknown() {
	unset_are CLIENT_ADDRESS TCPREMOTEIP REMOTE_ADDR CLIENT_PORT \
		TCPREMOTEPORT REMOTE_PORT CLIENT_HOSTNAME TCPREMOTEHOST \
		TCPLOCALIP TCPLOCALPORT PROTO RELAYCLIENT
	logged ' close client=unknown reason=quit messages=1 '
	received ''
}

# closed HEADER ...: without a word, and logged so.
closed() {
	{ "$@"; letter; } | serve --proxy "${OPTIONS[@]}"
	exited 0
	[ ! -s "$REPLIES" ] || fail "$* was answered"
	logged " close client=unknown reason=proxy error=\"$ERROR\" messages=0 "
	[ "$(wc -l <"$LOG")" -eq 1 ] || fail "$*: not one line"
	not_delivered
}

# ---- version 1 ----

@test "version 1 names the client and our own end: TCP4 and TCP6" {
	sends v1 'TCP4 192.0.2.7 198.51.100.1 40122 25'
	client_is 192.0.2.7 40122 198.51.100.1 25
	sends v1 'TCP6 2001:DB8:0::7 2001:db8::1 65535 0'
	client_is 2001:db8::7 65535 2001:db8::1 0
}

@test "version 1: each address is of its own family, mapped ones are IPv4" {
	sends v1 'TCP6 2001:db8::7 127.0.0.1 40122 25'
	client_is 2001:db8::7 40122 127.0.0.1 25
	sends v1 'TCP4 192.0.2.7 2001:db8::1 1 2'
	client_is 192.0.2.7 1 2001:db8::1 2
	sends v1 'TCP6 ::ffff:192.0.2.7 ::FFFF:c633:6401 40122 25'
	client_is 192.0.2.7 40122 198.51.100.1 25
}

@test "version 1, UNKNOWN: nobody, whatever is behind it" {
	local rest
	for rest in '' ' ' ' ffff::1 ffff::2 65535 65535' ' 192.0.2.7' '  x' \
		" $(printf %091d 0)"; do
		sends v1 "UNKNOWN$rest"
		client_is_unknown
	done
}

@test "version 1: 107 octets with CRLF, and no more" {
	[ "$(v1 "UNKNOWN $(printf %091d 0)" | wc -c)" -eq 107 ]
	ERROR='version 1, with no end' closed v1 "UNKNOWN $(printf %092d 0)"
	ERROR='version 1, with no end' closed printf 'PROXY UNKNOWN %0300d' 0
}

@test "version 1, malformed: closed without a word" {
	local rest ERROR='version 1, malformed'
	local good='192.0.2.7 198.51.100.1 40122 25'
	for rest in "" "TCP4" "TCP4 " "TCP4 192.0.2.7" \
		'TCP4 192.0.2.7 198.51.100.1' \
		'TCP4 192.0.2.7 198.51.100.1 ' \
		'TCP4 192.0.2.7 198.51.100.1 40122' \
		'TCP4 192.0.2.7 198.51.100.1 40122 ' \
		" TCP4 $good" "TCP4  $good" "TCP4 $good " "TCP4 $good 1" \
		'TCP4 192.0.2.7  198.51.100.1 40122 25' \
		'TCP4 192.0.2.7 198.51.100.1  40122 25' \
		'TCP4 192.0.2.7 198.51.100.1 40122  25' \
		$'TCP4\t192.0.2.7 198.51.100.1 40122 25' \
		$'TCP4 192.0.2.7 198.51.100.1 40122\t25' \
		"TCP5 $good" "TCP $good" "TCP44 $good" "tcp4 $good" \
		"UDP4 $good" "Unknown" 'UNKNOWNX' \
		'TCP4 192.0.2.7 198.51.100.1 040122 25' \
		'TCP4 192.0.2.7 198.51.100.1 40122 025' \
		'TCP4 192.0.2.7 198.51.100.1 40122 00' \
		'TCP4 192.0.2.7 198.51.100.1 65536 25' \
		'TCP4 192.0.2.7 198.51.100.1 40122 65536' \
		'TCP4 192.0.2.7 198.51.100.1 18446744073709551617 25' \
		'TCP4 192.0.2.7 198.51.100.1 -1 25' \
		'TCP4 192.0.2.7 198.51.100.1 +1 25' \
		'TCP4 192.0.2.7 198.51.100.1 0x19 25' \
		'TCP4 192.0.2.7 198.51.100.1 40122 25x' \
		'TCP4 192.0.2.07 198.51.100.1 40122 25' \
		'TCP4 192.0.2 198.51.100.1 40122 25' \
		'TCP4 192.0.2.256 198.51.100.1 40122 25' \
		'TCP4 192.0.2.7 198.51.100 40122 25' \
		'TCP4 mx.example.net 198.51.100.1 40122 25' \
		'TCP6 [2001:db8::7] 2001:db8::1 40122 25' \
		'TCP6 2001:db8::7%lo 2001:db8::1 40122 25' \
		'TCP6 2001:db8:::7 2001:db8::1 40122 25'; do
		closed v1 "$rest"
	done
	closed printf 'PROXY TCP4 %s\n' "$good"
	closed printf 'PROXY TCP4 %s\r\r\n' "$good"
	closed printf 'PROXY TCP4 %s\r \n' "$good"
	closed printf 'PROXY UNKNOWN\n'
	closed printf 'PROXY \n'
	closed octets 'PROXY TCP4 192.0.2.7\0000 198.51.100.1 40122 25\r\n'
}

# ---- version 2 ----

@test "version 2 names the client and our own end: TCP4 and TCP6" {
	sends v2 2111 "$FOUR"
	client_is 192.0.2.7 40122 198.51.100.1 25
	sends v2 2121 "$SIX"
	client_is 2001:db8::7 40122 2001:db8::1 25
	sends v2 2111 c0000207c6336401ffff0000
	client_is 192.0.2.7 65535 198.51.100.1 0
}

@test "version 2: each address by itself, mapped ones are IPv4" {
	local mapped=00000000000000000000ffff
	sends v2 2121 "${mapped}c0000207${SIX:32}"
	client_is 192.0.2.7 40122 2001:db8::1 25
	sends v2 2121 "${SIX:0:32}${mapped}c63364019cba0019"
	client_is 2001:db8::7 40122 198.51.100.1 25
}

@test "version 2: UNSPEC, UDP and unix sockets are nobody" {
	local head
	for head in 2100 2101 2102; do
		sends v2 "$head" ''
		client_is_unknown
		sends v2 "$head" "$(tlv 04 00)"
		client_is_unknown
	done
	for head in 2110 2112; do
		sends v2 "$head" "$FOUR"
		client_is_unknown
	done
	sends v2 2120 "$SIX"
	client_is_unknown
	sends v2 2122 "$SIX"
	client_is_unknown
	for head in 2130 2131 2132; do
		sends v2 "$head" "$UNIX"
		client_is_unknown
	done
}

@test "version 2: other TLVs are skipped by their length" {
	local block=$FOUR type
	for type in 01 02 03 04 05 22 23 30 e0 ee f0 00 ff; do
		block+=$(tlv "$type" '')$(tlv "$type" 200000)
	done
	sends v2 2111 "$block"
	client_is 192.0.2.7 40122 198.51.100.1 25
	unset_are SSL_PROTOCOL SSL_CIPHER
	is CLIENT_PROTOCOL ESMTP
	# as many octets as there may be
	sends v2 2111 "$FOUR$(tlv 04 "$(printf %08162d 0)")"
	client_is 192.0.2.7 40122 198.51.100.1 25
	sends v2 2131 "$UNIX$(tlv e0 ff)"
	client_is_unknown
}

@test "version 2, malformed: closed without a word" {
	local head ERROR='version 2, malformed'
	# another version, another command
	for head in 01 11 31 f1 00 10 30 22 23 2f; do
		closed v2 "${head}11" "$FOUR"
		closed v2 "${head}00" ''
	done
	# another family, another protocol
	for head in 41 51 f1 f0 03 0f; do
		closed v2 "21$head" ''
		closed v2 "20$head" ''
	done
	for head in 13 14 1f; do
		closed v2 "21$head" "$FOUR"
		closed v2 "20$head" "$FOUR"
	done
	closed v2 2111 "${FOUR:2}"
	closed v2 2111 ''
	closed v2 2112 "${FOUR:2}"
	closed v2 2121 "${SIX:2}"
	closed v2 2121 "$FOUR"
	closed v2 2131 "${UNIX:2}"
	closed v2 2111 "$FOUR" 1001
	closed v2 2111 "$FOUR" ffff
	closed v2 2011 '' 1001
	closed v2 2111 "$FOUR$(printf %08170d 0)" 1001
	closed v2 2111 "${FOUR}04"
	closed v2 2111 "${FOUR}0400"
	closed v2 2111 "${FOUR}040001"
	closed v2 2111 "${FOUR}04000200"
	closed v2 2111 "$FOUR$(tlv 04 00)04ffff"
	closed v2 2100 04
	closed v2 2131 "${UNIX}040001"
}

@test "a signature that is none, and whatever else is no header" {
	local ERROR='no header' word i
	for word in 'EHLO client.example' QUIT 'proxy TCP4 192.0.2.7' 'PROXY' \
		'PROXY	TCP4' ' PROXY UNKNOWN' '' 'GET / HTTP/1.1' \
		"$(printf %0300d 0)"; do
		closed say "$word"
	done
	for ((i = 0; i < ${#SIGNATURE}; i += 2)); do
		closed hex "${SIGNATURE:0:i}41"
	done
	closed octets '\0026\0003\0001\0002\0000\0001'
	: | serve --proxy -- true
	[ ! -s "$REPLIES" ] && [ ! -s "$LOG" ]
}

# ---- the proxy itself ----

@test "LOCAL: who the launcher saw, with a block or without" {
	local block
	export PROTO=TCP TCPREMOTEIP=203.0.113.9 TCPREMOTEPORT=9 \
		TCPREMOTEHOST=proxy.example.net TCPLOCALIP=203.0.113.1 \
		TCPLOCALPORT=25
	for block in '' "$FOUR" "$SIX" 00 "${FOUR}ff"; do
		sends v2 2000 "$block"
		client_is 203.0.113.9 9 203.0.113.1 25
		is CLIENT_HOSTNAME proxy.example.net
		sends v2 2011 "$block"
		client_is 203.0.113.9 9 203.0.113.1 25
	done
	unset TCPREMOTEIP
	sends v2 2021 "$SIX"
	client_is_unknown
}

@test "a health check leaves no line, the proxy's own and another" {
	local session
	for session in true 'say QUIT' 'say RSET'; do
		{ v2 2000 ''; $session; } | serve --proxy
		exited 0
		[ ! -s "$LOG" ] || fail "$session"
		{ v1 'TCP4 192.0.2.7 192.0.2.1 1 2'; $session; } |
			serve --proxy
		[ ! -s "$LOG" ] || fail "$session"
	done
	{ v2 2000 ''; say 'EHLO c' QUIT; } | serve --proxy
	codes_are 220 250 221
	[ ! -s "$LOG" ] || fail
	{ v2 2000 ''; say XYZZY; } | serve --proxy
	logged ' close client=unknown reason=eof '
}

@test "RELAYCLIENT, TCPREMOTEHOST and TCPREMOTEINFO were about the proxy" {
	local block
	export PROTO=TCP TCPREMOTEIP=203.0.113.9 TCPREMOTEPORT=9 \
		TCPREMOTEHOST=proxy.example.net TCPREMOTEINFO=proxy RELAYCLIENT=
	relays() {
		{ "$@"; say 'EHLO c' 'MAIL FROM:<a@b>' 'RCPT TO:<c@d.example>' \
			'RCPT TO:<c@example.org>' DATA x . QUIT; } |
			serve -d example.org "${OPTIONS[@]}"
	}
	relays true
	codes_are 220 250 250 251 250 354 250 221
	rm "$BOX"/*
	local OPTIONS=(--proxy)
	for block in v1\ UNKNOWN 'v2 2000' 'v2 2100' 'v2 2131' \
		'v1 TCP4 192.0.2.7 192.0.2.1 1 2' \
		'v1 TCP4 203.0.113.9 192.0.2.1 9 25'; do
		case $block in
		v1*) relays v1 "${block#v1 }" ;;
		*31) relays v2 2131 "$UNIX" ;;
		*) relays v2 "${block#v2 }" '' ;;
		esac
		codes_are 220 250 250 550 250 354 250 221
		reply_is 4 '550 5.7.1'
		unset_are RELAYCLIENT TCPREMOTEINFO
		case $block in
		*2000) is TCPREMOTEHOST proxy.example.net ;;
		*) unset_are TCPREMOTEHOST CLIENT_HOSTNAME ;;
		esac
		rm "$BOX"/*
	done
}

@test "a look-up and AUTH's command are told of the client too" {
	{ v1 'TCP4 192.0.2.7 198.51.100.1 40122 25'; say 'EHLO c' \
		'AUTH PLAIN AGpvZQB4' 'MAIL FROM:<>' 'RCPT TO:<c@d>' QUIT; } |
		PROTO=TCP TCPREMOTEIP=203.0.113.9 serve --proxy --auth \
			'echo $CLIENT_ADDRESS $TCPLOCALPORT >"$BOX/auth"' \
			--auth-in-clear \
			-l 'echo $REMOTE_ADDR $TCPLOCALIP >"$BOX/lookup"'
	codes_are 220 250 235 250 250 221
	[ "$(cat "$BOX/auth")" = '192.0.2.7 25' ]
	[ "$(cat "$BOX/lookup")" = '192.0.2.7 198.51.100.1' ]
}

# ---- TLS, by its word ----

@test "PP2_TYPE_SSL with PP2_CLIENT_SSL: in TLS, with version and cipher" {
	sends v2 2111 "$FOUR$TLS_13"
	client_is 192.0.2.7 40122 198.51.100.1 25
	is CLIENT_PROTOCOL ESMTPS
	is SSL_PROTOCOL TLSv1.3
	is SSL_CIPHER TLS_AES_256_GCM_SHA384
	! grep -q STARTTLS "$REPLIES" || fail
	# between others, in another order, with a certificate
	sends v2 2121 "$SIX$(tlv 04 0000)$(ssl 07 "$(tlv 22 "$(text cn)")" \
		"$(tlv 23 "$(text AES128-SHA)")" "$(tlv 25 "$(text RSA)")" \
		"$(tlv 21 "$(text TLSv1.2)")")$(tlv 05 01)" :: \
		--starttls 'exit 1'
	client_is 2001:db8::7 40122 2001:db8::1 25
	is CLIENT_PROTOCOL ESMTPS
	is SSL_PROTOCOL TLSv1.2
	is SSL_CIPHER AES128-SHA
	! grep -q STARTTLS "$REPLIES" || fail
}

@test "the client whose address is not told may be in TLS too" {
	local head
	for head in 2100 2000; do
		sends v2 "$head" "$TLS_13"
		is CLIENT_PROTOCOL ESMTPS
		is SSL_PROTOCOL TLSv1.3
	done
	sends v2 2131 "$UNIX$TLS_13"
	is CLIENT_PROTOCOL ESMTPS
}

@test "without the client's bit, or that TLV, it is not in TLS" {
	local tlvs
	for tlvs in '' "$(ssl 00)" "$(ssl 06 "$(tlv 21 "$(text TLSv1.3)")")" \
		"$(ssl fe)" "$(ssl 00 04)" "$(tlv 21 "$(text TLSv1.3)")"; do
		sends v2 2111 "$FOUR$tlvs"
		is CLIENT_PROTOCOL ESMTP
		unset_are SSL_PROTOCOL SSL_CIPHER
	done
}

@test "--tls says so too, whatever the header says" {
	sends v2 2111 "$FOUR$(ssl 00)" :: --tls --require-tls
	is CLIENT_PROTOCOL ESMTPS
	sends v1 'TCP4 192.0.2.7 198.51.100.1 1 2' :: --tls --require-tls
	is CLIENT_PROTOCOL ESMTPS
	unset_are SSL_PROTOCOL SSL_CIPHER
}

@test "whatever stands in its verify field" {
	local verify
	for verify in 00000000 00000001 ffffffff; do
		sends v2 2111 "$FOUR$(tlv 20 "01$verify")"
		is CLIENT_PROTOCOL ESMTPS
		unset_are SSL_PROTOCOL SSL_CIPHER
	done
}

@test "version and cipher: 64 octets of letters, digits and ._-, or unset" {
	local word
	word=$(printf %064d 0)
	sends v2 2111 "$FOUR$(ssl 01 "$(tlv 23 "$(text "$word")")" \
		"$(tlv 21 "$(text a.Z_9-)")")"
	is SSL_CIPHER "$word"
	is SSL_PROTOCOL a.Z_9-
	for word in "$(printf %065d 0)" 'a b' a:b a/b 'a"b' $'a\nb' ä '' \
		'() {'; do
		sends v2 2111 "$FOUR$(ssl 01 "$(tlv 23 "$(text "$word")")" \
			"$(tlv 21 "$(text "$word")")")"
		is CLIENT_PROTOCOL ESMTPS
		unset_are SSL_PROTOCOL SSL_CIPHER
	done
	sends v2 2111 "$FOUR$(ssl 01 "$(tlv 23 610062)" "$(tlv 21 6100)")"
	unset_are SSL_PROTOCOL SSL_CIPHER
}

@test "PP2_TYPE_SSL that is too short, or holds a TLV past its end" {
	local value ERROR='version 2, malformed'
	for value in '' 01 01000000 0100000000"21" 01000000002100 \
		0100000000210001 0100000000"$(tlv 21 61)2300"; do
		closed v2 2111 "$FOUR$(tlv 20 "$value")"
		# of which the TLV behind it is no part
		closed v2 2111 "$FOUR$(tlv 20 "$value")$(tlv 04 00)"
	done
}

@test "--require-tls is content with it; else 451 4.3.5, and one config line" {
	{ v2 2111 "$FOUR$TLS_13"; letter; } | serve --proxy --require-tls
	codes_are 220 250 250 250 354 250 221
	{ v2 2111 "$FOUR"; say 'EHLO c' 'MAIL FROM:<a@b>' 'VRFY x' \
		'MAIL FROM:<a@b>' QUIT; } | serve --proxy --require-tls
	codes_are 220 250 451 451 451 221
	reply_is 3 '451 4.3.5'
	logged ' refuse client=192.0.2.7 verb=MAIL reply="451 4.3.5"'
	[ "$(grep -c ' config client=192.0.2.7 error=' "$LOG")" -eq 1 ]
	{ v1 'TCP4 192.0.2.7 198.51.100.1 40122 25'; say 'EHLO c' \
		'MAIL FROM:<a@b>' QUIT; } | serve --proxy --require-tls \
		--starttls 'exit 1'
	codes_are 220 250 530 221
	grep -q '^250-STARTTLS' "$REPLIES"
	not_logged config
}

@test "AUTH is offered in that TLS, and not without it" {
	{ v2 2111 "$FOUR$TLS_13"; say 'EHLO c' 'AUTH PLAIN AGpvZQB4' QUIT; } |
		serve --proxy --auth true
	codes_are 220 250 235 221
	{ v2 2111 "$FOUR"; say 'EHLO c' 'AUTH PLAIN AGpvZQB4' QUIT; } |
		serve --proxy --auth true
	codes_are 220 250 538 221
	logged ' refuse client=192.0.2.7 verb=AUTH '
}

# ---- its way ----

@test "a header that is cut at any octet: no word, reason=proxy" {
	front cut socket pipes reset
}

@test "a header octet by octet, and nothing is said before it is whole" {
	front octet_by_octet
}

@test "header and session in one segment, and pieces that begin anywhere" {
	front one_segment
}

@test "a header that is late: --timeout, and no octet puts it off" {
	front late
}

@test "a header has 10 seconds where --timeout is longer" {
	front ten_seconds
}

@test "SIGTERM, SIGINT and SIGHUP while it is awaited: no word, reason=stop" {
	front stopped
}

@test "who may send it: the kernel's peer, by address and network" {
	front who_may
}

@test "who may send it: over pipes and unix sockets nobody is known" {
	front nobody_is_known
}

@test "over TCP too the header says who it is, and what our own end is" {
	front in_place_of_the_kernel
}

@test "a reset is the client's leave, or a cut header" {
	front reset
}

@test "what cannot be read is no connection: exit 71, as without --proxy" {
	local option
	for option in --proxy --crlf; do
		ends 71 "$SMTPD" "$option" -- "$CATCH" </ >"$REPLIES" 2>"$LOG"
		logged ' reason=error error="Is a directory"'
	done
}

@test "the log names the client from its first line on, which is connect" {
	{ v1 'TCP4 192.0.2.7 198.51.100.1 40122 25'
		say 'MAIL FROM:<a@b>' QUIT; } |
		PROTO=TCP TCPREMOTEIP=203.0.113.9 serve --proxy -v
	[[ "$(head -n 1 "$LOG")" = \
		*']: connect client=192.0.2.7 port=40122' ]] || fail
	[ "$(grep -c ' connect ' "$LOG")" -eq 1 ]
	not_logged 203.0.113.9
	logged ' command client=192.0.2.7 line=QUIT'
	{ v1 'TCP4 192.0.2.7 198.51.100.1 40122'; say QUIT; } |
		PROTO=TCP TCPREMOTEIP=203.0.113.9 serve --proxy -v
	logged ' close client=203.0.113.9 reason=proxy error='
	not_logged ' connect '
}

@test "counted in the log are the header's octets too" {
	{ v1 UNKNOWN; say QUIT; } | serve --proxy -v
	logged ' reason=quit messages=0 in=21 '
}

@test "LMTP behind a proxy" {
	{ v2 2111 "$FOUR$TLS_13"; say 'LHLO client.example' 'MAIL FROM:<a@b>' \
		'RCPT TO:<c@d>' 'RCPT TO:<e@f>' DATA 'Subject: s' . QUIT; } |
		serve --proxy --lmtp
	codes_are 220 250 250 250 250 354 250 250 221
	delivered 2
	is CLIENT_ADDRESS 192.0.2.7
	is CLIENT_PORT 40122
	is CLIENT_PROTOCOL LMTPS
	received '([192.0.2.7])'
}

@test "a second header behind the first is a fault in the configuration" {
	{ v1 UNKNOWN; v1 'TCP4 192.0.2.7 198.51.100.1 1 2'; letter; } |
		serve --proxy
	codes_are 220 421
	logged ' reason=proxy '
	not_delivered
}

# ---- options ----

@test "--proxy: bad values are 64, --proxy with --xclient is 78" {
	local value
	for value in '' x unix 192.0.2.7/33 192.0.2.7/ 192.0.2.7/x \
		192.0.2.7/-1 192.0.2.7/1/2 192.0.2 /8 2001:db8::/129 \
		'[2001:db8::1]' 2001:db8::1%lo ' 192.0.2.7' mx.example.org \
		192.0.2.7/99999999999999999999; do
		{ v1 UNKNOWN; letter; } | serve --proxy="$value"
		exited 64
		codes_are 421
		grep -qF "option --proxy $value: not a network" "$LOG" ||
			fail "$value"
	done
	{ v1 UNKNOWN; letter; } | serve --proxy --xclient unix
	exited 78
	codes_are 421
	logged 'config error="option --proxy: and --xclient'
	ends 78 "$SMTPD" --check --xclient ::1 --proxy -- "$CATCH" 2>"$LOG"
	logged 'option --proxy'
}

@test "--check with --proxy, and good values of it" {
	local value
	for value in '' =192.0.2.7 =192.0.2.7/0 =192.0.2.255/24 =192.0.2.7/32 \
		=2001:db8::/0 =2001:DB8::7/128 =::/0 =::ffff:192.0.2.7 \
		=::ffff:192.0.2.0/120; do
		[ "$("$SMTPD" --check --proxy"$value" -- "$CATCH")" = ok ] ||
			fail "$value"
	done
	"$SMTPD" --check --proxy --require-tls -- "$CATCH"
}

# ---- a header that nobody announced ----

@test "without --proxy a header is 421 4.3.5 at once, and a config line" {
	local header
	for header in 'TCP4 192.0.2.7 198.51.100.1 1 2' 'TCP6 x' UNKNOWN TCP4x \
		'UNKNOWN 1'; do
		{ v1 "$header"; letter; } |
			PROTO=TCP TCPREMOTEIP=203.0.113.9 serve
		unannounced
	done
	for header in 2111 2000 ffff; do
		{ v2 "$header" "$FOUR"; letter; } |
			PROTO=TCP TCPREMOTEIP=203.0.113.9 serve
		unannounced
	done
}

unannounced() {
	exited 0
	codes_are 220 421
	reply_is 2 '421 4.3.5'
	not_delivered
	[ "$(wc -l <"$LOG")" -eq 2 ]
	logged ' config client=203.0.113.9 error=.*--proxy'
	logged ' close client=203.0.113.9 reason=proxy messages=0 '
}

@test "without --proxy the octets of a header are none behind the first line" {
	local first header
	for first in NOOP 'EHLO c' XYZZY ''; do
		for header in 'PROXY UNKNOWN' 'PROXY TCP4 1 2 3 4'; do
			say "$first" "$header" QUIT | serve
			reply_is 3 '500 5.5.1'
			reply_is 4 221
			not_logged config
		done
		{ say "$first"; v2 2111 "$FOUR"; } | serve
		reply_is -1 221
		not_logged config
	done
}

@test "without --proxy: what only looks like it is answered as ever" {
	local line
	for line in PROXY 'PROXY ' 'PROXY TCP5 x' 'PROXY TCP' 'PROXY UNKNOW' \
		'proxy TCP4 x' 'PROXY  TCP4' ' PROXY TCP4 x' 'PROXYTCP4' \
		'PROXY unknown' 'P'; do
		say "$line" NOOP QUIT | serve
		codes_are 220 500 250 221
		not_logged config
	done
}

@test "without --proxy: version 2's two empty lines wait for what follows" {
	front empty_lines
}

@test "without --proxy: an end of file at any octet of what could be a header" {
	front short_of_a_header
}

@test "without --proxy: a time-out, and a signal, in what could be a header" {
	front waits_in_a_header
}

@test "without --proxy: a header octet by octet, over TCP, is 421 4.3.5" {
	front unannounced
}
