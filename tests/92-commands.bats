#!/usr/bin/env bats
# Each of examples/commands that needs nothing but what the tests need anyway;
# tests/commands has the others.
# shellcheck disable=SC2154 # helper's variables
load helper
load commands/helper

@test "commands: each says what it is, and is told about by a test" {
	for example in "$COMMANDS"/*; do
		name=${example##*/}
		[ -x "$example" ]
		sed -n 2p "$example" | grep -q "^# $name\( .*\)\?:" ||
			fail "$name"
		sed -n '/^#/!q;p' "$example" | grep -qi 'exit' || fail "$name"
		cat "$ROOT"/tests/92-*.bats "$ROOT"/tests/commands/*.bats |
			grep -q "COMMANDS/$name\"\|copy $name " || fail "$name"
	done
}

# ---- maildir ----

# calls_were NAME ...: the last that strace saw succeed.
calls_were() {
	sed -nE 's/^[0-9]+ +([a-z]+).*\).* = 0$/\1/p' "$BATS_TEST_TMPDIR/calls" |
		sed 's/renameat2*/rename/; s/fdatasync/fsync/' |
		tail -n $# | diff - <(printf '%s\n' "$@")
}

make_maildir() {
	mkdir -p "$BOX/Maildir/tmp" "$BOX/Maildir/new" "$BOX/Maildir/cur"
}

