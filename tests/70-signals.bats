#!/usr/bin/env bats
# DESIGN, 3: a running command is let finish and its reply is sent; else 421
# 4.3.2 at once, nothing run, exit 0.  The cases are in tests/lib/signals.py.
load helper

# on_signal CASE SIGNAL ...
on_signal() {
	python_case 60 lib/signals.py "$@"
}

on_each_signal() {
	on_signal "$1" SIGTERM SIGINT SIGHUP
}

@test "a signal before the greeting is read: 421 4.3.2" {
	on_each_signal unread
}

@test "a signal between commands: 421 4.3.2" {
	on_each_signal idle
}

@test "a signal in the middle of a command line: 421 4.3.2" {
	on_each_signal line
}

@test "a signal in the middle of a message: 421 4.3.2, nothing run" {
	on_each_signal content
}

@test "a signal while the command runs: its 250, then 421 4.3.2" {
	on_each_signal runs
}

@test "what is pipelined behind that message is not begun" {
	on_each_signal pipelined
}

@test "LMTP: the run in progress by its result, the others 421 4.3.2" {
	on_each_signal lmtp
}

@test "a signal at any moment: each message whole and answered, or not run" {
	on_each_signal any_moment
}

@test "a client that sends without pause cannot hold off SIGTERM" {
	on_signal flood SIGTERM
}

@test "a client that does not read cannot hold off SIGTERM" {
	on_signal deaf SIGTERM
}

@test "SIGHUP and SIGINT stay ignored where they came ignored" {
	on_signal ignored SIGHUP SIGINT
}

@test "SIGTERM that came ignored is heard" {
	on_signal ignored SIGTERM
}

@test "signals that came blocked are heard" {
	on_each_signal blocked
}
