#!/usr/bin/env bats
# --vrfy: VRFY and EXPN (RFC 5321, 3.5; RFC 6531, 3.7.4.2).
load helper

setup_file() {
	export USERS=$BATS_FILE_TMPDIR/users
	cat >"$USERS" <<-'EOF'
		# comment with the word hidden
		joe: Joe Smith <joe.smith@example.net>
		ann
		staff: ann, joe,
		  # not: gone@example.net
		  "Q. Name" <quiet@example.net>
		  , |/usr/bin/tool, "|/usr/bin/other x", /var/mail/file, :include:/etc/list
		tool: "|/usr/bin/tool"
		alias: \joe
		only@one.example: someone
		bj\xf6rn
	EOF
	sed -i 's/^bj.*/bj\xc3\xb6rn: Bj\xc3\xb6rn <b@example.net>/' "$USERS"
}

# ask LINE [option ...]: $ANSWER, what it gets.
ask() {
	say 'EHLO c' "$1" QUIT | serve -n mx.example.org --vrfy -u "$USERS" \
		"${@:2}"
	ANSWER=$(tr -d '\r' <"$REPLIES" | sed '1,/^250 /d' | sed '$d')
}

# answer_is LINE ANSWER [option ...]
answer_is() {
	ask "$1" "${@:3}"
	[ "$ANSWER" = "$2" ] || fail "$1: $ANSWER"
}

@test "without --vrfy: VRFY 252, EXPN 502, and neither is announced" {
	say 'EHLO c' 'VRFY joe' 'EXPN joe' QUIT | serve -u "$USERS"
	codes_are 220 250 252 502 221
	! grep -q -e VRFY -e EXPN "$REPLIES" || fail announced
}

@test "with it both are announced" {
	ask NOOP
	grep -q $'^250-VRFY\r$' "$REPLIES"
	grep -q $'^250-EXPN\r$' "$REPLIES"
}

@test "VRFY of an exact name: its one mailbox, else the name" {
	answer_is 'VRFY joe' '250 2.1.5 Joe Smith <joe.smith@example.net>'
	answer_is 'VRFY JOE' '250 2.1.5 Joe Smith <joe.smith@example.net>'
	answer_is 'VRFY <joe@there.example>' \
		'250 2.1.5 Joe Smith <joe.smith@example.net>'
	answer_is 'VRFY ann' '250 2.1.5 <ann@mx.example.org>'
	answer_is 'VRFY ann' '250 2.1.5 <ann@here.example>' -d .x -d here.example
	answer_is 'VRFY <ann@here.example>' '250 2.1.5 <ann@here.example>' \
		-d other.example -d here.example
	answer_is 'VRFY staff' '250 2.1.5 <staff@mx.example.org>'
	answer_is 'VRFY alias' '250 2.1.5 <joe@mx.example.org>'
	answer_is 'VRFY postmaster' '250 2.1.5 <postmaster@mx.example.org>'
}

@test "VRFY of a word: one hit is the name, more are ambiguous, none unknown" {
	answer_is 'VRFY smith' '250 2.1.5 Joe Smith <joe.smith@example.net>'
	answer_is 'VRFY Joe Smith' '250 2.1.5 Joe Smith <joe.smith@example.net>'
	answer_is 'VRFY "joe smith"' '250 2.1.5 Joe Smith <joe.smith@example.net>'
	answer_is 'VRFY quiet@example.net' '250 2.1.5 <staff@mx.example.org>'
	answer_is 'VRFY someone' '250 2.1.5 <someone@one.example>'
	answer_is 'VRFY example' '553 5.1.4 User ambiguous'
	answer_is 'VRFY smit' '550 5.1.1 No such user'
	answer_is 'VRFY hidden' '550 5.1.1 No such user'
	answer_is 'VRFY gone' '550 5.1.1 No such user'
}

@test "a name with two entries is one hit" {
	printf '%s\n' 'joe: a zebra <a@b.c>' 'ann: horse' 'JOE: zebra@b.c' \
		>"$BATS_TEST_TMPDIR/users"
	answer_is 'VRFY zebra' '250 2.1.5 <joe@mx.example.org>' \
		-u "$BATS_TEST_TMPDIR/users"
}