@test "maildir: octet for octet, on the disk before it has its name" {
	make_maildir
	posted '250 2.0.0' -- strace -f -o "$BATS_TEST_TMPDIR/calls" \
		-e trace=fsync,rename,renameat,renameat2 \
		"$COMMANDS/maildir" "$BOX/Maildir"
	cmp "$BOX"/Maildir/new/* "$LETTER"
	[ "$(files "$BOX/Maildir")" -eq 1 ]
	calls_were fsync rename fsync
}

@test "maildir: twenty at once, and two of one message, have their own names" {
	make_maildir
	write_letter
	say 'LHLO c' 'MAIL FROM:<>' 'RCPT TO:<a>' 'RCPT TO:<b>' DATA x . QUIT |
		serve --lmtp -- "$COMMANDS/maildir" "$BOX/Maildir"
	[ "$(files "$BOX/Maildir/new")" -eq 2 ]
	at_once 20 "$COMMANDS/maildir" "$BOX/Maildir"
	[ "$(files "$BOX/Maildir/new")" -eq 22 ]
	[ "$(files "$BOX/Maildir/tmp")" -eq 0 ]
}

@test "maildir: no folder, a full disk, a failing sync are 451 and no message" {
	posted '451 4.3.0' -- "$COMMANDS/maildir" "$BOX/Maildir"
	make_maildir
	small_disk 1
	write_letter "$(printf 'X: %02000d' 1)"
	posted '451 4.3.0' -- "${SMALL_DISK[@]}" \
		"$COMMANDS/maildir" "$BOX/Maildir"
	rmdir "$BOX/Maildir/new"
	posted '451 4.3.0' -- "$COMMANDS/maildir" "$BOX/Maildir"
	make_maildir
	for word in tmp new; do
		stand_in sync "case \$1 in $word*) exit 1 ;; esac"
		posted '451 4.3.0' -- "$COMMANDS/maildir" "$BOX/Maildir"
	done
	[ "$(files "$BOX/Maildir")" -eq 0 ]
}

# ---- webhook ----

# It answers with what is in $BATS_TEST_TMPDIR/status; "hang" and "drop" are no
# answer.  What it took: $BOX/N.FIELD.
web_server() {
	started env HERE="$BATS_TEST_TMPDIR" python3 -c '
import email, http.server, os, time
here = os.environ["HERE"]
class Hook(http.server.BaseHTTPRequestHandler):
    count = 0
    def do_POST(self):
        with open(here + "/answer") as file:
            status = file.read().strip()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Hook.count += 1
        form = email.message_from_bytes(b"Content-Type: " +
            self.headers["Content-Type"].encode() + b"\n\n" + body)
        for part in form.get_payload():
            name = part.get_param("name", header="Content-Disposition")
            _, _, raw = body.partition(("name=\"%s\"" % name).encode())
            raw = raw.partition(b"\r\n\r\n")[2]
            raw = raw.partition(b"\r\n--" + form.get_boundary().encode())[0]
            with open("%s/box/%d.%s" % (here, Hook.count, name), "wb") as file:
                file.write(raw)
        if status == "hang":
            self.rfile.read(1)
        if status in ("hang", "drop"):
            self.close_connection = True
            return
        self.send_response(int(status))
        self.send_header("Location", self.path)
        self.end_headers()
        if status not in ("204",):
            self.wfile.write(b"550 5.7.1 never shown")
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
with open(here + "/port.new", "w") as file:
    file.write(str(server.server_port))
os.rename(here + "/port.new", here + "/port")
server.serve_forever()'
	until_true test -e "$BATS_TEST_TMPDIR/port"
	URL=http://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/port")/mail
}

# hooked STATUS REPLY
hooked() {
	echo "$1" >"$BATS_TEST_TMPDIR/answer"
	posted "$2" -- "${COPY:-$COMMANDS/webhook}" "$URL"
}

@test "webhook: the service gets it octet for octet, and its answer decides" {
	web_server
	hooked 200 '250 2.0.0'
	cmp "$BOX/1.message" "$LETTER"
	[ "$(cat "$BOX/1.sender")" = "$FROM" ]
	[ "$(cat "$BOX/1.recipients")" = "${TO[*]}" ]
	[ "$(cat "$BOX/1.id")" = "$(reply 6 | sed 's/.*Ok //')" ]
	for status in 201 202 204; do
		hooked "$status" '250 2.0.0'
	done
	hooked 422 '554 5.6.0'
	[ "$(find "$BOX" -name '*.message' | wc -l)" -eq 5 ]
	for status in 302 400 404 410 500 503 drop; do
		hooked "$status" '451 4.3.0'
	done
	logged 'output .*curl: '
	ended "$SERVER"
	hooked 200 '451 4.3.0'
}

@test "webhook: no answer in time is 451, and so is curl's own exit status" {
	web_server
	copy webhook 's/-m 60/-m 1/'
	hooked hang '451 4.3.0'
	for status in 65 67 69 76 77 100; do
		stand_in curl "printf 200; exit $status"
		posted '451 4.3.0' -- "$COMMANDS/webhook" "$URL"
	done
}

@test "webhook: odd addresses are fields of the form" {
	web_server
	FROM='"$(touch pwned);type=x"@example.net' TO=("${ODD[@]}")
	hooked 200 '250 2.0.0'
	printf %s "$FROM" | cmp - "$BOX/1.sender"
	printf '%s\n' "${ODD[@]}" | cmp - <(cat "$BOX/1.recipients" - <<<'')
	[ "$(files "$BOX")" -eq 4 ]
	nothing_ran
}

# ---- ticket ----

# sql QUERY: its rows, a value a line.
sql() {
	python3 - "$BOX/db" "$1" <<-'EOF'
	import sqlite3, sys
	for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]):
	    for value in row:
	        if isinstance(value, bytes):
	            sys.stdout.buffer.write(value)
	        else:
	            print(value, flush=True)
	EOF
}

@test "ticket: a row, its number in the reply; once, however often it comes" {
	post -- "$COMMANDS/ticket" "$BOX/db"
	told '250 2.0.0 Ticket 1'
	posted '250 2.0.0 Ticket 1' -- "$COMMANDS/ticket" "$BOX/db"
	sql 'SELECT message FROM ticket' | cmp - "$LETTER"
	[ "$(sql 'SELECT sender, recipients, subject FROM ticket')" = \
		"$FROM
${TO[*]}
a letter" ]
	FROM=other@example.net
	posted '250 2.0.0 Ticket 2' -- strace -f -o "$BATS_TEST_TMPDIR/calls" \
		-e trace=fdatasync,fsync,unlink "$COMMANDS/ticket" "$BOX/db"
	calls_were fsync unlink fsync
	for _ in 1 2; do
		say "${HELLO[@]}" DATA 'Subject: =?utf-8?q?caf=C3=A9?=' '' y . \
			QUIT | serve -- "$COMMANDS/ticket" "$BOX/db"
		reply_is 6 '250 2.0.0 Ticket 3'
	done
	[ "$(sql 'SELECT subject FROM ticket WHERE number = 3')" = café ]
	sql 'SELECT message FROM ticket WHERE number = 3' |
		grep -q '^Received: from client.example'
}

@test "ticket: a locked, a missing, a full database are 451 and no row" {
	posted '451 4.3.0' -- "$COMMANDS/ticket" "$BOX/no/db"
	posted '250 2.0.0' -- "$COMMANDS/ticket" "$BOX/db"
	FROM=other@example.net
	copy ticket 's/timeout=60/timeout=1/'
	mkfifo "$BATS_TEST_TMPDIR/release"
	python3 -c '
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN EXCLUSIVE")
open(sys.argv[2], "w").close()
open(sys.argv[3]).read()' "$BOX/db" "$BATS_TEST_TMPDIR/locked" \
		"$BATS_TEST_TMPDIR/release" 3>&- &
	until_true test -e "$BATS_TEST_TMPDIR/locked"
	posted '451 4.3.0' -- "$COPY" "$BOX/db"
	: >"$BATS_TEST_TMPDIR/release"
	wait $!
	small_disk 60
	write_letter "$(for i in {1..50}; do printf 'X: %0900d\n' "$i"; done)"
	posted '451 4.3.0' -- "${SMALL_DISK[@]}" "$COMMANDS/ticket" "$BOX/db"
	[ "$(sql 'SELECT count(*) FROM ticket')" -eq 1 ]
	posted '250 2.0.0 Ticket 2' -- "$COMMANDS/ticket" "$BOX/db"
}

@test "ticket: odd addresses, subjects and octets are values" {
	FROM="\"'); DROP TABLE ticket; --\"@example.net" TO=("${ODD[@]}")
	write_letter $'X: \xff' "Subject: '); DROP TABLE ticket; --"
	sed -i '/^Subject: a/d' "$LETTER"
	posted '250 2.0.0 Ticket 1' -- "$COMMANDS/ticket" "$BOX/db"
	printf '%s\n' "$FROM" "${ODD[@]}" "'); DROP TABLE ticket; --" |
		cmp - <(sql 'SELECT sender, recipients, subject FROM ticket')
	for subject in $'=?utf-7?q?+2AA-?=\xff' $'\xff\xfe' '=?utf-8?q?=FF?=' \
		'=?x?y?z?=' '=?utf-8?q?=ED=A0=80?='; do
		write_letter "Subject: $subject"
		sed -i '/^Subject: a/d' "$LETTER"
		posted '250 2.0.0 Ticket' -- "$COMMANDS/ticket" "$BOX/db"
	done
	[ "$(sql 'SELECT count(*) FROM ticket')" -eq 6 ]
	nothing_ran
}

# ---- attachments ----

# with_attachments NAME ...: $LETTER, with a part for each; its content is NAME.
with_attachments() {
	local name
	LETTER=$BATS_TEST_TMPDIR/letter
	{
		printf '%s\n' 'Subject: =?utf-8?q?caf=C3=A9?=' 'MIME-Version: 1.0' \
			'Content-Type: multipart/mixed; boundary=x' '' '--x' '' text
		for name; do
			printf '%s\n' --x 'Content-Transfer-Encoding: base64' \
				'Content-Type: application/pdf' \
				'Content-Disposition: attachment;' \
				" filename=\"$name\"" ''
			printf %s "$name" | base64
		done
		echo --x--
	} >"$LETTER"
}

@test "attachments: the message and its files, in a folder that comes whole" {
	with_attachments report.pdf report.pdf 'caf=C3.txt' 'two words'
	sed -i "/^$(printf 'two words' | base64)$/d" "$LETTER"
	posted '250 2.0.0' -- "$COMMANDS/attachments" "$BOX"
	cmp "$BOX"/*/message.eml "$LETTER"
	[ "$(cd "$BOX"/* && echo [0-9]*)" = \
		'3-report.pdf 4-report.pdf 5-caf_C3.txt 6-two_words' ]
	[ "$(cat "$BOX"/*/3-report.pdf)" = report.pdf ]
	[ ! -s "$(echo "$BOX"/*/6-two_words)" ]
	LETTER=
	posted '250 2.0.0' -- strace -f -o "$BATS_TEST_TMPDIR/calls" \
		-e trace=fsync,rename "$COMMANDS/attachments" "$BOX"
	[ "$(files "$BOX")" -eq 6 ]
	calls_were fsync fsync rename fsync
}

