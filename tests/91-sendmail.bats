#!/usr/bin/env bats
# examples/sendmail, called as programs call sendmail; tests/commands has these
# programs themselves.
# shellcheck disable=SC2034,SC2154 # variables for and of others
load helper
load commands/helper
load sendmail

# mailed_by WORD ...: a letter, to joe and ann at example.org.
mailed_by() {
	echo x | mails 0 "$@" || fail "$*"
	went_to joe@example.org ann@example.org
}

# ---- how it is called ----

@test "sendmail says what it is and its exits, in a line that can be edited" {
	sed -n 2p "$ROOT/examples/sendmail" | grep -q '^# sendmail \[.*:'
	grep -q '^# Exit 0: ' "$ROOT/examples/sendmail"
	line=$(sed -n "s/^SMTPD = '\(.*\)'$/\1/p" "$ROOT/examples/sendmail")
	[[ "$line" == '/usr/local/sbin/smtpd '* ]]
	# shellcheck disable=SC2086 # words
	set -- $line
	say QUIT | serve "${@:2:$#-3}"
	codes_are 220 221
}

@test "the options of its callers, in any order, in one word or two" {
	in_place
	to=(joe@example.org ann@example.org)
	mailed_by "${to[@]}"
	mailed_by -i -- "${to[@]}"
	mailed_by -oi -oem -odb -om -f a@b "${to[@]}"
	mailed_by -FCronDaemon -i -B8BITMIME -oem \
		joe@example.org,ann@example.org
	mailed_by -oem -oi -f ann@example.net -N failure,delay -R hdrs -- \
		"${to[@]}"
	mailed_by -i -N never joe@example.org -- ann@example.org
	mailed_by -F 'Ann A.' joe@example.org -oi ann@example.org -fa@b
	mailed_by -o i -O DeliveryMode=b -em -m -n -v -bm -r a@b -- "${to[@]}"
	mailed_by -if a@b -h 17 -V id -L tag "${to[@]}"
	mailed_by -G -U -X /dev/null -C /dev/null -p ESMTP:x -Ac "${to[@]}"
	printf 'To: joe@example.org\nCc: ann@example.org\n\nx' |
		mails 0 -ti -fa@b
	went_to joe@example.org ann@example.org
}

@test "no recipient, an option that is none, another mode: 64, nothing sent" {
	in_place
	for words in '' -i -t '-f a@b' '-bd a' '-bp' '-bi' '-bv a' '-q' \
		'--help' '-f' '-f a,b c' '-f a(b c' '-Z a' ', -- ,'; do
		# shellcheck disable=SC2086 # words
		echo 'Subject: x' | mails 64 $words || fail "$words"
		logged '^sendmail: '
	done
	printf 'To: undisclosed-recipients:;\nCc:\n\nx\n' | mails 64 -t
	not_delivered
}

@test "-bs is SMTP on descriptors 0 and 1, with what callers add" {
	in_place
	for words in -bs '-bs -odb -oem' '-bs -odb -oem -om -ov'; do
		# shellcheck disable=SC2086 # words
		say "${HELLO[@]}" DATA x . QUIT | "$SENDMAIL" $words \
			>"$REPLIES" 2>"$LOG"
		codes_are 220 250 250 250 354 250 221
	done
	delivered 3
}

@test "a CGI script's own connection is not taken for ours" {
	in_place --tls
	export SSL_CERT_FILE=/a SSL_CIPHER=c SSL_PROTOCOL=TLSv1.3 \
		REMOTE_ADDR=192.0.2.7 REMOTE_PORT=7 REMOTE_HOST=192.0.2.7 \
		PROTO=TCP TCPREMOTEIP=192.0.2.7 TCPREMOTEHOST=h RELAYCLIENT='' \
		SOCAT_PEERADDR=192.0.2.7 NCAT_REMOTE_ADDR=192.0.2.7 \
		SSL_CLIENT_CERT=x
	echo x | mails 0 joe
	say "${HELLO[@]}" DATA x . QUIT | mails 0 -bs
	delivered 2
	for n in 1 2; do
		[ "$(variable SSL_CERT_FILE $n)" = /a ]
		for name in CLIENT_ADDRESS TCPREMOTEIP SSL_CIPHER \
			SSL_PROTOCOL SSL_CLIENT_CERT RELAYCLIENT REMOTE_HOST \
			SOCAT_PEERADDR; do
			! variable $name $n || fail "$name"
		done
	done
	in_place -d example.org
	echo x | mails 77 joe@example.net
}

