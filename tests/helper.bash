# Loaded by every .bats file.
#
#   say LINE ... | serve [option ...] [-- command ...]
#
# sends a session, each line with CR LF, to the program on two pipes, and keeps
# what it said: $REPLIES (octets), $LOG (descriptor 2), and the exit status.
# Without a command it is tests/lib/catch, which keeps each message in $BOX.
# With LISTENS=yes in the environment smtpd gets a socket that listens, for this
# and for the sessions of tests/lib/session.py.  With SANDBOX=yes each of them is
# by --sandbox.
# shellcheck disable=SC2034 # variables are for the tests

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SMTPD=${SMTPD:-$ROOT/smtpd}
case $SMTPD in /*) ;; *) SMTPD=$ROOT/$SMTPD ;; esac
if [ -n "${SANDBOX-}" ] && [ -z "${SANDBOXED-}" ]; then
	export SANDBOXED=$SMTPD
	SMTPD=$ROOT/tests/lib/sandboxed
fi
CATCH=$ROOT/tests/lib/catch
HELLO=('EHLO client.example' 'MAIL FROM:<ann@example.net>'
	'RCPT TO:<help@example.org>')
export SMTPD CATCH
# As often as TESTS_AGAIN says, a test that failed is run once more; that it
# did, and what fail() said last, is told all the same.
BATS_TEST_RETRIES=${TESTS_AGAIN:-0}
COMPLAINT=$BATS_RUN_TMPDIR/${BATS_TEST_NAME:-}.complaint
if [ "${BATS_TEST_TRY_NUMBER:-1}" -gt 1 ]; then
	echo "# again: $BATS_TEST_NAME" >&3
	[ ! -f "$COMPLAINT" ] || sed 's/^/# /' "$COMPLAINT" >&3
fi
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-120}
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0}
unset TCPREMOTEIP TCPREMOTEPORT TCPREMOTEHOST TCPLOCALIP TCPLOCALPORT PROTO \
	REMOTE_ADDR REMOTE_PORT REMOTE_HOST RELAYCLIENT JOURNAL_STREAM \
	LISTEN_FDS LISTEN_PID NOTIFY_SOCKET

setup() {
	BOX=$BATS_TEST_TMPDIR/box
	REPLIES=$BATS_TEST_TMPDIR/replies
	LOG=$BATS_TEST_TMPDIR/log
	mkdir "$BOX"
	export BOX
}

say() {
	printf '%s\r\n' "$@"
}

# split WORD ... [:: WORD ...]: into WORDS and REST.
split() {
	WORDS=() REST=()
	while [ $# -gt 0 ] && [ "$1" != :: ]; do
		WORDS+=("$1")
		shift
	done
	[ $# -eq 0 ] || REST=("${@:2}")
}

# Octets as they are, printf's escapes understood.
octets() {
	printf '%b' "$1"
}

serve() {
	local arg status=0 has_command=no
	for arg; do
		[ "$arg" != -- ] || has_command=yes
	done
	[ "$has_command" = yes ] || set -- "$@" -- "$CATCH"
	set -- "$SMTPD" -n mx.example.org "$@"
	[ -z "${LISTENS-}" ] || set -- "$ROOT/tests/lib/by-listening" "$@"
	timeout "$((BATS_TEST_TIMEOUT / 4))" "$@" \
		>"$REPLIES" 2>"$LOG" || status=$?
	echo "$status" >"$BATS_TEST_TMPDIR/status"
}

# ends STATUS command ...
ends() {
	local got=0
	"${@:2}" || got=$?
	[ "$got" -eq "$1" ] || fail "exit status: $got"
}

exited() {
	[ "$(cat "$BATS_TEST_TMPDIR/status")" -eq "$1" ] ||
		fail "exit status: $(cat "$BATS_TEST_TMPDIR/status")"
}

# The codes of all replies, one a reply: "220 250 354".
codes() {
	sed -n 's/^\([0-9][0-9][0-9]\) .*/\1/p' "$REPLIES" | paste -sd ' '
}

# The last line of reply N (1: the greeting), without its CR; -1: the last.
reply() {
	tr -d '\r' <"$REPLIES" | grep '^[0-9][0-9][0-9] ' |
		if [ "$1" = -1 ]; then tail -n 1; else sed -n "${1}p"; fi
}

fail() {
	{
		printf '%s\n' "$@"
		[ ! -f "$REPLIES" ] || sed 's/^/replies: /' "$REPLIES"
		[ ! -f "$LOG" ] || tail -n 30 "$LOG" | sed 's/^/log: /'
	} | tee "$COMPLAINT" >&2
	return 1
}

codes_are() {
	[ "$(codes)" = "$*" ] || fail "codes: $(codes)" "expected: $*"
}

# reply_is N TEXT: begins with TEXT.
reply_is() {
	local got
	got=$(reply "$1")
	case $got in
	"$2"*) ;;
	*) fail "reply $1: $got" "expected: $2" ;;
	esac
}

deliveries() {
	find "$BOX" -name '*.msg' | wc -l
}

delivered() {
	[ "$(deliveries)" -eq "${1:-1}" ] ||
		fail "delivered: $(deliveries), expected: ${1:-1}"
}

not_delivered() {
	delivered 0
}

# The Nth message, in the order of the runs; its environment.
message() {
	find "$BOX" -name '*.msg' | sort | sed -n "${1:-1}p"
}

# variable NAME [N]: its value in the Nth run; fails where it was unset.
variable() {
	local env
	env=$(message "${2:-1}")
	tr '\0' '\1' <"${env%.msg}.env" | tr '\n\1' '\2\n' |
		sed -n "s/^$1=//p" | tr '\2' '\n' | grep ''
}

logged() {
	grep -q -- "$1" "$LOG" || fail "not logged: $1"
}

not_logged() {
	! grep -q -- "$1" "$LOG" || fail "logged: $1"
}

# gone PID: has it ended?  Polled; a zombie that nobody reaps counts.
gone() {
	local end=$((SECONDS + 10))
	while kill -0 "$1" 2>/dev/null &&
		! grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; do
		[ "$SECONDS" -lt "$end" ] || fail "process $1 lives"
	done
}

# The processes that wrote their numbers have ended, and there were any.
all_gone() {
	local pid
	[ -s "$BOX/pids" ] || fail 'nothing ran'
	while read -r pid; do
		gone "$pid"
	done <"$BOX/pids"
}

# python_case SECONDS FILE [argument ...]: a case of tests/FILE, which fails with
# what it says, and else may say how much it tried.  SECONDS are of the usual 120
# of a test: where that has more, so has the case.
python_case() {
	LOG=$LOG PYTHONPATH=$ROOT/tests/lib \
		timeout "$(($1 * BATS_TEST_TIMEOUT / 120))" \
		python3 -B "$ROOT/tests/$2" "${@:3}" \
		>"$BATS_TEST_TMPDIR/said" 2>&1 ||
		fail "${*:2}: $(cat "$BATS_TEST_TMPDIR/said")"
	sed 's/^/# /' "$BATS_TEST_TMPDIR/said" >&3
}