@test "attachments: no name leads out of the folder, no odd one keeps it out" {
	with_attachments ../../pwned /tmp/pwned .. . -rf .bashrc '$(touch pwned)' \
		'a/b' '%2e%2e%2fx' 'x\y' '=?utf-8?q?=2e=2e=2fy?=' message.eml \
		"$(printf '%0300d.pdf' 1)" $'=?utf-7?q?+2AA-?=\xff' \
		$'\xff\xfe/z' '=?x?q?=FF?=' '`id`|x;y'
	FROM='"../../x"@y' TO=("${ODD[@]}")
	posted '250 2.0.0' -- "$COMMANDS/attachments" "$BOX"
	[ "$(files "$BOX")" -eq 17 ] || fail "$(find "$BOX")"
	[ "$(cd "$BOX"/* && printf '%s\n' [0-9]*-* | wc -l)" -eq 16 ]
	[ -z "$(find "$BOX" -name '*[$`|;\\/ ]*')" ]
	cmp "$BOX"/*/message.eml "$LETTER"
	find "$BATS_TEST_TMPDIR" /tmp -maxdepth 1 -name pwned | ends 1 grep ''
}

@test "attachments: parts within parts, a thousand deep, are kept as one" {
	LETTER=$BATS_TEST_TMPDIR/letter
	for n in {1..1200}; do
		printf 'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' \
			"$n" "$n"
	done >"$LETTER"
	posted '250 2.0.0' -- "$COMMANDS/attachments" "$BOX"
	cmp "$LETTER" "$BOX"/*/message.eml
	[ "$(files "$BOX")" -eq 1 ]
}

