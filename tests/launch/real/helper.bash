# Loaded after ../../helper and ../helper: a machine for each test, which is
# namespaces of its own: loopback, where every port is free; overlays of /etc,
# /home, /usr and /var, with the packages of $LAUNCH in them; /dev, /run and
# processes.
# So each file of examples/launch lies where it says, as it is.
#
#   put FILE PATH [MODE]       of examples/launch, onto its disk
#   machine command ...        boots: its first process, whose output is $LOG
#   systemd UNIT ...           boots with systemd, which knows these units
#   inside command ...         runs there
#   readme LAUNCHER            the line for it of examples/launch/README.md, in a
#                              checkout
#   pasted WORDS               the README's line that begins so, likewise
#   certified                  there is a certificate, which root alone may read
#
# /usr/local/bin/on-mail is $ON_MAIL, by default tests/lib/catch.
# shellcheck disable=SC2034,SC2153,SC2154 # variables for and of others

export LAUNCH=${LAUNCH:-/opt/launch}
EXAMPLES=$ROOT/examples/launch
PORT=2525
INIT=
GROUP=
CHECKOUT=/usr/local/src/smtpd
SWAKS=()
SOCKET=
ON_MAIL='#!/bin/sh
BOX=${STATE_DIRECTORY:-/var/box} exec /usr/local/bin/catch'

