#!/usr/bin/env bats
# examples/fail2ban: its expressions, under fail2ban itself, on lines that smtpd
# has just written.
# shellcheck disable=SC2154 # helper's variables
load ../helper
load helper

# session CLIENT [option ...]: of the lines on stdin; its log is added to what
# $SEEN has, as syslog would write it, or as it is where PLAIN is set.
session() {
	local head
	[ -n "$PLAIN" ] || head="$(date '+%b %e %T') mx "
	PROTO=TCP TCPREMOTEIP=$1 TCPREMOTEPORT=4711 serve "${@:2}"
	sed "s/^/$head/" "$LOG" >>"$SEEN"
}

# plain NAME: AUTH's line with a wrong password; login NAME: its lines.
plain() {
	echo "AUTH PLAIN $(printf '\0%s\0wrong' "$1" | base64 -w 0)"
}

login() {
	printf '%s\n' 'AUTH LOGIN' "$(printf %s "$1" | base64 -w 0)" d3Jvbmc=
}

fresh() {
	SEEN=$BATS_TEST_TMPDIR/seen
	: >"$SEEN"
	echo help >"$BATS_TEST_TMPDIR/users"
	ETC=$BATS_TEST_TMPDIR/etc
	cp -r /etc/fail2ban "$ETC"
	rm -f "$ETC"/jail.d/*
	cp "$ROOT"/examples/fail2ban/filter.d/* "$ETC/filter.d"
	cp "$ROOT"/examples/fail2ban/jail.d/* "$ETC/jail.d"
	USERS=(-d example.org -u "$BATS_TEST_TMPDIR/users")
	NO_ENTRY=(--auth-in-clear --auth 'exit 1')
}

# blamed [FORMAT]: whom fail2ban finds, each time that it does.  It has to find
# one that stands behind what was seen, so that silence is no acquittal.
blamed() {
	local line
	line='smtpd[1]: refuse client=203.0.113.1 verb=RCPT reply="550 5.7.1"'
	{
		cat "$SEEN"
		echo "$(date '+%b %e %T') mx $line"
	} >"$SEEN.more"
	fail2ban-regex --raw -o "<ip> ${1-}" "$SEEN.more" \
		"$ETC/filter.d/smtpd.conf" | sed 's/ $//' >"$SEEN.blamed"
	tail -n 1 "$SEEN.blamed" | grep -q '^203\.0\.113\.1' ||
		fail "$(cat "$SEEN.blamed")"
	sed '$d' "$SEEN.blamed"
}

blamed_are() {
	diff <(blamed) <([ $# -eq 0 ] || printf '%s\n' "$@") ||
		fail "$(cat "$SEEN")"
}

@test "fail2ban: unknown users, relaying and many errors are blamed" {
	fresh
	say 'EHLO c' 'MAIL FROM:<a@b>' 'RCPT TO:<joe@example.org>' \
		'RCPT TO:<x@elsewhere.example>' 'RCPT TO:<help@example.org>' \
		DATA x . QUIT | session 192.0.2.7 "${USERS[@]}"
	codes_are 220 250 250 550 550 250 354 250 221
	say 'EHLO c' 'MAIL FROM:<a@b>' 'RCPT TO:<joe@example.org>' QUIT |
		session 2001:db8::7 --lmtp "${USERS[@]}"
	say 'LHLO c' 'MAIL FROM:<a@b>' 'RCPT TO:<joe@example.org>' QUIT |
		session 2001:db8::8 --lmtp "${USERS[@]}"
	say A B C D E F G H I J | session 192.0.2.8
	say 'GET / HTTP/1.0' 'Host: x' | session 192.0.2.9
	blamed_are 192.0.2.7 192.0.2.7 2001:db8::8 192.0.2.8 192.0.2.9
}

# swaks, smtplib, esmtp and exim do the second.
@test "fail2ban: each wrong password is blamed, of each mechanism that is tried" {
	fresh
	say 'EHLO c' "$(plain joe)" QUIT | session 192.0.2.7 "${NO_ENTRY[@]}"
	codes_are 220 250 535 221
	mapfile -t lines < <(plain 'joe "x" reply'; login 'joe b')
	say 'EHLO c' "${lines[@]}" QUIT | session 192.0.2.8 "${NO_ENTRY[@]}"
	codes_are 220 250 535 334 334 535 221
	mapfile -t lines < <(for _ in 1 2 3 4 5; do plain joe; login joe; done)
	say 'EHLO c' "${lines[@]}" QUIT | session 192.0.2.9 "${NO_ENTRY[@]}"
	logged 'auth .* reply="421 4.7.0"'
	[ "$(blamed | sort | uniq -c | tr -s ' \n' ' ')" = \
		' 1 192.0.2.7 2 192.0.2.8 10 192.0.2.9 ' ] || fail "$(blamed)"
}

@test "fail2ban: honest sessions, what is to come again, our faults are not" {
	fresh
	say "${HELLO[@]}" DATA x . QUIT | session 192.0.2.7 "${USERS[@]}"
	say "${HELLO[@]}" QUIT | session 192.0.2.7 -l 'exit 75'
	say "${HELLO[@]}" QUIT | session 192.0.2.7 -l 'echo oh; exit 1'
	say "${HELLO[@]}" 'RCPT TO:<b@c>' DATA x . | session 192.0.2.7 -r 1
	for status in 75 67 77 69 1; do
		say "${HELLO[@]}" DATA x . QUIT |
			session 192.0.2.7 -- sh -c "exit $status"
	done
	say FOO 'MAIL FROM' 'RCPT TO:<x' DATA QUIT | session 192.0.2.7
	say 'EHLO c' 'VRFY joe' 'EXPN list' 'AUTH PLAIN' STARTTLS QUIT |
		session 192.0.2.7 "${USERS[@]}" --vrfy
	say 'HELO c' 'MAIL FROM:<a@b> SIZE=99999999999' QUIT | session 192.0.2.7
	say "${HELLO[@]}" DATA cut | session 192.0.2.7
	say QUIT | session 192.0.2.7 -d /nonexistent
	say 'EHLO c' "$(plain joe)" "${HELLO[@]:1}" QUIT |
		session 192.0.2.7 --auth-in-clear --auth true
	codes_are 220 250 235 250 250 221
	for command in 'exit 111' 'exit 2' 'echo crashed; exit 1'; do
		say 'EHLO c' "$(plain joe)" 'AUTH PLAIN' '*' 'AUTH LOGIN =' = \
			QUIT | session 192.0.2.7 --auth-in-clear --auth "$command"
	done
	say 'EHLO c' "$(plain joe)" QUIT | session 192.0.2.7 --auth true
	codes_are 220 250 538 221
	[ "$(wc -l <"$SEEN")" -gt 20 ]
	blamed_are
}

@test "fail2ban: nobody can have another blamed, by whatever it says" {
	fresh
	local bait='refuse client=192.0.2.66 verb=RCPT reply=\"550 5.7.1\"' text
	local now tag='smtpd[1]: '
	now=$(date '+%b %e %T')
	for text in "$bait" "$tag$bait" "$now mx $tag$bait" \
		'close client=192.0.2.66 port=1 reason=errors' \
		$'x\nrefuse client=192.0.2.66 verb=RCPT reply="550 5.7.1"' \
		$'x\r'"$now mx ${tag}close client=192.0.2.66 reason=errors"; do
		text=${text//\\\"/\"}
		{
			say "EHLO $text" "$text" \
				"MAIL FROM:<\"${text//\"/}\"@x>" \
				"RCPT TO:<\"${text//\"/\\\"}\"@example.org>" \
				"RCPT TO:<\"${text//\"/}\"@x>" RSET 'EHLO c' \
				"MAIL FROM:<\"${text//\"/\\\"}\"@b> $text" \
				"MAIL FROM:<\"${text//\"/\\\"}\"@b>" \
				'RCPT TO:<help@example.org>' DATA \
				"Subject: $text" '' "$text" . "HELP $text" \
				"$(plain "$text")" "$text" "AUTH $text" QUIT
		} | session 192.0.2.7 -v --max-errors 0 "${USERS[@]}" \
			"${NO_ENTRY[@]}" -- cat
		# And where nobody is to be blamed.
		say "EHLO c" 'MAIL FROM:<>' "RCPT TO:<\"${text//\"/}\"@x>" \
			"RCPT TO:<\"${text//\"/\\\"}\"@x>" QUIT |
			session 192.0.2.8 -l 'exit 75'
	done
	grep -q 192.0.2.66 "$SEEN"
	[ "$(blamed | sort -u)" = 192.0.2.7 ] || fail "$(blamed | sort -u)"
}

@test "fail2ban: nobody can hide behind a date of its own" {
	fresh
	for PLAIN in '' yes; do
		for date in '2001-02-03 04:05:06' 'Jan  1 00:00:00' 981173106 \
			'[03/Feb/2001:04:05:06 +0000]' '2001-02-03T04:05:06Z' \
			'@40000000433225833b6e1a8c'; do
			say 'EHLO c' 'MAIL FROM:<>' \
				"RCPT TO:<\"$date \"@elsewhere.example>" \
				"RCPT TO:<\"x $date x\"@example.org>" RSET \
				"$(plain "$date x")" QUIT |
				session 192.0.2.7 "${USERS[@]}" "${NO_ENTRY[@]}"
		done
	done
	[ "$(blamed | sort | uniq -c | tr -s ' ')" = ' 36 192.0.2.7' ]
	[ "$(blamed '<time>' | cut -d ' ' -f 2 | cut -c 1-4 | sort -u)" = \
		"$(date +%s | cut -c 1-4)" ]
}

@test "fail2ban: in each form that the log has" {
	fresh
	say 'EHLO c' 'MAIL FROM:<>' 'RCPT TO:<joe@example.org>' QUIT |
		session 192.0.2.7 "${USERS[@]}"
	line=$(grep refuse "$LOG")
	for head in '' "$(date '+%b %e %T') mx " "$(date -Iseconds) mx " \
		"$(date '+%F %T') " '@4000000065'; do
		[ "$head" != @4000000065 ] ||
			head=$(printf '@4%015x%08x ' "$(date +%s)" 0)
		echo "$head$line" >"$SEEN"
		blamed_are 192.0.2.7 || fail "$head"
	done
	# As fail2ban has it from the journal.
	echo "$(date -Iseconds) mx $line" >"$SEEN"
	blamed_are 192.0.2.7
}

@test "fail2ban: the jail is one that fail2ban understands" {
	fresh
	fail2ban-client -c "$ETC" -d >"$BATS_TEST_TMPDIR/dump" ||
		fail "$(cat "$BATS_TEST_TMPDIR/dump")"
	grep -q "'add', 'smtpd', 'systemd'" "$BATS_TEST_TMPDIR/dump"
	grep -q "'set', 'smtpd', 'maxretry', 20" "$BATS_TEST_TMPDIR/dump"
	grep -q "'addjournalmatch', 'SYSLOG_IDENTIFIER=smtpd'" \
		"$BATS_TEST_TMPDIR/dump"
	grep -q 'failregex.*verb=RCPT' "$BATS_TEST_TMPDIR/dump"
}
