#!/usr/bin/env bats
# Each page of doc/guides, followed on a bare Debian 12 as it stands: see
# bare.bash.
# shellcheck disable=SC2034,SC2154 # variables for and of others
load ../../helper
load ../helper
load helper
load bare

HOOK=

teardown() {
	[ -z "$HOOK" ] || kill "$HOOK" || :
	ends_machine
}

@test "a test sink: mail is a file, a refusal is what it is told to be" {
	follow test-sink.md
	[ -z "$(inside pgrep tcpserver)" ] || fail 'it is not stopped'
}

@test "LMTP behind Postfix: a run for each recipient, a queue for the rest" {
	follow lmtp-behind-postfix.md
	[ "$(inside grep -c . /var/lib/private/smtpd/mails)" -eq 3 ]
	inside postqueue -p | grep -q 'queue is empty'
}

# chat: https://chat.example.org, which no one but the page's lines knows, and
# which keeps what is posted to it.
chat() {
	local here=$BATS_TEST_TMPDIR
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-days 2 -subj /CN=chat.example.org \
		-addext subjectAltName=DNS:chat.example.org \
		-keyout "$here/key" -out "$here/chain" 2>"$here/said" || fail
	inside install -D /dev/stdin /usr/local/share/ca-certificates/a.crt \
		<"$here/chain"
	inside sh -c 'echo 192.0.2.1 chat.example.org >>/etc/hosts'
	nsenter --target "$INIT" --net python3 -B \
		"$ROOT/tests/launch/hook.py" "$here/key" "$here/chain" \
		"$here/posted" 2>"$here/hook" 3>&- &
	HOOK=$!
}

# alarms option ...: as the page's device with a password.
alarms() {
	inside swaks --server 127.0.0.1 --tls --auth LOGIN --auth-user ups \
		--auth-password secret --from ups@alarm.example.org "$@" \
		>"$REPLIES"
}

@test "alarms in a chat: each as it looks, and no word of it is markup" {
	WITH=chat
	follow alarms.md
	diff "$BATS_TEST_TMPDIR/posted" - <<-'END_OF_IT'
		POST /hooks/xyz application/json
		{"text":"⚠ Battery low\nInput voltage 0 V. Load &lt;60 %."}
		POST /hooks/xyz application/json
		{"text":"Battery full\nThis is a test mailing"}
	END_OF_IT
	kill "$HOOK"
	wait "$HOOK" || HOOK=
	! alarms --to chat@alarm.example.org || fail 'it is lost'
	grep -q '451 4.3.0' "$REPLIES" || fail
	! inside swaks --server 127.0.0.1 --to chat@alarm.example.org \
		>"$REPLIES" || fail 'without a password'
	grep -q '530 5.7.0' "$REPLIES" || fail
	# swaks takes the 251 for a refusal
	! say 'Subject: elsewhere' | inside curl -sv -m 20 -k --ssl-reqd -T - \
		-u ups:secret --mail-from ups@alarm.example.org \
		--mail-rcpt ann@example.net smtp://127.0.0.1/c || fail
	grep -q '550 5.7.1 No relaying' "$BATS_TEST_TMPDIR/said" || fail
}

# scans ADDRESS [option ...]: from there, as the page's scanner.
scans() {
	inside swaks --server "$1" --port 587 --local-interface "$1" \
		--from scanner@example.org --to scans@example.org "${@:2}" \
		>"$REPLIES"
}

@test "a scanner into a folder: any password, but of a private network alone" {
	local login=(--auth LOGIN --auth-user x --auth-password y)
	follow scanner.md
	[ "$(inside sh -c 'stat -c %U:%a /srv/scans/*')" = scans:700 ]
	inside ip address add 10.0.0.7 dev lo
	scans 10.0.0.7 "${login[@]}" || fail
	! scans 10.0.0.7 || fail 'without a password'
	grep -q '530 5.7.0' "$REPLIES" || fail
	# swaks takes the 251 for a refusal
	say 'Subject: elsewhere' | nsenter --target "$INIT" --net curl -sv \
		-m 20 -T - -u x:y --mail-from scanner@example.org \
		--mail-rcpt ann@example.net smtp://10.0.0.7:587/c \
		2>"$REPLIES" && fail 'taken for elsewhere'
	grep -q '550 5.7.1 Only scans, please' "$REPLIES" || fail
	! scans 192.0.2.1 "${login[@]}" --timeout 2 || fail 'not private'
	! grep '^<' "$REPLIES" || fail 'it is greeted'
	[ "$(inside sh -c 'ls /srv/scans' | wc -l)" -eq 2 ]
}

@test "tickets: a web application has each mail, and its answer is the reply" {
	follow tickets.md
	inside systemd-run --unit=tickets -p DynamicUser=yes \
		-p StateDirectory=tickets python3 /usr/local/lib/tickets.py
	until_true inside curl -s http://127.0.0.1:8000/ >"$REPLIES"
	[ "$(wc -l <"$REPLIES")" -eq 1 ] || fail
}

# dns: one that knows what the page says that the DNS says.
dns() {
	echo 'example.com TXT v=spf1 -all' >"$BATS_TEST_TMPDIR/zone"
	nsenter --target "$INIT" --net python3 -B \
		"$ROOT/tests/commands/dns.py" "$BATS_TEST_TMPDIR/zone" 3>&- &
	HOOK=$!
}

@test "the MX of a small domain: STARTTLS, SPF, a greylist, a Maildir" {
	WITH=dns
	follow mx.md
	[ "$(inside sh -c 'ls /var/lib/private/smtpd/Maildir/new' |
		wc -l)" -eq 1 ] || fail
	inside sh -c 'stat -c %U:%a /etc/smtpd /etc/smtpd/tls.pem' |
		cmp - <(printf '%s\n' root:700 root:600)
}
