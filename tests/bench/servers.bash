# Sourced by the measuring scripts: what they share, and the servers, each as a
# function server_NAME that sets "server" to a command line on descriptors 0 and
# 1, and exports what it needs.  All hand each message to the same command,
# tests/bench/sink, and keep what they keep in $TMPDIR.
# shellcheck disable=SC2034,SC2154 # variables for and of others

BENCH=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$BENCH/../..
WORK=$(mktemp -d)
SINK=$WORK/sink
TMPDIR=$WORK
trap 'rm -rf "$WORK" "$TMPDIR"' EXIT
PEERS=${PEERS:-/opt/bench} # of tests/bench/unpack
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:$PEERS/usr/bin:$PEERS/usr/sbin
export TMPDIR
before=()
asks=

# spool_for MIB: spools are in memory where there is room, so that no disk is
# in the figures.
spool_for() {
	local free
	free=$(df --output=avail -B 1M /dev/shm 2>/dev/null | tail -n 1) || return 0
	[ "$free" -lt "$1" ] || TMPDIR=$(mktemp -d -p /dev/shm)
}

progress() {
	echo "$*" >&2
}

# libraries_of PROGRAM: those of an unpacked one are where it was unpacked.
libraries_of() {
	local from
	! ldd "$(type -P "$1")" | grep -q 'not found' || {
		from=("$PEERS"/usr/lib/*-linux-gnu* "$PEERS"/usr/lib/postfix
			"$PEERS"/lib/*-linux-gnu*)
		LD_LIBRARY_PATH=$(IFS=: && echo "${from[*]}")
		export LD_LIBRARY_PATH
	}
}

# Where asks=yes the client will say who it is.  The sink believes anybody: it
# exits 0.
server_smtpd() {
	server=("$ROOT/smtpd" -s 0 ${asks:+--auth-in-clear --auth "exec $SINK"}
		-- "$SINK")
}

server_static() {
	server_smtpd
	server[0]=$WORK/static/smtpd
}

# The same two with --sandbox.
server_sandbox() {
	server_smtpd
	server=("${server[0]}" --sandbox "${server[@]:1}")
}

server_static-sandbox() {
	server_static
	server=("${server[0]}" --sandbox "${server[@]:1}")
}

has_sandbox() {
	"$ROOT/smtpd" --sandbox --check true >/dev/null 2>&1
}

server_python() {
	server=("$PYTHON" "$BENCH/smtpd.py" "$SINK")
}

# The environment that tcpserver sets, and a home of qmail.
qmail_surroundings() {
	export PROTO=TCP TCPREMOTEIP=127.0.0.1 TCPREMOTEHOST=localhost \
		TCPREMOTEPORT=1 TCPLOCALIP=127.0.0.1 TCPLOCALPORT=25 \
		TCPLOCALHOST=mx.example.org QMAILQUEUE=$SINK
}

server_mailfront() {
	qmail_surroundings
	export QMAILHOME=$WORK/qmail
	libraries_of mailfront
	server=("$(type -P mailfront)" smtp qmail accept)
}

home_of_mailfront() {
	mkdir -p "$WORK/qmail/control"
	echo mx.example.org >"$WORK/qmail/control/me"
	echo example.org >"$WORK/qmail/control/rcpthosts"
}

# Its home is compiled in, and must have control/me and control/rcpthosts (or no
# rcpthosts at all: then it takes mail for everybody).
server_qmail() {
	qmail_surroundings
	export RELAYCLIENT=
	server=("$QMAIL_SMTPD")
}

# It understands no QUIT before EHLO, and sleeps for a second at each AUTH.
server_msmtpd() {
	flags=(-e)
	libraries_of msmtpd
	server=("$(type -P msmtpd)" --inetd --log=none --command="$SINK")
}

# Takes the message into its spool, and brings it to the command at once.
server_exim() {
	server=("$WORK/exim" -C "$WORK/exim.conf" -bs -odi)
}

# Its command line was given.
server_yours() {
	server=("${yours[@]}")
}

exim_configuration() {
	local user group pipe_user
	user=$(id -un) group=$(id -gn) pipe_user=$user
	[ "$user" != root ] || pipe_user=nobody # it delivers nothing as root
	cat <<-END
		primary_hostname = mx.example.org
		exim_path = $WORK/exim
		exim_user = $user
		exim_group = $group
		trusted_users = $user
		spool_directory = $TMPDIR/exim
		log_file_path = $TMPDIR/exim/%slog
		log_selector = -all
		message_logs = false
		keep_environment =
		disable_ipv6 = true
		host_lookup =
		message_size_limit = 0
		smtp_accept_queue_per_connection = 0
		acl_smtp_rcpt = accept
		acl_smtp_data = accept
		begin authenticators
		plain:
		  driver = plaintext
		  public_name = PLAIN
		  server_prompts = :
		  server_condition = \${if eq{\$auth3}{secret}}
		begin routers
		all:
		  driver = accept
		  transport = sink
		begin transports
		sink:
		  driver = pipe
		  command = $SINK
		  user = $pipe_user
		  message_prefix =
		  message_suffix =
	END
}

# One that runs, of these.
first_program() {
	local name
	for name; do
		! type -P "$name" || return 0
	done
	return 1
}

build_static() {
	mkdir "$WORK/static"
	cp -r "$ROOT"/*.[ch] "$ROOT"/{lib,programs,Makefile} "$WORK/static"
	make -s -C "$WORK/static" static >&2
}

# Sets "servers": their names, ours first.  A command line, where one is given,
# is the only one beside ours.
find_servers() {
	chmod 755 "$WORK" # Exim runs the command as nobody
	cp "$BENCH/sink" "$SINK"
	servers=(smtpd)
	! has_sandbox || servers+=(sandbox)
	if type -P musl-gcc >/dev/null; then
		progress 'building the static smtpd'
		build_static
		servers+=(static)
		! has_sandbox || servers+=(static-sandbox)
	fi
	if [ $# -gt 0 ]; then
		yours=("$(type -P "$1")" "${@:2}")
		servers+=(yours)
		return
	fi
	! PYTHON=$(first_program /usr/bin/python3 python3) || servers+=(python)
	if type -P mailfront >/dev/null; then
		home_of_mailfront
		servers+=(mailfront)
	fi
	! QMAIL_SMTPD=$(first_program qmail-smtpd /var/qmail/bin/qmail-smtpd) ||
		servers+=(qmail)
	! type -P msmtpd >/dev/null || servers+=(msmtpd)
	if EXIM_PROGRAM=$(first_program exim4 exim /usr/sbin/exim4 \
		"${EXIM:-/opt/exim}/usr/sbin/exim4"); then
		# valgrind runs nothing that changes its user
		install -m 755 "$EXIM_PROGRAM" "$WORK/exim"
		mkdir "$TMPDIR/exim"
		exim_configuration >"$WORK/exim.conf"
		servers+=(exim)
	fi
}

# drive NAME [option ...]: "name=value ..." of that server; says on descriptor 2
# what went wrong.  "before" stands before its command line.
drive() (
	flags=()
	"server_$1"
	shift
	timeout 600 "$BENCH/drive" "${flags[@]}" "$@" -- "${before[@]}" "${server[@]}"
)

# turn MEASURE: measure_MEASURE of each server, as "who".  What fails is said,
# and not tried again.
turn() {
	local measure=$1 who failed
	for who in "${servers[@]}"; do
		failed=$WORK/failed.$measure.$who
		[ ! -e "$failed" ] || continue
		progress "round $round: $measure: $who"
		touch "$failed"
		# In a shell of its own, and not in a condition nor before "&&",
		# so that it ends at the first command that fails.
		(
			"measure_$measure"
			rm "$failed"
		) &
		wait $! || progress "$who: no figure for $measure"
	done
}

# record LABEL rate|amount VALUE: a rate is given as its inverse, so that every
# value is a cost.
record() {
	printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$who" "$round" "$3" \
		>>"$figures"
}

# divide A B
divide() {
	awk -v a="$1" -v b="$2" 'BEGIN { print a / b }'
}

# value NAME "name=value ..."
value() {
	tr ' ' '\n' <<<"$2" | sed -n "s/^$1=//p" | grep ''
}
