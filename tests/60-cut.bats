#!/usr/bin/env bats
# The client leaves after each octet of a session: the command runs if and only
# if the end of data was sent whole, and nothing is left in either case.
load helper

# cut HOW SIZE: see tests/lib/cut.py.  Says how many cuts were tried.
cut_off() {
	mkdir "$BATS_TEST_TMPDIR/spool"
	python_case 100 lib/cut.py "$@" "$BATS_TEST_TMPDIR/spool"
}

@test "a client that leaves after any octet, over a socket" {
	cut_off socket 0
}

@test "a client that leaves after any octet, over two pipes" {
	cut_off pipes 0
}

@test "a client that resets the connection after any octet" {
	cut_off reset 0
}

@test "a message on disk that is cut off, over a socket" {
	cut_off socket 1300000
}

@test "a message on disk that is cut off, over two pipes" {
	cut_off pipes 1300000
}

@test "a message on disk that is cut off by a reset" {
	cut_off reset 1300000
}
