#!/usr/bin/env bats
# smtpd behind stunnel, hitch and tlswrapper, which do TLS, by the files of
# examples/front and examples/launch.
# shellcheck disable=SC2034,SC2154 # variables for and of others
load ../helper
load ../launch/helper
load ../launch/real/helper
load helper

AT=2665

# Where syslog's datagrams go: to the log.
SYSLOG='python3 -c "
import os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(\"/dev/log\")
os.chmod(\"/dev/log\", 0o666)
while True: print(s.recv(8192).decode(), flush=True)" &
	until [ -S /dev/log ]; do :; done'

# by_itself FILE: it runs smtpd.
by_itself() {
	certified
	boots "$SYSLOG" "($(tried "$1")) &"
}

# Our end is stunnel's own affair.
known_to_exec() {
	is_known "$@"
	came_to_none
}

@test "stunnel, protocol = proxy: who the client is" {
	behind stunnel/proxy.conf
	comes 127.0.0.2 127.0.0.1 --tls-on-connect
	with ESMTPS
}

@test "stunnel, protocol = proxy, on :: : who the client is, by IPv4 too" {
	edited front/stunnel/proxy.conf 's/accept = .*/accept = :::2665/'
	behind stunnel/proxy.conf
	comes 2001:db8::7 ::1 --tls-on-connect
	comes 127.0.0.2 127.0.0.1 --tls-on-connect
}

@test "stunnel, protocol = proxy, and exec: who the client is" {
	local args='smtpd --log syslog --proxy --tls /usr/local/bin/on-mail'
	edited front/stunnel/proxy.conf "/^connect = /{
		s#.*#exec = /usr/local/sbin/smtpd\nexecArgs = $args#
		}"
	by_itself stunnel/proxy.conf
	comes 127.0.0.2 127.0.0.1 --tls-on-connect
	with ESMTPS
}

@test "stunnel, protocol = smtp, and exec: who the client is" {
	AT=2687
	by_itself stunnel/starttls.conf
	brings 127.0.0.2 --tls
	known_to_exec "$PEER"
	with ESMTPS
	turned_away 127.0.0.2 '' --protocol SMTP
	turned_away 127.0.0.2 ''
	not_logged ' close client=[^ ]* .*messages=0 '
}

@test "stunnel, exec, on :: : who the client is, by IPv4 too" {
	AT=2687
	edited front/stunnel/starttls.conf 's/accept = .*/accept = :::2687/'
	by_itself stunnel/starttls.conf
	brings 2001:db8::7 --tls
	known_to_exec "$PEER"
	brings 127.0.0.2 --tls
	known_to_exec "$PEER"
}

@test "stunnel under tcpserver: who the client is" {
	by_itself stunnel/inetd.conf
	comes 127.0.0.2 127.0.0.1 --tls-on-connect
	with ESMTPS
}

# inetd_of LINE: with systemd in tcpserver's place, which leaves no variables.
inetd_of() {
	echo "systemd-socket-activate -a --inetd -l 127.0.0.1:2665 \
		-l [::1]:2665 ${1#*127.0.0.1 2665}"
}

@test "stunnel under inetd: who the client is" {
	certified
	boots "$SYSLOG" "($(inetd_of "$(tried stunnel/inetd.conf)")) &"
	brings 127.0.0.2 --tls-on-connect
	known_to_exec "$PEER"
	with ESMTPS
	brings 2001:db8::7 --tls-on-connect
	known_to_exec "$PEER"
}

@test "hitch: who the client is, and in which TLS" {
	behind hitch.conf --require-tls
	comes 127.0.0.2 127.0.0.1 --tls-on-connect
	in_tls
	comes 2001:db8::7 ::1 --tls-on-connect
	in_tls
}

@test "hitch, version 1: who the client is" {
	edited front/hitch.conf 's/proxy-v2/proxy-v1/'
	behind hitch.conf --tls
	comes 127.0.0.2 127.0.0.1 --tls-on-connect
	with ESMTPS
	brings 2001:db8::7 --tls-on-connect
	is_known
}

@test "hitch, over a unix socket: who the client is, and in which TLS" {
	at_socket /run/smtpd.sock
	edited front/hitch.conf 's#^backend = .*#backend = "/run/smtpd.sock"#'
	certified
	# It looks for the socket when it starts.
	boots "$(ours --proxy)" 'until [ -S /run/smtpd.sock ]; do :; done' \
		"($(tried hitch.conf)) &"
	brings 127.0.0.2 --tls-on-connect
	is_known
	in_tls
}

# As the file of examples/launch has it, in inetd's place.
@test "tlswrapper under inetd: who the client is" {
	local line
	certified
	line=$(sed -n '/^exec tcpserver/,$p' "$EXAMPLES/launch/tlswrapper" |
		tr -d '\\\n')
	boots "$(inetd_of "${line/127.0.0.1 2465/127.0.0.1 2665}") &"
	comes 127.0.0.2 127.0.0.1 --tls-on-connect
	with ESMTPS
	brings 2001:db8::7 --tls-on-connect
	is_known
}
