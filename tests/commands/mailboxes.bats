#!/usr/bin/env bats
# examples/commands that keep mail in mailboxes, with the real programs.
# shellcheck disable=SC2034,SC2154 # helper's variables
load ../helper
load helper

# ---- mbox ----


@test "mbox: each message between its From line and an empty one" {
	write_letter
	posted '250 2.0.0' -- "$COMMANDS/mbox" "$BOX/mbox"
	FROM=''
	posted '250 2.0.0' -- "$COMMANDS/mbox" "$BOX/mbox"
	[ "$(grep -ac '^From ' "$BOX/mbox")" -eq 2 ]
	grep -aq '^From ann@example.net ... ... .. ..:..:.. 20..$' "$BOX/mbox"
	grep -aq '^From MAILER-DAEMON ... ... .. ..:..:.. 20..$' "$BOX/mbox"
	LC_ALL=C sed -e '/^From /d' -e 's/^>\(>*From \)/\1/' "$BOX/mbox" |
		cmp - <(for _ in 1 2; do cat "$LETTER"; echo; done)
	[ "$(ls "$BOX")" = mbox ]
}

@test "mbox: a last line without its end gets one; odd senders are one line" {
	FROM='"$(touch pwned) From x"@y'
	{
		say 'EHLO c' "MAIL FROM:<$FROM>" 'RCPT TO:<a@b>' 'BDAT 3 LAST'
		printf 'x\ny'
		say QUIT
	} | (cd "$BATS_TEST_TMPDIR" &&
		serve --no-received -- "$COMMANDS/mbox" "$BOX/mbox")
	sed 1d "$BOX/mbox" | cmp - <(printf 'x\ny\n\n')
	[ "$(grep -c '^From ' "$BOX/mbox")" -eq 1 ]
	nothing_ran
}

@test "mbox: ten at once come one after the other" {
	at_once 10 --no-received "$COMMANDS/mbox" "$BOX/mbox"
	[ "$(sed 's/^From .*/From/' "$BOX/mbox" | paste - - - |
		sort -k 2n | cut -f 2 | paste -sd ' ')" = '1 2 3 4 5 6 7 8 9 10' ]
	[ "$(grep -c '^From ' "$BOX/mbox")" -eq 10 ]
}

@test "mbox: a lock, a full disk, a failing sync are 451 and no octet" {
	posted '451 4.3.0' -- "$COMMANDS/mbox" "$BOX/none/mbox"
	printf 'From a\nold\n\n' >"$BOX/mbox"
	cp "$BOX/mbox" "$BATS_TEST_TMPDIR/old"
	write_letter "$(printf 'X: %02000d' 1)"
	small_disk 2
	posted '451 4.3.0' -- "${SMALL_DISK[@]}" "$COMMANDS/mbox" "$BOX/mbox"
	(stand_in sync 'exit 1' && post -- "$COMMANDS/mbox" "$BOX/mbox")
	told '451 4.3.0'
	(stand_in stat 'exit 1' && post -- "$COMMANDS/mbox" "$BOX/mbox")
	told '451 4.3.0'
	(stand_in sync 'kill -TERM 0' && post -- "$COMMANDS/mbox" "$BOX/mbox")
	told '451 4.3.0'
	[ "$(ls "$BOX")" = mbox ]
	echo "$$" >"$BOX/mbox.lock"
	posted '451 4.3.0' -T 1 -- "$COMMANDS/mbox" "$BOX/mbox"
	cmp "$BOX/mbox" "$BATS_TEST_TMPDIR/old"
	[ "$(cat "$BOX/mbox.lock")" -eq "$$" ]
	echo 999999999 >"$BOX/mbox.lock"
	posted '250 2.0.0' -- "$COMMANDS/mbox" "$BOX/mbox"
	head -c "$(stat -c %s "$BATS_TEST_TMPDIR/old")" "$BOX/mbox" |
		cmp - "$BATS_TEST_TMPDIR/old"
}

# ---- procmail ----

# recipes LINE ...
recipes() {
	printf '%s\n' "$@" >"$BOX/rc"
}

filed() {
	posted "$1" -r 1 -- "$COMMANDS/procmail" "$BOX/rc"
}

