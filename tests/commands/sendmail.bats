#!/usr/bin/env bats
# examples/sendmail, called by the programs that people have.
# shellcheck disable=SC2034,SC2154 # variables for and of others
load ../helper
load helper
load ../sendmail

BODY=$'one\n.\n..two\nFrom three\ncaf\xc3\xa9'

# in_place, and each call is written down.
prepare() {
	export HOME=$BATS_TEST_TMPDIR/home
	CALLS=$BATS_TEST_TMPDIR/calls
	mkdir -p "$HOME"
	cd "$HOME" || return
	in_place
	mv "$SENDMAIL" "$SENDMAIL.py"
	printf '%s\n' '#!/bin/sh' "echo \"\$*\" >>'$CALLS'" \
		"export BOX='$BOX'" "exec '$SENDMAIL.py' \"\$@\"" >"$SENDMAIL"
	chmod +x "$SENDMAIL"
	chmod a+rx "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"
}

# called WORDS ...: the calls were these.
called() {
	printf '%s\n' "$@" | cmp - "$CALLS" || fail "called: $(cat "$CALLS")"
	rm "$CALLS"
}

# body [N]: of the Nth message, or of the last.
body() {
	sed '1,/^$/d' "$(message "${1:-\$}")"
}

# field NAME [N]: its value there.
field() {
	header "${2:-\$}" | grep -i "^$1:" | sed 's/^[^:]*: *//'
}

# nobody_sees ADDRESS [N]
nobody_sees() {
	grep -q "$1\|^Bcc:" "$(message "${2:-\$}")" && fail "$1 is seen"
	return 0
}

# says STATUS command ...: what it says is $LOG.
says() {
	ends "$1" timeout 60 "${@:2}" >"$LOG" 2>&1 || fail
}

# ---- PHP ----

php_mail() {
	says "$1" php -d sendmail_path="$SENDMAIL -t -i" -r '
		$sent = mail("Joe <joe@example.org>, ann@example.org", "café",
			getenv("BODY"), ["From" => "Me <me@example.net>",
			"Bcc" => "eve@example.org", "X-Two" => "a\r\n b"],
			"-fbounce@example.net");
		exit($sent ? 0 : 3);'
}

@test "PHP mail(): CRLF in the header, LF in the body; false for a refusal" {
	export BODY
	prepare
	php_mail 0
	called '-t -i -fbounce@example.net'
	went_to joe@example.org ann@example.org eve@example.org
	[ "$(body)" = "$BODY" ]
	[ "$(field from)" = 'Me <me@example.net>' ]
	[ "$(variable SENDER)" = bounce@example.net ]
	grep -q $'\r' "$(message)" && fail CR
	nobody_sees eve
	CATCH_EXIT=75 php_mail 3
	logged '^sendmail: joe@example.org and 2 more: 451 4.3.0 '
	CATCH_EXIT=67 php_mail 3
	logged '^sendmail: joe@example.org and 2 more: 550 5.1.1 '
}

# ---- bsd-mailx, s-nail, mutt ----

@test "bsd-mailx: Bcc in the header; what it leaves out is put in" {
	prepare
	printf 'set sendmail=%s\n' "$SENDMAIL" >.mailrc
	printf %s "$BODY" | says 0 bsd-mailx -s café -c cc@example.org \
		-b eve@example.org joe@example.org 'Ann <ann@example.org>' root
	called '-i -t'
	went_to ann@example.org joe@example.org root cc@example.org \
		eve@example.org
	[ "$(body)" = "$BODY" ]
	[ "$(field from)" = "$(id -un)@host.example" ]
	[ -n "$(field date)" ]
	[ -n "$(field message-id)" ]
	nobody_sees eve
	echo x | says 0 bsd-mailx -s s -r me@example.net joe@example.org
	called '-i -t -f me@example.net'
	[ "$(variable SENDER '$')" = me@example.net ]
	echo x | CATCH_EXIT=67 says 1 bsd-mailx -s s joe@example.org
	logged '^sendmail: joe@example.org: 550 5.1.1 '
	logged 'sendmail process failed with error code 67$'
	echo x | CATCH_EXIT=75 says 1 bsd-mailx -s s joe@example.org
}

