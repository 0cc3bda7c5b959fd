#!/usr/bin/env bats
# examples/lookup/policyd with real policy servers, and with one that fails.
# What Postfix makes of each action: ../peers/policies.bats.
# shellcheck disable=SC2034,SC2153,SC2154 # variables for and of others
load ../helper
load helper

POLICYD=$ROOT/examples/lookup/policyd
DNS=$ROOT/tests/commands/dns.py
NO='<joe@example.org>: Recipient address rejected:'

# brings SENDER CLIENT [RECIPIENT ...] :: WORD ...: a letter, where policyd is
# called with these words.
brings() {
	local from=$1 client=$2
	shift 2
	split "$@"
	[ ${#WORDS[@]} -gt 0 ] || WORDS=(joe@example.org)
	{
		say 'EHLO client.example' "MAIL FROM:<$from>"
		printf 'RCPT TO:<%s>\r\n' "${WORDS[@]}"
		say DATA 'Subject: x' '' x . QUIT
	} | PROTO=TCP TCPREMOTEIP=$client serve "${OPTIONS[@]}" \
		--lookup "exec $POLICYD $(printf "'%s' " "${REST[@]}")"
}

# heard REPLY SENDER CLIENT [RECIPIENT ...] :: WORD ...: to the first RCPT.
heard() {
	brings "${@:2}"
	reply_is 4 "$1"
}

# The fields on top of the Nth message, down to Received.
fields() {
	sed '/^Received: /Q' "$(message "${1:-1}")"
}

port_taken() {
	bash -c "exec 9<>/dev/tcp/127.0.0.1/$PORT" 2>/dev/null
}

# ---- postgrey ----

# postgrey_at WAY: a second is its delay.
postgrey_at() {
	mkdir -p "$BATS_TEST_TMPDIR/postgrey"
	started postgrey "$1" --dbdir="$BATS_TEST_TMPDIR/postgrey" --delay=1 \
		--user=root --group=root --whitelist-clients=/dev/null \
		--whitelist-recipients=/dev/null
}

is_in() {
	brings "$@" && [[ $(reply 4) = 250* ]]
}

@test "postgrey: later, then in, with a field that tells of it, once" {
	local said="450 4.2.0 $NO Greylisted, see http://"
	PORT=$(free_port)
	postgrey_at --inet="127.0.0.1:$PORT"
	until_true port_taken
	heard "$said" ann@example.net 192.0.2.7 :: "inet:127.0.0.1:$PORT"
	not_delivered
	until_true is_in ann@example.net 192.0.2.7 :: "inet:127.0.0.1:$PORT"
	fields | grep -qx 'X-Greylist: delayed [0-9]* seconds by postgrey-.*'
	heard 250 ann@example.net 192.0.2.7 :: "inet:127.0.0.1:$PORT"
	[ -z "$(fields 2)" ] || fail "$(fields 2)"
	heard 450 ann@example.net 198.51.100.7 :: "inet:127.0.0.1:$PORT"
	heard 450 '' 2001:db8::1 :: "inet:127.0.0.1:$PORT"
}

@test "postgrey on a unix socket: of two recipients each waits, one field" {
	local socket=$BATS_TEST_TMPDIR/socket
	postgrey_at --unix="$socket"
	until_true test -S "$socket"
	heard 450 ann@example.net 192.0.2.7 joe@b ann@b :: "unix:$socket"
	reply_is 5 450
	is_out() {
		brings ann@example.net 192.0.2.7 joe@b ann@b :: "unix:$socket"
		[ "$(codes)" = '220 250 250 250 250 354 250 221' ]
	}
	until_true is_out
	[ "$(fields | grep -c '^X-Greylist: ')/$(fields | wc -l)" = 1/1 ]
}

# ---- postfwd ----

@test "postfwd: each of its rules, and its rate limit" {
	PORT=$(free_port)
	printf '%s\n' \
		'id=1; sender=~@bad\.example$; action=REJECT 5.7.9 not you' \
		'id=2; client_address=198.51.100.0/24; action=450 not now' \
		'id=3; helo_name!=client.example; action=REJECT who' \
		'id=4; size>=1; action=552 5.3.4 too large' \
		'id=5; sasl_username=~.; action=REJECT who' \
		'id=6; action=rate(client_address/2/600/450 4.7.1 too many)' \
		'id=7; action=PREPEND X-Policy: seen' >"$BATS_TEST_TMPDIR/rules"
	started postfwd -i 127.0.0.1 -p "$PORT" -f "$BATS_TEST_TMPDIR/rules" \
		-u root -g root --nodns --perfmon \
		--pidfile "$BATS_TEST_TMPDIR/pid"
	until_true test -s "$BATS_TEST_TMPDIR/pid"
	SERVERS+=("$(cat "$BATS_TEST_TMPDIR/pid")") # a daemon, always
	until_true port_taken
	heard "554 5.7.9 $NO not you" ann@bad.example 192.0.2.7 \
		:: "inet:127.0.0.1:$PORT"
	heard "450 4.7.1 $NO not now" ann@b 198.51.100.7 \
		:: "inet:127.0.0.1:$PORT"
	heard 250 ann@b 192.0.2.7 :: "inet:127.0.0.1:$PORT"
	[ "$(fields)" = 'X-Policy: seen' ]
	heard 250 ann@b 192.0.2.7 :: "inet:localhost:$PORT"
	heard "450 4.7.1 $NO too many" ann@b 192.0.2.7 :: "inet:127.0.0.1:$PORT"
	delivered 2
}

# ---- policyd-rate-limit ----

@test "policyd-rate-limit: so many of a client, and then later" {
	local socket=$BATS_TEST_TMPDIR/socket
	sed -e "s#^pidfile:.*#pidfile: $BATS_TEST_TMPDIR/pid#" \
		-e "s#database: \"/.*#database: $BATS_TEST_TMPDIR/db#" \
		-e "s#^SOCKET:.*#SOCKET: $socket#" \
		-e 's/^\(user\|group\):.*/\1: root/' \
		-e 's/^limit_by_ip:.*/limit_by_ip: True/' \
		-e 's#^limited_net.*#limited_networks: ["0.0.0.0/0"]#' \
		-e 's/\[10, 60\]/[2, 600]/' /etc/policyd-rate-limit.yaml \
		>"$BATS_TEST_TMPDIR/rate.yaml"
	started policyd-rate-limit --file "$BATS_TEST_TMPDIR/rate.yaml"
	until_true test -S "$socket"
	heard 250 ann@b 192.0.2.7 :: "unix:$socket"
	heard 250 ann@b 192.0.2.7 :: "unix:$socket"
	heard "450 4.7.1 $NO Rate limit" ann@b 192.0.2.7 :: "unix:$socket"
	heard 250 ann@b 192.0.2.8 :: "unix:$socket"
	delivered 3
}

# ---- SPF ----

# zone LINE ...: a DNS of these, where $SMTPD and all that it starts is.
zone() {
	printf '%s\n' "$@" >"$BATS_TEST_TMPDIR/zone"
	echo nameserver 127.0.0.1 >"$BATS_TEST_TMPDIR/resolv.conf"
	started unshare --mount --net sh -euc 'ip link set lo up
		mount --bind "$1/resolv.conf" /etc/resolv.conf
		exec python3 "$2" "$1/zone"' sh "$BATS_TEST_TMPDIR" "$DNS"
	until_true nsenter --target "$SERVER" --net \
		grep -q ':0035 ' /proc/net/udp
	printf '#!/bin/sh\nexec nsenter -t %s -m -n -- %s "$@"\n' \
		"$SERVER" "$SMTPD" >"$BATS_TEST_TMPDIR/smtpd"
	chmod +x "$BATS_TEST_TMPDIR/smtpd"
	SMTPD=$BATS_TEST_TMPDIR/smtpd
}

RECORDS=('good.example TXT v=spf1 ip4:192.0.2.0/24 -all'
	'soft.example TXT v=spf1 ~all' 'none.example A 192.0.2.1'
	'broken.example TXT v=spf1 nonsense:x -all'
	'client.example A 192.0.2.7' 'silent.example TXT SILENT')

@test "policyd-spf, in Python: the verdict is a field, or the reply" {
	zone "${RECORDS[@]}"
	spf=exec:/usr/bin/policyd-spf
	for who in good:Pass soft:Softfail none:None broken:Permerror; do
		rm -f "$BOX"/*
		heard 250 "ann@${who%:*}.example" 192.0.2.7 :: "$spf"
		fields | grep -q "^Received-SPF: ${who#*:} .*=192.0.2.7"
	done
	heard 250 '' 192.0.2.7 :: "$spf"
	fields 2 | grep -q '^Received-SPF: None .*identity=helo'
	heard "550 5.7.23 $NO Message rejected due to: SPF fail" \
		ann@good.example 198.51.100.7 :: "$spf"
	heard '550 5.7.23' ann@good.example 2001:db8::1 :: "$spf"
	delivered 2
}

@test "policyd-spf, in Perl: the verdict is a field, or the reply" {
	zone "${RECORDS[@]}"
	spf=exec:/usr/sbin/postfix-policyd-spf-perl
	for who in good:pass soft:softfail none:none broken:permerror; do
		rm -f "$BOX"/*
		heard 250 "ann@${who%:*}.example" 192.0.2.7 a@b c@d :: "$spf"
		fields | grep -q "^Received-SPF: ${who#*:} .*=192.0.2.7"
		[ "$(fields | wc -l)" -eq 1 ]
	done
	heard 250 '' 192.0.2.7 :: "$spf"
	fields 2 | grep -q '^Received-SPF: none .*identity=helo'
	heard "550 5.7.1 $NO Please see" \
		ann@good.example 198.51.100.7 :: "$spf"
	heard '550 5.7.1' ann@good.example 2001:db8::1 :: "$spf"
	delivered 2
}

@test "both of SPF: a DNS that is silent is later, or what is said for it" {
	zone "${RECORDS[@]}"
	for spf in /usr/bin/policyd-spf /usr/sbin/postfix-policyd-spf-perl; do
		heard '451 4.3.0' ann@silent.example 192.0.2.7 \
			:: --timeout 1 "exec:$spf"
		logged "output .* line=\"policyd: exec:$spf: no answer in 1 s: "
		not_delivered
		heard 250 ann@silent.example 192.0.2.7 \
			:: --timeout 1 --else DUNNO "exec:$spf"
		[ -z "$(fields)" ]
		heard "450 4.4.3 $NO No DNS" \
			ann@silent.example 192.0.2.7 \
			:: --timeout 1 --else '450 4.4.3 No DNS' "exec:$spf"
		rm -f "$BOX"/*
	done
}

@test "SPF, then postgrey, as in Postfix: a field of each, and both refuse" {
	local socket=$BATS_TEST_TMPDIR/socket
	zone "${RECORDS[@]}"
	postgrey_at --unix="$socket"
	until_true test -S "$socket"
	# the line of doc/policy.md
	line=$(grep "^    smtpd .*policyd exec:" "$ROOT/doc/policy.md")
	line=${line#*policyd }
	read -ra both <<<"${line%\'*}"
	[ "${both[1]}" = inet:127.0.0.1:10023 ] # where Debian's listens
	both[1]=unix:$socket
	heard '550 5.7.23' ann@good.example 198.51.100.7 :: "${both[@]}"
	heard '450 4.2.0' ann@good.example 192.0.2.7 :: "${both[@]}"
	until_true is_in ann@good.example 192.0.2.7 :: "${both[@]}"
	[ "$(fields | cut -d ' ' -f 1,2 | paste -sd ' ')" = \
		'Received-SPF: Pass X-Greylist: delayed' ] || fail "$(fields)"
}

# ---- one that fails ----

# plays: a server that answers, an octet at a time, what stands in $SAYS, and
# stays where that ends in HANG; the last question is $SAYS.asked.
plays() {
	SAYS=$BATS_TEST_TMPDIR/says
	python_server 'kept = []
while True:
    client = server.accept()[0]
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    asked = b""
    while b"\n\n" not in asked:
        asked += client.recv(4096)
    with open(sys.argv[1] + ".asked", "wb") as file:
        file.write(asked)
    with open(sys.argv[1], "rb") as file:
        says = file.read()
    try:
        for octet in says.replace(b"HANG", b""):
            client.sendall(bytes([octet]))
    except OSError:
        pass
    if says.endswith(b"HANG"):
        kept.append(client)
    client = None' "$SAYS"
}

# says OCTETS
says() {
	octets "$1" >"$SAYS"
}

# later WHY WORD ...: nothing is taken, and the log says why.
later() {
	heard '451 4.3.0 Look-up failed' ann@b 192.0.2.7 :: "${@:2}"
	logged " output .* line=\"policyd: .*$1"
	not_delivered
}

@test "the question is Postfix's, with what is known of the client" {
	plays
	says 'action=DUNNO\n\n'
	say 'EHLO client.example' 'MAIL FROM:<> BODY=8BITMIME SIZE=42' \
		'RCPT TO:<joe@example.org>' DATA x . QUIT | PROTO=TCP \
		TCPREMOTEIP=192.0.2.7 TCPREMOTEPORT=4711 TCPLOCALIP=192.0.2.1 \
		TCPLOCALPORT=25 TCPREMOTEHOST=mx.example.net \
		serve --lookup "exec $POLICYD inet:127.0.0.1:$PORT"
	diff - <(grep -v '=$' "$SAYS.asked") <<-END
		request=smtpd_access_policy
		protocol_state=RCPT
		protocol_name=ESMTP
		client_address=192.0.2.7
		client_name=mx.example.net
		client_port=4711
		reverse_client_name=mx.example.net
		server_address=192.0.2.1
		server_port=25
		helo_name=client.example
		recipient=joe@example.org
		recipient_count=0
		instance=$(variable SMTP_ID)
		size=42
		encryption_keysize=0

	END
	grep -qx 'sender=' "$SAYS.asked"
	say 'HELO' 'MAIL FROM:<a@b>' 'RCPT TO:<joe@b>' QUIT |
		TCPREMOTEIP=2001:db8::1 PROTO=TCP SSL_PROTOCOL=TLSv1.3 serve \
		--tls --lookup "exec $POLICYD inet:127.0.0.1:$PORT"
	for line in protocol_name=SMTP client_name=unknown client_port= \
		client_address=2001:db8::1 helo_name= sender=a@b size=0; do
		grep -qx "$line" "$SAYS.asked" || fail "$(cat "$SAYS.asked")"
	done
	say 'LHLO c' 'AUTH PLAIN AGpvZQB4' 'MAIL FROM:<a@b>' 'RCPT TO:<joe@b>' \
		QUIT | SSL_CIPHER=A-B PROTO=TCP TCPREMOTEIP=192.0.2.7 \
		SSL_PROTOCOL=TLSv1.3 serve --lmtp --tls --auth true \
		--lookup "exec $POLICYD inet:127.0.0.1:$PORT"
	for line in protocol_name=LMTP sasl_method=PLAIN sasl_username=joe \
		encryption_protocol=TLSv1.3 encryption_cipher=A-B; do
		grep -qx "$line" "$SAYS.asked" || fail "$(cat "$SAYS.asked")"
	done
}

@test "a client without an address, and VRFY, is no question" {
	say 'EHLO c' 'VRFY joe' 'MAIL FROM:<>' 'RCPT TO:<joe@b>' QUIT |
		serve --vrfy --lookup "exec $POLICYD inet:127.0.0.1:1"
	codes_are 220 250 250 250 250 221
	say 'VRFY joe' QUIT | PROTO=TCP TCPREMOTEIP=192.0.2.7 serve --vrfy \
		--lookup "exec $POLICYD inet:127.0.0.1:1"
	codes_are 220 250 221
	not_logged ' output '
}

@test "one that is not there, or says nothing, is later" {
	later 'Connection refused' "inet:127.0.0.1:$(free_port)"
	later 'Connection refused' "inet:[::1]:$(free_port)"
	later 'no address' "inet:[192.0.2.1]:25"
	later 'no such host' inet:a..b:25
	later 'no such port' inet:127.0.0.1:75559
	later 'No such file' "unix:$BOX/none"
	closed='\(closed without an answer\|reset by peer\|Broken pipe\)'
	later "$closed" exec:/bin/true
	later "$closed" exec:/no/such/program
	logged "output .* line=\".*/no/such/program.*No such file"
	python_server 'while True:
    server.accept()[0].close()'
	later "$closed" "inet:127.0.0.1:$PORT"
	silent_server
	later 'no answer in 1 s: <>' --timeout 1 "inet:127.0.0.1:$PORT"
	later 'no answer in 1 s: <>' --timeout 1 "exec:sleep 60"
	full=$BATS_TEST_TMPDIR/full
	started python3 -c 'import socket, sys, time
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen(0)
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
open(sys.argv[1] + ".up", "w").close()
time.sleep(60)' "$full"
	until_true test -e "$full.up"
	later 'no answer in 1 s: <>' --timeout 1 "unix:$full"
}

@test "half an answer, garbage, too much of it: later, whatever it began with" {
	plays
	for answer in '' a action= 'action=OK' 'action=OK\n' '\n' OK; do
		says "$answer"
		later 'closed without an answer' "inet:127.0.0.1:$PORT"
		says "${answer}HANG"
		later "no answer in 1 s: <" --timeout 1 "inet:127.0.0.1:$PORT"
	done
	says 'action=OK\r\n\r\nHANG'
	later 'no answer in 1 s: <action=OK????>' --timeout 1 \
		"inet:127.0.0.1:$PORT"
	for answer in '\n\n' 'OK\n\n' 'ACTION=OK\n\n' ' action=OK\n\n' \
		'action OK\n\n' 'x=y\naction=OK\n\n' 'action=OK\nx=y\n\n' \
		'action=OK\naction=REJECT\n\n' '\naction=OK\n\n' \
		'200 OK\r\n\r\n\n\n' '\0action=OK\n\n'; do
		says "$answer"
		later 'no answer: <' "inet:127.0.0.1:$PORT"
	done
	says "action=OK $(printf %017000d 1)\n\n"
	later 'no end of an answer' "inet:127.0.0.1:$PORT"
	head -c 70000 /dev/zero >"$SAYS"
	later 'no end of an answer' "inet:127.0.0.1:$PORT"
}

@test "a server's words are words: no reply, no field, no format of theirs" {
	plays
	for action in 'NONSENSE\r250 2.0.0 ok' 'OK\0' '\x01OK' ' OK' 250 550 \
		'250 2.0.0 ok' 'FILTER smtp:x' 'X PREPEND A: b' 'PREPENDED A: b'
	do
		says "action=$action\n\n"
		heard '451 4.3.5 Server configuration error' ann@b 192.0.2.7 \
			:: "inet:127.0.0.1:$PORT"
		logged " output .* line=\"policyd: inet:127.0.0.1:$PORT: "
	done
	says 'action=REJECT %s%n\r\n 250 ok\x1b[m `x` $(x) \\ "\n\n'
	later 'no answer: <' "inet:127.0.0.1:$PORT"
	says 'action=REJECT %s%n\r250 ok\x1b[m `x` $(x) \\ "\n\n'
	heard "554 5.7.1 $NO"' %s%n?250 ok?[m `x` $(x) \ "' ann@b 192.0.2.7 \
		:: "inet:127.0.0.1:$PORT"
	says "action=REJECT $(printf %016000d 1)\n\n"
	heard '554 5.7.1' ann@b 192.0.2.7 :: "inet:127.0.0.1:$PORT"
	[ "$(reply 4 | wc -c)" -le 511 ]
	not_delivered
	for field in 'X: a\rY: b' Y 'X\x01 a' : "X: $(printf %05000d 1)"; do
		says "action=PREPEND $field\n\n"
		heard 250 ann@b 192.0.2.7 :: "inet:127.0.0.1:$PORT"
	done
	for n in 2 3 4 5; do
		[ -z "$(fields "$n")" ] || fail "$(fields "$n")"
	done
	[ "$(fields 1)" = 'X: a?Y: b' ]
	says 'action=WARN PREPEND X: y\n\n'
	heard 250 ann@b 192.0.2.7 :: "inet:127.0.0.1:$PORT"
	logged "line=\"policyd: inet:127.0.0.1:$PORT: WARN PREPEND X: y\""
	[ -z "$(fields 6)" ]
}

@test "a program that lingers, or prints, has answered; it is gone behind it" {
	for behind in 'exec sleep 60' 'trap "" TERM; exec sleep 60' \
		'cat; echo 550 5.7.1 no >&2; echo PREPEND X: y'; do
		printf '%s\n' '#!/bin/sh' 'echo $$ >>"$BOX/pids"' \
			'grep SigIgn /proc/self/status >"$BOX/signals"' \
			'while read -r line && [ -n "$line" ]; do :; done' \
			'printf "action=REJECT 5.7.9 so\n\n"' "$behind" \
			>"$BATS_TEST_TMPDIR/program"
		chmod +x "$BATS_TEST_TMPDIR/program"
		heard "554 5.7.9 $NO so" ann@b 192.0.2.7 \
			:: "exec:$BATS_TEST_TMPDIR/program"
		all_gone
		grep -q '0...$' "$BOX/signals" || fail 'SIGPIPE is ignored'
	done
	not_delivered
}

@test "what its words mean is asked before anybody is: else it is later" {
	for words in '' --timeout '--timeout 0 unix:/x' '--timeout x unix:/x' \
		'unix:/x --else' '--else DUNNO' inet:127.0.0.1 /x unix: exec: \
		'inet:127.0.0.1:x' "unix:/$(printf %0108d 1)" --help; do
		# shellcheck disable=SC2086 # words
		brings ann@b 192.0.2.7 :: $words
		reply_is 4 '451 4.3.0'
		logged ' output .* line="policyd: '
		logged ' lookup .* exit=64 '
	done
	heard '451 4.3.5' ann@b 192.0.2.7 :: --else accept unix:/none
	not_delivered
}

@test "--else and --timeout are for the servers behind them" {
	silent_server
	local none=unix:$BOX/none silent=inet:127.0.0.1:$PORT
	later 'unix:' "$none" --else DUNNO "$none"
	heard '554 5.7.1' ann@b 192.0.2.7 :: --else DUNNO "$none" \
		--else REJECT "$none"
	heard 250 ann@b 192.0.2.7 :: --else OK "$none" --else REJECT "$none"
	heard 250 ann@b 192.0.2.7 :: --else DUNNO "$none" --timeout 1 "$silent"
}
