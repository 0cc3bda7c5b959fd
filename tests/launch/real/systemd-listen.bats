#!/usr/bin/env bats
# The units of examples/launch/systemd-listen, as they are, under a systemd as
# that of systemd.bats.
# shellcheck disable=SC2016,SC2034,SC2154 # variables for and of others
load ../../helper
load ../helper
load helper

SERVICE=systemd-listen/smtpd-listen.service
UNITS=(/etc/systemd/system/smtpd-listen.socket
	/etc/systemd/system/smtpd-listen.service)
OWN_CONF=/etc/systemd/system/smtpd-listen.service.d/own.conf

# boots [LISTEN]: and the README's line is pasted.
boots() {
	sed -i "s/^\(ListenStream\)=127.0.0.1:2525/\1=${1:-127.0.0.1:2525}/" \
		"$DISK$CHECKOUT/examples/launch/${SERVICE%.*}.socket"
	systemd
	inside sh -euc "$(readme systemd-listen)"
	BOX=/proc/$INIT/root/var/lib/private/smtpd
}

# The command is what the message says, after "Run: ".
told() {
	ON_MAIL='#!/bin/sh
	exec sh -euc "$(sed -n "s/^Run: //p")"'
	boots
}

is() {
	[ "$(inside systemctl is-active "smtpd-listen.$1")" = "$2" ]
}

# edited LINES: as by systemctl edit.
edited() {
	echo $'[Service]\n'"$1" | inside install -D /dev/stdin "$OWN_CONF"
	inside systemctl daemon-reload
}

@test "systemd, listening: the command runs, and is a user of its own" {
	boots
	mail_arrives
	[ "$OWNER" -ge 61184 ] && [ "$OWNER" -le 65519 ] || fail "uid $OWNER"
	logs_to_journal stdout
	is service active || fail 'it has said nothing of READY=1'
}