@test "mutt: recipients behind --, DSN's options; the status in its words" {
	prepare
	printf '%s\n' "set sendmail='$SENDMAIL -oem -oi'" \
		'set from=me@example.net use_envelope_from copy=no' \
		'set send_charset=utf-8' \
		'set dsn_notify="failure,delay" dsn_return=hdrs' >.muttrc
	printf %s "$BODY" | says 0 mutt -s café -c cc@example.org \
		-b eve@example.org 'Joe <joe@example.org>' ann@example.org
	to=(joe@example.org ann@example.org cc@example.org eve@example.org)
	called "-oem -oi -f me@example.net -N failure,delay -R hdrs -- ${to[*]}"
	went_to "${to[@]}"
	nobody_sees eve
	[ "$(variable SENDER)" = me@example.net ]
	body | python3 -c 'import sys, quopri
sys.stdout.buffer.write(quopri.decodestring(sys.stdin.buffer.read()))' |
		cmp - <(printf '%s\n' "$BODY")
	echo x | CATCH_EXIT=67 says 1 mutt -s s joe@example.org
	logged '^sendmail: joe@example.org: 550 5.1.1 '
	logged 'child exited 67 (User unknown.)'
	echo x | CATCH_EXIT=75 says 1 mutt -s s joe@example.org
	logged 'child exited 75 (Deferred.)'
}

@test "s-nail: recipients behind --; a refusal is its own too" {
	prepare
	nail=(s-nail -:/ "-Smta=$SENDMAIL" -Ssendwait "-SDEAD=$HOME/dead" -s s)
	printf 'one\n.\ntwo' | says 0 "${nail[@]}" -c cc@example.org \
		-b eve@example.org joe@example.org root
	called '-i -- joe@example.org root cc@example.org eve@example.org'
	went_to joe@example.org root cc@example.org eve@example.org
	nobody_sees eve
	[ "$(field from)" = "$(id -un)@host.example" ]
	[ -n "$(field message-id)" ]
	echo x | CATCH_EXIT=75 says 4 "${nail[@]}" joe@example.org
	logged '^sendmail: joe@example.org: 451 4.3.0 '
	logged 'message not sent'
}

# ---- git send-email ----