@test "attachments: no folder and a full disk are 451, and nothing is left" {
	with_attachments "$(printf '%02000d' 1)"
	posted '451 4.3.0' -- "$COMMANDS/attachments" "$BOX/none"
	small_disk 6
	posted '451 4.3.0' -- "${SMALL_DISK[@]}" "$COMMANDS/attachments" "$BOX"
	for n in 1 2 3 4; do
		posted '451 4.3.0' -- strace -f -o "$BATS_TEST_TMPDIR/calls" \
			-e trace=fsync -e inject=fsync:error=EIO:when=$n \
			"$COMMANDS/attachments" "$BOX"
	done
	[ -z "$(ls -A "$BOX")" ]
	small_disk 16
	posted '250 2.0.0' -- "${SMALL_DISK[@]}" "$COMMANDS/attachments" "$BOX"
	[ "$(files "$BOX")" -eq 2 ]
}

# ---- alert ----

# The daemon's part: what comes to $BOX/log, in $BOX/lines.
syslog_server() {
	started python3 -c '
import os, socket, sys
daemon = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
daemon.bind(sys.argv[1] + "/log")
while True:
    with open(sys.argv[1] + "/lines", "ab") as file:
        file.write(daemon.recv(65536) + b"\n")' "$BOX"
	until_true test -S "$BOX/log"
}

