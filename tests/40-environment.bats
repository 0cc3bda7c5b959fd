#!/usr/bin/env bats
# DESIGN: the environment that the command gets.
load helper

deliver() {
	say "${HELLO[@]}" "$@" DATA 'Subject: s' . QUIT | serve
	delivered 1
}

is() {
	[ "$(variable "$1"; echo .)" = "$2"$'\n.' ] ||
		fail "$1: $(variable "$1")" "expected: $2"
}

unset_is() {
	! variable "$1" >/dev/null || fail "$1 is set: $(variable "$1")"
}

@test "one recipient: its parts and its lines" {
	say 'EHLO c' 'MAIL FROM:<ann@example.net>' \
		'RCPT TO:<sup-port+tag-1@example.org>' DATA x . QUIT | serve
	is SENDER ann@example.net
	is NEWSENDER ann@example.net
	is RECIPIENT sup-port+tag-1@example.org
	is ORIGINAL_RECIPIENT sup-port+tag-1@example.org
	is RECIPIENTS sup-port+tag-1@example.org
	is LOCAL sup-port+tag-1
	is HOST example.org
	is DOMAIN example.org
	is EXT port+tag-1
	is EXTENSION tag-1
	is RPLINE $'Return-Path: <ann@example.net>\n'
	is DTLINE $'Delivered-To: sup-port+tag-1@example.org\n'
	variable UFLINE | grep -Eq '^From ann@example.net [A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [0-9]{4}$'
	is FORWARD_RECIPIENTS ''
	is CLIENT_HELO c
	is SMTP_VERB MAIL
	is SMTP_MAIL_OPTIONS ''
	is SMTP_RCPT_OPTIONS ''
	unset_is ENVID
}

@test "two recipients: RECIPIENT and its parts are unset, also where inherited" {
	export RECIPIENT=stale LOCAL=stale EXT=stale DTLINE=stale ENVID=stale
	deliver 'RCPT TO:<two@example.org>'
	is RECIPIENTS $'help@example.org\ntwo@example.org'
	for name in RECIPIENT ORIGINAL_RECIPIENT LOCAL HOST DOMAIN EXT \
		EXTENSION DTLINE ENVID; do
		unset_is $name
	done
}

@test "a domain is not owed; one inside quotes is none where another follows" {
	say 'EHLO c' 'MAIL FROM:<>' 'RCPT TO:<"a@b"@c>' DATA x . QUIT | serve
	is RECIPIENT '"a@b"@c'
	is LOCAL '"a@b"'
	is DOMAIN c
	say 'EHLO c' 'MAIL FROM:<>' 'RCPT TO:<"a b">' DATA x . QUIT | serve
	rm "$(message)"
	is RECIPIENT '"a b"'
	is LOCAL '"a b"'
	is DOMAIN ''
	is SENDER ''
	is RPLINE $'Return-Path: <>\n'
	variable UFLINE | grep -q '^From MAILER-DAEMON '
}

@test "a source route is dropped" {
	deliver 'RCPT TO:<@relay.example,@x.example:joe@example.org>'
	is RECIPIENTS $'help@example.org\njoe@example.org'
}

@test "the parameters as given, ENVID decoded" {
	say 'EHLO c' 'MAIL FROM:<a@b> SIZE=100  ENVID=x+2By+3D RET=hdrs' \
		'RCPT TO:<c@d> NOTIFY=success,DELAY ORCPT=rfc822;c@d' \
		'RCPT TO:<e@f>' DATA x . QUIT | serve
	is SMTP_MAIL_OPTIONS 'SIZE=100 ENVID=x+2By+3D RET=hdrs'
	is SMTP_RCPT_OPTIONS $'NOTIFY=success,DELAY ORCPT=rfc822;c@d\n'
	is ENVID x+y=
}

@test "id and size: those of the log, the reply and the file" {
	deliver
	id=$(variable SMTP_ID)
	reply_is 6 "250 2.0.0 Ok $id"
	logged "^smtpd\[[0-9]*\]: message id=$id client="
	is SMTP_SIZE "$(wc -c <"$(message)")"
}

@test "a peer from tcpserver's environment, under all three traditions" {
	export PROTO=TCP TCPREMOTEIP=192.0.2.7 TCPREMOTEPORT=4242 \
		TCPREMOTEHOST=mx.example.net TCPLOCALIP=192.0.2.1 \
		TCPLOCALPORT=25 TCPREMOTEINFO=ident
	deliver
	for name in CLIENT_ADDRESS TCPREMOTEIP REMOTE_ADDR; do
		is $name 192.0.2.7
	done
	for name in CLIENT_PORT TCPREMOTEPORT REMOTE_PORT; do
		is $name 4242
	done
	is CLIENT_HOSTNAME mx.example.net
	is TCPREMOTEHOST mx.example.net
	is TCPLOCALIP 192.0.2.1
	is TCPLOCALPORT 25
	is PROTO TCP
	unset_is TCPREMOTEINFO
	logged 'client=192.0.2.7 port=4242 reason=quit messages=1'
}

