#!/usr/bin/env bats
# Who may receive: --domain, --forward, RELAYCLIENT, --users (RFC 5321, 3.6).
load helper

# replies_to ADDRESS ... -- [option ...]: the codes that RCPT TO:<ADDRESS> gets,
# from one session.
replies_to() {
	local lines=('EHLO c' 'MAIL FROM:<ann@example.net>')
	while [ "$1" != -- ]; do
		lines+=("RCPT TO:<$1>")
		shift
	done
	shift
	say "${lines[@]}" RSET QUIT | serve "$@"
	sed -n 's/^\([0-9]*\) \([0-9.]*\) .*/\1_\2/p' "$REPLIES" |
		tail -n +2 | head -n -2 | paste -sd ' ' >"$BATS_TEST_TMPDIR/got"
}

# What they were, each "250_2.1.5".
were() {
	[ "$(cat "$BATS_TEST_TMPDIR/got")" = "$*" ] ||
		fail "got: $(cat "$BATS_TEST_TMPDIR/got")" "expected: $*"
}

file() {
	printf '%s\n' "${@:2}" >"$BATS_TEST_TMPDIR/$1"
	FILE=$BATS_TEST_TMPDIR/$1
}

# A file that is not understood whole: nothing is taken, the log says where,
# or, where it cannot be read, by which option it was asked for.
bad_file() {
	local option=$1 where=$FILE$2 why=$3
	[ -n "$2" ] || where="option $option $FILE"
	say 'EHLO c' QUIT | serve "$option" "$FILE"
	codes_are 421
	reply_is 1 '421 4.3.5'
	exited 78
	logged "config error=\"$where: $why\"" || fail "$where $why"
	run "$SMTPD" --check "$option" "$FILE" cat </dev/null
	[ "$status" -eq 78 ] || fail "--check: $status"
	[[ "$output" == *"$where: $why"* ]]
}

# ---- domains ----

@test "a reply has no control of UTF-8's either" {
	say 'EHLO c' 'MAIL FROM:<a@b> SMTPUTF8' \
		$'RCPT TO:<\xc2\x9b\xc2\xa0@f.example>' QUIT |
		serve -d here.example -f f.example
	reply_is 4 $'251 2.1.5 User not local; will forward to <??\xc2\xa0@f.example>'
}

@test "without --domain every domain is local" {
	replies_to a@b a@c.d a --
	were 250_2.1.5 250_2.1.5 250_2.1.5
}

@test "--domain: these and no domain are local, others 550 5.7.1" {
	replies_to a@one.example a@TWO.example a@three.example a@x.one.example a \
		-- -d one.example --domain Two.Example
	were 250_2.1.5 250_2.1.5 550_5.7.1 550_5.7.1 250_2.1.5
	logged 'refuse client=unknown verb=RCPT reply="550 5.7.1" to=a@three.example'
}

@test "--domain .example.org is every subdomain, and not the domain" {
	replies_to a@example.org a@x.example.org a@y.X.example.org \
		a@xexample.org a@.example.org -- -d .example.org
	were 550_5.7.1 250_2.1.5 250_2.1.5 550_5.7.1 501_5.1.3
}

@test "--domain FILE: one a line, comments, blank lines, CRLF, no last LF" {
	file domains '# ours' one.example '' '  two.example # here' '.three.example'
	printf 'four.example\r\nfive.example' >>"$FILE"
	replies_to a@one.example a@two.example a@x.three.example a@four.example \
		a@five.example a@six.example -- -d "$FILE"
	were 250_2.1.5 250_2.1.5 250_2.1.5 250_2.1.5 250_2.1.5 550_5.7.1
	cd "$BATS_TEST_TMPDIR"
	replies_to a@one.example a@six.example -- -d ./domains -d six.example
	were 250_2.1.5 250_2.1.5
}

@test "--forward: 251 and the path; not where the domain is local too" {
	replies_to a@fwd.example a@x.example a@both.example a@deep.y.example \
		-- -d both.example -f fwd.example -f both.example -f .y.example
	were 251_2.1.5 550_5.7.1 250_2.1.5 251_2.1.5
	grep -q '^251 2.1.5 User not local; will forward to <a@fwd.example>' \
		"$REPLIES"
	replies_to a@fwd.example a@x.example -- -f fwd.example
	were 251_2.1.5 250_2.1.5
}

@test "the command is told which recipients are to be forwarded" {
	say 'EHLO c' 'MAIL FROM:<>' 'RCPT TO:<a@fwd.example>' 'RCPT TO:<b@c>' \
		'RCPT TO:<d@fwd.example>' DATA x . QUIT |
		serve -d c -f fwd.example
	[ "$(variable FORWARD_RECIPIENTS)" = \
		a@fwd.example$'\n'd@fwd.example ]
}

@test "RELAYCLIENT, empty or not, takes mail for every domain: 251" {
	RELAYCLIENT='' replies_to a@b a@else.example -- -d b
	were 250_2.1.5 251_2.1.5
	[ "$(reply 5 | tr -d "\r")" = \
		'251 2.1.5 User not local; will forward to <a@else.example>' ]
}