@test "alert: a line for each message; no daemon is 451" {
	posted '451 4.3.0' -- "$COMMANDS/alert" -u "$BOX/log"
	syslog_server
	posted '250 2.0.0' -- "$COMMANDS/alert" -u "$BOX/log" -t mail \
		-p user.warning
	until_true has "$BOX/lines" '<12>'
	grep -q '> to help@example.org: a letter$' "$BOX/lines"
	grep -q ' mail: from <ann@example.net> to ' "$BOX/lines"
	write_letter $'X: y\nSubject: -p kern.emerg \x1b[31m $(touch pwned)'
	sed -i '/^Subject: a/d' "$LETTER"
	FROM='' TO=("${ODD[@]}")
	posted '250 2.0.0' -- "$COMMANDS/alert" -u "$BOX/log"
	until_true has "$BOX/lines" 'from <>'
	has "$BOX/lines" "to ${ODD[*]}: -p kern.emerg ?[31m \$(touch pwned)"
	[ "$(wc -l <"$BOX/lines")" -eq 2 ]
	write_letter "Subject: $(printf '%01500d' 1) end"
	sed -i '/^Subject: a/d' "$LETTER"
	posted '250 2.0.0' -- "$COMMANDS/alert" -u "$BOX/log"
	until_true has "$BOX/lines" '1 end'
	nothing_ran
}

@test "alert: a Subject that is longer than an argument may be is cut" {
	syslog_server
	write_letter "Subject: begun $(printf '%0200000d' 1)"
	sed -i '/^Subject: a/d' "$LETTER"
	posted '250 2.0.0' -- "$COMMANDS/alert" -u "$BOX/log"
	until_true has "$BOX/lines" ': begun 00000'
}

# ---- autoreply ----

# What sendmail was given: $BOX/N.args, $BOX/N.reply; $SENDMAIL_EXIT.
prepare_autoreply() {
	echo 'Back on Monday. caf=' >"$BATS_TEST_TMPDIR/text"
	mkdir -p "$BATS_TEST_TMPDIR/marks"
	stand_in sendmail 'n=$(ls "$BOX" | grep -c args)' \
		'printf "%s\n" "$@" >"$BOX/$n.args"; cat >"$BOX/$n.reply"' \
		'exit "${SENDMAIL_EXIT:-0}"'
	copy autoreply "s|^sendmail=.*|sendmail=$BATS_TEST_TMPDIR/bin/sendmail|"
}

# answered N [header line ...]: after one more message, N replies in all.
answered() {
	write_letter "${@:2}"
	posted '250 2.0.0' -r 1 -- "$COPY" "$BATS_TEST_TMPDIR/text" \
		"$BATS_TEST_TMPDIR/marks" "$CATCH"
	[ "$(find "$BOX" -name '*.args' | wc -l)" -eq "$1" ] ||
		fail "${*:2}: not $1 replies: $(ls "$BOX")"
}

