#!/usr/bin/env bats
# The files of examples/launch: each is used as it is, by the real superserver,
# which a real client sends mail to.  Needs what tests/launch/real/install
# brings, and root.
load ../../helper

LAUNCH=$ROOT/examples/launch

setup() {
	BOX=$BATS_TEST_TMPDIR/local
	mkdir -p "$BOX"/{bin,sbin,mail}
	chmod 1777 "$BOX/mail"
	cp "$SMTPD" "$BOX/sbin/smtpd"
	install -m 755 "$LAUNCH/inetd/smtpd-session" "$BOX/sbin"
	cat >"$BOX/bin/on-mail" <<-'END'
		#!/bin/sh
		cd "${STATE_DIRECTORY-/usr/local/mail}" || exit 75
		id -un >user && echo "$RECIPIENTS" >recipients
		env >environment && cat >message
	END
	chmod 755 "$BOX/bin/on-mail"
	export BOX
}

# Through LAUNCHER as USER: both recipients, dots and all; on-mail ran once.
delivers() {
	local launcher=$1 user=$2
	timeout 30 unshare -mnpf --kill-child --mount-proc \
		"$ROOT/tests/launch/real/within" "$launcher" \
		>"$BATS_TEST_TMPDIR/client" 2>&1 3>&- ||
		fail "$launcher: $(cat "$BATS_TEST_TMPDIR/client" "$BOX/log")"
	grep -q '^<-  250 2.0.0 Ok' "$BATS_TEST_TMPDIR/client"
	[ "$(cat "$BOX/mail/user")" = "$user" ] || fail "$(cat "$BOX/mail/user")"
	[ "$(cat "$BOX/mail/recipients")" = \
		$'help@example.org\njoe@example.org' ]
	grep -qx 'CLIENT_ADDRESS=127.0.0.1' "$BOX/mail/environment"
	[ "$(sed '1,/^$/d' "$BOX/mail/message")" = $'.\n..\nend' ] ||
		fail "$(cat "$BOX/mail/message")"
}

logs() {
	grep -q 'message .*client=127.0.0.1 .*exit=0' "$BOX/log" ||
		fail "no log: $(cat "$BOX/log")"
}

@test "tcpserver" {
	delivers tcpserver nobody
	logs
}

@test "socat" {
	delivers socat nobody
	logs
}

@test "ncat" {
	delivers ncat nobody
	logs
}

@test "busybox" {
	delivers busybox nobody
	logs
}

@test "runit, with ipsvd's tcpsvd and svlogd" {
	delivers runit nobody
	logs
}

@test "s6, with s6-log" {
	delivers s6 nobody
	logs
}

@test "openbsd-inetd" {
	delivers openbsd-inetd nobody
}

@test "inetutils-inetd" {
	delivers inetutils-inetd nobody
}

@test "xinetd" {
	delivers xinetd nobody
}

@test "systemd, its manager, the units as they are" {
	delivers systemd smtpd
	logs
}

# units COMMAND ...: where their programs are in their places.
units() {
	unshare -m sh -ec 'mount --bind "$BOX" /usr/local && "$@"' - "$@"
}

@test "systemd-analyze has nothing to say of the units, and 2.0 at most" {
	run units systemd-analyze verify --man=no \
		"$LAUNCH/systemd/smtpd.socket" "$LAUNCH/systemd/smtpd@.service"
	[ "$status" -eq 0 ]
	[ "$output" = '' ] || fail "$output"
	units systemd-analyze security --offline=true --threshold=20 --no-pager \
		"$LAUNCH/systemd/smtpd@.service" >"$BATS_TEST_TMPDIR/score"
}