@test "no open relay: the published tricks (RFC 2505, 2.2)" {
	local ours=ours.example tricks=(
		'victim@other.example' '@ours.example:victim@other.example'
		'@ours.example,@x.example:victim@other.example'
		'"victim@other.example"@other.example' 'victim@[192.0.2.1]'
		'victim@ours.example@other.example' 'victim@ours.example.'
		'victim@OURS.example.other.example' 'a@sub.ours.example'
		'victim@other.example.' 'victim@[ours.example]' 'v@[127.0.0.1]'
		'"victim@other.example"' 'victim@other.example,joe@ours.example'
		'joe@ours.example <victim@other.example>'
	)
	replies_to "${tricks[@]}" -- -d $ours
	were 550_5.7.1 550_5.7.1 550_5.7.1 550_5.7.1 550_5.7.1 501_5.1.3 \
		250_2.1.5 550_5.7.1 550_5.7.1 550_5.7.1 550_5.7.1 550_5.7.1 \
		550_5.7.1 501_5.1.3 550_5.7.1
	# Local parts that look like addresses are names of ours, as written.
	file users joe
	replies_to 'victim%other.example@ours.example' \
		'"victim@other.example"@ours.example' \
		'other.example!victim@ours.example' 'other.example!victim' \
		'"victim%other.example"' 'victim%other.example' \
		'@other.example:joe@OURS.EXAMPLE' -- -d $ours -u "$FILE"
	were 550_5.1.1 550_5.1.1 550_5.1.1 550_5.1.1 550_5.1.1 550_5.1.1 \
		250_2.1.5
}

@test "a route that is dropped decides nothing, and the command never sees it" {
	say 'EHLO c' 'MAIL FROM:<>' 'RCPT TO:<@b:joe@elsewhere.example>' \
		'RCPT TO:<@elsewhere.example:joe@b>' DATA x . QUIT | serve -d b
	codes_are 220 250 250 550 250 354 250 221
	[ "$(variable RECIPIENTS)" = joe@b ]
}

@test "an address literal is local where it is listed" {
	replies_to 'a@[192.0.2.1]' 'a@[192.0.2.2]' -- -d '[192.0.2.1]'
	were 250_2.1.5 550_5.7.1
}

# ---- users ----

users_file() {
	file users '# the users' 'joe' 'Ann: ann.smith@example.net' \
		'list: joe, ann,' '  bob@elsewhere.example' '' \
		'only@one.example' '"Odd Name": joe' 'under_score.dot-dash: joe' \
		'	# indented comment' '*@any.example'
}

@test "--users: names in any case, up to a plus, else 550 5.1.1" {
	users_file
	replies_to joe@x JOE joe+box@x 'Joe+a+b' jo joex joe-box ann@y LIST \
		bob under_score.dot-dash -- -u "$FILE"
	were 250_2.1.5 250_2.1.5 250_2.1.5 250_2.1.5 550_5.1.1 550_5.1.1 \
		550_5.1.1 250_2.1.5 250_2.1.5 550_5.1.1 250_2.1.5
}

@test "--users: name@domain is there only, *@domain is everybody there" {
	users_file
	replies_to only@one.example only@ONE.example only+x@one.example \
		only@two.example only x@any.example x@other.example '*@x' \
		-- -u "$FILE"
	were 250_2.1.5 250_2.1.5 250_2.1.5 550_5.1.1 550_5.1.1 250_2.1.5 \
		550_5.1.1 550_5.1.1
	file all '*'
	replies_to who@ever -- -u "$FILE"
	were 250_2.1.5
}

@test "--users: quoted or not, a name is the same name" {
	users_file
	replies_to '"joe"@x' '"j\oe"' '"\joe"@x' '"Odd Name"' '"odd name"@y' \
		'"Odd"' -- -u "$FILE"
	were 250_2.1.5 250_2.1.5 250_2.1.5 250_2.1.5 250_2.1.5 550_5.1.1
}

@test "postmaster is always there (RFC 5321, 4.5.1)" {
	file none '# nobody'
	replies_to postmaster PostMaster@here.example postmaster+x postmasters \
		postmaster@elsewhere.example -- -u "$FILE" -d here.example
	were 250_2.1.5 250_2.1.5 250_2.1.5 550_5.1.1 550_5.7.1
}

@test "users are asked for local domains only" {
	file none '# nobody'
	replies_to joe@fwd.example joe@here.example -- -u "$FILE" \
		-d here.example -f fwd.example
	were 251_2.1.5 550_5.1.1
}

@test "a UTF-8 name is found as it is written" {
	file users $'jos\xc3\xa9'
	say 'EHLO c' 'MAIL FROM:<> SMTPUTF8' $'RCPT TO:<jos\xc3\xa9@b>' \
		'RCPT TO:<jose@b>' QUIT | serve -u "$FILE"
	codes_are 220 250 250 250 550 221
}

@test "more than one file of users, and of domains" {
	file one joe
	file two ann
	replies_to joe ann bob -- -u "${FILE%/*}/one" -u "$FILE"
	were 250_2.1.5 250_2.1.5 550_5.1.1
}

