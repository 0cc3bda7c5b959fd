#!/usr/bin/env bats
# examples/commands/json: what it makes of good, of odd and of hostile mail, as
# other readers see it; what its command gets; into a web application.
# shellcheck disable=SC2034,SC2154 # helper's variables
load ../helper
load helper

# taken REPLY: $LETTER becomes $BOX/json.
taken() {
	posted "$1" "${@:2}" -- "$COMMANDS/json" cp /dev/stdin "$BOX/json"
}

# holds EXPRESSION: of Python, about the JSON, which is d; and that is UTF-8
# alone, with no name twice and no half of a character.
holds() {
	python3 - "$BOX/json" "$1" <<-'END' || fail "no: $1"
	import base64, json, sys
	def once(pairs):
	    assert len(dict(pairs)) == len(pairs), pairs
	    return dict(pairs)
	octets = open(sys.argv[1], 'rb').read()
	d = json.loads(octets.decode(), object_pairs_hook=once,
	               parse_constant=lambda x: 1 / 0)
	json.dumps(d, ensure_ascii=False).encode()
	content = [base64.b64decode(a['content'], validate=True)
	           for a in d['attachments']]
	if not eval(sys.argv[2]):
	    sys.exit(octets[:2000].decode(errors='replace'))
	END
}

# block KIND: what stands in doc/json.md.
block() {
	sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/p" "$ROOT/doc/json.md" | sed '1d;$d'
}

@test "json: the mail of doc/json.md becomes the JSON of doc/json.md" {
	export PROTO=TCP TCPREMOTEIP=192.0.2.7 TCPREMOTEPORT=1025 \
		TCPREMOTEHOST=client.example.net SSL_PROTOCOL=TLSv1.3 \
		SSL_CIPHER=TLS_AES_256_GCM_SHA384
	block mail >"$BATS_TEST_TMPDIR/mail"
	{
		say 'EHLO client.example' 'AUTH PLAIN AGpvAHg=' \
			'MAIL FROM:<jorgen@example.net>' \
			'RCPT TO:<help@example.org>' DATA
		sed 's/$/\r/' "$BATS_TEST_TMPDIR/mail"
		say . QUIT
	} | serve --auth true -- "$COMMANDS/json" cp /dev/stdin "$BOX/json"
	reply_is 7 '250 2.0.0'
	holds 'd["envelope"]["id"] in d["headers"]["received"]'
	id=$(sed 's/.*"id": "\([^"]*\)".*/\1/' "$BOX/json")
	python3 -m json.tool --no-ensure-ascii "$BOX/json" |
		sed -e "s/$id/6b0cb02977928000756/" -e \
		's/;\\t..., .* +0000"/;\\tSun, 29 Nov 2026 23:09:31 +0000"/' \
		>"$BOX/pretty"
	diff "$BOX/pretty" <(block json) || fail "$(cat "$BOX/pretty")"
}

# ---- as other readers see it ----

# What is no mail as MIME has it, and what MIME::Parser makes of it.
differences() {
	sed 's/[[:blank:]].*//' <<-'END'
	msg_14.txt	a type with no subtype is text/plain; there it is one
	msg_17.txt	a multipart with no such boundary is a text; lost there
	msg_25.txt	likewise
	msg_31.txt	likewise
	msg_41.txt	likewise
	msg_33.txt	boundary*=: not known there, and the parts are lost
	msg_35.txt	no empty line behind the header: a line is lost there
	msg_38.txt	an outer boundary ends a part (RFC 2046, 5.1.2)
	empty-ctype-bad-content.raw	<html> is no type; there it is one
	epilogue-sample.raw	base64 ends at its =; there it goes on
	mime-bad-8bit-filename.raw	a name in raw UTF-8; none there
	mime-bad-content-transfer-encoding.raw	no base64, by either
	part-bin-header.golden	encoded words that are no characters
	qp-utf8-header-no-break.raw	as msg_35.txt
	END
}

# through MAIL ...: one session; each becomes $BOX/NAME.eml and $BOX/NAME.json.
through() {
	local mail
	{
		say 'EHLO client.example'
		for mail; do
			say 'MAIL FROM:<ann@example.net>' \
				"RCPT TO:<${mail##*/}@example.org>" DATA
			sed -e 's/\r$//' -e 's/^\./../' -e 's/$/\r/' "$mail"
			say '' .
		done
		say QUIT
	} | serve -- sh -c 'cp /dev/stdin "$BOX/$LOCAL.eml" && exec "$0" \
		cp /dev/stdin "$BOX/$LOCAL.json" </dev/stdin' "$COMMANDS/json"
}

