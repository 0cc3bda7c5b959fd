#!/usr/bin/env bats
# Who may call what, asked of the linker: the arrows of the design never turn.
load helper

undefined() {
	nm -u "$ROOT/$1.o" | sed 's/.* //; s/@.*//; s/^__\(.*\)_chk$/\1/' | sort -u
}

calls_none_of() {
	local object=$1 name found=
	shift
	for name; do
		if undefined "$object" | grep -qx -e "$name"; then
			found="$found $name"
		fi
	done
	[ -z "$found" ] || fail "$object.o calls$found"
}

@test "the objects are there to be asked" {
	[ -n "$(undefined channel)" ]
	[ -n "$(undefined protocol)" ]
	[ -n "$(undefined smtpd)" ]
}

@test "protocol.o touches no descriptor, process, environment, clock or heap" {
	calls_none_of protocol read write recv send poll select pselect open \
		fork vfork 'exec.*' 'posix_spawn.*' 'wait.*' kill getenv \
		clock_gettime time syslog '.*printf' exit _exit malloc calloc \
		realloc free
}

@test "channel.o opens nothing, starts nothing, allocates nothing, never exits" {
	calls_none_of channel open fork vfork 'exec.*' 'wait.*' getenv syslog \
		'.*printf' exit _exit malloc calloc realloc free fcntl
}

@test "channel.o knows nothing of the protocol or the program" {
	calls_none_of channel 'protocol_.*' 'text_.*' 'span_.*'
}

@test "protocol.o uses nothing of its own project but the channel" {
	others=$(undefined protocol | grep _ | grep -v -e ^channel_ -e ^_ || true)
	[ -z "$others" ] || fail "$others"
}

@test "smtpd.o leaves the client's octets to the channel, and calls no shell" {
	calls_none_of smtpd recv recvfrom poll select pselect system popen \
		channel_fill channel_peek channel_record channel_write
}

@test "no function is over 60 lines, main under 45" {
	long=$(awk '/^[a-z_][a-z0-9_]*\(/ {
			start = FNR; name = $0; sub(/\(.*/, "", name)
		}
		/^}/ && start {
			if (FNR - start + 1 > (name == "main" ? 44 : 60))
				print FILENAME ": " name
			start = 0
		}' "$ROOT"/*.c "$ROOT"/tests/unit/*.c)
	[ -z "$long" ] || fail "$long"
}
