#!/usr/bin/env bats
# Every system call fails, every resource runs out, and SIGKILL comes at every
# step: see tests/lib/faults.py.  What a client is told is what the command did,
# no fault of ours is a 5xx, and nothing is left.
load helper

faults() {
	python_case 110 lib/faults.py "$@"
}

@test "each system call of a session fails once: two small messages" {
	faults errors small
}

@test "each system call fails once: a message that moves to a nameless file" {
	faults errors large
}

@test "each system call fails once: a spool that has a name" {
	faults errors named
}

@test "each system call fails once: LMTP and three recipients" {
	faults errors lmtp
}

@test "each system call fails once: two pipes" {
	faults errors pipes
}

@test "each system call fails once: files of domains and users, a look-up" {
	faults errors files
}

@test "each system call fails once: STARTTLS" {
	faults errors starttls
}

@test "each system call fails once: who authenticates, after two wrong passwords" {
	faults errors auth
}

@test "each system call fails once: who accepts, and goes on" {
	faults errors listen
}

@test "each system call fails once: a PROXY header, and whose message it is" {
	faults errors proxy
}

@test "each system call fails once: XCLIENT, and XFORWARD for each message" {
	faults errors xclient
}

@test "SIGKILL at each system call: nothing half, nothing left" {
	faults kill small large named lmtp pipes files starttls auth proxy \
		xclient listen
}

@test "from any moment on there is no more of it: descriptors, processes, memory, disk" {
	faults gone small large named lmtp pipes files starttls auth listen
}

@test "limits of descriptors, file size, memory and processes: from none to enough" {
	faults limits NOFILE FSIZE AS DATA NPROC
}

@test "a disk that is full at any write is 452, and the message stays outside" {
	faults disk large named
}
