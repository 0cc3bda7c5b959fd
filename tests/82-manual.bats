#!/usr/bin/env bats
# smtpd.8 says what smtpd does.  The cases are in tests/lib/manual.py.  (Options
# are in 80-options.bats; "make lint" asks that doc/smtpd.8.md is current.)
load helper

manual() {
	python_case 110 lib/manual.py "$@"
}

@test "the manual's first example runs as it stands" {
	manual example
}

@test "each row of the manual's table of exit statuses is what a client hears" {
	manual statuses
}

@test "the lines of the log in the manual are what smtpd writes, one of each" {
	manual log_lines
}

@test "every error and hint of the source stands in the manual's DIAGNOSTICS" {
	manual source
}

@test "each row of DIAGNOSTICS can be provoked, in just these words" {
	manual diagnostics
}

@test "every refusal that is smtpd's own stands in the manual's REPLIES" {
	manual replies
}

@test "the manual's source has lines below 80 columns, and no folder in it" {
	manual style
}
