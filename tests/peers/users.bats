#!/usr/bin/env bats
# DESIGN, 7: commands that become another user, smtpd with no rights, file
# systems that are read-only, full or hidden, and what a launcher leaves behind.
# shellcheck disable=SC2016 # the words are a command's
load ../helper

NOBODY=(setpriv --reuid 65534 --regid 65534 --clear-groups
	--bounding-set=-all --inh-caps=-all)
# Reads the message by its name and by its descriptor.
SUMS='cat /dev/stdin | cksum; cksum'
# What setpriv cannot do: a program that is its owner's, and all of it is.
OWNER='#include <unistd.h>
int main(int n, char **v) { uid_t u = geteuid(); (void)n;
	return setresuid(u, u, u) || execvp(v[1], v + 1) ? 71 : 71; }'

# $OWN is a folder that everybody can reach, with a copy of smtpd.
own_folder() {
	OWN=$BATS_TEST_TMPDIR/own
	export OWN
	mkdir -p "$OWN/spool"
	chmod 1777 "$OWN/spool"
	chmod a+x "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"
	install -m 755 "$SMTPD" "$OWN/smtpd"
	# 3 MB
	seq -f 'line %.0f of the large message' 90000 >"$OWN/large"
	echo x >"$OWN/small"
	OPTIONS=(-n mx --no-received --spool "$OWN/spool")
}

# owner_program NAME UID: runs its arguments as that user, whoever starts it.
owner_program() {
	cc -x c -o "$OWN/$1" - <<<"$OWNER"
	chown "$2" "$OWN/$1"
	chmod 4755 "$OWN/$1"
}

# mail FILE ...: a session with these messages.
mail() {
	local file
	say 'EHLO client.example'
	for file; do
		say "${HELLO[@]:1}" DATA
		sed 's/$/\r/' "$OWN/$file"
		say .
	done
	say NOOP QUIT
}

# under PRELUDE command ...: smtpd, after PRELUDE in a mount namespace; command
# starts with what starts it.
under() {
	timeout -s KILL 30 unshare --mount sh -ec "$1"'
		exec "$@"' sh "${@:2}" >"$REPLIES" 2>"$LOG" 3>&-
}

# read_whole FILE ...: each time that a command read one, as it told the log.
read_whole() {
	local file
	for file; do
		cksum <"$OWN/$file"
	done | diff - <(sed -n 's/.* output .* line="\(.*\)"$/\1/p' "$LOG")
}

spool_is_empty() {
	[ -z "$(ls -A "$OWN/spool")" ] || fail 'a file is left in the spool'
}

TMPFS='mount -t tmpfs -o mode=1777 none "$OWN/spool";'
READ_ONLY='mount -o remount,bind,ro /; mount --bind "$OWN" "$OWN";
	mount -o remount,bind,ro "$OWN";'
NO_PROC='mount -t tmpfs none /proc;'

# reads_as PROGRAM ...: files are for nobody but us, the command is not us.
reads_as() {
	umask 077
	mail small large | under "$TMPFS" "$OWN/smtpd" "${OPTIONS[@]}" \
		"$@" sh -c "id -u; $SUMS"
	codes_are 220 250 250 250 354 250 250 250 354 250 250 221
	[ "$(grep -c 'line=65534$' "$LOG")" -eq 2 ] || fail 'not nobody'
	read_whole small small large large
}

@test "a command that setpriv made nobody reads the message, small and large" {
	own_folder
	reads_as "${NOBODY[@]}"
}

@test "a setuid command reads the message, small and large" {
	own_folder
	owner_program become 65534
	reads_as "$OWN/become"
}

@test "smtpd as nobody, its command root by its setuid bit, as with sudo" {
	own_folder
	owner_program become 0
	mail small large | under "$TMPFS" setpriv --reuid 65534 --clear-groups \
		"$OWN/smtpd" "${OPTIONS[@]}" "$OWN/become" sh -c "id -u; $SUMS"
	codes_are 220 250 250 250 354 250 250 250 354 250 250 221
	[ "$(grep -c 'line=0$' "$LOG")" -eq 2 ] || fail 'not root'
	read_whole small small large large
}

@test "a command that smtpd may not kill: 451 in time, signal=stuck" {
	local began=$SECONDS
	own_folder
	owner_program become 0
	mail small | under '' "${NOBODY[@]}" "$OWN/smtpd" "${OPTIONS[@]}" -T 1 \
		"$OWN/become" sh -c 'trap "" TERM; echo $$ >"$OWN/pid"
		exec sleep 100'
	[ $((SECONDS - began)) -le 14 ]
	kill -KILL "$(cat "$OWN/pid")" || fail 'it was not stuck'
	rm "$OWN/pid"
	codes_are 220 250 250 250 354 451 250 221
	reply_is 6 '451 4.3.0'
	logged 'message .* signal=stuck timeout=yes reply="451 4.3.0"'
	logged 'close .*reason=quit'
}

