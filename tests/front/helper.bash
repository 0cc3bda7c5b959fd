# Loaded after ../helper, ../launch/helper and ../launch/real/helper: a proxy of
# examples/front on that machine, and behind it smtpd, by the file of
# examples/launch that $BY names, with the options of its table in doc/proxy.md.
#
#   behind FILE [option ...]   boots with them
#   edited FILE SED            before that: its copy is edited, and changes
#   brings FROM [argument ...] swaks has a letter from there, for $AT
#   is_known [ADDRESS PORT]    smtpd knows the client of the last letter
#   is_unknown                 it does not
#   is NAME TEXT               a variable of the last run
#   with PROTOCOL              in its Received field
# shellcheck disable=SC2034,SC2154 # variables for and of others

LAUNCH=$ROOT/none
EXAMPLES=$ROOT/examples
BY=tcpserver
BY_EDIT=
AT=2625
HELO=client.example
CLOSED='reason=quit messages=1'
BROUGHT=0
REFUSED=0

# options_of FILE: what doc/proxy.md says.
options_of() {
	sed -n "s#^|.*| \`$1\` | \`\([^\`]*\)\` |.*#\1#p" "$ROOT/doc/proxy.md" |
		grep .
}

# tried FILE: the line of its head, with what goes on in the next one.
tried() {
	sed -n '/^# Try:/{s/^# Try: *//
		:a
		/\\$/{N;s/\\\n#[[:blank:]]*//;ba
		}
		s/,$//
		p;q
		}' "$EXAMPLES/front/$1" | grep .
}

edited() {
	local file=$DISK$CHECKOUT/examples/$1
	cp "$file" "$BATS_TEST_TMPDIR/before"
	sed -i "$2" "$file"
	! cmp -s "$file" "$BATS_TEST_TMPDIR/before" || fail "not edited: $2"
}

# ours [option ...]: runs smtpd with them.
ours() {
	edited "launch/$BY" "s#/usr/local/bin/on-mail#$* &#$BY_EDIT"
	echo "sh $CHECKOUT/examples/launch/$BY &"
}

# at_socket PATH, at_v6: it listens there, by socat, to which a colon in an
# option is \:
at_socket() {
	BY=socat
	BY_EDIT="; s#TCP4-LISTEN:2525,bind=127.0.0.1,reuseaddr#"
	BY_EDIT+="UNIX-LISTEN:$1,mode=666#"
}

at_v6() {
	BY=socat
	BY_EDIT='; s#TCP4-LISTEN:2525,bind=127.0.0.1#'
	BY_EDIT+='TCP6-LISTEN:2525,bind=[::1]#'
}

# boots LINE ...: with one more client's address.
boots() {
	BROUGHT=0
	machine sh -euc "ip address add 2001:db8::7/128 dev lo nodad
		cd $CHECKOUT
		$(printf '%s\n' "$@")
		wait"
}

behind() {
	local line
	line=$(tried "$1") || fail "how to try $1?"
	certified
	boots "$(ours "$(options_of "$1")" "${@:2}")" "($line) &"
}

