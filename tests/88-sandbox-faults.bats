#!/usr/bin/env bats
# As 75-faults, in sessions of two processes.
load helper

faults() {
	SANDBOX=yes python_case 110 lib/faults.py "$@"
}

@test "by --sandbox each call of both processes fails once" {
	faults errors small
}

@test "by --sandbox SIGKILL comes at each call, and all of a kind fail" {
	faults kill lmtp starttls listen
	faults gone small starttls
}

@test "by --sandbox: limits of descriptors, memory and processes" {
	faults limits NOFILE AS NPROC
}