teardown() {
	local file
	for file in "$OWN/pid" "$OWN/foreign"; do
		[ ! -s "$file" ] || kill -KILL "$(cat "$file")" || :
	done
}

@test "nobody, no capability, a read-only root: small and large" {
	own_folder
	mail small large | under "$READ_ONLY$TMPFS" "${NOBODY[@]}" \
		"$OWN/smtpd" "${OPTIONS[@]}" sh -c "$SUMS"
	codes_are 220 250 250 250 354 250 250 250 354 250 250 221
	read_whole small small large large
}

@test "a spool that is read-only: small ones work, a large one is 451" {
	own_folder
	mail small large small | under "$READ_ONLY" "${NOBODY[@]}" \
		"$OWN/smtpd" "${OPTIONS[@]}" sh -c "$SUMS"
	codes_are 220 250 250 250 354 250 250 250 354 451 250 250 354 250 \
		250 221
	reply_is 10 '451 4.3.0'
	logged 'error="Read-only file system" reply="451 4.3.0"'
	read_whole small small small small
}

@test "no /proc: small and large, one run a recipient, no file left" {
	own_folder
	mail small large | sed -e 's/^EHLO/LHLO/' -e '/^RCPT/p' |
		under "$NO_PROC" "${NOBODY[@]}" "$OWN/smtpd" "${OPTIONS[@]}" \
		--lmtp cksum
	codes_are 220 250 250 250 250 354 250 250 250 250 250 354 250 250 \
		250 221
	read_whole small small large large
	spool_is_empty
}

@test "a full disk: 452 4.3.1, and what comes next is delivered" {
	own_folder
	head -n 45000 "$OWN/large" >"$OWN/medium"
	mail large small medium |
		under "${TMPFS/mode/size=2m,mode}" "${NOBODY[@]}" "$OWN/smtpd" \
		"${OPTIONS[@]}" cksum
	codes_are 220 250 250 250 354 452 250 250 354 250 250 250 354 250 \
		250 221
	reply_is 6 '452 4.3.1'
	read_whole small medium
}

# With a foreign child, that waits for $OWN/go and then exits with 67.
FOREIGN='{ read -r x <"$OWN/go"; exit 67; } & echo $! >"$OWN/foreign"
	exec "$@"'

READ_F='read -r F <"$OWN/foreign";'

# foreign COMMAND [option ...]: $F is that child's number.
foreign() {
	own_folder
	mkfifo "$OWN/go"
	mail small | timeout -s KILL 30 sh -c "$FOREIGN" sh "$OWN/smtpd" \
		"${OPTIONS[@]}" "${@:2}" sh -c "$READ_F $1" \
		>"$REPLIES" 2>"$LOG" 3>&-
}

# In a command: lets it end, and waits until it has.
LET_GO='echo >"$OWN/go"
	until grep -q "^State:.Z" "/proc/$F/status"; do :; done; '

@test "a child that the launcher left ends first: the command's own status" {
	foreign "$LET_GO exit 65"
	codes_are 220 250 250 250 354 554 250 221
	logged 'exit=65 reply="554 5.6.0"'
	rm "$OWN/foreign"
}

@test "a child that the launcher left outlives a command past its time" {
	foreign 'sleep 60 & wait' -T 1
	codes_are 220 250 250 250 354 451 250 221
	logged 'signal=15 timeout=yes'
	echo >"$OWN/go"
	gone "$(cat "$OWN/foreign")"
	rm "$OWN/foreign"
}

# Hundreds of them, up to the highest that we may have, and what is inherited
# of signals; then smtpd.
LADEN='import os, resource, signal, sys
most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
for fd in (*range(3, 400), min(most, 65536) - 1):
    os.dup2(0, fd)
for n in {*range(1, 65)} - {9, 19, 32, 33}:
    signal.signal(n, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
os.execvp(sys.argv[1], sys.argv[1:])'

# laden PRELUDE [strace ...]: what the command finds of all that.
laden() {
	own_folder
	mail small | under "$1" python3 -c "$LADEN" "${@:2}" "$OWN/smtpd" \
		"${OPTIONS[@]}" "$ROOT/tests/unit/probe" "$OWN/facts"
	codes_are 220 250 250 250 354 250 250 221
	for fact in fds=0,1,2 ignored= blocked= pgrp=own; do
		grep -qx "$fact" "$OWN/facts" || fail "$(cat "$OWN/facts")"
	done
}

@test "a launcher's descriptors and signals: none reaches the command" {
	laden ''
}

@test "a kernel without close_range, with and without /proc: likewise" {
	local old=(strace -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=close_range
		-e inject=close_range:error=ENOSYS)
	laden '' "${old[@]}"
	rm "$OWN/facts"
	grep -q INJECTED "$BATS_TEST_TMPDIR/trace"
	laden "$NO_PROC" "${old[@]}"
}
