#!/usr/bin/env bats
# The very last line of a command's output may be its reply.
# shellcheck disable=SC2016 # the words are the command's
load helper

# reply_to SCRIPT REPLY [status]: what the message gets.
reply_to() {
	say "${HELLO[@]}" DATA x . QUIT | serve -- sh -c "$1; exit ${3:-0}"
	got=$(tr -d '\r' <"$REPLIES" | sed '1,/^354/d' | sed '$d')
	[ "$got" = "$2" ] || fail "$1, exit ${3:-0}: $got" "expected: $2"
}

# The usual reply, whatever was said.
no_reply() {
	say "${HELLO[@]}" DATA x . QUIT | serve -- sh -c "$1; exit ${2:-0}"
	case ${2:-0} in
	0) reply_is 6 '250 2.0.0 Ok ' ;;
	*) reply_is 6 "$3" ;;
	esac || fail "$1, exit ${2:-0}"
}

LOCAL='451 4.3.0 Local error'

@test "NNN X.Y.Z text: 250 with exit 0 or 99" {
	reply_to 'echo 250 2.6.0 ticket 42' '250 2.6.0 ticket 42'
	reply_to 'echo 250 2.6.0 ticket 42' '250 2.6.0 ticket 42' 99
	reply_to 'printf "250 2.6.0 no line end"' '250 2.6.0 no line end'
	no_reply 'echo 251 2.6.0 x'
	no_reply 'echo 550 5.7.1 x'
	no_reply 'echo 450 4.7.1 x'
	no_reply 'echo 250 2.6.0 x' 75 "$LOCAL"
	no_reply 'echo 250 2.6.0 x' 67 '550 5.1.1 No such user'
}

@test "NNN X.Y.Z text: 4xx and 5xx with another status, against the table too" {
	reply_to 'echo 550 5.7.1 spam' '550 5.7.1 spam' 1
	reply_to 'echo 552 5.2.2 full' '552 5.2.2 full' 69
	reply_to 'echo 450 4.2.1 busy' '450 4.2.1 busy' 67
	reply_to 'echo 450 4.2.1 busy' '450 4.2.1 busy' 75
	reply_to 'echo 421 4.2.1 go' '451 4.2.1 go' 75
}

@test "no 5xx with 75, 111, 126, 127, a signal or a time-out" {
	for status in 75 111 126 127; do
		no_reply 'echo 550 5.7.1 x' $status "$LOCAL"
	done
	no_reply 'echo 550 5.7.1 x; kill -KILL $$' 1 "$LOCAL"
	reply_to 'echo 450 4.7.1 x; kill -KILL $$' '450 4.7.1 x' 1
	say "${HELLO[@]}" DATA x . QUIT | serve -T 1 -- \
		sh -c 'echo 550 5.7.1 x; sleep 60'
	reply_is 6 "$LOCAL"
}

@test "X.Y.Z text and NNN text: only in the class of the status" {
	reply_to 'echo 2.6.0 taken' '250 2.6.0 taken'
	reply_to 'echo 250 taken' '250 2.0.0 taken'
	reply_to 'echo 5.2.2 full' '554 5.2.2 full' 69
	reply_to 'echo 552 full' '552 5.0.0 full' 69
	reply_to 'echo 4.2.2 soon' '451 4.2.2 soon' 75
	reply_to 'echo 450 soon' '450 4.0.0 soon' 1
	no_reply 'echo 5.2.2 full' 1 "$LOCAL"
	no_reply 'echo 503 Service Unavailable' 1 "$LOCAL"
	no_reply 'echo 404 Not Found' 67 '550 5.1.1 No such user'
	no_reply 'echo 5.2.2 full'
}

