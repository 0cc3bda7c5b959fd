#!/usr/bin/env bats
# swaks's --proxy and --xclient, with no proxy between; and what looks whether
# smtpd is there.
# shellcheck disable=SC2034,SC2154 # variables for and of others
load ../helper
load ../launch/helper
load ../launch/real/helper
load helper

AT=2525

# by_proxy VERSION FAMILY SOURCE OURS
by_proxy() {
	brings 127.0.0.2 --proxy-version "$1" --proxy-family "$2" \
		--proxy-source "$3" --proxy-source-port 4711 --proxy-dest "$4" \
		--proxy-dest-port 25
	is_known "$3" 4711
	came_to "$4" 25
}

@test "swaks --proxy, version 1 and 2: the client is who it says" {
	boots "$(ours --proxy=127.0.0.2)"
	by_proxy 1 TCP4 192.0.2.7 192.0.2.1
	by_proxy 1 TCP6 2001:db8::7:a 2001:db8::1
	by_proxy 2 AF_INET 192.0.2.7 192.0.2.1
	by_proxy 2 AF_INET6 2001:db8::7:a 2001:db8::1
	brings 127.0.0.2 --proxy UNKNOWN
	is_unknown
	came_to_none
	! talks 127.0.0.3 --proxy 'TCP4 192.0.2.7 192.0.2.1 4711 25' || fail
	logged_here ' close client=127.0.0.3 .*reason=proxy '
}

# It sends 15 octets of 16, and a command 2 that the protocol does not have.
@test "swaks --proxy-command LOCAL: is none, and is told nothing" {
	boots "$(ours --proxy)"
	! talks 127.0.0.2 --proxy-version 2 --proxy-command LOCAL \
		--proxy-family AF_INET --proxy-source 192.0.2.7 \
		--proxy-source-port 4711 --proxy-dest 192.0.2.1 \
		--proxy-dest-port 25 || fail 'it was taken'
	! grep '^<' "$REPLIES" || fail 'there was a word'
	logged_here ' close client=127.0.0.2 .*reason=proxy error='
}

@test "swaks --xclient: the client is who it says" {
	boots "$(ours --xclient 127.0.0.2)"
	brings 127.0.0.2 --xclient-addr 192.0.2.7 --xclient-port 4711 \
		--xclient-name host.example.net --xclient-helo h.example \
		--xclient-proto ESMTP --xclient-login joe@example.org \
		--xclient-destaddr 192.0.2.1 --xclient-destport 25
	is_known 192.0.2.7 4711
	came_to 192.0.2.1 25
	is CLIENT_HOSTNAME host.example.net
	is CLIENT_HELO client.example
	is SASL_USERNAME joe@example.org
	is SASL_METHOD XCLIENT
	with ESMTPA
	brings 127.0.0.2 --xclient-addr IPV6:2001:db8::7:a \
		--xclient-name '[UNAVAILABLE]'
	is_known 2001:db8::7:a ''
	came_to 127.0.0.1 2525
	unset_are CLIENT_HOSTNAME SASL_USERNAME
	brings 127.0.0.2 --xclient 'ADDR=[UNAVAILABLE]'
	received_from client.example
	unset_are CLIENT_ADDRESS CLIENT_PORT
}

@test "swaks --xclient, from another address: it is not announced" {
	boots "$(ours --xclient 127.0.0.2)"
	! talks 127.0.0.3 --xclient-addr 192.0.2.7 || fail
	grep -q '^<- *250 ' "$REPLIES" || fail 'no EHLO'
	! grep 'XCLIENT\|XFORWARD' "$REPLIES" || fail
	not_logged 192.0.2.7
}

# looked command ...: which is content.
looked() {
	inside "$@" >"$REPLIES" 2>&1 || fail "$*"
}

@test "check_smtp, check_tcp, and who connects and leaves, are silent" {
	local checks=/usr/lib/nagios/plugins
	BY_EDIT='; s/tcpserver -c 64/& -v/'
	boots "$(ours)"
	at 127.0.0.2
	until_true listening
	looked "$checks/check_smtp" -H 127.0.0.1 -p 2525
	looked "$checks/check_smtp" -H 127.0.0.1 -p 2525 -F mx.example.net
	looked "$checks/check_tcp" -H 127.0.0.1 -p 2525 -e 220
	looked "$checks/check_tcp" -H 127.0.0.1 -p 2525
	# As a kubelet's tcpSocket; and one that resets, as load balancers do.
	looked python3 -c 'import socket, struct
for linger in 0, 1:
    for _ in range(5):
        s = socket.create_connection(("127.0.0.1", 2525))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                     struct.pack("ii", linger, 0))
        s.close()'
	silent 15
}

@test "they are with --proxy: who leaves before the header has said nothing" {
	BY_EDIT='; s/tcpserver -c 64/& -v/'
	boots "$(ours --proxy)"
	at 127.0.0.2
	until_true listening
	looked /usr/lib/nagios/plugins/check_tcp -H 127.0.0.1 -p 2525
	silent 2
}

@test "check_smtp -L, with --lmtp, is silent" {
	local check=/usr/lib/nagios/plugins/check_smtp
	BY_EDIT='; s/tcpserver -c 64/& -v/'
	boots "$(ours --lmtp)"
	at 127.0.0.2
	until_true listening
	looked "$check" -L -H 127.0.0.1 -p 2525
	silent 2
}