@test "a peer that is not known is unset, whatever was inherited" {
	export CLIENT_ADDRESS=9.9.9.9 TCPREMOTEPORT=9 TCPLOCALIP=9.9.9.9 \
		CLIENT_PORT=1
	deliver
	for name in CLIENT_ADDRESS CLIENT_PORT CLIENT_HOSTNAME TCPREMOTEIP \
		TCPREMOTEPORT TCPLOCALIP REMOTE_ADDR PROTO; do
		unset_is $name
	done
	logged client=unknown
}

@test "the other launchers' names of the peer, and nonsense in them" {
	SOCAT_PEERADDR='[2001:db8::7]' SOCAT_PEERPORT=7 deliver
	is CLIENT_ADDRESS 2001:db8::7
	is CLIENT_PORT 7
	rm "$BOX"/*
	NCAT_REMOTE_ADDR=192.0.2.8 NCAT_REMOTE_PORT=99999 deliver
	is CLIENT_ADDRESS 192.0.2.8
	unset_is CLIENT_PORT
	rm "$BOX"/*
	PROTO=TCP TCPREMOTEIP='192.0.2.8]x' TCPREMOTEPORT=0000000025 \
		NCAT_REMOTE_ADDR=192.0.2.7 NCAT_REMOTE_PORT=0000000026 deliver
	is CLIENT_ADDRESS 192.0.2.7
	is CLIENT_PORT 26
	rm "$BOX"/*
	REMOTE_ADDR=192.0.2.8%x SOCAT_PEERADDR='not an address' \
		REMOTE_HOST=::ffff:192.0.2.9 deliver
	is CLIENT_ADDRESS 192.0.2.9
	rm "$BOX"/*
	# shellcheck disable=SC2016 # not to be expanded
	TCPREMOTEHOST=mx.example.net deliver
	unset_is CLIENT_HOSTNAME
	unset_is TCPREMOTEHOST
	rm "$BOX"/*
	PROTO=TCP TCPREMOTEIP=192.0.2.7 TCPREMOTEHOST='$(evil)' deliver
	unset_is CLIENT_HOSTNAME
}

@test "tlswrapper's TCPREMOTEIP without PROTO, behind the names of others" {
	export TCPREMOTEIP=::ffff:192.0.2.7 TCPREMOTEPORT=4242 \
		TCPREMOTEHOST=mx.example.net TCPLOCALIP='[2001:db8::1]' \
		TCPLOCALPORT=25 REMOTE_HOST=192.0.2.9 REMOTE_PORT=9
	deliver
	for name in CLIENT_ADDRESS TCPREMOTEIP REMOTE_ADDR; do
		is $name 192.0.2.7
	done
	is CLIENT_PORT 4242
	is CLIENT_HOSTNAME mx.example.net
	is TCPLOCALIP 2001:db8::1
	is TCPLOCALPORT 25
	is PROTO TCP
	logged 'client=192.0.2.7 port=4242 reason=quit'
	for name in REMOTE_ADDR SOCAT_PEERADDR NCAT_REMOTE_ADDR; do
		rm "$BOX"/*
		export $name=192.0.2.8
		deliver
		is CLIENT_ADDRESS 192.0.2.8
		unset $name
	done
	unset TCPREMOTEIP
	rm "$BOX"/*
	deliver
	is CLIENT_ADDRESS 192.0.2.9
	is CLIENT_PORT 9
	unset_is TCPLOCALIP
}

@test "over TCP the kernel's word goes before a launcher's, but for PROTO's" {
	python_case 60 lib/front.py kernel
}

@test "stunnel's own connection over loopback: the peer is REMOTE_HOST's" {
	python_case 60 lib/front.py joined
}

@test "no stunnel: the kernel's port, a name, no port, a peer not on loopback" {
	python_case 60 lib/front.py not_joined
}

@test "TCPLOCALHOST is our own name, for a look-up too" {
	TCPLOCALHOST=stale deliver
	is TCPLOCALHOST mx.example.org
	say 'EHLO c' 'MAIL FROM:<a@b>' 'RCPT TO:<c@d>' QUIT |
		serve -n other.example.org -l 'echo $TCPLOCALHOST >"$BOX/l"'
	[ "$(cat "$BOX/l")" = other.example.org ]
}

@test "what describes the launcher's descriptors is taken away, the rest stays" {
	export LISTEN_PID=1 LISTEN_FDS=1 LISTEN_FDNAMES=x NOTIFY_SOCKET=/x \
		WATCHDOG_USEC=1 WATCHDOG_PID=1 JOURNAL_STREAM=1:2 SSLCTLFD=4 \
		SSLREADFD=5 SSLWRITEFD=6 RELAYCLIENT='' ADMIN='a b'
	deliver
	for name in LISTEN_PID LISTEN_FDS LISTEN_FDNAMES NOTIFY_SOCKET \
		WATCHDOG_USEC WATCHDOG_PID JOURNAL_STREAM SSLCTLFD SSLREADFD \
		SSLWRITEFD; do
		unset_is $name
	done
	is RELAYCLIENT ''
	is ADMIN 'a b'
}

@test "a launcher without PATH: the usual one, for us and for the command" {
	say "${HELLO[@]}" DATA x . QUIT | env -i BOX="$BOX" "$SMTPD" -n mx \
		sh -c 'cat >/dev/null; echo "$PATH" >"$BOX/path"' >"$REPLIES"
	[ "$(cat "$BOX/path")" = /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin ]
}

@test "no value from the client holds a control octet" {
	local n octet hex
	for n in {1..9} {11..31} 127; do
		printf -v octet %b "\\x$(printf %x "$n")"
		printf -v hex '+%02X' "$n"
		say 'EHLO c' "EHLO c${octet}c" "MAIL FROM:<\"a${octet}b\"@c>" \
			"MAIL FROM:<a@b> ENVID=a$hex" 'MAIL FROM:<a@b> ENVID=e' \
			"RCPT TO:<\"a${octet}b\"@c>" "RCPT TO:<a${octet}@c>" \
			"RCPT TO:<a@c> ORCPT=rfc822;a$hex" 'RCPT TO:<a@c>' \
			DATA x . RSET
	done | serve --max-errors 0 --dsn
	delivered 31
	# RECIPIENTS and the like end in newlines, which are ours
	cat "$BOX"/*.env | tr -d '\n' | tr '\0' '\n' |
		grep -E '^(SENDER|RECIPIENT|LOCAL|DOMAIN|EXT|CLIENT_|SMTP_|ENVID|[RDU].LINE)' \
			>"$REPLIES"
	[ "$(wc -l <"$REPLIES")" -gt 300 ] || fail
	! LC_ALL=C grep -q '[[:cntrl:]]' "$REPLIES" || fail
	grep -q '^ENVID=e$' "$REPLIES" || fail
	grep -q '^CLIENT_HELO=c?c$' "$REPLIES" || fail
}

@test "nothing from the network can look like a function to an old bash" {
	say 'EHLO () { :;}; x' 'EHLO c' 'MAIL FROM:<a@b> ENVID=()+20{' \
		'MAIL FROM:<a@b>' 'RCPT TO:<"joe-() {:;};x"@d>' QUIT | serve
	codes_are 220 501 250 501 250 501 221
}

@test "100 KiB of recipients fit the environment, the next is 452 4.5.3" {
	local=$(printf 'x%.0s' $(seq 500))
	{
		say 'EHLO c' 'MAIL FROM:<a@b>'
		for n in $(seq 1000 1210); do say "RCPT TO:<$local$n@b>"; done
		say DATA x . QUIT
	} | serve -r 1000
	[ "$(grep -c '^250 2.1.5' "$REPLIES")" -eq 201 ]
	grep -q '^452 4.5.3' "$REPLIES"
	delivered 1
	[ "$(variable RECIPIENTS | wc -l)" -eq 201 ]
	reply_is -1 221
}

@test "--append-recipients: those of the run, behind the arguments" {
	say "${HELLO[@]}" 'RCPT TO:<"a b*$(x)"@c.d>' DATA x . QUIT |
		serve -a -- sh -c 'printf "[%s]" "$#" "$@" >"$BOX/args"' sh -x 'y z'
	[ "$(cat "$BOX/args")" = \
		'[4][-x][y z][help@example.org]["a b*$(x)"@c.d]' ]
	say 'LHLO c' 'MAIL FROM:<>' 'RCPT TO:<a@b>' 'RCPT TO:<c@d>' DATA x . \
		QUIT | serve --lmtp --append-recipients -- \
		sh -c 'echo "$@" >>"$BOX/lmtp"' sh
	[ "$(cat "$BOX/lmtp")" = a@b$'\n'c@d ]
	say "${HELLO[@]}" 'RCPT TO:<-x@y>' 'RCPT TO:<"-x"@y>' DATA x . QUIT |
		serve -a -- sh -c 'echo "$@" >"$BOX/args"' sh
	[ "$(cat "$BOX/args")" = 'help@example.org "-x"@y' ]
}

@test "--append-recipients: as many as there may be, 100 KiB of them" {
	{
		say 'EHLO c' 'MAIL FROM:<>'
		seq -f $'RCPT TO:<r%06g@example.org>\r' 4000
		say DATA x . QUIT
	} | serve -a -r 25600 -- sh -c 'echo $# >"$BOX/count"
		printf "%s\n" "$@" | cmp - "$BOX/list"' sh 2>/dev/null
	[ "$(cat "$BOX/count")" -eq 4000 ]
}

@test "3900 inherited variables pass; more than 4096 in all are a 451" {
	for n in {1..3900}; do
		export "INHERITED_$n=$n"
	done
	deliver
	is INHERITED_1 1
	is INHERITED_3900 3900
	is SENDER ann@example.net
	for n in {3901..5000}; do
		export "INHERITED_$n=$n"
	done
	say "${HELLO[@]}" DATA x . QUIT | serve
	reply_is 6 '451 4.3.0'
	logged 'Argument list too long'
	delivered 1
	run "$SMTPD" --check cat
	[ "$status" -eq 78 ]
	[[ "$output" == *'environment: Argument list too long'* ]]
}
