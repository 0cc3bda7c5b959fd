#!/usr/bin/env bats
# The units of examples/launch/systemd, as they are, under a systemd that is the
# first process of its machine, in a control group of its own.
# shellcheck disable=SC1090,SC2034,SC2154 # variables for and of others
load ../../helper
load ../helper
load helper

SERVICE=systemd/smtpd@.service
UNITS=(/etc/systemd/system/smtpd.socket /etc/systemd/system/smtpd@.service)
OWN_CONF=/etc/systemd/system/smtpd@.service.d/own.conf

# boots [LISTEN]: and the README's line is pasted.
boots() {
	sed -i "s/^\(ListenStream\)=127.0.0.1:2525/\1=${1:-127.0.0.1:2525}/" \
		"$DISK$CHECKOUT/examples/launch/systemd/smtpd.socket"
	systemd
	inside sh -euc "$(readme systemd)"
	BOX=/proc/$INIT/root/var/lib/private/smtpd
}

@test "systemd: the command runs, and is a user of its own" {
	boots
	mail_arrives
	[ "$OWNER" -ge 61184 ] && [ "$OWNER" -le 65519 ] || fail "uid $OWNER"
	logs_to_journal stdout
}

@test "systemd: the README's three steps, pasted" {
	local step
	rm -r "${DISK:?}$CHECKOUT"
	cp -R "$ROOT" "$DISK$CHECKOUT"
	systemd
	inside rm /usr/local/sbin/smtpd /usr/local/bin/on-mail
	for step in "$(pasted 'make install && install')" "$(pasted 'cp examples[^ ]*')"; do
		[ -n "$step" ]
		inside sh -euc "$step" >"$REPLIES" 2>&1 || fail "$step"
	done
	step=$(pasted 'swaks .* --from')
	inside sh -euc "${step%&&*}" >"$REPLIES" || fail "$step"
	until_true inside sh -euc "${step##*&&} | grep help@example.org"
}

# printer_page: its lines, less what the network is needed for; courier-base is
# there already.  Who reads is slower than what listens.
printer_page() {
	cat <<-'END'
		apt-get() { :; }
		dpkg() { install -D /usr/bin/couriertls courier/usr/bin/couriertls; }
		cd /usr/local/src/smtpd
	END
	sed -n '/^```/,/^```/p' "$ROOT/doc/printer.md" | grep -v '^```' |
		sed 's/^\(swaks .*\)/until \1; do [ "$SECONDS" -lt 60 ]; done/'
}

# scanned N: so many mails have their attachment where the page says.
scanned() {
	[ "$(inside sh -c 'cat /srv/scans/*/*-debian_version' | wc -l)" -eq "$1" ]
}

@test "doc/printer.md, pasted: a printer with a password, from nothing" {
	local line
	rm -r "${DISK:?}$CHECKOUT"
	cp -R "$ROOT" "$DISK$CHECKOUT"
	systemd
	inside sh -c 'rm /usr/local/sbin/smtpd /usr/local/bin/on-mail
		mkdir -p /tmp && mount -t tmpfs none /tmp
		mkdir -p /srv && mount -t tmpfs none /srv'
	printer_page >"$BATS_TEST_TMPDIR/page"
	inside bash -eu <"$BATS_TEST_TMPDIR/page" >"$REPLIES" 2>&1 || fail
	grep -qx 0 "$REPLIES"
	scanned 1
	until_true inside systemctl --quiet is-active smtpd-devices
	line=$(grep '^swaks' "$ROOT/doc/printer.md")
	until_true inside sh -c "$line" >"$REPLIES"
	scanned 2
	[ "$(inside sh -c 'stat -c %U /srv/scans/*')" = $'smtpd\nsmtpd' ]
	# swaks takes the 251 for a refusal
	! say 'Subject: elsewhere' | inside curl -sv -m 20 -k --ssl-reqd -T - \
		-u printer:secret --mail-from ann@example.net \
		--mail-rcpt bob@example.net smtp://127.0.0.1:587/c || fail
	grep -q '550 5.7.1 No relaying' "$BATS_TEST_TMPDIR/said" || fail
	! inside sh -c "${line/--auth *secret/}" >"$REPLIES" || fail
	grep -q ' 530 5.7.0' "$REPLIES" || fail
	scanned 2
}

