#!/usr/bin/env bats
# DESIGN, 13: sockets that listen.  The cases are in tests/lib/listen.py, whose
# launcher leaves them in each way that launchers have.
load helper

# listen CASE [argument ...]
listen() {
	python_case 60 lib/listen.py "$@"
}

@test "a socket on 0, on 0 to 1, on 0 to 2, on 3: each kind, its flags stay" {
	listen ways
}

@test "two and three sockets are served alike" {
	listen several
}

@test "a socket on 2: nothing but replies reaches a client" {
	listen two
}

@test "a log that is on 1 and 2 is no client's" {
	listen one_log
}

@test "variables about another client are for nobody, and all others stay" {
	listen environment
}

@test "each client is named, by variables and log: IPv4, IPv6, mapped, unix" {
	listen named
}

@test "no session and no command has a socket that listens" {
	listen open_descriptors
}

@test "a mixture, several connected, datagrams, packets: config, and 421 4.3.5" {
	listen mixture
}

@test "a bad configuration: 421 4.3.5 for 5 seconds, one line, no READY=1" {
	listen bad
}

@test "SIGTERM cuts that short; a terminal and --check know no such time" {
	listen bad_stopped
}

@test "--max-sessions: the others wait, and come when one has left" {
	listen max_sessions
}

@test "--max-per-client: 421 4.7.0 and a line, no place taken, others served" {
	listen max_per_client
}

@test "--max-per-client: not for unix, --xclient, --proxy; 0 is no limit" {
	listen not_counted
}

@test "--max-per-client: of IPv6 a client is its /64" {
	listen networks
}

@test "a client that has reset already is named, and counted" {
	listen reset_at_once
}

@test "a session that dies by any signal is a line; no other notices" {
	listen dies
}

@test "a signal: sessions are told, a run ends, who comes is the next one's" {
	listen stops SIGTERM SIGINT SIGHUP
}

@test "SIGINT and SIGHUP stay ignored where they came ignored" {
	listen ignored SIGINT SIGHUP
}

@test "SIGTERM is heard with all places taken" {
	listen full_stop
}

@test "a log that nobody reads: what ends meanwhile is not forgotten" {
	listen unread_log
}

@test "two servers on one socket: one ends, the other goes on" {
	listen shared
}

@test "NOTIFY_SOCKET, a path or abstract: READY=1 first, STOPPING=1 at once" {
	listen notify
}

@test "files are read by each session: a rename between two of them" {
	listen anew
}

@test "--lmtp: a run and a reply for each recipient" {
	listen lmtp
}

@test "--starttls and --auth, in two sessions at once" {
	listen starttls
}

@test "--proxy: the client is whom the header names" {
	listen proxy
}

@test "an error of accept that is one connection's is passed over" {
	listen passed_over
}

@test "one of the host's is logged once, and tried again" {
	listen short_of
	listen descriptors_run_out
	listen no_socket
	listen no_descriptor
}

@test "no process for a session: 421 4.3.2 and a line, then it goes on" {
	listen fork_fails
	listen processes_run_out
}