# ---- files ----

@test "a bad line: file:line and what is wrong, 421 4.3.5, exit 78" {
	file bad one.example 'two example'
	bad_file --domain :2 'not a domain'
	file bad '' '-x.example'
	bad_file --forward :2 'not a domain'
	file bad 'a..example'
	bad_file --domain :1 'not a domain'
	file bad $'a.example\001'
	bad_file --domain :1 'a control octet'
	file bad $'\xef\xbb\xbfa.example'
	bad_file --domain :1 'a byte order mark'
	file bad joe 'joe smith'
	bad_file --users :2 'not a name, or no colon behind it'
	file bad '-joe'
	bad_file --users :1 'not a name'
	file bad joe 'joe@a..b: x'
	bad_file --users :2 'not a name'
	file bad '*' '*@a.example' '"box*"' 'box+*'
	bad_file --users :4 'not a name: only a lone asterisk is any name'
	file bad '*@*.example'
	bad_file --users :1 'not a name: only a lone asterisk is any name'
	file bad ': x'
	bad_file --users :1 'not a name'
	file bad '' '  joe'
	bad_file --users :2 'it continues no name'
	file bad 'joe: a' ' b'
	bad_file --users :2 'no comma between it and the line before'
	file bad joe ' b'
	bad_file --users :2 'no comma between it and the line before'
	file bad ann 'joe: "a, b'
	bad_file --users :2 'a quote has no end'
	file bad 'ann: "|x", b' $'joe: a\x7f'
	bad_file --users :2 'a control octet'
	{ echo joe; head -c 70000 /dev/zero | tr '\0' x; } >"$FILE"
	bad_file --users :2 'the line is longer than 65536 octets'
}

@test "a file that is not there, or none: the same" {
	FILE=$BATS_TEST_TMPDIR/nowhere
	bad_file --users '' 'No such file or directory'
	bad_file --domain '' 'No such file or directory'
	FILE=$BATS_TEST_TMPDIR
	bad_file --forward '' 'not a regular file'
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	FILE=$BATS_TEST_TMPDIR/fifo
	bad_file --users '' 'not a regular file'
}

@test "a line of 65536 octets, and a file of many pieces, are read whole" {
	file users "long: $(printf 'x%.0s' {1..65530})" joe
	[ "$(head -n 1 "$FILE" | wc -c)" -eq 65537 ]
	replies_to joe long x -- -u "$FILE"
	were 250_2.1.5 250_2.1.5 550_5.1.1
	printf 'joe\nlong: %s' "$(printf 'x%.0s' {1..65530})" >"$FILE"
	replies_to joe long x -- -u "$FILE"
	were 250_2.1.5 250_2.1.5 550_5.1.1
	seq -f 'user%.0f: nobody@nowhere.example' 30000 >"$FILE"
	replies_to user1 user2731 user15000 user30000 user30001 -- -u "$FILE"
	were 250_2.1.5 250_2.1.5 250_2.1.5 250_2.1.5 550_5.1.1
}

# A client that talks to the program while the files change: <&4, >&5.
talk() {
	mkfifo "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
	timeout 30 "$SMTPD" -n mx "$@" -- "$CATCH" <"$BATS_TEST_TMPDIR/in" \
		>"$BATS_TEST_TMPDIR/out" 2>"$LOG" 3>&- &
	exec 5>"$BATS_TEST_TMPDIR/in" 4<"$BATS_TEST_TMPDIR/out"
	expect 220
	ask 'HELO c' 250
	ask 'MAIL FROM:<a@b>' 250
}

expect() {
	local line
	read -r -t 10 line <&4
	[[ "$line" == "$1"* ]] || fail "$line, expected: $1"
}

ask() {
	printf '%s\r\n' "$1" >&5
	expect "$2"
}

@test "a file that is replaced is the old one for the session, whole" {
	file users joe
	talk -u "$FILE"
	ask 'RCPT TO:<joe@b>' '250 2.1.5'
	file new ann
	mv "$FILE" "${FILE%/*}/users"
	ask 'RCPT TO:<joe@b>' '250 2.1.5'
	ask 'RCPT TO:<ann@b>' '550 5.1.1'
	ask QUIT 221
	exec 5>&- 4<&-
	replies_to joe ann -- -u "$BATS_TEST_TMPDIR/users"
	were 550_5.1.1 250_2.1.5
}

@test "a file that is cut or written in place takes and bounces nothing: 451" {
	file users joe ann
	file domains one.example two.example
	talk -u "${FILE%/*}/users" -d "$FILE"
	ask 'RCPT TO:<ann@two.example>' '250 2.1.5'
	echo joe >"${FILE%/*}/users"
	ask 'RCPT TO:<joe@two.example>' '451 4.3.0'
	ask 'RCPT TO:<ann@two.example>' '451 4.3.0'
	echo one.example >"$FILE"
	ask 'RCPT TO:<joe@two.example>' '451 4.3.0'
	ask QUIT 221
	exec 5>&- 4<&-
	logged 'lookup client=unknown file=.*/users error="it changed while it was in use"'
	logged 'lookup client=unknown file=.*/domains error='
}
