#!/usr/bin/env bats
# What packaging/build makes, and "make dist"; the package on a machine with
# systemd, and on a bare Debian.
# shellcheck disable=SC2034,SC2154 # variables for and of others
load ../../helper
load ../helper
load helper

export BARE=${BARE:-/opt/bare}

setup_file() {
	export PACKAGE=$BATS_FILE_TMPDIR/package
	mkdir "$PACKAGE"
	"$ROOT/packaging/build" "$PACKAGE" >"$PACKAGE/log" 2>&1 ||
		{ cat "$PACKAGE/log" >&2; return 1; }
}

@test "the Debian package: lintian has nothing to say; the program's version" {
	lintian --allow-root --display-info --pedantic "$PACKAGE"/*.changes \
		>"$REPLIES" 2>&1 || fail
	[ ! -s "$REPLIES" ] || fail
	[ "$("$SMTPD" --version)" = \
		"smtpd $(dpkg-deb -f "$PACKAGE"/smtpd_*.deb Version)" ]
}

@test "piuparts: it comes and goes, and leaves nothing, with no systemd there" {
	piuparts --existing-chroot "$BARE" --distribution bookworm \
		--no-eatmydata "$PACKAGE"/smtpd_*.deb >"$REPLIES" 2>&1 || fail
	grep -q 'PASS: All tests' "$REPLIES"
}

the_socket_is() {
	[ "$(inside systemctl is-active "$UNIT")" = "$1" ] || fail "not $1"
}

# All but what the tests put into /usr/local, and the mail, which stays.
files() {
	inside find /etc /usr/lib /usr/sbin /usr/share -name '*smtpd*' | sort
}

# dpkg ... : as root types it, with no policy against what starts.
dpkg_does() {
	inside dpkg "$@" >"$REPLIES" 2>&1 || fail "dpkg $1"
}

# comes UNIT ...: the machine with the package, which knows these of its units.
comes() {
	local unit
	UNIT=$1
	cp "$PACKAGE"/smtpd_*.deb "$BOX/new.deb"
	systemd
	for unit; do
		inside ln -s "/lib/systemd/system/$unit" /run/units
	done
	inside rm -f /usr/sbin/policy-rc.d /usr/local/sbin/smtpd
	BEFORE_IT=$(files)
	dpkg_does -i /var/box/new.deb
	the_socket_is inactive
	inside systemctl --quiet is-enabled "$UNIT" && fail 'it is on'
	verified "${@/#//lib/systemd/system/}"
	inside systemctl enable --now "$UNIT"
	# shellcheck disable=SC2153 # of the helper
	BOX=/proc/$INIT/root/var/lib/private/smtpd
	mail_arrives
	rm "$BOX"/*
}

is_upgraded() {
	dpkg_does -i /var/box/new.deb
	the_socket_is active
	mail_arrives
}

goes() {
	dpkg_does -r smtpd
	the_socket_is inactive
	dpkg_does -P smtpd
	inside find /etc/systemd -type l -name 'smtpd*' -delete
	[ "$(files)" = "$BEFORE_IT" ] || fail "left: $(files)"
}

@test "off when it comes, on over an upgrade, stopped and gone when it goes" {
	comes smtpd.socket smtpd@.service
	is_upgraded
	goes
}

accepts() {
	inside systemctl show -P MainPID smtpd-listen.service
}

@test "so is the pair that listens, of which an upgrade starts another smtpd" {
	local first
	comes smtpd-listen.socket smtpd-listen.service
	first=$(accepts)
	is_upgraded
	[ "$(accepts)" != "$first" ] || fail 'it is the old one'
	goes
	[ -z "$(inside pgrep -x smtpd)" ] || fail 'it runs'
}

@test "the package's examples name the program where it is" {
	dpkg-deb -x "$PACKAGE"/smtpd_*.deb "$BATS_TEST_TMPDIR/tree"
	cd "$BATS_TEST_TMPDIR/tree"
	for program in smtpd forward; do
		[ -x usr/sbin/$program ]
		[ -s usr/share/man/man8/$program.8.gz ]
	done
	cd usr/share/doc/smtpd/examples/launch
	for launcher in tcpserver socat ncat busybox s6/run runit/run \
		inetd/smtpd-session systemd/smtpd@.service s6-unix/run \
		systemd-listen/smtpd-listen.service ../sendmail; do
		grep -q '/usr/sbin/smtpd ' $launcher || fail $launcher
	done
	! grep -rE '/usr/local/sbin/smtpd( |$)' . || fail
}

# the_page: the steps of README.Debian as a script, where the lines below
# "systemctl edit" are what is typed there.
the_page() {
	awk 'BEGIN { RS = "" }
		/^    systemctl edit / { edit = $0; next }
		/^        / {
			gsub("(^|\n)        ", "\n")
			print "cat >/var/box/lines <<\"END\"" $0 "\nEND"
			print "script -qec \"" edit "\" /dev/null"
			next
		}
		/^    swaks / { exit }
		/^    / { print }' "$ROOT/packaging/debian/README.Debian"
}

# All there is, but for what the system itself writes, now and then.
everything() {
	inside find / -xdev \( -path /tmp -o -path /var/tmp -o -path /var/log \
		-o -path /var/box -o -path /var/lib/systemd/timers \) -prune \
		-o -print | sort
}

# mail_is_told N: the example has it in the journal, for the Nth time.
mail_is_told() {
	inside bash -c 'exec 9<>/dev/tcp/192.0.2.1/25 && cat >&9 && cat <&9' \
		< <(say "${HELLO[@]}" DATA x . QUIT) >"$REPLIES" || fail
	codes_are 220 250 250 250 354 250 221
	until_true inside sh -c "[ $1 -eq \$(journalctl -q -o cat -t on-mail |
		grep -c 'from <ann@example.net> to help@example.org') ]"
}

@test "README.Debian on a bare Debian; a purge leaves what is the user's" {
	local before
	load bare
	bare
	BOX=/proc/$INIT/root/var/box
	cp "$PACKAGE"/smtpd_*.deb "$BOX/new.deb"
	printf '%s\n' '#!/bin/sh' \
		'sed -i "/^### Anything/r /var/box/lines" "$@"' >"$BOX/editor"
	chmod +x "$BOX/editor"
	inside rm /usr/local/sbin/smtpd /usr/local/bin/on-mail
	before=$(everything)
	dpkg_does -i /var/box/new.deb
	[ "$(inside systemctl is-active smtpd.socket)" = inactive ]
	[ -z "$(inside ss -Htln)" ] || fail "$(inside ss -Htln)"
	the_page >"$BATS_TEST_TMPDIR/page"
	inside env SYSTEMD_EDITOR=/var/box/editor sh -eux \
		<"$BATS_TEST_TMPDIR/page" >"$REPLIES" 2>&1 || fail
	mail_is_told 1
	dpkg_does -i /var/box/new.deb
	mail_is_told 2
	dpkg_does -P smtpd
	[ -z "$(inside ss -Htln)" ] || fail "$(inside ss -Htln)"
	diff <(echo "$before") <(everything) | grep '^[<>]' >"$REPLIES" || :
	diff "$REPLIES" - <<-'END'
		> /etc/systemd/system/smtpd.socket.d
		> /etc/systemd/system/smtpd.socket.d/override.conf
		> /etc/systemd/system/smtpd@.service.d
		> /etc/systemd/system/smtpd@.service.d/override.conf
		> /usr/local/bin/on-mail
		> /var/lib/private/smtpd
		> /var/lib/smtpd
	END
}

# tarball FOLDER: the sum of what "make dist" makes there.
tarball() {
	make -s -C "$1" dist || return
	sha256sum <"$1"/smtpd-*.tar.gz
}

@test "make dist: the same octets from any clone, and an error without one" {
	local one=$BATS_TEST_TMPDIR/one two=$BATS_TEST_TMPDIR/two sum
	git clone -q "$ROOT" "$one"
	(umask 077 && git clone -q "$ROOT" "$two")
	git -C "$two" config tar.umask user
	find "$two" -exec touch -h -d '2001-02-03 04:05:06' {} +
	sum=$(tarball "$one")
	[ "$sum" = "$(umask 077 && TZ=Asia/Tokyo LC_ALL=C tarball "$two")" ]
	tar xzf "$one"/smtpd-*.tar.gz -C "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR"/smtpd-*/
	make -s smtpd
	[ "$(./smtpd --version)" = "$("$SMTPD" --version)" ]
	make -s dist && fail 'a tarball of nothing'
	[ -z "$(find . -name '*.tar*')" ]
}