BOOT='
	mount -t tmpfs none "$OWN"
	cd "$OWN"
	for d in etc home usr var; do
		mkdir -p $d/upper $d/work
		lower=/$d
		[ ! -d "$LAUNCH/$d" ] || lower=$LAUNCH/$d:/$d
		mount -t overlay none /$d -o "lowerdir=$lower" \
			-o "upperdir=$d/upper,workdir=$d/work"
	done
	mkdir /var/box dev dev/shm dev/pts
	ln -s pts/ptmx dev/ptmx
	for d in null zero full random urandom tty; do
		: >dev/$d
		mount --bind /dev/$d dev/$d
	done
	mount --rbind dev /dev
	mount --bind "$BOX" /var/box
	mount -t tmpfs -o mode=755 none /run
	cp -R "$DISK"/* /
	ip link set lo up
	ip address add 192.0.2.1 dev lo
	cd /
	exec env -i container=smtpd \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin "$@"'

put() {
	install -D -m "${3:-644}" "$EXAMPLES/$1" "$DISK$2"
}

# lines PAGE SCRIPT: what sed finds in it, to be run in a checkout.
lines() {
	local found
	found=$(sed -n "$2" "$ROOT/$1")
	[ -n "$found" ] && echo "cd $CHECKOUT; $found"
}

readme() {
	lines examples/launch/README.md "/^    # $1\(\$\|,\)/{n;s/^    //p}"
}

pasted() {
	lines README.md "s/^    \($1 .*\)/\1/p"
}

machine() {
	export OWN=$BATS_TEST_TMPDIR/own DISK
	mkdir "$OWN"
	chmod 1777 "$BOX"
	install -D "$SMTPD" "$DISK/usr/local/sbin/smtpd"
	install -D "$CATCH" "$DISK/usr/local/bin/catch"
	install "$CATCH" "$DISK/usr/local/bin/on-mail"
	echo "$ON_MAIL" >"$DISK/usr/local/bin/on-mail"
	"${BEFORE[@]}" unshare --mount --pid --mount-proc --net --uts --ipc \
		--cgroup --fork --kill-child \
		sh -euc "$BOOT" sh "$@" </dev/null >>"$LOG" 2>&1 3>&- &
	SERVER=$!
	until_true booted
}

# Its own units, and those of packages, native or of /etc/init.d.
FIRST='mkdir -p /run/units/sysinit.target.wants
	cd /lib/systemd/system
	for unit in sysinit.target basic.target sockets.target shutdown.target \
		systemd-journald* "$@"; do
		[ ! -e "$unit" ] || ln -s "$PWD/$unit" /run/units
	done
	ln -s "$PWD/systemd-journald.service" /run/units/sysinit.target.wants
	rm -rf /etc/systemd/system/*.wants
	mount -t cgroup2 none /sys/fs/cgroup
	# as a systemd on the metal does itself; credentials are mounts
	mount --make-rshared /
	SYSTEMD_UNIT_PATH=/etc/systemd/system:/run/units:/run/systemd/generator.late \
		exec /lib/systemd/systemd --system --unit=basic.target'

# in_a_group command ...: which boots a machine with control groups of its own.
in_a_group() {
	GROUP=smtpd-test.$$
	export GROUP
	BEFORE=(unshare --mount sh -euc '
		mount -t cgroup2 none "$OWN"
		mkdir "$OWN/$GROUP"
		echo "$$" >"$OWN/$GROUP/cgroup.procs"
		umount "$OWN"
		exec "$@"' sh)
	"$@"
}

systemd() {
	in_a_group machine sh -euc "$FIRST" sh "$@"
	until_true inside systemctl --quiet is-active basic.target
}

LOGGED='close client=127.0.0.1 .* messages=1 '

# logs_to FILE: of the machine.
logs_to() {
	until_true inside grep -q "smtpd.*$LOGGED" "$1"
}

# logs_to_journal TRANSPORT: by which it comes there.
logs_to_journal() {
	until_true in_journal "$1"
}

in_journal() {
	inside journalctl --quiet -o cat -t smtpd -p info..info "_TRANSPORT=$1" |
		grep -q "^$LOGGED"
}

booted() {
	INIT=$(pgrep -P "$SERVER") && inside test -d /var/box
}

inside() {
	nsenter --target "$INIT" --mount --pid --net --uts --ipc "$@" \
		2>>"$BATS_TEST_TMPDIR/said"
}

until_true() {
	local end=$((SECONDS + 20))
	until "$@"; do
		if ! kill -0 "$SERVER" || [ "$SECONDS" -ge "$end" ]; then
			fail "in vain: $*" "$(tail -n 3 "$BATS_TEST_TMPDIR/said")"
			return 1
		fi
	done
}

setup() {
	BOX=$BATS_TEST_TMPDIR/box
	LOG=$BATS_TEST_TMPDIR/log
	REPLIES=$BATS_TEST_TMPDIR/replies
	DISK=$BATS_TEST_TMPDIR/disk
	BEFORE=()
	mkdir -p "$BOX" "$DISK$CHECKOUT"
	cp -R "$ROOT/examples" "$DISK$CHECKOUT"
	export BOX
}

shut_down() {
	[ -z "$SERVER" ] || kill -KILL "$SERVER" || :
	[ -z "$SERVER" ] || wait "$SERVER" 2>/dev/null || :
}

teardown() {
	ends_machine
}

ends_machine() {
	shut_down
	[ -n "$GROUP" ] || return 0
	unshare --mount sh -euc 'mount -t cgroup2 none "$OWN"
		until find "$OWN/$GROUP" -depth -type d -exec rmdir {} + ; do
			:
		done' 2>/dev/null
}

# bring LINE ...: a real client has a letter with these in its header.
bring() {
	local to=(--server "$ADDRESS" --port "$PORT")
	LETTER=$BATS_TEST_TMPDIR/letter
	printf '%s\n' 'From: ann@example.net' "$@" '' . .. .x '' >"$LETTER"
	if [ -n "$SOCKET" ]; then
		to=(--socket "$SOCKET")
		until_true inside test -S "$SOCKET" || return
	else
		until_true inside bash -c "exec 9<>/dev/tcp/$ADDRESS/$PORT" ||
			return
	fi
	# swaks ends the last line itself
	head -c -1 "$LETTER" | inside swaks "${to[@]}" --timeout 20 \
		--helo client.example --from ann@example.net \
		--to help@example.org --data - "${SWAKS[@]}" >"$REPLIES"
}

# The command got it, as $OWNER.
mail_arrives() {
	bring 'Subject: launch' || fail 'the client got no 250'
	arrived 1 "$LETTER" "[$ADDRESS]"
	OWNER=$(stat -c %u "$(message 1)")
}

# Of its own, as $DISK/etc/smtpd/tls.pem.
certified() {
	mkdir -p "$DISK/etc/smtpd"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-days 2 -subj /CN=mx.example.org -keyout "$BATS_TEST_TMPDIR/key" \
		-out "$BATS_TEST_TMPDIR/chain" 2>"$BATS_TEST_TMPDIR/said" || fail
	(umask 077 && cat "$BATS_TEST_TMPDIR/key" "$BATS_TEST_TMPDIR/chain" \
		>"$DISK/etc/smtpd/tls.pem")
}

# kept FOLDER: examples/save has the letter there.
kept() {
	until_true inside sh -c "cat $1/*.eml" >"$BATS_TEST_TMPDIR/eml"
	sed '1,/ +0000$/d' "$BATS_TEST_TMPDIR/eml" | cmp - "$LETTER"
}

# verified UNIT ...: systemd has nothing to say about them, less manual pages that
# are not on this machine.
verified() {
	inside systemd-analyze verify --man=no "$@" >"$REPLIES" 2>&1 || fail
	[ ! -s "$REPLIES" ] || fail
}

# comment WORD FILE: what it says behind it, which is to be done.
comment() {
	sed -n "s/^# $1: *//p" "$EXAMPLES/$2"
}

# A service whose file says how, by lines of it: a command, edited and told, gets
# mail by STARTTLS, and cannot read the key.
starttls_comes() {
	local lines
	lines=$(sed -n '/^# STARTTLS /,/^#$/s/^#   //p' "$EXAMPLES/$SERVICE")
	[ -n "$lines" ]
	install -D "$ROOT/examples/starttls/couriertls" \
		"$DISK/usr/local/lib/smtpd/couriertls"
	certified
	told
	edited "$lines"
	SWAKS=(--tls)
	bring 'Run: ! cat /etc/smtpd/tls.pem; env >"$STATE_DIRECTORY/env"' || fail
	grep -qx CLIENT_PROTOCOL=ESMTPS "$BOX/env"
	! grep -q 'PRIVATE KEY' "$BOX/env" || fail
	verified "${UNITS[@]}"
}
