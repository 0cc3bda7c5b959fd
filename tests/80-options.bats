#!/usr/bin/env bats
# DESIGN: the command line, and never mail under one that was not understood.
load helper

# A client is told to come back, the log what is wrong, and nothing is run.
refused() {
	local status=$1 why=$2
	say "${HELLO[@]}" DATA x . QUIT | serve "${@:3}"
	exited "$status"
	codes_are 421
	reply_is 1 '421 4.3.5'
	logged "config error=.*$why"
	[ "$(wc -l <"$LOG")" -eq 1 ]
	not_delivered
}

@test "a bad option is named, the client told 421 4.3.5, exit 64" {
	refused 64 'option --bogus: unknown' --bogus
	refused 64 'option --max: short for several' --max 3
	refused 64 'option --max=3: short for several' --max=3
	refused 64 'option --maximum: unknown; see smtpd --help' --maximum
	refused 64 'option -x: unknown; see smtpd --help' -x
	refused 64 'option -Z: unknown' --crlf -Zv
	refused 64 'option -\\xC3: unknown' --crlf $'-v\xc3\xa9'
	refused 64 'option --max-size 12x: not a size' --max-size 12x
	refused 64 'option --max-size -1: not a size' --max-size=-1
	refused 64 'option --max-size 99999999999G: not a size' -s 99999999999G
	refused 64 'option --max-recipients 0: not a number' -r 0
	refused 64 'option --max-recipients 25601: not a number' -r 25601
	refused 64 'option --timeout 0: not a number' -t 0
	refused 64 'option --timeout 1s: not a number' -t 1s
	refused 64 'option --max-errors x: not a number' --max-errors x
	refused 64 'option --hostname a b: not a host name' -n 'a b'
	refused 64 'option --banner a.*: not a line of printable' --banner $'a\nb'
	refused 64 'option --banner a.*: not a line of printable' --banner $'a\xc3\xa9'
	refused 64 'option --bogus: unknown' --bogus --help
	refused 64 'option --log file: not stderr, syslog or none' --log file
	refused 64 'option --bare-newline keep: not normalize' --bare-newline keep
	refused 64 'option -b d: no mode of ours' -bd
	refused 64 'option --domain a b: not a domain, nor a file' -d 'a b'
	refused 64 'option --domain x.: not a domain' -d x.
	refused 64 'option --forward ..x: not a domain' -f ..x
	refused 64 'option --forward ../x: not a domain' -f ../x
	refused 64 'option --users : not a file' -u ''
	refused 64 'option --lookup : not a command' -l ''
	refused 64 'option --lmtp=yes: takes no argument' --lmtp=yes
}

@test "no command, or a missing argument, is a usage error" {
	say QUIT | ends 64 "$SMTPD" >"$REPLIES" 2>"$LOG"
	logged 'config error="no command: see smtpd --help"'
	codes_are 421
	say QUIT | ends 64 "$SMTPD" -n >"$REPLIES" 2>"$LOG"
	logged 'option -n: needs an argument'
}

@test "with no client a usage error only goes to descriptor 2" {
	ends 64 "$SMTPD" --bogus cat </dev/null >"$REPLIES" 2>"$LOG"
	[ ! -s "$REPLIES" ]
	logged 'option --bogus: unknown'
	ends 64 "$SMTPD" --bogus cat <&- >"$REPLIES" 2>"$LOG"
	[ ! -s "$REPLIES" ]
	logged 'option --bogus: unknown'
}

@test "--check asks for no client, wherever it stands" {
	for words in '--check --bogus' '--bogus --check' '--check -s x' --check; do
		# shellcheck disable=SC2086 # words
		say QUIT | ends 64 "$SMTPD" $words >"$REPLIES" 2>"$LOG"
		[ ! -s "$REPLIES" ] || fail "$words"
		logged 'config error='
	done
	say QUIT | ends 64 "$SMTPD" --bogus fsck --check >"$REPLIES" 2>"$LOG"
	codes_are 421
}

