# Loaded after ../helper: a letter through smtpd into an example.
# shellcheck disable=SC2034,SC2154 # variables for and of others
# shellcheck disable=SC2119,SC2120 # arguments of others

COMMANDS=$ROOT/examples/commands
FROM=ann@example.net
TO=(help@example.org)

# What a shell, SQL, a URL, a path or an option could be made of.
ODD=('"a b"@example.org' '"$(touch pwned)"@example.org'
	'`touch${IFS}pwned`@example.org' '"'\''; touch pwned; #"@example.org'
	'"\"; touch pwned; \""@example.org' "o'neil@example.org"
	"\"'),(1);drop/**/table/**/ticket--\"@example.org"
	'../../pwned@example.org'
	'"-rf *"@example.org' '*@example.org' '"a,b"@example.org'
	'a%0d%0a&sender=b@example.org' '"@/etc/passwd"@example.org'
	'"<pwned;type=x"@example.org' '${HOME}@example.org' '"a@b"@example.org')

# $LETTER, as a command is to get it: dot lines, From lines, 8-bit octets, empty
# lines at the end.
write_letter() {
	LETTER=$BATS_TEST_TMPDIR/letter
	printf '%s\n' 'From: Ann <ann@example.net>' 'To: <help@example.org>,' \
		' joe@example.org' 'Subject: a letter' \
		'Message-ID: <letter@example.net>' "$@" '' . .. .x 'From ann' \
		'>From ann' $'caf\xc3\xa9 \xff\x80' ' . ' 'last ' '' '' >"$LETTER"
}

# post [option ...] -- command ...: $LETTER, from $FROM to all of $TO.
post() {
	[ -n "$LETTER" ] || write_letter
	{
		say 'EHLO client.example' "MAIL FROM:<$FROM>"
		printf 'RCPT TO:<%s>\r\n' "${TO[@]}"
		say DATA
		LC_ALL=C sed -e 's/^\./../' -e 's/$/\r/' "$LETTER"
		say . QUIT
	} | (cd "$BATS_TEST_TMPDIR" && serve --no-received "$@")
}

# told TEXT: the reply to the message, behind those to EHLO, MAIL, each RCPT and
# DATA, begins so.
told() {
	reply_is $((${#TO[@]} + 5)) "$1"
}

# posted TEXT [option ...] -- command ...
posted() {
	post "${@:2}"
	told "$1"
}

# What stood in an address was data.
nothing_ran() {
	[ -z "$(find "$BATS_TEST_TMPDIR" -name 'pwned*')" ] || fail 'it ran'
}

# files FOLDER: how many, at any depth.
files() {
	find "$1" -type f | wc -l
}

# copy EXAMPLE SED-SCRIPT: as a user would, with a line of it edited; the script
# has to change something.  $COPY.
copy() {
	COPY=$BATS_TEST_TMPDIR/copy.$1
	sed "$2" "$COMMANDS/$1" >"$COPY"
	chmod +x "$COPY"
	! cmp -s "$COPY" "$COMMANDS/$1" || fail "not edited: $2"
}

# stand_in NAME LINE ...: a program of that name, before all others on PATH, and
# the only one that is none of the machine's.
stand_in() {
	rm -rf "${BATS_TEST_TMPDIR:?}/bin"
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '%s\n' '#!/bin/sh' "${@:2}" >"$BATS_TEST_TMPDIR/bin/$1"
	chmod +x "$BATS_TEST_TMPDIR/bin/$1"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

# Behind -- of post: a command whose files may have N blocks, and no more.
small_disk() {
	SMALL_DISK=(sh -c 'ulimit -f "$0"; trap "" XFSZ; exec "$@"' "$1")
}

until_true() {
	local end=$((SECONDS + 20))
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || fail "in vain: $*"
	done
}

# has FILE TEXT
has() {
	grep -qF -- "$2" "$1" 2>/dev/null
}

# started command ...: $SERVER; ended by teardown.
started() {
	"$@" </dev/null >>"$BATS_TEST_TMPDIR/server" 2>&1 3>&- &
	SERVER=$!
	SERVERS+=("$SERVER")
}

# ended PID
ended() {
	kill "$1" 2>/dev/null || :
	wait "$1" 2>/dev/null || :
}

free_port() {
	python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# python_server CODE [argument ...]: it takes connections of "server", at $PORT.
python_server() {
	local port=$BATS_TEST_TMPDIR/port
	rm -f "$port"
	started python3 -c '
import os, socket, sys
server = socket.create_server(("127.0.0.1", 0))
port = sys.argv.pop(1)
with open(port + ".new", "w") as file:
    file.write(str(server.getsockname()[1]))
os.rename(port + ".new", port)
'"$1" "$port" "${@:2}"
	until_true test -e "$port"
	PORT=$(cat "$port")
}

silent_server() {
	python_server 'kept = []
while True:
    kept.append(server.accept())'
}

# spamd_starts: SpamAssassin with one rule, as it asks no network and reads none
# of the machine's.
spamd_starts() {
	SPAMD=$BATS_TEST_TMPDIR/spamd
	mkdir -p "$SPAMD/rules" "$SPAMD/site"
	chmod a+x "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"
	echo 'loadplugin Mail::SpamAssassin::Plugin::Check' >"$SPAMD/site/a.pre"
	printf '%s\n' 'util_rb_tld net org' 'body BUY /buy my pills/' \
		'score BUY 9' 'add_header spam Flag _YESNOCAPS_' \
		>"$SPAMD/rules/a.cf"
	started spamd -L -x -m 1 --min-children=1 --max-spare=1 \
		--socketpath="$SPAMD/socket" -C "$SPAMD/rules" \
		--siteconfigpath="$SPAMD/site" -H "$SPAMD" -r "$SPAMD/pid" \
		-s stderr
	until_true spamc -U "$SPAMD/socket" -K
}

# at_once N [option ...] command ...: so many messages, the numbers, side by
# side.
at_once() {
	local i pids=()
	for ((i = 1; i <= $1; i++)); do
		say "${HELLO[@]}" DATA "$i" . QUIT |
			"$SMTPD" --log none "${@:2}" >/dev/null 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
}

teardown() {
	local pid
	for pid in "${SERVERS[@]}"; do
		ended "$pid"
	done
}
