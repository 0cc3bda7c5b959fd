#!/usr/bin/env bats
# Where a password is, once AUTH was answered: nowhere in the memory of the
# session.  Of the ordinary build alone: a sanitizer keeps copies of its own.
load helper

@test "no password stays in memory: a socket" {
	python_case 100 lib/secrets.py socket
}

@test "no password stays in memory: two pipes" {
	python_case 100 lib/secrets.py pipes
}

@test "no password stays in memory: a terminal" {
	python_case 100 lib/secrets.py terminal
}