@test "procmail: a recipe files it, by the variables of smtpd" {
	mkdir "$BOX/Maildir"
	recipes ':0' '* ? test "$RECIPIENT" = help@example.org' "$BOX/Maildir/" \
		EXITCODE=67 HOST
	filed '250 2.0.0'
	cmp "$BOX"/Maildir/new/* "$LETTER"
	TO=(joe@example.org)
	filed '550 5.1.1'
	recipes ':0 w' "| cat >'$BOX/piped'"
	FROM=other@example.net
	filed '250 2.0.0'
	head -n 1 "$BOX/piped" | grep -q '^From other@example.net '
	sed 1d "$BOX/piped" | cmp - "$LETTER"
	[ "$(files "$BOX/Maildir")" -eq 1 ]
}

@test "procmail: no file, a broken one, none that takes it, faults are 451" {
	filed '451 4.3.0'
	recipes ':0' '* ? (' '}' ':0 foo {'
	filed '451 4.3.0'
	recipes ''
	filed '451 4.3.0'
	recipes ':0' /nonexistent/x
	filed '451 4.3.0'
	recipes ':0 w' '| exit 1'
	filed '451 4.3.0'
	recipes ':0 w' '| exit 67'
	filed '451 4.3.0'
	small_disk 1
	write_letter "$(printf 'X: %02000d' 1)"
	recipes ':0:' "$BOX/mbox"
	posted '451 4.3.0' -- "${SMALL_DISK[@]}" "$COMMANDS/procmail" "$BOX/rc"
	[ ! -s "$BOX/mbox" ]
}

@test "procmail: odd addresses are values" {
	recipes ':0 wi' '| printf "%s\n" "$SENDER" "$RECIPIENT" >>"$BOX/seen"'
	for FROM in '"$(touch pwned)"@x' '`touch${IFS}pwned`@x' 'PATH=/@x'; do
		for address in "${ODD[@]}"; do
			TO=("$address")
			filed '250 2.0.0'
			printf '%s\n' "$FROM" "$address" >>"$BOX/expected"
		done
	done
	cmp "$BOX/seen" "$BOX/expected"
	nothing_ran
}

# ---- Dovecot ----

FULL='userdb_quota_rule=*:storage=1B'

# dovecot_starts: its users are help, of example.org, and full.
dovecot_starts() {
	DOVECOT=$BATS_TEST_TMPDIR/dovecot
	mkdir -p "$DOVECOT/run" "$DOVECOT/mail"
	chown nobody "$DOVECOT/mail"
	chmod a+x "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"
	printf '%s\n' "help@example.org:::::$DOVECOT/mail/help" \
		"full@example.org:::::$DOVECOT/mail/full::$FULL" \
		>"$DOVECOT/users"
	cat >"$DOVECOT/conf" <<-END
		base_dir = $DOVECOT/run
		state_dir = $DOVECOT/run
		log_path = $DOVECOT/log
		protocols =
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
	END
	started dovecot -F -c "$DOVECOT/conf"
	until_true test -S "$DOVECOT/run/auth-userdb"
}

boxed() {
	posted "$1" -r 1 -- "$COMMANDS/dovecot-lda" -c "$DOVECOT/conf"
}

@test "dovecot-lda: into the user's mailbox; others are unknown, over quota" {
	dovecot_starts
	boxed '250 2.0.0'
	cat "$DOVECOT"/mail/help/Maildir/new/* | cmp - "$LETTER"
	for FROM in '' "${ODD[@]}"; do
		boxed '250 2.0.0'
	done
	TO=(nobody@example.org)
	boxed '550 5.1.1'
	TO=(full@example.org)
	boxed '550 5.7.1'
	[ "$(find "$DOVECOT/mail" -path '*/new/*' | wc -l)" -eq \
		$((${#ODD[@]} + 2)) ]
	TO=(help@example.org joe@example.org)
	posted '451 4.3.0' -- "$COMMANDS/dovecot-lda" -c "$DOVECOT/conf"
	for address in "${ODD[@]}"; do
		TO=("$address")
		boxed '550 5.1.1'
	done
	nothing_ran
}

@test "dovecot-lda: no Dovecot, no folder, no configuration are 451" {
	dovecot_starts
	rmdir "$DOVECOT/mail"
	: >"$DOVECOT/mail"
	boxed '451 4.3.0'
	rm "$DOVECOT/mail"
	ended "$SERVER"
	boxed '451 4.3.0'
	rm "$DOVECOT/conf"
	boxed '451 4.3'
	[ ! -e "$DOVECOT/mail" ]
}
