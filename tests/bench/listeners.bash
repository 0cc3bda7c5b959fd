# Sourced by tests/bench/tcp after servers.bash: servers that listen, each as a
# function listener_NAME that sets "server" to a command line which listens on
# 127.0.0.1 port $port and stays in the foreground, and exports what it needs.
# They hand each message to the same command, tests/bench/sink; "bare" ones take
# it and forget it.  Limits that can be set are set so that they hold nothing
# back.
# shellcheck disable=SC2034,SC2154 # variables for and of others

SESSIONS=5000
QUEUE=4096

# listens PROGRAM, session PROGRAM: ours, with a socket that listens, and with a
# connection.
listens() {
	server=("$BENCH/listen" "$port" "$1" -s 0 --log none
		--max-sessions "$SESSIONS" --max-per-client 0 -- "$SINK")
}

session() {
	session=("$1" -s 0 --log none -- "$SINK")
}

under_tcpserver() {
	server=("$(type -P tcpserver)" -HRl0 -c "$SESSIONS" -b "$QUEUE"
		127.0.0.1 "$port" "$@")
}

listener_listening() {
	listens "$ROOT/smtpd"
}

listener_listening-static() {
	listens "$WORK/static/smtpd"
}

listener_sandbox() {
	listener_listening
	server=("${server[@]::3}" --sandbox "${server[@]:3}")
}

listener_sandbox-static() {
	listener_listening-static
	server=("${server[@]::3}" --sandbox "${server[@]:3}")
}

listener_tcpserver() {
	session "$ROOT/smtpd"
	under_tcpserver "${session[@]}"
}

listener_tcpserver-static() {
	session "$WORK/static/smtpd"
	under_tcpserver "${session[@]}"
}

listener_systemd() {
	session "$ROOT/smtpd"
	server=("$(type -P systemd-socket-activate)" --accept --inetd
		-E TMPDIR -l "127.0.0.1:$port" "${session[@]}")
}

# Its queue is of 64 connections, whatever one says.
listener_xinetd() {
	session "$ROOT/smtpd"
	cat >"$WORK/xinetd.conf" <<-END
		service bench
		{
			type = UNLISTED
			socket_type = stream
			protocol = tcp
			wait = no
			user = $(id -un)
			bind = 127.0.0.1
			port = $port
			instances = UNLIMITED
			per_source = UNLIMITED
			cps = 1000000 1
			log_type = FILE /dev/null
			passenv = TMPDIR
			server = ${session[0]}
			server_args = ${session[@]:1}
		}
	END
	libraries_of xinetd
	server=("$(type -P xinetd)" -dontfork -f "$WORK/xinetd.conf"
		-pidfile "$WORK/xinetd.pid")
}

listener_mailfront() {
	server_mailfront
	under_tcpserver "${server[@]}"
}

# aiosmtpd and smtp-server are libraries: these are the shortest of programs.
listener_aiosmtpd() {
	listener_aiosmtpd-bare
	server+=("$SINK")
}

listener_aiosmtpd-bare() {
	export PYTHONPATH=$PEERS/usr/lib/python3/dist-packages
	server=("$PYTHON" "$BENCH/with-aiosmtpd.py" "$port")
}

# A script of Python that is started for each message; and the handler that
# stays in memory, behind forward.
listener_python-script() {
	listens "$ROOT/smtpd"
	server[-1]=$PYTHON
	server+=(-c 'import sys; print(len(sys.stdin.buffer.read()), "octets")')
}

listener_forward() {
	listens "$ROOT/smtpd"
	server[-1]=$ROOT/forward
	server+=(--lmtp "$WORK/handler")
	behind_handler
}

listener_forward-static() {
	listens "$WORK/static/smtpd"
	server[-1]=$WORK/static/forward
	server+=(--lmtp "$WORK/handler-static")
	behind_handler
}