@test "git send-email: the patch applies; a refusal is its exit status" {
	prepare
	git init -q one
	(
		cd one
		git config user.name 'Ann café'
		git config user.email ann@example.net
		printf 'x\n.\n..\n' >file
		git add file
		git commit -qm "$BODY"
		git format-patch -q --root -1 -o ..
	)
	send=(git -C one send-email --quiet --confirm=never --suppress-cc=all
		--to='Joe <joe@example.org>' --to=ann@example.org
		--bcc=eve@example.org --smtp-server="$SENDMAIL" "$PWD"/*.patch)
	says 0 "${send[@]}" --envelope-sender=auto
	to=(joe@example.org ann@example.org eve@example.org)
	called "-f ann@example.net -i ${to[*]}"
	went_to "${to[@]}"
	nobody_sees eve
	git init -q two
	git -C two -c user.name=x -c user.email=x@y am -q "$(message)"
	cmp one/file two/file
	CATCH_EXIT=67 says 67 "${send[@]}"
	CATCH_EXIT=75 says 75 "${send[@]}"
	logged '^sendmail: joe@example.org and 2 more: 451 4.3.0 '
}

# ---- Perl ----

@test "Email::Sender: it dies of a refusal; Bcc of the header is taken out" {
	prepare
	cat >send.pl <<-'END'
		use Email::Sender::Simple 'sendmail';
		use Email::Sender::Transport::Sendmail;
		use Email::Simple;
		my $message = Email::Simple->create(
			body => $ENV{BODY}, header => [
				From => 'me@example.net', Subject => 's',
				To => 'Joe <joe@example.org>, ' .
				    '"Doe, A" <ann@example.org>',
				Bcc => 'eve@example.org' ]);
		my $by = Email::Sender::Transport::Sendmail->new(
			{ sendmail => $ENV{SENDMAIL} });
		sendmail($message, { transport => $by,
			$ENV{TO} ? (to => [split ' ', $ENV{TO}], from => '')
			    : () });
	END
	export BODY SENDMAIL
	says 0 perl send.pl
	called '-i -f me@example.net -- joe@example.org ann@example.org'
	went_to joe@example.org ann@example.org
	[ "$(body)" = "$BODY" ]
	nobody_sees eve
	TO='root -oQ@example.org' says 65 perl send.pl
	called '-i -f  -- root -oQ@example.org'
	went_to root
	[ "$(variable RPLINE '$')" = 'Return-Path: <>' ]
	logged '^sendmail: -oQ@example.org: 501 5.1.3 '
	CATCH_EXIT=67 says 67 perl send.pl
	logged '^sendmail: joe@example.org and 1 more: 550 5.1.1 '
}

@test "MIME::Lite: -t; a refusal is a false, or dies" {
	prepare
	cat >send.pl <<-'END'
		use MIME::Lite;
		my $m = MIME::Lite->new(
			From => 'me@example.net', Subject => 's',
			To => 'Joe <joe@example.org>', Cc => 'ann@example.org',
			Bcc => 'eve@example.org', Data => $ENV{BODY});
		exit($m->send('sendmail', @ARGV) ? 0 : 3);
	END
	export BODY
	says 0 perl send.pl "$SENDMAIL -t -oi -oem"
	called '-t -oi -oem'
	went_to joe@example.org ann@example.org eve@example.org
	[ "$(body)" = "$BODY" ]
	nobody_sees eve
	says 0 perl send.pl Sendmail "$SENDMAIL"
	called '-t -oi -oem -fme@example.net'
	[ "$(variable SENDER '$')" = me@example.net ]
	CATCH_EXIT=75 says 3 perl send.pl "$SENDMAIL -t -oi -oem"
	logged '^sendmail: joe@example.org and 2 more: 451 4.3.0 '
	CATCH_EXIT=75 says 75 perl send.pl Sendmail "$SENDMAIL"
}

# ---- those that call /usr/sbin/sendmail ----

# IN_ITS_PLACE: with a command for sh behind it, where sendmail is ours.
IN_ITS_PLACE=(unshare --mount sh -ec
	'mount --bind "$0" /usr/sbin/sendmail; eval "$1"')

# cron_runs N LINE ...: a crontab of root's, by a cron of its own, until there
# are N messages.
cron_runs() {
	printf '%s\n' "${@:2}" >table
	started "${IN_ITS_PLACE[@]}" "$SENDMAIL" 'mount -t tmpfs none /run
		mount -t tmpfs none /var/spool/cron
		mount -t tmpfs none /etc/cron.d
		mount --bind /dev/null /etc/crontab
		mkdir /var/spool/cron/crontabs
		install -m 600 table /var/spool/cron/crontabs/root
		exec cron -f'
	until_true delivered "$1" 2>/dev/null
}

@test "cron: recipients with commas in one word, text with no last line end" {
	prepare
	cron_runs 2 '@reboot echo plain' '@reboot true' \
		'MAILTO=joe@example.org,ann@example.org' \
		'MAILFROM=me@example.net' '@reboot printf "one\n.\ntwo"'
	options='-FCronDaemon -i -B8BITMIME -oem'
	sort "$CALLS" | cmp - <(printf '%s\n' \
		"$options joe@example.org,ann@example.org" "$options root")
	one=1 two=2
	[ "$(body 1)" != plain ] || one=2 two=1
	[ "$(body $one)" = $'one\n.\ntwo' ]
	[ "$(variable RECIPIENTS $one)" = 'joe@example.org
ann@example.org' ]
	[ "$(field from $one)" = me@example.net ]
	[ "$(body $two)" = plain ]
	[ "$(variable RECIPIENTS $two)" = root ]
	[ "$(field from $two)" = 'root (Cron Daemon)' ]
}

@test "logwatch: text that is not its own; nobody hears of a refusal" {
	prepare
	mkdir -p conf/services conf/logfiles scripts/services logs
	printf '%s\n' 'Title = "Theirs"' 'LogFile = theirs' \
		>conf/services/theirs.conf
	printf '%s\n' 'LogFile = theirs.log' Archive= >conf/logfiles/theirs.conf
	printf '%s\n' '#!/usr/bin/perl' 'print while <STDIN>;' \
		>scripts/services/theirs
	printf '%s\n' "$BODY" >logs/theirs.log
	logwatch='mount --bind . /etc/logwatch
		exec logwatch --output mail --range all --service theirs \
			--logdir logs --mailto "joe@example.org root"'
	says 0 "${IN_ITS_PLACE[@]}" "$SENDMAIL" "$logwatch"
	called -t
	went_to joe@example.org root
	printf '%s\n' "$BODY" | sed 's/^/ /' |
		cmp - <(body | grep -aA 4 '^ one$')
	body | grep -q 'Logwatch End'
	CATCH_EXIT=67 says 0 "${IN_ITS_PLACE[@]}" "$SENDMAIL" "$logwatch"
	logged '^sendmail: joe@example.org and 1 more: 550 5.1.1 '
}

# ---- nmh, alpine ----

# nmh_sends STATUS mts [option ...]
nmh_sends() {
	printf '%s\n' 'From: me@example.net' 'To: Joe <joe@example.org>' \
		'Cc: ann@example.org' 'Bcc: eve@example.org' 'Subject: s' '' \
		one . ..two >draft
	says "$1" /usr/bin/mh/send -mts "$2" -sendmail "$SENDMAIL" "${@:3}" \
		"$PWD/draft" </dev/null
}

@test "nmh by SMTP: -bs and three words; a refusal is its own too" {
	prepare
	echo 'Path: Mail' >.mh_profile
	mkdir Mail
	nmh_sends 0 sendmail/smtp
	called '-bs -odb -oem -om'
	delivered 2
	[ "$(variable RECIPIENTS 1)" = 'joe@example.org
ann@example.org' ]
	[ "$(body 1)" = 'one
.
..two' ]
	went_to eve@example.org
	nmh_sends 0 sendmail/smtp -verbose
	called '-bs -odb -oem -om -ov'
	CATCH_EXIT=67 nmh_sends 1 sendmail/smtp
	logged '^post: posting failed; \[NO\] 550 5.1.1 '
}

@test "nmh by sendmail -t: two calls, one for Bcc; it asks for no status" {
	prepare
	echo 'Path: Mail' >.mh_profile
	mkdir Mail
	nmh_sends 0 sendmail/pipe
	called '-t -i' '-t -i'
	delivered 2
	[ "$(variable RECIPIENTS 1)" = 'joe@example.org
ann@example.org' ]
	went_to eve@example.org
	nobody_sees eve@example.org 1
	CATCH_EXIT=67 nmh_sends 0 sendmail/pipe
	logged '^exited 67$'
	logged '^sendmail: joe@example.org and 1 more: 550 5.1.1 '
}

# alpine_sends TEXT KEYS ...: it shows TEXT in the end, and so on.
alpine_sends() {
	printf '%s\n' user-domain=example.net smtp-server= sendmail-path= \
		last-version-used=9.99 feature-list=quit-without-confirm \
		'default-fcc=""' >.pinerc
	printf 'one\n.\ntwo' >text
	# shellcheck disable=SC2145 # words for a shell
	says 0 "${IN_ITS_PLACE[@]}" "$SENDMAIL" "exec python3 -B \
		'$ROOT/tests/lib/keys.py' 'Message Text' '\\x18' \
		'Send message' y ${*@Q} -- \
		sh -c 'exec alpine joe@example.org,ann@example.org <text'"
}

@test "alpine: -bs and two words; of a refusal it tells, not the words" {
	prepare
	alpine_sends 'Message sent' ''
	called '-bs -odb -oem'
	went_to joe@example.org ann@example.org
	[ "$(body)" = $'one\n.\ntwo' ]
	CATCH_EXIT=67 alpine_sends \
		'Mail not sent. Sending error: 250 2.0.0 Ok' '\x03' \
		'Cancel message' c
}
