#!/usr/bin/env bats
# The picture of the house, asked of the linker: who may call whom, and what of
# the system.  A room stands below all that it calls, so no arrow turns round.
load helper

ROOMS='
text:
variable:
file: text
date: text
address: text
path: text address
opening: text
spool: text file
ip: text
lists: text file address ip
users: text address lists
channel: text
log: text variable channel
peer: text variable ip
launcher: text variable file
process: text variable file channel
content: text
sasl: text address
reply: text
envelope: text address
parameters: text address
replies:
xclient: text address ip sasl
proxy: text ip
protocol: text address path content sasl reply replies envelope parameters
	xclient
serve: text channel reply proxy protocol
front: text lists channel ip peer proxy
verdict: text reply
client: text reply
stuffing: text
dial: text channel ip
prepend: text
expand: text address lists users
message: text date opening spool envelope prepend
environment: text variable date spool envelope message
event: text channel log process spool sasl environment
listener: text variable launcher lists log ip peer reply channel event
runner: text launcher peer process environment verdict event prepend
delivery: text channel spool process envelope message verdict runner event
recipients: text file lists users channel process verdict expand runner event
	message prepend
auth: text file process sasl verdict environment runner
ucspi: text peer channel
tls: text peer channel process environment runner event ucspi
frame: text
speaker: text channel sasl frame
claim: text address ip sasl replies proxy frame
ledger: text address sasl envelope parameters claim
deed: text envelope sasl frame claim ledger
doer: text channel process frame deed
sandbox: text launcher
values: text lists ip
options: text variable lists values
trial: text variable lists process spool environment values
smtpd: text file lists channel log peer launcher process content protocol
	serve environment event delivery recipients auth tls options trial front
	runner listener sandbox speaker doer
forward: text file channel reply client stuffing dial
'

# What a room may ask of the system; a room that has no line asks nothing but
# what calculates.
POWERS='
file: descriptors files
spool: descriptors files
lists: descriptors files heap
channel: clock descriptors signals
log: descriptors
peer: descriptors host
listener: descriptors heap processes
launcher: descriptors environment files host signals
process: descriptors exit files processes signals
message: clock
variable: environment
environment: environment
runner: descriptors
delivery: heap
speaker: descriptors exit
doer: descriptors processes
sandbox: descriptors environment exit files heap host lock processes signals
auth: clock descriptors
tls: descriptors files processes
ucspi: descriptors
options: host
smtpd: descriptors exit files host
dial: descriptors names
forward: descriptors environment exit files host print signals
'

# What is no power: octets, numbers, and what compilers call by themselves.
CALCULATES='mem.*|bcmp|str.*|atoi|ntohs|inet_(pton|ntop)|sig(empty|add|is).*|environ'
CALCULATES+='|fdelt|__errno_location|__stack_chk_fail(_local)?|__[a-z]*(di|ti)[34]|__assert_fail|_GLOBAL_.*'

# What each power is, as whole names of functions.
names_of() {
	case $1 in
	clock) echo 'clock_gettime time gettimeofday' ;;
	descriptors) echo 'read write pread pwrite lseek recv send close dup.*
		fcntl ioctl isatty poll ppoll select pselect shutdown
		[gs]etsockopt socket(pair)? connect bind listen accept.* pipe.*' ;;
	environment) echo '.*env environ' ;;
	exit) echo '_?exit _Exit abort' ;;
	files) echo 'f?open(at)? fopen.* unlink.* mk.*temp memfd_create
		l?f?stat fchmod access rename.* .*dir dirfd' ;;
	heap) echo 'malloc calloc realloc free strdup mmap munmap madvise' ;;
	host) echo 'gethostname getopt.* opt.* getpid sysconf syscall getpeername
		getsockname' ;;
	lock) echo 'prctl (__)?setrlimit getppid' ;;
	names) echo '.*addrinfo gai_strerror' ;;
	print) echo 'f?printf tmpfile fileno stderr fwrite' ;;
	processes) echo 'fork vfork posix_spawn.* exec.* wait.* kill system
		popen setpgid' ;;
	signals) echo 'sig(action|procmask|nal|suspend)' ;;
	esac
}

object() {
	case $1 in
	smtpd | protocol | channel) echo "$ROOT/$1.o" ;;
	forward) echo "$ROOT/programs/$1.o" ;;
	*) echo "$ROOT/lib/$1.o" ;;
	esac
}

