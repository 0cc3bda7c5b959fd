#!/usr/bin/env bats
# Each page of doc/guides, followed on a bare Debian 12 as it stands: see
# bare.bash.
# shellcheck disable=SC2034,SC2154 # variables for and of others
load ../../helper
load ../helper
load helper
load bare

@test "a test sink: mail is a file, a refusal is what it is told to be" {
	follow test-sink.md
	[ -z "$(inside pgrep tcpserver)" ] || fail 'it is not stopped'
}

@test "LMTP behind Postfix: a run for each recipient, a queue for the rest" {
	follow lmtp-behind-postfix.md
	[ "$(inside grep -c . /var/lib/private/smtpd/mails)" -eq 3 ]
	inside postqueue -p | grep -q 'queue is empty'
}