@test "with no client the log is where it was to be, but for usage errors" {
	ends 78 "$SMTPD" --log none -d /nowhere cat </dev/null 2>"$LOG"
	[ ! -s "$LOG" ]
	ends 78 "$SMTPD" -d /nowhere cat </dev/null 2>"$LOG"
	logged 'config error="option --domain /nowhere: No such file'
	ends 64 "$SMTPD" --log none -s x cat </dev/null 2>"$LOG"
	logged 'option --max-size x'
}

@test "closed, descriptor 0 is no client; nor a terminal; /dev/null may be" {
	python3 - "$SMTPD" <<-'EOF' 2>"$LOG"
	import os, pty, socket, subprocess, sys
	def heard(words, stdin, **more):
	    ours, theirs = socket.socketpair()
	    with theirs:
	        smtpd = subprocess.run([sys.argv[1], *words, 'cat'],
	            stdin=stdin, stdout=theirs, **more)
	    return smtpd.returncode, ours.makefile('rb').read()[:9]
	closed = {'preexec_fn': lambda: os.close(0)}
	assert heard(['--bogus'], None, **closed) == (64, b'')
	assert heard([], None, **closed) == (71, b'')
	assert heard(['--bogus'], pty.openpty()[1]) == (64, b'')
	assert heard(['--bogus'], subprocess.DEVNULL) == (64, b'421 4.3.5')
	EOF
	logged 'option --bogus: unknown'
	logged 'is closed'
}

@test "options end at the command: its own are left alone" {
	say "${HELLO[@]}" DATA x . QUIT | serve -- sh -c 'cat >/dev/null; exit 65' -s -V
	codes_are 220 250 250 250 354 554 221
	say "${HELLO[@]}" DATA x . QUIT | "$SMTPD" -n mx sh -c 'exit 67' >"$REPLIES"
	codes_are 220 250 250 250 354 550 221
}

@test "sizes take K, M and G" {
	for pair in 1k:1024 3M:3145728 2G:2147483648 7:7 0:0; do
		say 'EHLO c' QUIT | serve -s "${pair%:*}"
		grep -q "^250-SIZE ${pair#*:}"$'\r$' "$REPLIES" || fail "$pair"
	done
}

@test "-bs is accepted, as for sendmail -bs" {
	say QUIT | serve -bs
	codes_are 220 221
}