# needs: a room and a name that it calls, less what checked and wide functions
# have around it, a line; offers: a room and a name that it has for others.
setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	for room in $(rooms); do
		nm -u "$(object "$room")" | sed "s/.* /$room /; s/@.*//
			s/ __\(.*\)_\(chk\|2\)\$/ \1/
			s/ __\([a-z]*\)\(64\)\?_time64\$/ \1/
			s/ __\([a-z_]*\)64\$/ \1/
			s/ \([a-z]*\)64\$/ \1/" >>needs
		nm -g --defined-only "$(object "$room")" |
			sed "s/.* /$room /" >>offers
	done
}

# A room and another that it calls, a line.
arrows() {
	awk 'NR == FNR { room[$2] = $1; next }
		$2 in room && room[$2] != $1 { print $1, room[$2] }' \
		"$BATS_FILE_TMPDIR/offers" "$BATS_FILE_TMPDIR/needs" | sort -u
}

# row TABLE ROOM: what stands behind its colon, and on the lines that go on.
row() {
	sed -n "/^$2:/,/^[^\t]/{s/^$2: *//p;s/^\t//p}" <<<"$1" | tr '\n' ' '
}

rooms() {
	sed -n 's/:.*//p' <<<"$ROOMS"
}

# asks_for ROOM NAMES
asks_for() {
	grep -xE "$1 ($2)" "$BATS_FILE_TMPDIR/needs"
}

@test "each room is in the picture, and can be asked" {
	there=$(printf '%s\n' "$ROOT"/{,lib/,programs/}*.c |
		sed 's/.*\///; s/\.c$//' | sort)
	diff <(rooms | sort) <(echo "$there") >&2
	for room in $(rooms); do
		grep -q "^$room " "$BATS_FILE_TMPDIR/offers" ||
			fail "$room offers nothing"
	done
}

@test "a room calls those that the picture shows, which stand above it" {
	above=' '
	for room in $(rooms); do
		for other in $(row "$ROOMS" "$room"); do
			[[ $above = *" $other "* ]] ||
				fail "$other does not stand above $room"
		done
		above+="$room "
	done
	[ -n "$(arrows)" ]
	while read -r room other; do
		[[ " $(row "$ROOMS" "$room") " = *" $other "* ]] ||
			fail "$room calls $other"
	done < <(arrows)
}

@test "a room asks of the system what the picture says" {
	for room in $(rooms); do
		known=$CALCULATES
		for power in $(row "$POWERS" "$room"); do
			known+="|$(names_of "$power" | xargs | tr ' ' '|')"
		done
		! sed -n "s/^$room //p" "$BATS_FILE_TMPDIR/needs" |
			grep -vxFf <(sed 's/.* //' "$BATS_FILE_TMPDIR/offers") |
			grep -vxE "$known" || fail "of $room, which has no such power"
	done
}

@test "nobody has variables but launcher's signal and the programs" {
	variables=$(for room in $(rooms); do
		nm "$(object "$room")" | sed -n "s/^[0-9a-f]* [bBC] /$room /p"
	done | sed 's/ main\./ /; s/\.[0-9]*$//')
	[ "$variables" = "launcher stop_signal
smtpd s
forward f" ] || fail "$variables"
}

@test "only channel.o has the octets of the client, and nobody a shell" {
	for room in $(rooms); do
		! asks_for "$room" 'system|popen' || fail "$room"
		[ "$room" = channel ] || ! asks_for "$room" 'recv.*' ||
			fail "$room"
	done
	! asks_for smtpd 'channel_(fill|peek|record|write)' || fail smtpd
}

@test "no function is over 60 lines, main under 45, no room over 500" {
	cd "$ROOT"
	long=$(awk '/^[a-z_][a-z0-9_]*\(/ {
			start = FNR; name = $0; sub(/\(.*/, "", name)
		}
		/^}/ && start {
			if (FNR - start + 1 > (name == "main" ? 44 : 60))
				print FILENAME ": " name
			start = 0
		}' ./*.c lib/*.c programs/*.c tests/unit/*.c)
	[ -z "$long" ] || fail "$long"
	for file in lib/*.c programs/*.c; do
		[ "$(wc -l <"$file")" -le 500 ] || fail "$file is two rooms"
	done
	[ "$(wc -l <protocol.c)" -le 1400 ] || fail 'protocol.c is two rooms'
}