@test "EXPN: members, a mailbox a line; no program, file or list" {
	answer_is 'EXPN staff' '250-2.1.5 <ann@mx.example.org>
250-2.1.5 <joe@mx.example.org>
250 2.1.5 "Q. Name" <quiet@example.net>'
	answer_is 'EXPN staff@here.example' '250-2.1.5 <ann@here.example>
250-2.1.5 <joe@here.example>
250 2.1.5 "Q. Name" <quiet@example.net>'
	answer_is 'EXPN tool' '250 2.1.5 <tool@mx.example.org>'
	answer_is 'EXPN ann' '250 2.1.5 <ann@mx.example.org>'
	answer_is 'EXPN smith' '550 5.1.1 No such user'
	answer_is 'EXPN only@two.example' '550 5.1.1 No such user'
}

@test "a domain that is not local: VRFY 251 where forwarded, else 550 5.1.1" {
	answer_is 'VRFY joe@fwd.example' \
		'251 2.1.5 User not local; will forward to <joe@fwd.example>' \
		-d here.example -f fwd.example
	answer_is 'VRFY joe@other.example' '550 5.1.1 No such user' \
		-d here.example
	answer_is 'EXPN staff@other.example' '550 5.1.1 No such user' \
		-d here.example
}

@test "a UTF-8 answer only for who asked: 252 2.6.8, 550 5.6.8" {
	ask $'VRFY bj\xc3\xb6rn'
	[[ "$ANSWER" == '252 2.6.8 '* ]]
	ask $'EXPN bj\xc3\xb6rn'
	[[ "$ANSWER" == '550 5.6.8 '* ]]
	answer_is $'VRFY bj\xc3\xb6rn SMTPUTF8' \
		$'250 2.1.5 Bj\xc3\xb6rn <b@example.net>'
	answer_is 'VRFY joe SMTPUTF8' \
		'250 2.1.5 Joe Smith <joe.smith@example.net>'
}

@test "a list that is too long for a reply says how much is missing" {
	{ printf 'big: a@b'; printf ', member%d@example.org' {1..500}; echo
		} >"$BATS_TEST_TMPDIR/users"
	say 'EHLO c' 'EXPN big' 'VRFY big' QUIT |
		serve --vrfy -u "$BATS_TEST_TMPDIR/users"
	codes_are 220 250 250 250 221
	reply_is 3 '250 2.1.5 and 402 more'
	[ "$(grep -c '^250-2.1.5 <.*@.*>' "$REPLIES")" -eq 99 ]
	reply_is 4 '250 2.1.5 <big@mx.example.org>'
	{ printf 'big: a@b'; for i in {1..90}; do
		printf ', Somebody With A Rather Long Name <member%d@example.org>' \
			"$i"; done; echo; } >"$BATS_TEST_TMPDIR/users"
	say 'EXPN big' QUIT | serve --vrfy -u "$BATS_TEST_TMPDIR/users"
	grep -q '^250 2.1.5 and [0-9]* more' "$REPLIES"
	! tr -d '\r' <"$REPLIES" | grep '<' | grep -qv '>$' ||
		fail 'a mailbox was cut'
}