@test "-o words mean nothing behind -bs, and are an error elsewhere" {
	for words in '-odb -oem' '-odb -oem -om -ov' '-oi -o db -oA./alias'; do
		# shellcheck disable=SC2086 # words
		say "${HELLO[@]}" DATA x . QUIT | serve -bs $words
		codes_are 220 250 250 250 354 250 221
	done
	delivered 3
	rm "$BOX"/*
	refused 64 'option -o db: only behind -bs' -odb
	refused 64 'option -o em: only behind -bs' -oem -bs
}

@test "--banner and --hostname are in the greeting" {
	say QUIT | serve --hostname host.example --banner 'at your service'
	[ "$(head -n 1 "$REPLIES")" = $'220 host.example at your service\r' ]
	say QUIT | serve --hostname host.example --banner ''
	[ "$(head -n 1 "$REPLIES")" = $'220 host.example\r' ]
}

@test "--help is short, and no line is too wide; --version" {
	run "$SMTPD" --help
	[ "$status" -eq 0 ]
	[ "$(wc -l <<<"$output")" -le 64 ]
	[ -z "$(printf '%s\n' "${lines[@]}" | awk 'length > 79')" ]
	run "$SMTPD" -V
	[[ "$output" == 'smtpd '[0-9]* ]]
}

@test "smtpd alone on a terminal says how it is used" {
	ends 64 python3 - "${SANDBOXED:-$SMTPD}" <<-'EOF' >"$REPLIES"
	import os, pty, sys
	sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1])))
	EOF
	grep -q '^usage: smtpd .* command' "$REPLIES"
	grep -q 'smtpd --help' "$REPLIES"
}

# Letter, name, whether there is an argument, default: a line an option.
@test "--help, the manual page and the program have the same options" {
	python3 - "$SMTPD" "$ROOT/smtpd.8" <<-'EOF' || fail
	import re, subprocess, sys
	program, page = sys.argv[1:]
	def says(*words):
	    done = subprocess.run([program, *words], text=True,
	        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
	        stderr=subprocess.STDOUT)
	    return done.stdout
	shown, described, defaults = {}, {}, {}
	for line in says('--help').partition(':\n')[2].splitlines():
	    row = re.fullmatch(
	        r' {2,4}(?:-(\w))?(?:, )?(?: *--([a-z-]+))? ?(\S+)? {2,}(.*)',
	        line)
	    if not line.startswith('  ') or not row:
	        continue
	    letter, name, argument, text = row.groups()
	    shown[letter, name] = argument is not None
	    if (argument or '')[:2] == '[=':
	        optional = letter, name
	    default = re.search(r'\((normalize|[0-9A-Z]\w*)\)$', text)
	    if default:
	        defaults[letter, name] = default.group(1)
	options = open(page).read().partition('The options are:')[2]
	for item in options.partition('\n.El')[0].split('\n.It ')[1:]:
	    head, _, text = item.partition('\n')
	    letter, name, argument = re.fullmatch(
	        r'(?:Fl (\w))?(?: , )?(?:Fl -([a-z-]+))?( (?:Ar|Cm|Ns) .+)?',
	        head).groups()
	    described[letter, name] = argument is not None
	    default = defaults.pop((letter, name), '')
	    if not re.search(r'(?<!\w)%s(?!\w)' % default, text):
	        sys.exit('%s: no default %s' % (head, default))
	if list(shown) != list(described):
	    sys.exit('another order: %s' % list(zip(shown, described)))
	if shown != described or len(shown) != 41:
	    sys.exit('%d options, different: %s' % (len(shown),
	        set(shown.items()) ^ set(described.items())))
	for names, argument in shown.items():
	    argument = argument and names != optional
	    for word in filter(None, [names[0] and '-' + names[0],
	                              names[1] and '--' + names[1]]):
	        if (': needs an argument' in says(word)) != argument:
	            sys.exit('%s: an argument?' % word)
	EOF
}

@test "a shell's command names a program; --check looks for its file" {
	for option in --lookup --starttls --auth; do
		for value in exec ' ' '#x' 'exec #x'; do
			serve "$option" "$value" </dev/null
			exited 64
			logged "option $option .*: names no program"
		done
		run "$SMTPD" --check "$option" 'exec /nowhere/to/be x' sh
		[ "$status" -eq 78 ]
		[[ "$output" == *"option $option /nowhere/to/be: No such"* ]]
		for value in 'exec /bin/sh -c x' 'exec "/nowhere"' \
			'x=1; exec /nowhere/x'; do
			[ "$("$SMTPD" --check "$option" "$value" sh)" = ok ]
		done
	done
}

@test "--check says ok, or what is wrong" {
	run "$SMTPD" --check sh
	[ "$status" -eq 0 ]
	[ "$output" = ok ]
	run "$SMTPD" --check "$BATS_TEST_TMPDIR/nowhere"
	[ "$status" -eq 78 ]
	[[ "$output" == *nowhere:\ No\ such\ file* ]]
	for line in 'cat >/tmp/x' '|/bin/cat' '/bin/cat /dev/null'; do
		run "$SMTPD" --check "$line"
		[ "$status" -eq 78 ]
		[[ "$output" == *"$line: a shell line needs sh -c '...'"* ]] ||
			fail "$output"
	done
	run "$SMTPD" --check /tmp
	[ "$status" -eq 78 ]
	for start in '' '#!/bin/sh\r' '#!/usr/bin/env sh\r' '#!/no/such/shell' \
		'#!/tmp' '#!' '#!/usr/bin/env nothing_like_it' \
		'#!/usr/bin/env -S nothing_like_it -x' '#!/usr/bin/env sh -e' \
		'#!/usr/bin/env nothing-like-it'; do
		printf '%b\nexit 0\n' "$start" >"$BATS_TEST_TMPDIR/script"
		chmod +x "$BATS_TEST_TMPDIR/script"
		run "$SMTPD" --check "$BATS_TEST_TMPDIR/script"
		[ "$status" -eq 78 ] || fail "$start"
		[[ "$output" == *'/script: '*'#! line'* ]] || fail "$start"
	done
	for start in '#!/usr/bin/env sh' '#! /usr/bin/env -S sh -e' \
		'#!/usr/bin/env -i sh' '#!  /usr/bin/env  sh  ' \
		'#!/usr/bin/env -S ${NO_SUCH} sh' '#!/bin/sh -e' '#!/usr/bin/env -S A=b sh' \
		'#!/usr/bin/env\nnothing_like_it'; do
		echo -e "$start" >"$BATS_TEST_TMPDIR/script"
		run "$SMTPD" --check "$BATS_TEST_TMPDIR/script"
		[ "$output" = ok ] || fail "$start"
	done
	run "$SMTPD" --check -d /dev/null -u /dev/null "$CATCH"
	[ "$status" -eq 0 ]
	run "$SMTPD" --check --spool "$BATS_TEST_TMPDIR/nowhere" sh
	[ "$status" -eq 78 ]
	[[ "$output" == *'option --spool /'*nowhere:\ No\ such\ file* ]]
	TMPDIR=$BATS_TEST_TMPDIR/nowhere run "$SMTPD" --check sh
	[ "$status" -eq 78 ]
	[[ "$output" == *'option --spool ($TMPDIR) /'*nowhere:\ No\ such\ file* ]]
	run "$SMTPD" --check --max-size x sh </dev/null
	[ "$status" -eq 64 ]
}

@test "a command of more than 2 GiB, of a day after 2038: ok, on 32 bits too" {
	local command=$BATS_TEST_TMPDIR/command
	printf '#!/bin/sh\nexit 0\n' >"$command"
	truncate -s 3G "$command" # a hole
	chmod +x "$command"
	touch -d 2040-01-01 "$command"
	run "$SMTPD" --check "$command"
	[ "$status" -eq 0 ] || fail "$output"
	[ "$output" = ok ]
}

@test "--check hints at an option behind the command, which is the command's" {
	local word
	for word in --domain --domain=example.org --check; do
		run "$SMTPD" --check sh x -r "$word" y
		[ "$status" -eq 0 ]
		[ "${#lines[@]}" -eq 2 ] && [ "${lines[0]}" = ok ]
		[[ "${lines[1]}" == "hint: ${word%=*} stands behind "* ]] ||
			fail "$output"
	done
	for word in -d --domains --dom -- --= domain; do
		[ "$("$SMTPD" --check -d example.org -- sh "$word" y)" = ok ] ||
			fail "$word"
	done
}

@test "a closed descriptor is no connection: exit 71, and it is logged" {
	ends 71 "$SMTPD" cat <&- >"$REPLIES" 2>"$LOG"
	logged 'is closed'
	ends 71 "$SMTPD" cat </dev/null >&- 2>"$LOG"
	logged 'is closed'
}

@test "a directory is no connection: exit 71" {
	ends 71 "$SMTPD" -n mx cat </ >"$REPLIES" 2>"$LOG"
	logged 'reason=error error="Is a directory"'
}

@test "one line a message, one at the close; none for a silent probe" {
	say "${HELLO[@]}" DATA x . QUIT | serve
	[ "$(wc -l <"$LOG")" -eq 2 ]
	logged '^smtpd\[[0-9]*\]: message id=[0-9a-f]* client=unknown helo=client.example from=ann@example.net to=help@example.org nrcpt=1 size=[0-9]* exit=0 reply="250 2.0.0" seconds=[0-9]*\.[0-9][0-9][0-9]$'
	logged '^smtpd\[[0-9]*\]: close client=unknown reason=quit messages=1 in=[0-9]* out=[0-9]* seconds='
	serve </dev/null
	[ ! -s "$LOG" ]
	codes_are 220
}

@test "--verbose logs each command and reply, escaped, a line each" {
	octets 'NOOP \0001\0001\302\251"\\\\\r\nQUIT\r\n' | serve -v
	logged '^smtpd\[[0-9]*\]: connect client=unknown$'
	logged 'command client=unknown line="NOOP \\x01\\x01\\xC2\\xA9\\x22\\x5C'
	logged 'reply client=unknown reply="221 2.0.0" text=Bye$'
}

@test "--log none says nothing" {
	say "${HELLO[@]}" DATA x . QUIT | serve --log none
	[ ! -s "$LOG" ]
	delivered 1
}

@test "the journal gets priorities in the place of the name" {
	say "${HELLO[@]}" DATA x . QUIT >"$BATS_TEST_TMPDIR/in"
	: >"$LOG"
	export JOURNAL_STREAM
	JOURNAL_STREAM=$(stat -c %d:%i "$LOG")
	"$SMTPD" -n mx sh -c 'exit 75' \
		<"$BATS_TEST_TMPDIR/in" >"$REPLIES" 2>"$LOG"
	logged '^<4>message id='
	logged '^<6>close client='
	{
		say "${HELLO[@]}" DATA
		head -c 1500000 /dev/zero
	} >"$BATS_TEST_TMPDIR/cut"
	"$SMTPD" -n mx --spool /nowhere cat \
		<"$BATS_TEST_TMPDIR/cut" >"$REPLIES" 2>"$LOG"
	logged '^<4>message .* spool=/nowhere error=".*" dropped=yes'
	"$SMTPD" -n mx -r 1 --lookup \
		'[ "$1" = help@example.org ] || exit 75' \
		sh -c 'echo 450 4.7.1 not yet; exit 75' \
		< <(say "${HELLO[@]:0:2}" 'RCPT TO:<x@y>' "${HELLO[2]}" \
			'RCPT TO:<two@y>' DATA x .) >"$REPLIES" 2>"$LOG"
	codes_are 220 250 250 451 250 452 354 450
	logged '^<4>lookup .* to=x@y'
	logged '^<6>refuse .* reply="451 4.3.0" to=x@y'
	logged '^<6>message .* reply="450 4.7.1"'
	say 'EHLO c' 'AUTH PLAIN AGpvZQBz' 'AUTH PLAIN AGpvZQBz' 'AUTH LOGIN' \
		'*' STARTTLS QUIT >"$BATS_TEST_TMPDIR/in"
	"$SMTPD" -n mx --auth 'echo x >>"$BOX/n"; exit $(wc -l <"$BOX/n")' \
		--auth-in-clear sh <"$BATS_TEST_TMPDIR/in" >"$REPLIES" 2>"$LOG"
	codes_are 220 250 535 454 334 501 502 221
	logged '^<6>auth .* reply="535 5.7.8"$'
	logged '^<4>auth .* exit=2 reply="454 4.7.0"$'
	logged '^<6>refuse .* reply="501 5.7.0"'
	ends 78 "$SMTPD" --check --log syslog -d /nowhere sh 2>"$LOG"
	logged '^<3>config '
}

@test "a line of long values keeps its end" {
	local long
	long=$(printf '\303\251%.0s' {1..120})
	say "EHLO $long" "MAIL FROM:<$long@example.net> SMTPUTF8" \
		"RCPT TO:<$long@example.org>" DATA x . QUIT |
		serve -- "/$(printf 'x%.0s' {1..1500})"
	reply_is 6 '451 4.3.0'
	logged 'message .* from=".*\.\.\." to=".*\.\.\." .* reply="451 4.3.0" seconds=[0-9.]*$'
	[ "$(awk 'length > 4095' "$LOG" | wc -l)" -eq 0 ]
}

@test "a log that cannot be written loses no mail" {
	say "${HELLO[@]}" DATA x . QUIT >"$BATS_TEST_TMPDIR/in"
	"$SMTPD" -n mx "$CATCH" <"$BATS_TEST_TMPDIR/in" >"$REPLIES" 2>/dev/full
	codes_are 220 250 250 250 354 250 221
	delivered 1
}

@test "a log that nobody reads holds up neither the mail nor the session" {
	say "${HELLO[@]}" DATA x . QUIT >"$BATS_TEST_TMPDIR/in"
	mkfifo "$BATS_TEST_TMPDIR/full"
	exec 5<>"$BATS_TEST_TMPDIR/full"
	timeout 20 "$SMTPD" -n mx sh -c 'head -c 200000 /dev/zero | tr "\\0" "\\n" |
		sed s/^/line/' <"$BATS_TEST_TMPDIR/in" >"$REPLIES" 2>&5
	codes_are 220 250 250 250 354 250 221
	exec 5>&-
}

@test "a message that the client gives up is logged" {
	say "${HELLO[@]}" DATA x | serve
	logged 'message id=[0-9a-f]* client=unknown .*to=help@example.org nrcpt=1 .*dropped=yes'
	not_delivered
}
