#!/usr/bin/env bats
# A pipelined session is the same session however its octets arrive.
load helper

split_up() {
	python_case 100 lib/splits.py "$1"
}

@test "in every two writes and octet by octet, over a socket" {
	split_up socket
}

@test "in every two writes and octet by octet, over two pipes" {
	split_up pipes
}

@test "in every two writes and octet by octet, over TCP" {
	split_up tcp
}