# at FROM: swaks's words for a client there, and $PEER and $PEER_PORT.
at() {
	local server=127.0.0.1
	PEER=$1
	case $PEER in
	/*)
		TO=(--socket "$PEER")
		return
		;;
	*:*) server=::1 ;;
	esac
	PEER_PORT=$((40000 + BROUGHT + REFUSED))
	TO=(--server "$server" --port "$AT" --local-interface "$PEER"
		--local-port "$PEER_PORT")
}

listening() {
	case $PEER in
	/*) inside test -S "$PEER" ;;
	*:*) inside bash -c "exec 9<>/dev/tcp/::1/$AT" ;;
	*) inside bash -c "exec 9<>/dev/tcp/127.0.0.1/$AT" ;;
	esac
}

# talks FROM [argument ...]
talks() {
	at "$1"
	until_true listening || return
	inside swaks "${TO[@]}" --timeout 20 --helo client.example \
		--from ann@example.net --to help@example.org "${@:2}" \
		>"$REPLIES" 2>&1
}

brings() {
	LETTER=$BATS_TEST_TMPDIR/letter
	printf '%s\n' 'From: ann@example.net' 'Subject: front' '' . .. .x '' \
		>"$LETTER"
	# swaks ends the last line itself
	head -c -1 "$LETTER" >"$BATS_TEST_TMPDIR/data"
	talks "$1" --data "@$BATS_TEST_TMPDIR/data" "${@:2}" || fail 'no 250'
	BROUGHT=$((BROUGHT + 1))
	delivered "$BROUGHT"
	sed '1,/ +0000$/d' "$(message "$BROUGHT")" |
		sed '/^Received: /,/ +0000/d' | cmp - "$LETTER"
}

# turned_away FROM REPLY [argument ...]
turned_away() {
	! talks "$1" "${@:3}" || fail 'it was taken'
	REFUSED=$((REFUSED + 1))
	grep -q "^<.* $2" "$REPLIES" || fail "not: $2"
}

is() {
	[ "$(variable "$1" "$BROUGHT")" = "$2" ] ||
		fail "$1: $(variable "$1" "$BROUGHT")"
}

unset_are() {
	local name
	for name; do
		! variable "$name" "$BROUGHT" || fail "$name is set"
	done
}

with() {
	grep -q "^	by .* with $1 id " "$(message "$BROUGHT")" ||
		fail "$(head -n 3 "$(message "$BROUGHT")")"
}

received_from() {
	[ "$(head -n 1 "$(message "$BROUGHT")")" = "Received: from $1" ] ||
		fail "$(head -n 1 "$(message "$BROUGHT")")"
}

# logged_here TEXT: soon.
logged_here() {
	until_true grep -q -- "smtpd.*$1" "$LOG"
}

# port_is PORT: none where it is empty.
port_is() {
	local name
	for name in CLIENT_PORT TCPREMOTEPORT REMOTE_PORT; do
		if [ -n "$1" ]; then
			is "$name" "$1"
		else
			unset_are "$name"
		fi
	done
}

is_known() {
	local name address=${1-$PEER} port=${2-$PEER_PORT} literal
	literal=$address
	[ "$address" = "${address#*:}" ] || literal=IPv6:$address
	for name in CLIENT_ADDRESS TCPREMOTEIP REMOTE_ADDR; do
		is "$name" "$address"
	done
	port_is "$port"
	received_from "$HELO ([$literal])"
	logged_here " message id=[^ ]* client=$address "
	logged_here " close client=$address ${port:+port=$port }$CLOSED "
}

is_unknown() {
	unset_are CLIENT_ADDRESS CLIENT_PORT CLIENT_HOSTNAME TCPREMOTEIP \
		TCPREMOTEPORT TCPREMOTEHOST REMOTE_ADDR REMOTE_PORT
	received_from "$HELO"
	logged_here ' message id=[^ ]* client=unknown '
	logged_here " close client=unknown $CLOSED "
}

# Our end is nobody's business.
came_to_none() {
	unset_are TCPLOCALIP TCPLOCALPORT
}

# came_to ADDRESS PORT: of the proxy.
came_to() {
	is TCPLOCALIP "$1"
	is TCPLOCALPORT "$2"
}

# comes FROM OURS [argument ...]: it brings a letter to where the proxy listens,
# and is known.
comes() {
	brings "$1" "${@:3}"
	is_known "$PEER" "$PEER_PORT"
	came_to "$2" "$AT"
}

in_tls() {
	with ESMTPS
	is SSL_PROTOCOL TLSv1.3
	is SSL_CIPHER TLS_AES_256_GCM_SHA384
}

# sessions N: tcpserver has seen their ends, of which smtpd said nothing.
sessions() {
	[ "$(grep -c '^tcpserver: end .* status 0$' "$LOG")" -ge "$1" ]
}

silent() {
	until_true sessions "$1"
	not_logged 'smtpd\['
	! grep '^tcpserver: end ' "$LOG" | grep -v ' status 0$' || fail
}