@test "json: two test suites' mail is what MIME::Parser reads, but for 14" {
	mails=("${ENMIME:-/opt/enmime}"/usr/share/gocode/src/github.com/*/*)
	mails=("${mails[0]}"/testdata/*/*.{raw,golden}
		/usr/lib/python3.11/test/test_email/data/*.txt)
	for ((n = 0; n < ${#mails[@]}; n += 24)); do
		through "${mails[@]:n:24}"
	done
	[ "$(find "$BOX" -name '*.json' | wc -l)" -gt 130 ]
	perl "$ROOT/tests/commands/mime.pl" "$BOX" >"$BATS_TEST_TMPDIR/differ"
	grep -aoE '^[^ ]+\.(txt|raw|golden): ' "$BATS_TEST_TMPDIR/differ" |
		tr -d ': ' | sort -u | diff - <(differences | sort) ||
		fail "$(cat "$BATS_TEST_TMPDIR/differ")"
}

# ---- odd and hostile mail ----

@test "json: header fields are decoded, and what is none is left alone" {
	python_case 60 commands/mails.py fields
}

@test "json: attachments' names, which lead nowhere, types and encodings" {
	python_case 60 commands/mails.py files
}

@test "json: texts in their charset, or as they look; all others are files" {
	python_case 60 commands/mails.py texts
}

@test "json: what is made to break it is JSON, all of it, in little memory" {
	python_case 110 commands/mails.py hostile
}

# ---- its command ----

# environ FILE: what the command had, but for what differs in each message.
environ() {
	tr '\0' '\n' <"$BOX/environ" |
		grep -vE '^(SMTP_ID|SMTP_SIZE|UFLINE|_)=' | sort >"$1"
}

@test "json: the command gets a file, our environment and plain signals" {
	stand_in take 'stat -L -c %F /dev/stdin' 'echo "$SMTP_SIZE $# $1"' \
		'cat >"$BOX/json"; cat /dev/stdin | cmp - "$BOX/json"' \
		'grep -E "^Sig(Ign|Blk)" /proc/self/status' \
		'ls /proc/self/fd | tr "\n" " "; umask' \
		'cat /proc/self/environ >"$BOX/environ"; exit 67'
	# Itself, not by one that stands before it on PATH with more variables.
	posted '550 5.1.1' -- /usr/bin/python3 "$COMMANDS/json" -- take 'a b'
	logged 'line="regular file"'
	logged "line=\"$(wc -c <"$BOX/json") 1 a b\""
	[ "$(grep -c 'line="Sig.*0000000000000000"' "$LOG")" -eq 2 ]
	logged "line=\"0 1 2 3 $(umask)\""
	not_logged 'differ'
	environ "$BOX/with"
	posted '550 5.1.1' -- take
	environ "$BOX/without"
	diff "$BOX/with" "$BOX/without"
	for status in 0 99 65 69 75 1; do
		post -- "$COMMANDS/json" sh -c "exit $status"
		said=$(reply 6 | sed 's/Ok .*//')
		post -- sh -c "exit $status"
		told "$said"
	done
	posted '550 5.7.1 Spam' -- "$COMMANDS/json" sh -c \
		'echo "550 5.7.1 Spam"; exit 77'
	posted '451 4.3.0' -- "$COMMANDS/json" sh -c 'kill -9 $$'
}

@test "json: no room and no command are 451" {
	posted '451 4.3.0' -- "$COMMANDS/json"
	posted '451 4.3.0' -- "$COMMANDS/json" --
	posted '451 4.3.0' -- "$COMMANDS/json" --files "$BOX"
	posted '451 4.3.0' -- "$COMMANDS/json" no-such-command
	posted '451 4.3.0' -- "$COMMANDS/json" --files "$BOX/no" "$CATCH"
	posted '451 4.3.0' -- "$COMMANDS/json" --files "$BOX" no-such-command
	small_disk 1
	write_letter "$(printf 'X: %02000d' 1)"
	posted '451 4.3.0' -- "${SMALL_DISK[@]}" "$COMMANDS/json" "$CATCH"
	[ "$(files "$BOX")" -eq 0 ]
	[ -z "$(ls -A "$BOX")" ]
}

# ---- attachments as files ----

# two_files: $LETTER, with a text and two attachments of one name.
two_files() {
	LETTER=$BATS_TEST_TMPDIR/letter
	local file='Content-Type: a/b; name="../ é$(x).pdf"'
	printf '%s\n' 'Content-Type: multipart/mixed; boundary=x' '' --x '' \
		text --x "$file" '' one --x "$file" '' two --x '' three \
		--x-- >"$LETTER"
}

@test "json --files: on the disk before the command runs, which has its path" {
	two_files
	mkdir "$BOX/files"
	post -- strace -f -o "$BATS_TEST_TMPDIR/calls" \
		-e trace=fsync,rename,execve "$COMMANDS/json" --files \
		"$BOX/files" sh -c 'cat >"$BOX/json"; python3 -c "
import json
for file in json.load(open(\"$BOX/json\"))[\"attachments\"]:
    assert len(open(file[\"path\"]).read()) == file.pop(\"size\")
    file.pop(\"path\")
    print(*file.values(), sep=\"|\")
"'
	told '250 2.0.0'
	[ "$(grep -cF 'line="\xC3\xA9$(x).pdf|a/b|None|None"' "$LOG")" -eq 2 ]
	[ "$(cd "$BOX"/files/* && echo *)" = '1-___x_.pdf 2-___x_.pdf 3-' ]
	[ "$(cat "$BOX"/files/*/*)" = onetwothree ]
	grep -oE '(fsync|rename|execve)\(.*= 0$' "$BATS_TEST_TMPDIR/calls" |
		sed 's/(.*//' | tr '\n' ' ' |
		grep -q 'fsync fsync fsync fsync rename fsync execve'
}

@test "json --files: the folder stays only where the command took it" {
	two_files
	for status in 0 99; do
		posted '250 2.0.0' -- "$COMMANDS/json" --files "$BOX" \
			sh -c "exit $status"
	done
	[ "$(files "$BOX")" -eq 6 ]
	for status in 1 65 75 127; do
		post -- "$COMMANDS/json" --files "$BOX" sh -c "exit $status"
		told "$([ "$status" -eq 65 ] && echo 554 || echo 451)"
	done
	posted '550 5.7.1 No' -- "$COMMANDS/json" --files "$BOX" sh -c \
		'echo "550 5.7.1 No"; exit 77'
	posted '451 4.3.0' -- "$COMMANDS/json" --files "$BOX" sh -c 'kill $$'
	posted '451 4.3.0' --command-timeout 5 -- "$COMMANDS/json" --files \
		"$BOX" sh -c 'echo $$ >"$BOX/pids"; exec sleep 60'
	all_gone
	rm "$BOX/pids"
	small_disk 1
	printf '%02000d\n' 1 >>"$LETTER"
	posted '451 4.3.0' -- "${SMALL_DISK[@]}" "$COMMANDS/json" --files \
		"$BOX" "$CATCH"
	for n in 1 2 3 4 5; do
		posted '451 4.3.0' -- strace -f -o "$BATS_TEST_TMPDIR/calls" \
			-e trace=fsync -e inject=fsync:error=EIO:when=$n \
			"$COMMANDS/json" --files "$BOX" "$CATCH"
	done
	[ "$(files "$BOX")" -eq 6 ]
	[ "$(find "$BOX" -mindepth 1 -maxdepth 1 | wc -l)" -eq 2 ]
}

# ---- into a web application ----

# An application that answers 200 to what it can read, and 422 to nobody@x.
application() {
	python_server '
import http.server, json
class Mail(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        mail = json.loads(body)
        with open(sys.argv[1] + "/json", "wb") as file:
            file.write(body)
        assert self.headers["Content-Type"] == "application/json"
        to = mail["envelope"]["to"]
        self.send_response(422 if to == "nobody@x" else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
web = http.server.HTTPServer(("", 0), Mail, bind_and_activate=False)
web.socket = server
web.serve_forever()' "$BOX"
}

@test "json and webhook: a web application gets it, and decides" {
	application
	hook=("$COMMANDS/json" "$COMMANDS/webhook" "http://127.0.0.1:$PORT/mail"
		application/json)
	FROM='' TO=("${ODD[@]}")
	posted '250 2.0.0' -- "${hook[@]}"
	holds "d['envelope']['from'] == '' and d['envelope']['to'] is None"
	python3 -c 'import json, sys
for to in json.load(open(sys.argv[1]))["envelope"]["recipients"]:
    print(to)' "$BOX/json" | diff - <(printf '%s\n' "${ODD[@]}")
	TO=(nobody@x)
	posted '554 5.6.0' -- "${hook[@]}"
	# More than curl sends without asking first.
	write_letter
	yes 'x and y and z' | head -n 200000 >>"$LETTER"
	TO=(help@example.org)
	posted '250 2.0.0' -- "${hook[@]}"
	holds 'd["plain"].count("x and y and z\n") == 200000'
	ended "$SERVER"
	posted '451 4.3.0' -- "${hook[@]}"
	nothing_ran
}