# ---- the message ----

@test "octet for octet, less Bcc, with LF line ends and a last one" {
	in_place
	write_letter 'Date: x' $'x-nul: \x01\x1f' 'bcc: eve@example.org' \
		'Resent-Bcc : mallory@example.org,' $'\teve@example.org'
	printf 'a\0b\r\rc\rd \r \n%05000d\n.\r..\n' 1 >>"$LETTER"
	grep -aiv 'bcc\|eve@' "$LETTER" >"$BATS_TEST_TMPDIR/want"
	mails 0 joe <"$LETTER"
	cmp "$(message 1)" "$BATS_TEST_TMPDIR/want"
	head -c -1 "$LETTER" | mails 0 joe
	cmp "$(message 2)" "$BATS_TEST_TMPDIR/want"
	sed 's/$/\r/' "$LETTER" | mails 0 joe
	cmp "$(message 3)" "$BATS_TEST_TMPDIR/want"
	sed '1,/^$/s/$/\r/' "$LETTER" | mails 0 -i joe
	cmp "$(message 4)" "$BATS_TEST_TMPDIR/want"
	delivered 4
}

@test "a lone dot never ends it, with -i or without; nor is it a command" {
	in_place -v
	printf 'Subject: s\n\none\n.\nQUIT\r\n.\r\nRSET\n..\n\r.\r\n.' |
		mails 0 joe
	[ "$(sed '1,/^$/d' "$(message)" | tr '\r' c)" = 'one
.
QUIT
.
RSET
..
c.
.' ]
	[ "$(grep -c 'command client=' "$LOG")" -eq 5 ]
	printf .. | mails 0 joe
	[ "$(sed '1,/^$/d' "$(message 2)")" = .. ]
}

@test "From, Date and Message-ID come in where they are missing, once" {
	in_place
	echo x | mails 0 -f ann -F $'Ann\r\nBcc: eve' joe
	[ "$(header 1 | sed 's/^\(Date\|Message-ID\): .*/\1/')" = \
		'From: ann@host.example
Date
Message-ID' ] || fail "$(header 1)"
	header 1 | grep -q '^Message-ID: <[0-9.]*@host.example>$'
	[ "$(date -d "$(header 1 | sed -n 's/^Date: //p')" +%Y)" -ge 2024 ]
	printf 'from: b@c\nDATE : d\nMessage-Id: <i>\n\nx\n' | mails 0 joe
	printf 'from: b@c\nDATE : d\nMessage-Id: <i>\n\nx\n' |
		cmp - "$(message 2)"
	echo x | mails 0 -f '<>' joe
	header 3 | grep -q '^From: MAILER-DAEMON@host.example$'
	mails 0 joe </dev/null
	[ "$(header 4 | wc -l)" -eq 4 ]
	[ "$(wc -l <"$(message 4)")" -eq 4 ]
}

@test "text with no header is a body; an mbox line on top is no part of it" {
	in_place
	printf 'UPS on battery\n12:30 x\n' | mails 0 joe
	[ "$(sed '1,/^$/d' "$(message 1)")" = $'UPS on battery\n12:30 x' ]
	printf ' x: y\nSubject: z\n' | mails 0 joe
	[ "$(sed '1,/^$/d' "$(message 2)")" = $' x: y\nSubject: z' ]
	printf 'From a@b Mon\r\nSubject: s\r\nBcc: eve\r\nFrom c\n\nx\n' |
		mails 0 -t joe
	[ "$(header | head -n 1)" = 'Subject: s' ]
	[ "$(sed '1,/^$/d' "$(message 3)")" = $'From c\n\nx' ]
	went_to joe eve
	printf 'From now on\nall is well\n' | mails 0 joe
	[ "$(sed '1,/^$/d' "$(message 4)")" = $'From now on\nall is well' ]
}

@test "ten million octets arrive; more than smtpd takes is 69, and its words" {
	in_place
	{
		printf 'From: a\nDate: d\nMessage-ID: <i>\n\n'
		yes "$(printf '.%070d' 1)" | head -c 10000000
		echo
	} >"$BATS_TEST_TMPDIR/large"
	mails 0 joe <"$BATS_TEST_TMPDIR/large"
	cmp "$(message)" "$BATS_TEST_TMPDIR/large"
	in_place -s 9M
	mails 69 joe ann <"$BATS_TEST_TMPDIR/large"
	logged '^sendmail: joe and 1 more: 552 5.3.4 '
	delivered 1
}

# ---- from whom, to whom ----

@test "-f and -r say who sends; else the user does" {
	in_place
	for words in '-f bounce@example.net' -fbounce@example.net \
		'-r bounce@example.net' '-f <bounce@example.net>'; do
		# shellcheck disable=SC2086 # words
		echo x | mails 0 $words joe
		[ "$(variable SENDER '$')" = bounce@example.net ]
	done
	for empty in '' '<>'; do
		echo x | mails 0 -f "$empty" joe
		[ "$(variable RPLINE '$')" = 'Return-Path: <>' ]
	done
	echo x | mails 0 -f bounce joe
	[ "$(variable SENDER '$')" = bounce@host.example ]
	echo x | mails 0 joe
	[ "$(variable SENDER '$')" = "$(id -un)@host.example" ]
	echo x | mails 0 -f 'é@example.net' 'jösé@example.org'
	[ "$(variable SENDER '$')" = 'é@example.net' ]
	went_to 'jösé@example.org'
}

@test "recipients as words: several in one, with no domain, with names" {
	in_place
	echo x | mails 0 root joe@example.org,ann '"A, B" <b@example.org>; c' \
		'"q u, o"@example.org' 'Joe "x, y" <d@[192.0.2.1]> ,, (none)' \
		root
	went_to root joe@example.org ann b@example.org c \
		'"q u, o"@example.org' 'd@[192.0.2.1]'
	not_logged '^sendmail: '
}

@test "-t: To, Cc and Bcc, however they are written, each address once" {
	in_place
	{
		printf '%s\r\n' 'TO: "Doe, Joe" <joe@example.org>,' \
			$'\tann@example.org' \
			'Cc : =?utf-8?q?D,_J?= <j@example.org>, Team: a@b, c@d;'
		printf '%s\n' 'To: (Ops, (all "of)) ops@example.org (a,b),' \
			' <@relay.example,@x:route@example.net>,' \
			' ,ann@example.org' 'bcc: eve@example.org,' \
			' "quo,ted"@example.org, nobody:;' \
			'X-To: a@example.org' 'From: John Q. Public <j@q>' \
			'' 'Bcc: no@example.org'
	} | mails 0 -t joe@example.org,first
	went_to joe@example.org first ann@example.org j@example.org a@b c@d \
		ops@example.org route@example.net eve@example.org \
		'"quo,ted"@example.org'
	[ "$(header | grep -c 'eve\|quo')" -eq 0 ]
	grep -q '^Bcc: no@example.org$' "$(message)"
}

@test "-t of a message that is sent on: Resent-To and its like, and no other" {
	in_place
	printf '%s\n' 'Resent-To: r@example.org' 'Resent-Cc: s@example.org' \
		'Resent-Bcc: t@example.org' 'Resent-From: ann@example.net' \
		'To: orig@example.net' 'Bcc: b@example.net' 'From: x@y' '' x |
		mails 0 -t
	went_to r@example.org s@example.org t@example.org
	[ "$(header | grep -ci bcc)" -eq 0 ]
	printf 'Resent-From: x@y\nTo: joe\n\nx' | mails 0 -t
	went_to joe
}

@test "what is no address is 65 and named; the other recipients get it" {
	in_place
	for odd in 'Joe Smith' 'a <b@c' '<a@b> c@d' 'a@b>' 'a@b: c@d' a@b@c \
		'<a b@c>' '<>' 'joe @ x' '@x:a@b' 'a\b@c' '"open' '(a b@c' \
		'<a@b, c@d>' 'Joe "a, eve@x, b" Smith' $'a@b\rc@d' $'a\x01@b' \
		$'a@b\x7f' $'a@b\x1b[31m' '<a@[x y]>' 'a@[b]c' \
		$'"a\rb"@c' $'"\x01"@b' $'a@[\x01]' ')a@b' '"a"b"@c'; do
		echo x | mails 65 ann@example.org "$odd" || fail "$odd"
		logged '^sendmail: .*: 501 5.1.3 No address$'
		went_to ann@example.org
		LC_ALL=C grep -q '[^ -~]' "$LOG" && fail "$odd"
		printf 'To: %s\nCc: ann@example.org\n\nx' "$odd" |
			mails 65 -t || fail "$odd"
		went_to ann@example.org
	done
	printf 'To: a\0b@c,\0,"\0"@d\nCc: ann\n\nx' | mails 65 -t
	went_to ann
}

@test "no word and no header becomes a command or an option of SMTP" {
	in_place -v
	evil=$'a@b>\r\nRCPT TO:<eve@example.org>\r\nDATA\r\n.\r\n'
	for word in "$evil" "<$evil>" "\"$evil\"@b" "($evil" \
		'a@b> NOTIFY=x' 'a@b>;eve@example.org>' $'x\r\nEHLO y'; do
		echo x | mails 65 ann -- "$word" || fail "$word"
		commands_were ann
		echo x | mails 64 -f "$word" ann || fail "$word"
		for end in $'\r' $'\n ' $'\r\n\t' $'\r\r\n '; do
			printf 'Bcc: %s\n\nx\n' "${word//$'\r\n'/$end}" |
				mails 65 -t ann || fail "$word"
			commands_were ann
		done
	done
	for word in 'a@b> SIZE=1' 'a b' a@b,c@d $'a@b\n' '"a'; do
		echo x | mails 64 -f "$word" joe || fail "$word"
	done
}

# commands_were ADDRESS ...: one message, to these.
commands_were() {
	local verbs
	verbs=$(sed -n 's/.* command client=unknown line="*\([A-Z]*\).*/\1/p' \
		"$LOG" | paste -sd ' ')
	[ "$verbs" = "EHLO MAIL${*/*/ RCPT} BDAT QUIT" ] || fail "$verbs"
	went_to "$@"
}

@test "an address that begins with - is refused, never an option" {
	in_place
	for words in '-- -bs' '-t' '-- -fa@b,<-oA@c>'; do
		# shellcheck disable=SC2086 # words
		printf 'To: -bs\nCc: ann@example.org\n\nx' |
			mails 65 ann@example.org $words || fail "$words"
		went_to ann@example.org
		logged '^sendmail: -[bf].*: 501 5.1.3'
	done
}

# ---- what becomes of it ----

@test "the status is what the command meant; its words are on stderr" {
	for pair in 65:65 67:67 68:68 69:69 76:76 77:77 100:69 112:69 75:75 \
		1:75 64:75 73:75 78:75 111:75 126:75 255:75; do
		CATCH_EXIT=${pair%:*} try_status "${pair#*:}"
	done
	for pair in '550 5.2.2 Mailbox full:69' '553 5.1.3 Bad:65' \
		'553 5.1.4 Which?:67' '550 5.7.26 Not you:77' '550 No:69' \
		'452 4.2.2 Full:75' '421 4.3.2 Later:75'; do
		CATCH_EXIT=77 CATCH_SAYS=${pair%:*} try_status "${pair##*:}"
	done
	logged '^sendmail: joe and 1 more: 451 4.3.2 Later$'
	CATCH_EXIT=77 CATCH_SAYS='550-5.7.1 This\n550 5.7.1 looks like spam' \
		try_status 77
	grep -A 1 '^sendmail: joe and 1 more: 550-5.7.1 This$' "$LOG" |
		grep -q '^550 5.7.1 looks like spam$'
}

# try_status STATUS: of a message for which the command was run once.
try_status() {
	in_place
	rm -f "$BOX"/*
	echo x | mails "$1" joe ann || fail "$CATCH_EXIT $CATCH_SAYS"
	delivered 1
}

@test "who is refused is named; the others get it; the first has the status" {
	in_place -d example.org -u "$BATS_TEST_TMPDIR/users"
	printf '%s\n' joe ann >"$BATS_TEST_TMPDIR/users"
	echo x | mails 77 joe@example.org x@example.net eve@example.org ann
	went_to joe@example.org ann
	logged '^sendmail: x@example.net: 550 5.7.1 '
	logged '^sendmail: eve@example.org: 550 5.1.1 '
	echo x | mails 67 eve joe
	echo x | mails 67 eve mallory
	logged '^sendmail: eve and 1 more: 550 5.1.1 '
	delivered 2
	in_place --lookup 'exit 75'
	echo x | mails 75 eve
	delivered 2
}

@test "more recipients than smtpd takes at a time come in turns" {
	in_place -r 2
	echo x | mails 0 a b c,d e
	delivered 3
	went_to e
	in_place -r 1
	CATCH_EXIT=67 mails 67 a b c <<<x
	logged '^sendmail: a and 2 more: 550 5.1.1'
	delivered 6
	in_place -r 2 --max-messages 1
	mails 0 a b c <<<x
	delivered 8
}

@test "ten thousand recipients in Bcc all get it, and none is shown" {
	in_place --log none -r 25600
	{
		printf 'To: joe@example.org\nBcc: user0@example.org'
		printf ',\n "A, B" <user%d@example.org>' {1..9998}
		printf '\nSubject: s\n\nx\n'
	} >"$BATS_TEST_TMPDIR/many"
	mails 0 -t <"$BATS_TEST_TMPDIR/many"
	[ ! -s "$LOG" ]
	for ((n = 1; n <= $(deliveries); n++)); do
		variable RECIPIENTS "$n"
		cmp <(sed 1,6d "$(message $n)") <(echo x)
	done >"$BATS_TEST_TMPDIR/got"
	[ "$(sort -u "$BATS_TEST_TMPDIR/got" | wc -l)" -eq 10000 ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/got")" -eq 10000 ]
	[ "$(deliveries)" -lt 10 ]
	sed -n '/^$/q;/user/p' "$BOX"/*.msg | ends 1 grep ''
}

@test "smtpd is not there, is wrongly set up, dies: 75, and why; nothing sent" {
	in_place
	sed -i "s|$SMTPD|/no/where|" "$SENDMAIL"
	echo x | mails 75 joe
	logged "^sendmail: .*No such file or directory: '/no/where'$"
	in_place --log none -d /no/where
	echo x | mails 75 joe
	logged '^sendmail: joe: 421 4.3.5 '
	in_place -- sh -c '"kill -9 $PPID"'
	echo x | mails 75 joe ann
	logged '^sendmail: joe and 1 more: 451 4.3.0 no answer from smtpd$'
	in_place --lookup '"kill -9 $PPID"'
	echo x | mails 75 joe ann
	for command in /no/where /dev/null 'sh -c "kill -9 $$"' 'sleep 30'; do
		in_place -T 1 -- "$command"
		echo x | mails 75 joe
		logged '^sendmail: joe: 451 4.3.0 Local error'
	done
	not_delivered
}

@test "a full disk, no input, nobody who reads what it says: never a 0" {
	in_place --spool "$BATS_TEST_TMPDIR" -- sh -c '"exit 67"'
	head -c 2000000 /dev/zero >"$BATS_TEST_TMPDIR/large"
	(ulimit -f 1000 && mails 75 joe <"$BATS_TEST_TMPDIR/large")
	logged '^sendmail: joe: 452 4.3.1 '
	mails 75 joe <&-
	ends 67 "$SENDMAIL" joe <<<x 2>&-
	ends 67 "$SENDMAIL" joe <<<x >&-
	ends 67 "$SENDMAIL" joe <<<x >&- 2>&-
	ends 67 "$SENDMAIL" joe <<<x 2>/dev/full
	ends 64 "$SENDMAIL" <<<x >&- 2>&-
}