@test "systemd, listening: two sockets, and the log is as with one" {
	sed -i 's/^ListenStream=.*/&\nListenStream=[::1]:2525/' \
		"$DISK$CHECKOUT/examples/launch/${SERVICE%.*}.socket"
	boots
	mail_arrives
	rm "$BOX"/*
	logs_to_journal stdout
	ADDRESS=::1
	bring 'Subject: IPv6' || fail 'the client got no 250'
	[ "$(variable CLIENT_ADDRESS)" = ::1 ]
	LOGGED="close client=::1 "
	logs_to_journal stdout
}

@test "systemd, listening, ListenStream=25: a client from outside is let in" {
	ADDRESS=192.0.2.1 PORT=25
	boots "$PORT"
	mail_arrives
}

@test "systemd-analyze: verify says nothing, security no more than 2.0" {
	boots
	verified "${UNITS[@]}"
	systemd-analyze security --offline=true --threshold=20 --no-pager \
		"$EXAMPLES/$SERVICE" >"$REPLIES" 2>&1 || fail
}

@test "who enables the service has enabled its socket" {
	boots
	inside systemctl disable --now smtpd-listen.socket
	inside systemctl enable smtpd-listen.service
	inside systemctl --quiet is-enabled smtpd-listen.socket
}

# settings FILE: what it asks of systemd, and what it says to loosen, but for
# what is about listening.
settings() {
	grep -Ev -e '^($|\[|#( |$))' "$1" | grep -Ev \
		-e '^(ExecStart|Type|OOMPolicy|PartOf|Standard(In|Err)[a-z]*)=' \
		-e '^(Also|CollectMode|Description)='
	sed -n '/^# One that talks/,/^# STARTTLS/s/^#   //p' "$1"
}

@test "systemd, listening: hardened as the unit for each connection is" {
	[ "$(settings "$EXAMPLES/$SERVICE" | wc -l)" -gt 30 ]
	diff <(settings "$EXAMPLES/systemd/smtpd@.service") \
		<(settings "$EXAMPLES/$SERVICE")
}

# a_command_runs: of a client whose process is $CLIENT, until there is $BOX/go.
a_command_runs() {
	bring 'Run: cd "$STATE_DIRECTORY"; >began; until [ -e go ]; do :; done' &
	CLIENT=$!
	until_true test -e "$BOX/began"
	FIRST_PID=$(inside systemctl show -P MainPID smtpd-listen.service)
}

# its_client_is_told WORD: while it runs, one that connected meanwhile waits.
its_client_is_told() {
	inside bash -c 'exec 9<>/dev/tcp/127.0.0.1/2525; >/run/there
		printf "QUIT\r\n" >&9; cat <&9' >"$BATS_TEST_TMPDIR/waits" &
	WAITS=$!
	until_true inside test -e /run/there
	touch "$BOX/go"
	wait "$CLIENT" || fail 'the client got no 250'
}

and_the_next_is_served() {
	wait "$WAITS"
	grep -q ^221 "$BATS_TEST_TMPDIR/waits" || fail 'who waited was not served'
	until_true is service active
	[ "$(inside systemctl show -P MainPID smtpd-listen.service)" != \
		"$FIRST_PID" ] || fail 'the same process'
	! inside grep -q 'Failed' <(inside journalctl -u smtpd-listen.service) ||
		fail
}

@test "systemd, listening: stop of the service: the command ends, who waits is served" {
	told
	a_command_runs
	inside systemctl stop --no-block smtpd-listen.service
	until_true is service deactivating
	its_client_is_told
	and_the_next_is_served
}

@test "systemd, listening: restart of the service: likewise" {
	told
	a_command_runs
	inside systemctl restart --no-block smtpd-listen.service
	until_true is service deactivating
	its_client_is_told
	and_the_next_is_served
}

@test "systemd, listening: restart of the socket: the command ends, then mail comes" {
	told
	a_command_runs
	inside systemctl restart --no-block smtpd-listen.socket
	until_true is service deactivating
	touch "$BOX/go"
	wait "$CLIENT" || fail 'the client got no 250'
	until_true is socket active
	until_true bring 'Run: :'
}

@test "systemd, listening: stop of the socket: the command ends, and nobody listens" {
	told
	a_command_runs
	inside systemctl stop --no-block smtpd-listen.socket
	until_true is service deactivating
	touch "$BOX/go"
	wait "$CLIENT" || fail 'the client got no 250'
	until_true is service inactive
	is socket inactive || fail 'the socket is on'
	inside bash -c 'exec 9<>/dev/tcp/127.0.0.1/2525' && fail 'who listens?'
	[ -z "$(inside pgrep -x smtpd)" ]
}

@test "systemd, listening: a mistake in the options does not cost the port" {
	local i
	told
	bring 'Run: :'
	edited 'ExecStart=
ExecStart=/usr/local/sbin/smtpd --no-such-option /usr/local/bin/on-mail'
	inside systemctl restart --no-block smtpd-listen.service
	for i in 1 2 3 4 5 6; do
		until_true inside bash -c \
			'exec 9<>/dev/tcp/127.0.0.1/2525; cat <&9' >"$REPLIES"
		grep -q '^421 4\.3\.5 ' "$REPLIES" || fail "$i"
		[ $((i % 2)) -eq 0 ] || until_true is service failed
	done
	is service active && fail 'it is ready'
	inside rm "$OWN_CONF"
	inside systemctl daemon-reload
	until_true bring 'Run: :'
	is socket active
}

@test "systemd, listening: what a command leaves behind ends with the service" {
	told
	bring 'Run: sleep 1000 >/dev/null 2>&1 </dev/null & :'
	inside pgrep -x sleep || fail 'it has ended'
	inside systemctl stop smtpd-listen.service
	! inside pgrep -x sleep || fail 'it lives'
}

@test "systemd, listening: STARTTLS, with a key that is root's alone" {
	starttls_comes
}

@test "systemd, listening: a client of IPv6 is its /64, and has 20 sessions" {
	boots '[::]:2525'
	inside sh -euc 'for host in 1::1 1::2 1:2:3:4:5 2::1; do
		ip address add "2001:db8:0:$host/128" dev lo nodad
	done'
	inside /usr/bin/python3 - <<-'END' || fail
		import socket
		def hears(host):
		    one = socket.create_connection(('2001:db8:0:' + host, 2525), 10,
		                                   ('2001:db8:0:' + host, 0))
		    held.append(one)
		    return one.recv(100)[:9]
		held = []
		for host in 10 * ['1::1', '1::2']:
		    assert hears(host)[:4] == b'220 ', host
		assert hears('1:2:3:4:5') == b'421 4.7.0', 'it is not one client'
		assert hears('2::1')[:4] == b'220 ', 'another client'
	END
}

@test "systemd: either pair of units ends the other" {
	boots
	inside sh -euc "$(readme systemd)"
	inside systemctl start smtpd.socket
	is socket inactive || fail 'both are on'
	mail_arrives
	inside systemctl start smtpd-listen.socket
	is socket active
	[ "$(inside systemctl is-active smtpd.socket)" = inactive ] || fail both
}
