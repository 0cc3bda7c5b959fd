#!/usr/bin/env bats
# DESIGN, 10: STARTTLS, by --starttls with a COMMAND of the tests that does the
# TLS, or a bad one, and by a UCSPI-TLS launcher that is played.  The cases are
# in tests/lib/starttls.py and tests/lib/ucspi.py.
load helper

starttls() {
	: >"$LOG"
	python_case 100 lib/starttls.py "$@"
}

ucspi() {
	: >"$LOG"
	python_case 100 lib/ucspi.py "$@"
}

@test "EHLO announces STARTTLS before it, not after; the session begins anew (RFC 3207, 4.2)" {
	starttls announced
}

@test "TLS 1.2 and 1.3, over TCP, a socket pair, and two pipes" {
	starttls versions
}

@test "STARTTLS pipelined behind other commands: their replies leave in the clear" {
	starttls pipelined_before
}

@test "ESMTPS, ESMTPSA, UTF8SMTPS, LMTPS and their kind (RFC 3848, 6531)" {
	starttls names
}

@test "who authenticated before TLS has not" {
	starttls forgotten
}

@test "STARTTLS with an argument 501, in a transaction 503, not offered 502" {
	starttls refused
}

@test "--require-tls: 530 5.7.0 before it" {
	starttls required
}

@test "a COMMAND that fails at once: 454, and on in clear, with nothing left of it" {
	starttls not_now
}

@test "behind a 454 what needs TLS is 451, not 530, 538 or 550, until it is up" {
	starttls later
}

@test "a 454 is our fault in the journal, a handshake that fails is not" {
	starttls at_level
}

@test "an end of file behind STARTTLS: 454, and COMMAND is not asked" {
	say 'EHLO c' STARTTLS >"$BATS_TEST_TMPDIR/in"
	serve --starttls ': >"$BOX/asked"; exec sleep 300' \
		<"$BATS_TEST_TMPDIR/in"
	exited 0
	codes_are 220 250 454
	reply_is 3 '454 4.7.0'
	[ ! -e "$BOX/asked" ] || fail 'it was asked'
	not_logged ' tls '
	logged ' close .* reason=eof '
}

@test "exit 126 and 127 are config lines, each time" {
	starttls config
}

@test "STARTTLS again after a 454" {
	starttls again
}

@test "too few descriptors: 454, and none is lost by it" {
	starttls descriptors_run_out
}

@test "garbage in the handshake, half of one, a reset: no reply, reason=tls" {
	starttls garbage
}

@test "a COMMAND that fails in the handshake, however it does" {
	starttls command_fails
}

@test "a handshake ends with --timeout, and no octet puts that off" {
	starttls silent
}

@test "what stands behind STARTTLS in the clear, cut at every octet: 421 4.7.0" {
	starttls behind
}

@test "what stands behind STARTTLS and was not read with it: likewise" {
	starttls behind_unread
}

@test "what comes behind STARTTLS while COMMAND is looked at: likewise" {
	starttls behind_meanwhile
}

@test "what comes behind the 220 in the clear is not ours to read" {
	starttls never_used
}

@test "signals at any time: COMMAND is started once" {
	starttls interrupted
}

@test "a COMMAND that ends, or closes its clear side, ends the session" {
	starttls ends_early
}

@test "the connection ends with COMMAND, under an inetd too, while smtpd is at work" {
	starttls connection_ends
}

@test "what COMMAND prints is logged, and much of it holds up nobody" {
	starttls output
}

@test "a COMMAND that prints without end holds up nobody" {
	starttls output_without_end
}

@test "COMMAND has five descriptors, no signal of ours, its own group; the command none of it" {
	starttls surroundings
}

@test "a COMMAND that stays is killed, and its group" {
	starttls stays
}

@test "SIGTERM in the handshake, between commands, while the command runs" {
	starttls stopped
}

@test "some MiB, and replies that nobody reads: both ways full" {
	starttls large
}

@test "two messages and 500 commands in one write" {
	starttls pipelined
}

@test "LMTP in TLS: a reply a recipient" {
	starttls lmtp
}

@test "a time-out is told in TLS" {
	starttls timeout
}

@test "--check: a COMMAND without exec is no good; --require-tls needs a way to TLS" {
	local say
	for say in 'couriertls -statusfd=4' 'executor x' ':' 'EXEC y' \
		'true # exec' 'true;# exec' 'x "exec y"' "x 'a;exec y'" \
		'x \ exec' "x '"; do
		ends 78 "$SMTPD" --check --starttls "$say" -- "$CATCH" 2>"$LOG"
		logged 'option --starttls .*: without exec'
	done
	for say in 'x=1; exec y' 'cd /x;exec y' $'cd /x\nexec y' \
		'cd /x && (exec y)' '[ -r x ]||exec y' $'x # it\'s\nexec y' \
		'echo "a # b"; exec y' "x '#'; exec y" 'x#y;exec y' \
		'x \";exec y' \
		'case x in x)exec y;; esac' $'exec\ty'; do
		[ "$("$SMTPD" --check --starttls "$say" -- "$CATCH")" = ok ] ||
			fail "$say"
	done
	say QUIT | serve --require-tls
	exited 78
	codes_are 421
	logged 'option --require-tls: '
}

@test "UCSPI-TLS: a session, SSL_PROTOCOL and SSL_CIPHER" {
	ucspi session
}

@test "UCSPI-TLS: answers of each kind and length, octet by octet" {
	ucspi answers
}

@test "UCSPI-TLS: the client and our own address stay known" {
	ucspi local_address
}

@test "UCSPI-TLS: what follows the answer is not read" {
	ucspi reads_no_further
}

@test "UCSPI-TLS: an answer that ends, stays away, dawdles or is too long" {
	ucspi fails
}

@test "UCSPI-TLS: a launcher that reads nothing holds up nobody" {
	ucspi deaf
}

@test "UCSPI-TLS: octets behind STARTTLS are 421, and the launcher is not asked" {
	ucspi behind
}

@test "UCSPI-TLS: names of closed descriptors, of files, of none: not offered" {
	ucspi names
}

@test "UCSPI-TLS: its descriptors are spared, all others closed; the command has none" {
	ucspi descriptors_left
}

@test "UCSPI-TLS beside --starttls: COMMAND goes first" {
	ucspi command_first
}

@test "UCSPI-TLS: some MiB" {
	ucspi large
}

@test "UCSPI-TLS: a launcher that does TLS when it is asked" {
	ucspi real_tls
}