@test "autoreply: one in seven days, from nobody, in the thread" {
	prepare_autoreply
	answered 1 'References: <one@x>' ' <two@x>'
	delivered 1
	cmp "$(message)" "$LETTER"
	printf '%s\n' -i -f '<>' -- ann@example.net | cmp - "$BOX/0.args"
	[ "$(grep -v '^Date: \|^Message-ID: <[0-9a-f.]*@example.org>$' \
		"$BOX/0.reply")" = "From: help@example.org
To: ann@example.net
Subject: Auto: a letter
In-Reply-To: <letter@example.net>
References: <one@x> <two@x> <letter@example.net>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Transfer-Encoding: 8bit
Content-Type: text/plain; charset=utf-8

Back on Monday. caf=" ] || fail "$(cat "$BOX/0.reply")"
	[ "$(wc -l <"$BOX/0.reply")" -eq 13 ]
	answered 1
	FROM=Ann@EXAMPLE.net
	answered 1
	FROM=other@example.net
	answered 2 'Auto-Submitted: no'
	TO=(joe@example.org)
	answered 3
	touch -d '-8 days' "$BATS_TEST_TMPDIR"/marks/*
	answered 4
	answered 4
	delivered 7
}

@test "autoreply: no line of a reply is longer than 998 octets" {
	prepare_autoreply
	for length in 298 1500; do
		write_letter "Subject: $(printf '%01500d' 1)" "References:$(
			printf ' <%0*d@x>' 150 1 150 2 150 3 150 4 150 5)"
		sed -i -e "s/^Message-ID.*/Message-ID: <$(
			printf "%0${length}d" 1)@x>/" -e '/^Subject: a/d' \
			"$LETTER"
		FROM=$length@example.net
		posted '250 2.0.0' -r 1 -- "$COPY" "$BATS_TEST_TMPDIR/text" \
			"$BATS_TEST_TMPDIR/marks" "$CATCH"
	done
	[ "$(grep -c '^In-Reply-To: ' "$BOX/0.reply")" -eq 1 ]
	has "$BOX/1.reply" 'To: 1500@'
	[ -z "$(awk 'length > 998' "$BOX"/*.reply)" ]
}

@test "autoreply: never to robots, lists, null and odd senders, or itself" {
	prepare_autoreply
	for FROM in '' mailer-daemon@x MAILER-DAEMON@x postmaster@x owner-list@x \
		list-owner@x list-request@x list-bounces@x bounce+1@x no-reply@x \
		NoReply@x help@example.org Help@Example.org '"a b"@x' \
		'"a,b"@x' 'a|b@x' '"$(x)"@x' '`x`@x' "'@x" a '"joe@a"@x' a%b@x 'a!b@x'; do
		answered 0
	done
	FROM=ann@example.net
	for line in 'List-Id: <x>' 'list-unsubscribe: <x>' 'Precedence: bulk' \
		'PRECEDENCE:  List' 'precedence: junk' \
		'Auto-Submitted: auto-replied' \
		'auto-submitted: auto-generated' 'Auto-Submitted:' \
		'Auto-Submitted: no; x' 'Auto-Submitted: nothing' 'X-Loop: x' \
		$'Auto-Submitted:\n auto-replied' \
		'X-Auto-Response-Suppress: All'; do
		answered 0 "$line"
	done
	for TO in bcc@example.org '"a b"@example.org'; do
		answered 0
	done
	TO=(help@example.org)
	answered 1
	# What it sent, to another that does as it does.
	LETTER=$BOX/0.reply FROM=
	posted '250 2.0.0' -r 1 -- "$COPY" "$BATS_TEST_TMPDIR/text" \
		"$BATS_TEST_TMPDIR/marks" "$CATCH"
	FROM=help@example.org TO=(ann@example.net)
	posted '250 2.0.0' -r 1 -- "$COPY" "$BATS_TEST_TMPDIR/text" \
		"$BATS_TEST_TMPDIR/marks" "$CATCH"
	[ "$(find "$BOX" -name '*.args' | wc -l)" -eq 1 ]
	nothing_ran
}

@test "autoreply: none for mail that was not kept; its own faults cost nothing" {
	prepare_autoreply
	for status in 75 67; do
		CATCH_EXIT=$status post -r 1 -- "$COPY" \
			"$BATS_TEST_TMPDIR/text" "$BATS_TEST_TMPDIR/marks" "$CATCH"
	done
	told '550 5.1.1'
	[ -z "$(find "$BOX" -name '*.args')" ]
	SENDMAIL_EXIT=77 answered 1
	delivered 3
	stand_in sendmail 'exec tail -f /dev/null'
	sed -i 's/timeout 60/timeout 1/' "$COPY"
	FROM=slow@example.net
	answered 1
	logged 'no reply to <slow@example.net>: .*sendmail: 124'
	: >"$BATS_TEST_TMPDIR/text"
	FROM=other@example.net
	answered 1
	echo text >"$BATS_TEST_TMPDIR/text"
	rm -r "$BATS_TEST_TMPDIR/marks"
	answered 1
	delivered 6
	TO=(a@b c@d)
	posted '451 4.3.0' -- "$COPY" "$BATS_TEST_TMPDIR/text" \
		"$BATS_TEST_TMPDIR/marks" "$CATCH"
	delivered 6
}

# ---- answer ----

# answered_by REPLY ADDRESS [option ...]
answered_by() {
	TO=("$2")
	posted "$1" -r 1 -T 2 "${@:3}" -- "$COMMANDS/answer" "$CATCH"
}

@test "answer: the message gets what the local part asks for" {
	answered_by '451 4.0.0 later' 451+later@example.org
	answered_by '451 4.0.0 bye' 421+bye
	answered_by '550 5.1.1 no such user' 550+5.1.1+no+such+user@example.org
	answered_by '554 5.6.0 a (b) * c' '"554 5.6.0 a (b) * c"@example.org'
	answered_by '250 2.0.0 thank you' 250+thank+you@example.org
	answered_by '550 5.1.1' exit+67@example.org
	answered_by '451 4.3.0' exit+1@example.org
	answered_by '451 4.3.0' signal+9@example.org
	logged 'message .* signal=9 '
	not_delivered
	answered_by '452 4.2.2 full' slow+1+452+4.2.2+full@example.org
	logged 'message .* seconds=[1-9]'
	answered_by '451 4.3.0' slow+20@example.org
	not_delivered
	answered_by '250 2.0.0 Ok' slow+0@example.org
	delivered 1
	cmp "$(message)" "$LETTER"
}

@test "answer: hangup closes the connection with no reply to the message" {
	TO=(hangup@example.org)
	post -r 1 -- "$COMMANDS/answer"
	codes_are 220 250 250 250 354
	exited 137
}

@test "answer: what asks for nothing goes to the command, or is forgotten" {
	local n=0
	for to in joe@example.org rcpt+550+no 299+x 451-x 451x slow+x slow+ \
		exit+256 exit+ exit+-1 exit+65x signal+KILL signal+65 signal+ \
		350+x "${ODD[@]}"; do
		n=$((n + 1))
		answered_by '250 2.0.0 Ok' "$to"
		delivered $n
	done
	TO=(joe@example.org)
	posted '250 2.0.0 Ok' -- "$COMMANDS/answer"
	CATCH_EXIT=67 answered_by '550 5.1.1' joe@example.org
	TO=(a b)
	posted '451 4.3.0' -- "$COMMANDS/answer"
	nothing_ran
}

# answered_at_rcpt REPLY ADDRESS
answered_at_rcpt() {
	say 'EHLO c' 'MAIL FROM:<>' "RCPT TO:<$2>" QUIT | serve -r 1 --vrfy \
		--lookup "exec '$COMMANDS/answer'" -- "$COMMANDS/answer"
	reply_is 4 "$1"
}

@test "answer: with rcpt+ before it, RCPT gets it, where it is --lookup" {
	answered_at_rcpt '550 5.7.1 not you' rcpt+550+5.7.1+not+you@example.org
	answered_at_rcpt '450 4.0.0 later' rcpt+slow+0+450+later
	answered_at_rcpt '550 5.1.1' rcpt+exit+67@example.org
	answered_at_rcpt '451 4.3.0' rcpt+signal+9@example.org
	for to in rcpt+250+hello rcpt+x rcpt 451+later@example.org \
		550+5.1.1+no exit+67 hangup joe; do
		answered_at_rcpt '250 2.1.5' "$to"
	done
	say 'EHLO c' 'VRFY rcpt+250+hello@example.org' QUIT | serve --vrfy \
		--lookup "exec '$COMMANDS/answer'"
	reply_is 3 '250 2.1.5 <rcpt+250+hello@example.org>'
	say 'EHLO c' 'MAIL FROM:<>' 'RCPT TO:<rcpt+hangup>' QUIT |
		serve --lookup "exec '$COMMANDS/answer'"
	codes_are 220 250 250
	answered_by '451 4.0.0 x' 451+x --lookup "exec '$COMMANDS/answer'"
}

# ---- dispatch, summary.py, sendmail ----

@test "dispatch: each address its command; others are unknown" {
	make_maildir
	copy dispatch \
		"s|^lib=.*|lib=$COMMANDS|
		s|/home/joe/Maildir|$BOX/Maildir|
		s|\"[^\"]*/tickets.db\"|$BOX/db|"
	n=0
	for address in joe Joe@b joe+box@b postmaster; do
		TO=("$address")
		posted '250 2.0.0 Ok' -r 1 -- "$COPY"
		n=$((n + 1))
		[ "$(files "$BOX/Maildir")" -eq $n ]
	done
	TO=(help@example.org)
	posted '250 2.0.0 Ticket 1' -r 1 -- "$COPY"
	TO=(void@example.org)
	posted '250 2.0.0 Ok' -r 1 -- "$COPY"
	TO=(team@example.org)
	(stand_in forward 'echo "250 2.0.0 $*: $RECIPIENTS" | paste -sd" "' &&
		post -r 1 -- "$COPY")
	told '250 2.0.0 127.0.0.1:25: ann@example.org bob@example.org'
	for address in joey '"joe "@b' 'j*@b' "${ODD[@]}"; do
		TO=("$address")
		posted '550 5.1.1' -r 1 -- "$COPY"
	done
	TO=(joe help)
	posted '451 4.3.0' -- "$COPY"
	TO=(joe)
	(stand_in tr 'exit 1' && post -r 1 -- "$COPY")
	told '451 4.3.0'
	[ "$(files "$BOX")" -eq $((n + 1)) ]
	nothing_ran
}

@test "summary.py: subject and attachments, in the log" {
	with_attachments 'a b.pdf' $'\xff' '=?utf-8?q?=C3=A9?='
	FROM='' TO=(a@b '"c d"@e')
	posted '250 2.0.0' -- "$COMMANDS/summary.py"
	[ "$(sed -n 's/.*: output id=[0-9a-f]* line=//p' "$LOG")" = '"from <>"
"to a@b"
"to \x22c d\x22@e"
"subject caf\xC3\xA9"
"attachment a b.pdf application/pdf 7"
"attachment \xEF\xBF\xBD application/pdf 1"
"attachment \xC3\xA9 application/pdf 18"' ] || fail "$(cat "$LOG")"
}

@test "sendmail -bs: a program pipes SMTP to it; other options are usage" {
	copy sendmail \
		"s|exec smtpd -bs .* ;;|exec $SMTPD -bs --no-received $CATCH ;;|"
	write_letter
	python3 - "$COPY" "$LETTER" <<-'EOF' >"$REPLIES" || fail client
	import smtplib, subprocess, sys
	class Pipe(smtplib.SMTP):
	    def _get_socket(self, host, port, timeout):
	        run = self.run = subprocess.Popen([sys.argv[1], '-bs'],
	            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
	        class Both:
	            sendall = staticmethod(run.stdin.write)
	            makefile = staticmethod(lambda _: run.stdout)
	            close = staticmethod(run.stdin.close)
	        return Both
	with open(sys.argv[2], 'rb') as file:
	    message = file.read().replace(b'\n', b'\r\n')
	client = Pipe('pipe')
	print(client.sendmail('ann@example.net', ['a@b', '"c d"@e'], message))
	client.quit()
	sys.exit(client.run.wait())
	EOF
	delivered 1
	cmp "$(message)" "$LETTER"
	[ "$(variable RECIPIENTS)" = 'a@b
"c d"@e' ]
	for word in -t -bd ''; do
		ends 64 "$COPY" $word </dev/null
	done
}
