#!/usr/bin/env bats
# smtpd behind HAProxy, by the files of examples/front.
# shellcheck disable=SC2034,SC2154 # variables for and of others
load ../helper
load ../launch/helper
load ../launch/real/helper
load helper

# Of HAProxy's chroot; and where clients come to.
OURS=/var/lib/haproxy/run/smtpd.sock
THEIRS=/run/front.sock

# unix_behind FILE: smtpd is behind a unix socket, and one is beside the ports.
unix_behind() {
	at_socket "$OURS"
	edited "front/$1" "s#smtpd 127.0.0.1:2525#smtpd unix@/run/smtpd.sock#
		s#^    bind .::1.:\([0-9]*\)#    bind unix@$THEIRS mode 666\n&#"
	certified
	boots "mkdir -p ${OURS%/*}" "$(ours --proxy)" "($(tried "$1")) &"
}

@test "HAProxy, send-proxy: who the client is" {
	behind haproxy/v1.cfg
	comes 127.0.0.2 127.0.0.1
	with ESMTP
	comes 2001:db8::7 ::1
	unset_are CLIENT_HOSTNAME SSL_PROTOCOL SSL_CIPHER
}

@test "HAProxy, send-proxy, unix sockets: who the client is, or unknown" {
	unix_behind haproxy/v1.cfg
	comes 127.0.0.3 127.0.0.1
	brings 2001:db8::7
	is_known
	brings "$THEIRS"
	is_unknown
	came_to_none
}

@test "HAProxy, send-proxy-v2: who the client is" {
	behind haproxy/v2.cfg
	comes 127.0.0.2 127.0.0.1
	with ESMTP
	comes 2001:db8::7 ::1
	unset_are CLIENT_HOSTNAME SSL_PROTOCOL SSL_CIPHER
}

@test "HAProxy, send-proxy-v2, to ::1: who the client is" {
	at_v6
	edited front/haproxy/v2.cfg 's#127.0.0.1:2525#[::1]:2525#'
	boots "$(ours '--proxy=\\:\\:1')" "($(tried haproxy/v2.cfg)) &"
	brings 127.0.0.2
	is_known
	comes 2001:db8::7 ::1
}

# A client of HAProxy's own unix socket is LOCAL, and so is who the socket says.
@test "HAProxy, send-proxy-v2, unix sockets: who the client is, or unknown" {
	unix_behind haproxy/v2.cfg
	comes 127.0.0.3 127.0.0.1
	brings 2001:db8::7
	is_known
	brings "$THEIRS"
	is_unknown
	came_to_none
}

@test "HAProxy, send-proxy-v2-ssl-cn: who the client is, and in which TLS" {
	AT=2665
	behind haproxy/tls.cfg --require-tls
	comes 127.0.0.2 127.0.0.1 --tls-on-connect
	in_tls
	comes 2001:db8::7 ::1 --tls-on-connect
	in_tls
	brings 127.0.0.2 --tls-on-connect --tls-protocol tlsv1_2 \
		--tls-cipher ECDHE-ECDSA-AES128-GCM-SHA256
	is_known
	with ESMTPS
	is SSL_PROTOCOL TLSv1.2
	is SSL_CIPHER ECDHE-ECDSA-AES128-GCM-SHA256
}

# By a unix socket, for which HAProxy says LOCAL.
@test "HAProxy, send-proxy-v2-ssl-cn: its own client may be in TLS too" {
	edited front/haproxy/tls.cfg \
		"s#bind 127.0.0.1:2665#bind unix@$THEIRS mode 666#"
	behind haproxy/tls.cfg --require-tls
	brings "$THEIRS" --tls-on-connect
	is CLIENT_ADDRESS 127.0.0.1
	in_tls
}

@test "HAProxy, send-proxy-v2-ssl-cn: who comes in clear is not in TLS" {
	edited front/haproxy/tls.cfg 's/ ssl crt .*//'
	AT=2665
	behind haproxy/tls.cfg
	brings 127.0.0.2
	is_known
	with ESMTP
	unset_are SSL_PROTOCOL SSL_CIPHER
}

# checked FILE [SED [option]]: by HAProxy, without a line of smtpd.
checked() {
	local options=${3-$(options_of "$1")}
	BY_EDIT='; s/tcpserver -c 64/& -v/'
	edited "front/$1" "s/ check\$/ check inter 50ms/
		s/timeout server .*/&\n    timeout check 20s/
		${2-}"
	certified
	boots "$(ours "$options")" "($(tried "$1")) &"
	silent 5
	not_logged 'is DOWN'
}

@test "HAProxy's smtpchk is silent, by version 1" {
	checked haproxy/v1.cfg
}

@test "HAProxy's smtpchk is silent, by version 2" {
	checked haproxy/v2.cfg 's/option smtpchk/& EHLO lb.example.org/'
}

@test "HAProxy's smtpchk is silent, by version 2 with TLS" {
	checked haproxy/tls.cfg
}

@test "HAProxy's TCP check is silent, by version 1" {
	checked haproxy/v1.cfg '/option smtpchk/d'
}

@test "HAProxy's TCP check is silent, by version 2" {
	checked haproxy/v2.cfg '/option smtpchk/d'
}

@test "HAProxy's smtpchk is silent without PROXY" {
	checked haproxy/v1.cfg 's/ send-proxy check/ check/' ''
}

# forgotten VERSION: without its check, to which the server would be down.
forgotten() {
	edited "front/haproxy/v$1.cfg" '/option smtpchk/d; s/ check$//'
	boots "$(ours)" "($(tried "haproxy/v$1.cfg")) &"
	turned_away 127.0.0.2 '421 4.3.5'
	logged_here ' config client=127.0.0.1 .*--proxy'
	not_delivered
}

@test "HAProxy, send-proxy, without --proxy: 421, and why in the log" {
	forgotten 1
}

@test "HAProxy, send-proxy-v2, without --proxy: 421, and why in the log" {
	forgotten 2
}

@test "--proxy=ADDRESS: a HAProxy at another address is nobody's word" {
	edited front/haproxy/v2.cfg '/option smtpchk/d; s/ check$//'
	boots "$(ours --proxy=192.0.2.9)" "($(tried haproxy/v2.cfg)) &"
	! talks 127.0.0.2 || fail 'it was taken'
	! grep '^<' "$REPLIES" || fail 'there was a word'
	logged_here ' close client=127.0.0.1 .*reason=proxy '
	not_delivered
}