behind_handler() {
	server=(sh -c '"$0" "$1" "$2" & shift 2; exec "$@"' "$PYTHON"
		"$ROOT/examples/handlers/lmtpd.py" "${server[-1]}"
		"${server[@]}")
}

listener_smtp-server() {
	export NODE_PATH=$PEERS/node_modules
	server=("$(type -P node)" "$BENCH/with-smtp-server.js" "$port" "$SINK")
}

# It serves 16 at a time, so it has no figures beside idle sessions.
listener_msmtpd() {
	libraries_of msmtpd
	server=("$(type -P msmtpd)" --interface=127.0.0.1 --port="$port"
		--log=none --command="$SINK")
}

listener_smtp-sink-bare() {
	local user=()
	[ "$(id -u)" -ne 0 ] || user=(-u nobody)
	libraries_of smtp-sink
	server=("$(type -P smtp-sink)" "${user[@]}" -m "$SESSIONS"
		"127.0.0.1:$port" "$QUEUE")
}

# Its command line was given, with {port} in it.
listener_yours() {
	server=("${yours[@]//\{port\}/$port}")
}

is_asked() {
	[[ " ${asked:-$1} " = *" $1 "* ]]
}

all_are_known() {
	local name
	for name in $asked; do
		declare -F "listener_$name" >/dev/null || {
			progress "no such server: $name"
			return 1
		}
	done
}

# found NAME WHAT command ...: it is measured where it was asked for (or nobody
# asked for any), and the command, which says that WHAT is there, succeeds.
found() {
	is_asked "$1" || return 0
	if "${@:3}" >/dev/null 2>&1; then
		listeners+=("$1")
	else
		progress "$1 is left out: there is no $2"
	fi
}

has_program() {
	local name
	for name; do
		type -P "$name" || return
	done
}

has_mailfront() {
	has_program tcpserver mailfront && home_of_mailfront
}

has_aiosmtpd() {
	PYTHON=$(first_program /usr/bin/python3 python3) &&
		PYTHONPATH=$PEERS/usr/lib/python3/dist-packages \
			"$PYTHON" -c 'import aiosmtpd.smtp'
}

has_python() {
	PYTHON=$(first_program /usr/bin/python3 python3)
}

has_forward_static() {
	has_python && has_program musl-gcc
}

has_static_sandbox() {
	has_sandbox && has_program musl-gcc
}

has_smtp_server() {
	NODE_PATH=$PEERS/node_modules node -e 'require("smtp-server")'
}

make_static() {
	if is_asked listening-static || is_asked sandbox-static ||
		is_asked tcpserver-static || is_asked forward-static; then
		progress 'building the static smtpd'
		build_static
	fi
}

# Sets "listeners": the names of those that are there, of those in "asked",
# ours first.
find_listeners() {
	all_are_known
	cp "$BENCH/sink" "$SINK"
	listeners=()
	! has_program musl-gcc >/dev/null || make_static
	found listening smtpd true
	found listening-static musl-gcc has_program musl-gcc
	found sandbox 'seccomp' has_sandbox
	found sandbox-static 'musl-gcc or seccomp' has_static_sandbox
	found tcpserver tcpserver has_program tcpserver
	found tcpserver-static 'tcpserver or musl-gcc' \
		has_program tcpserver musl-gcc
	found systemd systemd-socket-activate \
		has_program systemd-socket-activate
	found xinetd xinetd has_program xinetd
	found mailfront 'tcpserver or mailfront' has_mailfront
	found aiosmtpd aiosmtpd has_aiosmtpd
	found msmtpd msmtpd has_program msmtpd
	found smtp-server smtp-server has_smtp_server
	found python-script python3 has_python
	found forward python3 has_python
	found forward-static 'python3 or musl-gcc' has_forward_static
	found aiosmtpd-bare aiosmtpd has_aiosmtpd
	found smtp-sink-bare smtp-sink has_program smtp-sink
}
