# Loaded after ../helper: the program behind real superservers, on loopback.
#
#   listen tcpserver|inetd|inetd6|systemd|wait|sockets [option ...]
#
# starts one of them, with smtpd and tests/lib/catch behind it, on a free port:
# $ADDRESS, $PORT.  inetd: systemd-socket-activate --inetd, inetd6: on ::1;
# systemd: the same without --inetd, where the connection is descriptor 3.  wait,
# sockets: likewise, but smtpd accepts; also of the sockets in $MORE.
# shellcheck disable=SC2154 # variables of ../helper

ADDRESS=127.0.0.1
MORE=()

answers() {
	(exec 9<>"/dev/tcp/$ADDRESS/$PORT") 2>/dev/null
}

listen() {
	local kind=$1 at line=(systemd-socket-activate -E BOX -E ASAN_OPTIONS)
	local one
	for one in "${MORE[@]}"; do
		line+=(-l "$one")
	done
	shift
	[ "$kind" != inetd6 ] || ADDRESS=::1
	for _ in 1 2 3 4 5; do
		PORT=$((20000 + RANDOM % 12000))
		! answers || continue
		at=$ADDRESS:$PORT
		[ "$ADDRESS" != ::1 ] || at="[::1]:$PORT"
		case $kind in
		tcpserver) set_line tcpserver -H -R -l 0 "$ADDRESS" "$PORT" ;;
		inetd*) set_line "${line[@]}" -a --inetd -l "$at" ;;
		systemd) set_line "${line[@]}" -a -l "$at" ;;
		wait) set_line "${line[@]}" --inetd -l "$at" ;;
		sockets) set_line "${line[@]}" -l "$at" ;;
		esac
		"${LINE[@]}" "$SMTPD" -n mx.example.org "$@" -- "$CATCH" \
			</dev/null >/dev/null 2>>"$LOG" 3>&- &
		SERVER=$!
		! until_answered || return 0
		stop_listening
	done
	fail "$kind does not listen"
}

set_line() {
	LINE=("$@")
}

until_answered() {
	local end=$((SECONDS + 10))
	until answers; do
		kill -0 "$SERVER" 2>/dev/null || return
		[ "$SECONDS" -lt "$end" ] || return
	done
}

stop_listening() {
	[ -z "$SERVER" ] || kill "$SERVER" 2>/dev/null || :
	[ -z "$SERVER" ] || wait "$SERVER" 2>/dev/null || :
	SERVER=
}

teardown() {
	stop_listening
}

# Of tests/launch/client.py.
client() {
	python_case 60 launch/client.py "$@"
}

# What smtpd logs when the client has left already.
logged_soon() {
	local end=$((SECONDS + 10))
	until grep -q -- "$1" "$LOG"; do
		[ "$SECONDS" -lt "$end" ] || fail "not logged: $1"
	done
}

# arrived N FILE FROM: the Nth message is our Received field, and FILE octet
# for octet.
arrived() {
	local got
	got=$(message "$1")
	[ -n "$got" ] || fail "message $1 did not arrive"
	[ "$(head -n 1 "$got")" = "Received: from client.example ($3)" ] ||
		fail "$(head -n 1 "$got")"
	sed '1,/ +0000$/d' "$got" | cmp - "$2"
	[ "$(variable CLIENT_ADDRESS "$1")" = "$ADDRESS" ] ||
		fail "$(variable CLIENT_ADDRESS "$1")"
}