@test "systemd, ListenStream=25: a client from outside is let in" {
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

# sessions PATTERN: systemctl says so of one.
sessions() {
	inside systemctl list-units --all --plain --no-legend 'smtpd@*' |
		grep -q -- "$1"
}

no_sessions() {
	! sessions ''
}

# The command is what the message says, after "Run: ".
told() {
	ON_MAIL='#!/bin/sh
	exec sh -euc "$(sed -n "s/^Run: //p")"'
	boots
}

@test "systemd: to stop lets the command end, and sends its reply" {
	local client
	told
	bring 'Run: cd "$STATE_DIRECTORY"; >began; until [ -e go ]; do :; done' &
	client=$!
	until_true test -e "$BOX/began"
	inside systemctl stop --no-block 'smtpd@*'
	until_true sessions ' deactivating '
	touch "$BOX/go"
	wait "$client" || fail 'the client got no 250'
	until_true no_sessions
}

@test "systemd: to stop may take as long as the command, and what ends it" {
	sed -nE -e 's/.* --command-timeout ([0-9]+).*/command=\1/p' \
		-e 's/^TimeoutStopSec=([0-9]+)$/stop=\1/p' \
		"$EXAMPLES/$SERVICE" >"$REPLIES"
	. "$REPLIES"
	[ "$stop" -gt $((command + 12)) ] || fail
}

@test "systemd: nothing is left of a session that failed" {
	boots
	until_true no_sessions
	inside bash -c 'exec 9<>/dev/tcp/127.0.0.1/2525; cat <&9' >"$REPLIES" &
	until_true test -s "$REPLIES"
	sessions ' running ' || fail
	inside systemctl kill --signal KILL 'smtpd@*'
	until_true no_sessions
}

# edited LINES: as by systemctl edit.
edited() {
	echo $'[Service]\n'"$1" | inside install -D /dev/stdin "$OWN_CONF"
	inside systemctl daemon-reload
}

# loosened WORD COMMAND: which works only with what the file says of WORD.
loosened() {
	local lines
	lines=$(sed -n "/^# One that .*$1/,/^#\$/s/^#   //p" \
		"$EXAMPLES/$SERVICE")
	[ -n "$lines" ] || fail "nothing about $1"
	! bring "Run: $2" || fail "it works: $2"
	edited "$lines"
	bring "Run: $2" || fail "it does not work: $2"
	inside rm "$OWN_CONF"
	inside systemctl daemon-reload
}

@test "systemd: what the file says to loosen is what a command needs" {
	told
	inside sh -euc 'useradd -m joe
		useradd -r tickets
		install -d -o joe /home/joe/Maildir
		install -d -o tickets /var/tickets'
	loosened curl 'bash -c "echo >/dev/udp/192.0.2.1/9"'
	loosened node 'python3 -c "import mmap; mmap.mmap(-1, 9, prot=6)"'
	loosened meminfo 'read -r line </proc/meminfo'
	loosened elsewhere 'echo >/var/tickets/new'
	loosened into..home 'echo >/home/joe/Maildir/new'
	loosened priority \
		'python3 -c "import os; os.setpriority(0, 0, 5)"'
}

@test "systemd: STARTTLS, with a key that is root's alone" {
	starttls_comes
}

@test "systemd: passwords beside it, and port 587 with a unit of its own" {
	local lines units=/etc/systemd/system
	lines=$(sed -n '/^# Passwords /,/^#$/s/^#   //p' "$EXAMPLES/$SERVICE")
	[ -n "$lines" ]
	install -D -t "$DISK/usr/local/lib/smtpd" \
		"$ROOT/examples/starttls/couriertls" "$ROOT/examples/auth/htpasswd"
	certified
	echo secret | htpasswd -icBC 4 "$DISK/etc/smtpd/passwd" joe \
		2>"$REPLIES"
	chmod 600 "$DISK/etc/smtpd/passwd"
	told
	inside sh -euc "cd $units
		sed s/2525/587/ smtpd.socket >submission.socket
		cp smtpd@.service submission@.service"
	OWN_CONF=$units/submission@.service.d/own.conf
	edited "${lines// -d / --require-tls --require-auth -d }"
	inside systemctl start submission.socket
	PORT=587 SWAKS=(--tls --auth LOGIN --auth-user joe
		--auth-password secret)
	bring 'Run: env >"$STATE_DIRECTORY/env"' || fail
	grep -qx SASL_USERNAME=joe "$BOX/env"
	SWAKS+=(--auth-password wrong)
	! bring 'Run: true' || fail 'with a wrong password?'
	grep -q ' 535 5.7.8' "$REPLIES" || fail
}

@test "systemd: another ExecStart, and \$\$ in it" {
	boots
	edited "ExecStart=
ExecStart=/usr/local/sbin/smtpd --lookup 'case \$\$1 in help@*) ;; \
	*) exit 67 ;; esac' /usr/local/bin/on-mail"
	mail_arrives
	inside swaks --server 127.0.0.1 --port 2525 --to ann@example.org \
		>"$REPLIES" && fail 'who is not there gets mail'
	grep -q '550 5.1.1' "$REPLIES" || fail
}