@test "several lines: NNN-X.Y.Z text, the same NNN, ten at most" {
	reply_to 'echo 550-5.7.1 one; echo 550-5.7.1 two; echo 550 5.7.2 three' \
		'550-5.7.2 one
550-5.7.2 two
550 5.7.2 three' 1
	reply_to 'echo 450-4.7.1 one; echo 550-5.7.1 two; echo 550 5.7.1 three' \
		'550-5.7.1 two
550 5.7.1 three' 1
	reply_to 'echo 550-5.7.1 one; echo noise; echo 550 5.7.1 two' \
		'550 5.7.1 two' 1
	reply_to 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo 550-5.7.1 $i
		done; echo 550 5.7.1 last' "$(printf '550-5.7.1 %d\n' {1..9})
550 5.7.1 last" 1
	no_reply 'echo 550-5.7.1 one' 1 "$LOCAL"
	no_reply 'echo 550-5.7.1 one; echo 550 two' 1 "$LOCAL"
}

@test "only the very last line" {
	no_reply 'echo 550 5.7.1 x; echo more' 1 "$LOCAL"
	no_reply 'echo 550 5.7.1 x; echo' 1 "$LOCAL"
	no_reply 'printf "%5000s550 5.7.1 x\n" ""' 1 "$LOCAL"
	no_reply 'printf "%2048s550 5.7.1 x\n" ""' 1 "$LOCAL"
	reply_to 'head -c 300000 /dev/zero | tr "\0" "\n"; echo 550 5.7.1 x' \
		'550 5.7.1 x' 1
	reply_to 'echo 450 4.7.1 out; echo 550 5.7.1 err >&2' '550 5.7.1 err' 1
}

@test "what is no reply" {
	for line in '550' '5.7.1' '550 4.7.1 x' '250 5.1.1 x' '5.7 x' '5.7.1.2 x' \
		'55 5.7.1 x' '5500 5.7.1 x' ' 550 5.7.1 x' '550  5.7.1 x' \
		'550:5.7.1 x' '354 5.7.1 x' '6.7.1 x' '5.1234.1 x'; do
		no_reply "echo '$line'" 1 "$LOCAL"
	done
}

@test "it is cut and cleaned: printable, 512 octets a line" {
	reply_to 'printf "550 5.7.1 a\tb\001c\377d\r\n"' '550 5.7.1 a?b?c?d' 1
	reply_to 'printf "550 5.7.1 "; head -c 600 /dev/zero | tr "\0" x' \
		"550 5.7.1 $(printf 'x%.0s' {1..500})" 1
	reply_to 'echo 550 5.7.1' '550 5.7.1 ' 1
	reply_to 'printf "550-5.7.1 a\0b\n550 5.7.1 c\n"' '550-5.7.1 a?b
550 5.7.1 c' 1
}

@test "what real programs print last bounces nothing" {
	no_reply 'python3 -c "import nothing_like_it"' 1 "$LOCAL"
	no_reply 'perl -e "die qq(550 5.7.1 no)"' 75 "$LOCAL"
	no_reply 'no-such-command' 127 "$LOCAL"
	no_reply 'curl -sS http://127.0.0.1:1/' 7 "$LOCAL"
	no_reply 'bash --version | head -n 1' 1 "$LOCAL"
	no_reply 'echo "HTTP/1.1 503 Service Unavailable"' 1 "$LOCAL"
	no_reply 'echo 5.10.0-21-amd64' 1 "$LOCAL"
	no_reply 'echo 5.10.0 version' 1 "$LOCAL"
}

@test "LMTP: each recipient gets its own" {
	say 'LHLO c' 'MAIL FROM:<>' 'RCPT TO:<a@b>' 'RCPT TO:<c@d>' \
		'RCPT TO:<e@f>' DATA x . QUIT | serve --lmtp -- sh -c \
		'case $LOCAL in a) echo 250 2.6.0 a; exit 0;;
		c) echo 552 5.2.2 c; exit 69;; esac; exit 67'
	reply_is 8 '250 2.6.0 a'
	reply_is 9 '552 5.2.2 c'
	reply_is 10 '550 5.1.1 No such user'
}