@test "what does not fit a line: no phrase, or not the mailbox, never half of it" {
	local long
	long=$(printf 'x%.0s' {1..480})
	printf '%s\n' "one: \"$long$long\" <a@b.c>" "two: $long@b.c" \
		"three: a@b.c, $long@ddddddddddddddd.example" "$long" \
		"four@$(printf 'd%.0s' {1..60}).example: a@b.c, $long@b.c" \
		>"$BATS_TEST_TMPDIR/users"
	say 'EXPN one' 'VRFY one' 'EXPN two' 'EXPN three' 'VRFY three' \
		"VRFY $long" "EXPN four@$(printf 'd%.0s' {1..60}).example" "VRFY $long@dddddddddddddd.example" QUIT |
		serve --vrfy -u "$BATS_TEST_TMPDIR/users" -n m
	[ "$(tr -d '\r' <"$REPLIES" | sed 1d)" = "250 2.1.5 <a@b.c>
250 2.1.5 <a@b.c>
250 2.1.5 <$long@b.c>
250-2.1.5 <a@b.c>
250 2.1.5 and 1 more
250 2.1.5 <three@m>
250 2.1.5 <$long@m>
250-2.1.5 <a@b.c>
250 2.1.5 <$long@b.c>
252 2.0.0 Send it some mail, we will see
221 2.0.0 Bye" ]
}

@test "\"*\": words that occur are found first; what is no mailbox is a 252" {
	printf '%s\n' '*: ann' 'jc: Mark Crispin <m@b.c>' \
		>"$BATS_TEST_TMPDIR/users"
	answer_is 'VRFY mark' '250 2.1.5 Mark Crispin <m@b.c>' \
		-u "$BATS_TEST_TMPDIR/users"
	USERS=$BATS_TEST_TMPDIR/users
	answer_is 'VRFY anybody' '250 2.1.5 <anybody@mx.example.org>'
	answer_is 'EXPN anybody' '250 2.1.5 <anybody@mx.example.org>'
	answer_is 'VRFY John Doe' '252 2.0.0 Send it some mail, we will see'
	answer_is 'EXPN John Doe' '550 5.1.1 No such user'
}

@test "EXPN: no program, file or list, however it is quoted" {
	printf '%s\n' 'a: " |prog"' 'b: "\|prog x"' 'c : :include:/y' \
		'd: \"|x"' 'e: "A < B" <e@b.c>' 'f: <x' \
		>"$BATS_TEST_TMPDIR/users"
	USERS=$BATS_TEST_TMPDIR/users
	for name in a b c d f; do
		answer_is "EXPN $name" "250 2.1.5 <$name@mx.example.org>"
	done
	answer_is 'EXPN e' '250 2.1.5 "A < B" <e@b.c>'
}

@test "--lookup answers VRFY: its first line, else the name; and its refusals" {
	look() {
		say 'EHLO c' "$1" QUIT | serve --vrfy --lookup "$2"
		ANSWER=$(tr -d '\r' <"$REPLIES" | sed '1,/^250 /d' | sed '$d')
		[ "$ANSWER" = "$3" ] || fail "$2: $ANSWER"
	}
	look 'VRFY joe' 'echo "Joe Smith <joe@example.net>"; echo more' \
		'250 2.1.5 Joe Smith <joe@example.net>'
	look 'VRFY joe' 'echo jsmith' '250 2.1.5 <jsmith@mx.example.org>'
	look 'VRFY joe@d' 'exit 0' '250 2.1.5 <joe@d>'
	look 'VRFY Joe Smith' '[ "$1" = "Joe Smith" ] && [ -z "${SENDER+x}" ] &&
		[ -z "${CLIENT_HELO-x}" ]' '550 5.1.1 No such user'
	look 'VRFY Joe Smith' '[ "$1" = "Joe Smith" ] && [ -z "${SENDER+x}" ] &&
		[ "$CLIENT_HELO" = c ] && echo j@d' '250 2.1.5 <j@d>'
	look 'VRFY joe' 'exit 65' '553 5.1.4 User ambiguous'
	look 'VRFY joe' 'exit 75' '451 4.3.0 Look-up failed, try again later'
	look 'VRFY -n' 'touch "$BOX/asked"' '501 5.1.3 Bad recipient address'
	[ ! -e "$BOX/asked" ]
}

@test "a name of an entry that fits no reply is a 553, and is not cut" {
	long=$(printf '%0480d' 7)
	USERS=$BATS_TEST_TMPDIR/users
	printf '%s: Ann Smith, /file\n' "$long" >"$USERS"
	answer_is 'VRFY smith' "250 2.1.5 <$long@mx.example.org>"
	printf 'xxxxxx%s: Ann Smith, /file\n' "$long" >"$USERS"
	answer_is 'VRFY smith' '553 5.1.4 User ambiguous'
}

@test "who guesses names gets 100 answers and then 421" {
	{ say 'EHLO c'; yes $'VRFY nobody\r' | head -n 101; say NOOP; } |
		serve --vrfy -u "$USERS"
	[ "$(grep -c '^550 5.1.1' "$REPLIES")" -eq 100 ]
	reply_is -1 '421 4.7.0'
}
