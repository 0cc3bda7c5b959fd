#!/usr/bin/env bats
# forward, with real servers behind it: what they say is what the client hears,
# and what they took is the letter, octet for octet.
# shellcheck disable=SC2034,SC2154 # helper's variables
load ../helper
load ../launch/helper
load helper

FORWARD=${FORWARD:-$ROOT/forward}
AIO=$ROOT/tests/peers/aio.py # for Debian's own python3
HALFWAY=$ROOT/tests/peers/halfway.py
export OPENSMTPD=${OPENSMTPD:-/opt/opensmtpd}
HELP=help@example.org
JOE=joe@example.org
NOBODY=nobody@example.org
SERVERS=()

# hand TEXT [option of forward ...] SERVER: $LETTER from $ANN to all of $TO; the
# reply to the message begins with TEXT.
TO=("$HELP")
PARAMETERS=
hand() {
	[ -n "$LETTER" ] || write_letter
	{
		say 'EHLO client.example' "MAIL FROM:<$ANN>$PARAMETERS"
		printf 'RCPT TO:<%s>\r\n' "${TO[@]}"
		say DATA
		LC_ALL=C sed -e 's/^\./../' -e 's/$/\r/' "$LETTER"
		say . QUIT
	} | serve -- "$FORWARD" --timeout 5 "${@:2}"
	reply_is $((${#TO[@]} + 5)) "$1"
}

# kept N FOLDER: so many files are there, and each is $LETTER behind the fields
# of who took it.
kept() {
	local file
	[ "$(files "$2")" -eq "$1" ] || fail "files: $(files "$2")"
	for file in "$2"/*; do
		[ ! -e "$file" ] || LC_ALL=C sed -n '/^From: /,$p' "$file" |
			cmp - "$LETTER"
	done
}

has_files() {
	[ "$(files "$2")" -eq "$1" ]
}

files() {
	find "$1" -type f 2>/dev/null | wc -l
}

# started command ...: $SERVER_ID; ended by teardown.
started() {
	"$@" </dev/null >>"$BATS_TEST_TMPDIR/server" 2>&1 3>&- &
	SERVER_ID=$!
	SERVERS+=("$SERVER_ID")
}

ended() {
	kill "$1" 2>/dev/null || :
	wait "$1" 2>/dev/null || :
}

free_port() {
	PORT=$(python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')
}

# halfway SERVER [command ...]: $HALF, a way to that server which ends in the
# middle of a letter, when the command has run.
halfway() {
	local port=$BATS_TEST_TMPDIR/half
	rm -f "$port"
	started python3 -B "$HALFWAY" "$port" "$@"
	until_true test -s "$port"
	HALF=127.0.0.1:$(cat "$port")
}

teardown() {
	local pid
	for pid in "${SERVERS[@]}"; do
		ended "$pid"
	done
	postfix_stops
}

# ---- Dovecot's LMTP ----

# dovecot_starts: its users are help and full, of example.org.
FULL='userdb_quota_rule=*:storage=1B'
dovecot_starts() {
	DOVECOT=$BATS_TEST_TMPDIR/dovecot
	MAIL=$DOVECOT/mail/help/Maildir/new
	mkdir -p "$DOVECOT/run" "$DOVECOT/mail"
	chown nobody "$DOVECOT/mail"
	chmod a+x "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"
	printf '%s\n' "help@example.org:::::$DOVECOT/mail/help" \
		"full@example.org:::::$DOVECOT/mail/full::$FULL" \
		>"$DOVECOT/users"
	cat >"$DOVECOT/conf" <<-CONF
		base_dir = $DOVECOT/run
		state_dir = $DOVECOT/run
		log_path = $DOVECOT/log
		protocols = lmtp
		ssl = no
		mail_location = maildir:~/Maildir
		mail_uid = nobody
		mail_gid = nogroup
		mail_plugins = quota
		quota_full_tempfail = no
		plugin {
		  quota = maildir:quota
		}
		passdb {
		  driver = passwd-file
		  args = $DOVECOT/users
		}
		userdb {
		  driver = passwd-file
		  args = $DOVECOT/users
		}
		service lmtp {
		  unix_listener lmtp {
		    mode = 0666
		  }
		  inet_listener lmtp {
		    address = 127.0.0.1
		    port = $PORT
		  }
		}
	CONF
	dovecot_again
}

dovecot_again() {
	started dovecot -F -c "$DOVECOT/conf"
	DOVECOT_ID=$SERVER_ID
	until_true answers
}

@test "Dovecot, LMTP: a letter comes, octet for octet, by TCP and unix socket" {
	free_port
	dovecot_starts
	hand "250 2.0.0 <$HELP> " --lmtp "127.0.0.1:$PORT"
	grep -q 'Saved' "$REPLIES"
	kept 1 "$MAIL"
	hand "250 2.0.0 <$HELP> " --lmtp "$DOVECOT/run/lmtp"
	kept 2 "$MAIL"
	ANN='' hand "250 2.0.0 <$HELP> " --lmtp "$DOVECOT/run/lmtp"
	kept 3 "$MAIL"
	seq 1 400000 | sed 's/^/./' >>"$LETTER"
	hand "250 2.0.0 <$HELP> " --lmtp "$DOVECOT/run/lmtp"
	[ "$(find "$MAIL" -size +2000k | wc -l)" -eq 1 ]
	LC_ALL=C sed -n '/^From: /,$p' \
		"$(find "$MAIL" -size +2000k)" | cmp - "$LETTER"
}

@test "Dovecot, LMTP: unknown, over quota, for now and for ever" {
	free_port
	dovecot_starts
	TO=("$NOBODY")
	hand "550 5.1.1 <$NOBODY> User doesn't exist: $NOBODY" \
		--lmtp "$DOVECOT/run/lmtp"
	TO=(full@example.org)
	hand '552 5.2.2 <full@example.org> Quota exceeded' \
		--lmtp "$DOVECOT/run/lmtp"
	ended "$DOVECOT_ID"
	hand '451 4.3.0 ' --lmtp "$DOVECOT/run/lmtp"
	logged 'cannot connect: '
	echo quota_full_tempfail = yes >>"$DOVECOT/conf"
	dovecot_again
	hand '452 4.2.2 <full@example.org> Quota exceeded' \
		--lmtp "$DOVECOT/run/lmtp"
	! find "$DOVECOT/mail" -path '*/new/*' | grep . || fail 'it has it'
}

@test "Dovecot, LMTP: each recipient has a run, and a reply, of its own" {
	free_port
	dovecot_starts
	write_letter
	{
		say 'LHLO c' "MAIL FROM:<$ANN>" "RCPT TO:<$NOBODY>" \
			"RCPT TO:<$HELP>" DATA
		LC_ALL=C sed -e 's/^\./../' -e 's/$/\r/' "$LETTER"
		say . QUIT
	} | serve --lmtp -- "$FORWARD" --lmtp "$DOVECOT/run/lmtp"
	codes_are 220 250 250 250 250 354 550 250 221
	kept 1 "$MAIL"
}

@test "Dovecot, LMTP: stopped in the middle, it has nothing, and then once" {
	free_port
	dovecot_starts
	halfway "127.0.0.1:$PORT" kill "$DOVECOT_ID"
	hand '451 4.3.0 ' --lmtp "$HALF"
	logged 'forward: .*: the '
	[ "$(files "$MAIL")" -eq 0 ]
	wait "$DOVECOT_ID" || :
	hand '451 4.3.0 ' --lmtp "127.0.0.1:$PORT"
	dovecot_again
	hand "250 2.0.0 <$HELP> " --lmtp "127.0.0.1:$PORT"
	kept 1 "$MAIL"
}

# ---- Postfix ----

# It knows help and joe.
next_postfix() {
	free_port
	MAIL=$BATS_TEST_TMPDIR/mail/new
	mkdir -p "${MAIL%/new}"
	chown nobody "${MAIL%/new}"
	SERVICES=("127.0.0.1:$PORT inet n - n - - smtpd"
		'virtual unix - n n - - virtual' 'anvil unix - - n - 1 anvil')
	postfix_starts local_recipient_maps= \
		virtual_mailbox_domains=example.org \
		"virtual_mailbox_base=$BATS_TEST_TMPDIR" \
		"virtual_mailbox_maps=inline:{$HELP=mail/ $JOE=mail/}" \
		virtual_uid_maps=static:65534 virtual_gid_maps=static:65534 \
		'header_checks=regexp:{{/^X-Spam: yes/ REJECT 5.7.1 no spam}}' \
		"$@"
	until_true answers
}

kept_by_postfix() {
	until_true queue_is_empty
	kept "$1" "$MAIL"
}

queue_is_empty() {
	! find "$CONF/../queue"/{incoming,active,deferred,maildrop,hold} \
		-type f | grep -q .
}

@test "Postfix: a letter comes, octet for octet, to one and to several" {
	next_postfix
	hand '250 2.0.0 Ok: queued as ' "127.0.0.1:$PORT"
	kept_by_postfix 1
	TO=("$HELP" "$JOE")
	hand '250 2.0.0 Ok: queued as ' "127.0.0.1:$PORT"
	kept_by_postfix 3
}

@test "Postfix: unknown, refused for its header, put off, in its own words" {
	next_postfix 'smtpd_recipient_restrictions=check_recipient_access
		inline:{{joe@example.org = 450 4.7.1 not yet}}'
	TO=("$NOBODY")
	hand "550 5.1.1 <$NOBODY>: Recipient address rejected: User unknown" \
		"127.0.0.1:$PORT"
	TO=("$JOE")
	hand "450 4.7.1 <$JOE>: Recipient address rejected: not yet" \
		"127.0.0.1:$PORT"
	TO=("$HELP" "$NOBODY")
	hand '451 4.3.0 ' "127.0.0.1:$PORT"
	logged "RCPT TO:<$NOBODY>, but not other recipients .*: 550 5.1.1 <"
	TO=("$HELP")
	sed -i '1s/^/X-Spam: yes\n/' "$LETTER"
	hand '550 5.7.1 no spam' "127.0.0.1:$PORT"
	kept_by_postfix 0
}

@test "Postfix: its limits of size, recipients, errors, and no SMTPUTF8" {
	next_postfix message_size_limit=9000 smtpd_recipient_limit=2 \
		smtputf8_enable=no smtpd_hard_error_limit=2 \
		smtpd_error_sleep_time=0
	write_letter
	TO=("$NOBODY" "$NOBODY" "$HELP")
	hand '451 4.7.0 client.example Error: too many errors' \
		"127.0.0.1:$PORT"
	TO=("$HELP" "$JOE" "$HELP")
	hand '452 4.5.3 Error: too many recipients' "127.0.0.1:$PORT"
	TO=("$HELP")
	seq 3000 >>"$LETTER"
	hand '552 5.3.4 Message size exceeds fixed limit' "127.0.0.1:$PORT"
	write_letter
	ANN=$JOSE PARAMETERS=' SMTPUTF8' hand '554 5.6.7 ' "127.0.0.1:$PORT"
	kept_by_postfix 0
	PARAMETERS=' SMTPUTF8' hand '250 2.0.0 Ok: queued as ' \
		"127.0.0.1:$PORT"
	kept_by_postfix 1
}

@test "Postfix: what is wrong with us keeps the letter, whatever it says" {
	next_postfix smtpd_helo_restrictions=reject_non_fqdn_helo_hostname \
		mynetworks=
	hand '451 4.3.0 ' --hello localhost "127.0.0.1:$PORT"
	logged 'forward: .*: 504 5.5.2 <localhost>: Helo command rejected'
	TO=(ann@example.com)
	hand '454 4.7.1 <ann@example.com>: Relay access denied' \
		"127.0.0.1:$PORT"
	kept_by_postfix 0
}

@test "Postfix: aborted in the middle it has nothing, and then once" {
	next_postfix
	halfway "127.0.0.1:$PORT" postfix -c "$CONF" abort
	hand '451 4.3.0 ' "$HALF"
	hand '451 4.3.0 ' "127.0.0.1:$PORT"
	logged 'cannot connect: Connection refused'
	postfix -c "$CONF" start 3>&-
	until_true answers
	hand '250 2.0.0 Ok: queued as ' "127.0.0.1:$PORT"
	kept_by_postfix 1
}

# ---- Exim ----

# It knows help and joe.
next_exim() {
	local own=$BATS_TEST_TMPDIR/exim
	free_port
	MAIL=$own/mail/new
	mkdir -p "$own/mail"
	chown Debian-exim "$own" "$own/mail"
	chmod a+x "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"
	cat >"$own/conf" <<-CONF
		exim_path = $EXIM4
		spool_directory = $own/spool
		log_file_path = $own/%s
		primary_hostname = mail.example.org
		keep_environment =
		acl_smtp_rcpt = rcpt
		acl_smtp_data = data
		message_size_limit = 9000
		begin acl
		rcpt:
		  defer message = not yet
		        recipients = later@example.org
		  accept verify = recipient
		  deny message = no such user here
		data:
		  deny message = no spam
		       condition = \${if eq{\$h_X-Spam:}{yes}}
		  accept
		begin routers
		known:
		  driver = accept
		  local_parts = help : joe
		  transport = box
		begin transports
		box:
		  driver = appendfile
		  directory = $own/mail
		  maildir_format
		  user = Debian-exim
	CONF
	started "$EXIM4" -C "$own/conf" -bdf -oX "127.0.0.1.$PORT" \
		-oP "$own/pid"
	until_true answers
}

# It delivers in a process of its own, and writes elsewhere first.
kept_by_exim() {
	until_true has_files "$1" "$MAIL"
	kept "$1" "$MAIL"
}

@test "Exim: a letter comes, octet for octet, and its words have no 2.0.0" {
	next_exim
	hand '250 2.0.0 OK id=' "127.0.0.1:$PORT"
	kept_by_exim 1
	TO=("$HELP" "$JOE")
	hand '250 2.0.0 OK id=' "127.0.0.1:$PORT"
	kept_by_exim 3
}

@test "Exim: unknown, put off, too large, refused for its header" {
	next_exim
	TO=("$NOBODY")
	hand '550 5.0.0 no such user here' "127.0.0.1:$PORT"
	TO=(later@example.org)
	hand '451 4.0.0 not yet' "127.0.0.1:$PORT"
	TO=("$HELP" "$NOBODY")
	hand '451 4.3.0 ' "127.0.0.1:$PORT"
	logged "RCPT TO:<$NOBODY>, but not other .*: 550 5.0.0 no such user"
	TO=("$HELP")
	sed -i '1s/^/X-Spam: yes\n/' "$LETTER"
	hand '550 5.0.0 no spam' "127.0.0.1:$PORT"
	seq 3000 >>"$LETTER"
	hand '552 5.0.0 Message size exceeds maximum permitted' \
		"127.0.0.1:$PORT"
	kept 0 "$MAIL"
}

@test "Exim: a connection that ends in the middle leaves nothing" {
	next_exim
	halfway "127.0.0.1:$PORT"
	hand '451 4.3.0 ' "$HALF"
	hand '250 2.0.0 OK id=' "127.0.0.1:$PORT"
	kept_by_exim 1
}

# ---- OpenSMTPD ----

next_opensmtpd() {
	free_port
	MAIL=$BATS_TEST_TMPDIR/mail/new
	chmod a+x "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"
	started "$ROOT/tests/peers/opensmtpd" "$BATS_TEST_TMPDIR" "$PORT"
	until_true answers
}

@test "OpenSMTPD: a letter comes, octet for octet" {
	next_opensmtpd
	hand '250 2.0.0 ' "127.0.0.1:$PORT"
	grep -q 'Message accepted for delivery' "$REPLIES"
	until_true has_files 1 "$MAIL"
	kept 1 "$MAIL"
}

@test "OpenSMTPD: unknown, one of two, too large" {
	next_opensmtpd
	TO=("$NOBODY")
	hand "550 5.0.0 Invalid recipient: <$NOBODY>" "127.0.0.1:$PORT"
	TO=("$HELP" "$NOBODY")
	hand '451 4.3.0 ' "127.0.0.1:$PORT"
	logged "RCPT TO:<$NOBODY>, but not other .*: 550 5.0.0 Invalid"
	TO=("$HELP")
	seq 3000 >>"$LETTER"
	hand '554 5.3.4 Message too big for system' "127.0.0.1:$PORT"
	kept 0 "$MAIL"
}

@test "OpenSMTPD: stopped in the middle it has nothing, and then once" {
	next_opensmtpd
	halfway "127.0.0.1:$PORT" kill "$SERVER_ID"
	hand '451 4.3.0 ' "$HALF"
	wait "${SERVERS[0]}" || :
	kept 0 "$MAIL"
	next_opensmtpd
	hand '250 2.0.0 ' "127.0.0.1:$PORT"
	until_true has_files 1 "$MAIL"
	kept 1 "$MAIL"
}

# ---- aiosmtpd ----

# aiosmtpd SMTP|LMTP [path]: it keeps each letter as a file of $MAIL.
aiosmtpd() {
	MAIL=$BATS_TEST_TMPDIR/mail
	mkdir -p "$MAIL"
	free_port
	started /usr/bin/python3 -B "$AIO" "$1" "${2:-$PORT}" "$MAIL"
	AIO_ID=$SERVER_ID
	if [ $# -eq 2 ]; then
		until_true test -S "$2"
	else
		until_true answers
	fi
}

@test "aiosmtpd: a letter comes, octet for octet, by SMTP and by LMTP" {
	aiosmtpd SMTP
	TO=("$HELP" "$JOE")
	hand '250 2.0.0 kept' "127.0.0.1:$PORT"
	kept 1 "$MAIL"
	ended "$AIO_ID"
	aiosmtpd LMTP
	TO=("$HELP")
	hand '250 2.0.0 kept' --lmtp "127.0.0.1:$PORT"
	kept 2 "$MAIL"
	aiosmtpd LMTP "$BATS_TEST_TMPDIR/socket"
	hand '250 2.0.0 kept' --lmtp "$BATS_TEST_TMPDIR/socket"
	kept 3 "$MAIL"
}

@test "aiosmtpd: what a handler says, and one that fails is tried again" {
	aiosmtpd SMTP
	TO=("$NOBODY")
	hand '550 5.1.1 no such user' "127.0.0.1:$PORT"
	TO=(later@example.org)
	hand '451 4.7.1 not yet' "127.0.0.1:$PORT"
	TO=("$HELP")
	ANN=spam@example.net hand '554 5.7.1 no spam' "127.0.0.1:$PORT"
	ANN=$JOSE PARAMETERS=' SMTPUTF8' hand '554 5.6.7 ' "127.0.0.1:$PORT"
	ANN=fault@example.net hand '451 4.3.0 ' "127.0.0.1:$PORT"
	logged 'the end of the message: 500 5.0.0 Error: (ValueError) odd'
	printf '%02000d\n' 7 >>"$LETTER"
	hand '451 4.3.0 ' "127.0.0.1:$PORT"
	logged 'the end of the message: 500 5.0.0 Line too long'
	kept 0 "$MAIL"
}

@test "aiosmtpd: killed in the middle it has nothing, and then once" {
	aiosmtpd SMTP
	halfway "127.0.0.1:$PORT" kill -9 "$AIO_ID"
	hand '451 4.3.0 ' "$HALF"
	wait "$AIO_ID" || :
	kept 0 "$MAIL"
	aiosmtpd SMTP
	hand '250 2.0.0 kept' "127.0.0.1:$PORT"
	kept 1 "$MAIL"
}

# ---- all of them ----

# What one server or another took for the end of a message once, and what would
# be the next one then.
write_two_in_one() {
	local end
	write_letter
	for end in 'x\r.\n' 'x\r.\r' '\r.\n' 'x\r.\r\r\n' 'x\n.\r' \
		'x\r\r.\r\r\n' 'x\n\r.\n' 'x\r\000\n.\n' '\000.\n' \
		'.\000\n' '\v.\n' '.\r'; do
		octets "$end"
		printf '%s\n' "MAIL FROM:<$JOE>" "RCPT TO:<$HELP>" DATA x .
	done >>"$LETTER"
	echo 'the last line' >>"$LETTER"
}

# is_one SERVER ...
is_one() {
	write_two_in_one
	hand '250 2.0.0 ' "$@"
	until_true has_files 1 "$MAIL"
	grep -qx 'the last line' "$MAIL"/*
}

@test "none of them takes two messages out of one" {
	next_postfix
	is_one "127.0.0.1:$PORT"
	next_exim
	is_one "127.0.0.1:$PORT"
	rm -r "$BATS_TEST_TMPDIR/mail"
	next_opensmtpd
	is_one "127.0.0.1:$PORT"
	rm -r "$BATS_TEST_TMPDIR/mail"
	aiosmtpd SMTP
	is_one "127.0.0.1:$PORT"
	free_port
	dovecot_starts
	is_one --lmtp "127.0.0.1:$PORT"
}
