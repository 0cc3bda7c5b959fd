#!/usr/bin/env bats
# Each example does what its comment says.
load helper
load auth

@test "save keeps the message and its envelope" {
	say "${HELLO[@]}" 'RCPT TO:<b@c>' DATA 'Subject: s' . QUIT |
		serve --no-received -- "$ROOT/examples/save" "$BOX"
	codes_are 220 250 250 250 250 354 250 221
	id=$(reply 7 | sed 's/.*Ok //')
	[ "$(cat "$BOX/$id".*.eml)" = 'Subject: s' ]
	[ "$(sed -n 1,3p "$BOX/$id".*.env)" = "sender=ann@example.net
recipient=help@example.org
recipient=b@c" ]
	[ "$(find "$BOX" -type f | wc -l)" -eq 2 ]
}

@test "save keeps what each recipient of LMTP got" {
	say 'LHLO c' 'MAIL FROM:<>' 'RCPT TO:<a@b>' 'RCPT TO:<c@d>' DATA x . \
		QUIT | serve --lmtp -- "$ROOT/examples/save" "$BOX"
	codes_are 220 250 250 250 250 354 250 250 221
	[ "$(sed -n 's/^recipient=//p' "$BOX"/*.env | sort)" = "a@b
c@d" ]
	[ "$(find "$BOX" -name '*.eml' | wc -l)" -eq 2 ]
}

@test "save is temporary where its folder is missing" {
	say "${HELLO[@]}" DATA x . QUIT |
		serve -- "$ROOT/examples/save" "$BOX/nowhere"
	codes_are 220 250 250 250 354 451 221
}

# ---- look-ups ----

# asked EXAMPLE ADDRESS [client [sender]]: the reply to RCPT.
asked() {
	say 'HELO c' "MAIL FROM:<${4-ann@example.net}>" "RCPT TO:<$2>" QUIT |
		PROTO=TCP TCPREMOTEIP=${3:-192.0.2.7} serve \
		--lookup "exec '$ROOT/examples/lookup/'$1"
}

# asked_is REPLY EXAMPLE ADDRESS [client [sender]]
asked_is() {
	asked "${@:2}"
	reply_is 4 "$1" || fail "${*:2}"
}

@test "greylist: later, and in after the time; a /24 is one client" {
	asked_is '450 4.7.1 Greylisted' "greylist $BOX" joe@b
	asked_is '450 4.7.1' "greylist $BOX" joe@b
	[ "$(find "$BOX" -type f | wc -l)" -eq 1 ]
	say 'VRFY joe@b' QUIT | PROTO=TCP TCPREMOTEIP=192.0.2.7 serve --vrfy \
		--lookup "exec '$ROOT/examples/lookup/greylist' $BOX"
	reply_is 2 '250 2.1.5 <joe@b>'
	[ "$(find "$BOX" -type f | wc -l)" -eq 1 ]
	touch -d '-200 seconds' "$BOX"/*.tried
	asked_is '450 4.7.1' "greylist $BOX" JOE@b 192.0.2.9
	touch -d '-301 seconds' "$BOX"/*.tried
	asked_is '250' "greylist $BOX" joe@b 192.0.2.9
	asked_is '250' "greylist $BOX" joe@b
	asked_is '450 4.7.1' "greylist $BOX" ann@b
	asked_is '450 4.7.1' "greylist $BOX" joe@b 192.0.3.7
	asked_is '450 4.7.1' "greylist $BOX" joe@b 192.0.2.7 other@example.net
	asked_is '450 4.7.1' "greylist $BOX" joe@b 2001:db8:1:2:3::4
	touch -d '-301 seconds' "$BOX"/*.tried
	asked_is '250' "greylist $BOX" joe@b 2001:db8:1:2:9::9
	asked_is '450 4.7.1' "greylist $BOX" joe@b 2001:db8:1:3:9::9
	asked_is '451 4.3.0' "greylist $BOX/nowhere" joe@b
}

@test "greylist: twenty that ask at once, and once more" {
	for round in 450 250; do
		pids=
		for i in {1..20}; do
			say 'HELO c' 'MAIL FROM:<>' 'RCPT TO:<joe@b>' QUIT |
				PROTO=TCP TCPREMOTEIP=192.0.2.$i "$SMTPD" \
				--lookup "exec '$ROOT/examples/lookup/greylist' '$BOX'" \
				cat >"$BATS_TEST_TMPDIR/$i" 2>>"$LOG" 3>&- &
			pids="$pids $!"
		done
		for pid in $pids; do
			wait "$pid"
		done
		[ "$(cat "$BATS_TEST_TMPDIR"/[0-9]* |
			grep -c "^$round .*\(Grey\|Recipient\)")" -eq 20 ]
		touch -d '-301 seconds' "$BOX"/*.tried
	done
	[ "$(find "$BOX" -type f | wc -l)" -eq 2 ]
}

@test "passwd: people are there, daemons, numbers and tricks are not" {
	printf '%s\n' root:x:0:0:Root:/:/bin/sh mail:x:8:8::/:/bin/sh \
		'joe:x:1000:1000:Joe Smith,Room 1:/home/joe:/bin/sh' \
		nobody:x:65534:65534::/:/bin/sh >"$BATS_TEST_TMPDIR/passwd"
	for name in joe Joe@b joe+box@b; do
		asked_is 250 "passwd $BATS_TEST_TMPDIR/passwd" "$name"
	done
	for name in root mail nobody 1000 jo 'j*' '"joe:x"' '".*"' '"joe\n"'; do
		asked_is '550 5.1.1' "passwd $BATS_TEST_TMPDIR/passwd" "$name"
	done
	for file in /no/such/file /dev/null "$BOX"; do
		asked_is '451 4.3.0' "passwd $file" joe
	done
	say 'VRFY joe@example.org' QUIT | serve --vrfy --lookup \
		"exec '$ROOT/examples/lookup/passwd' $BATS_TEST_TMPDIR/passwd"
	reply_is 2 '250 2.1.5 Joe Smith <joe@example.org>'
}

# A web server that answers by the address that it is asked for.
web_server() {
	python3 - "$BATS_TEST_TMPDIR/port" <<-'EOF' 3>&- &
	import http.server, sys, urllib.parse
	class Users(http.server.BaseHTTPRequestHandler):
	    def do_GET(self):
	        query = urllib.parse.parse_qs(self.path.partition('?')[2])
	        user = query['address'][0]
	        code = {'joe@b': 200, '"a&b=c"@b': 204}.get(user)
	        if code is None:
	            code = 500 if user == 'sick@b' else 404 if user == 'a@b' else 410
	        self.send_response(code)
	        self.end_headers()
	        self.wfile.write(b'550 5.7.1 never shown')
	    def log_message(self, *_):
	        pass
	server = http.server.HTTPServer(('127.0.0.1', 0), Users)
	with open(sys.argv[1] + '.new', 'w') as file:
	    file.write(str(server.server_port))
	import os
	os.rename(sys.argv[1] + '.new', sys.argv[1])
	server.serve_forever()
	EOF
	SERVER=$!
	local end=$((SECONDS + 10))
	until [ -e "$BATS_TEST_TMPDIR/port" ]; do
		[ "$SECONDS" -lt "$end" ] || fail 'no web server'
	done
	URL=http://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/port")/users
}

teardown() {
	[ -z "$SERVER" ] || kill "$SERVER" 2>/dev/null || :
}

@test "http: the service decides; its faults and its absence are 451" {
	web_server
	asked_is 250 "http $URL" joe@b
	asked_is 250 "http $URL" '"a&b=c"@b'
	asked_is '550 5.1.1' "http $URL" nobody@b
	asked_is '451 4.3.0' "http $URL" a@b
	asked_is '451 4.3.0' "http $URL" sick@b
	logged 'output .* line="http://.* says 500"'
	kill "$SERVER"
	wait "$SERVER" || :
	asked_is '451 4.3.0' "http $URL" joe@b
}

@test "policy: the first line that fits decides" {
	sed -n 's/^#	//p' "$ROOT/examples/lookup/policy" \
		>"$BATS_TEST_TMPDIR/policy"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/policy")" -eq 7 ]
	local policy="policy $BATS_TEST_TMPDIR/policy"
	asked_is 250 "$policy" internal-list@example.org 192.0.2.1
	asked_is 250 "$policy" x@elsewhere.example 2001:db8::1
	for list in internal-list Internal-LIST '"internal-list"' \
		'"int\ernal-list"'; do
		asked_is '550 5.7.1 Not from 203.0.113.1' "$policy" \
			"$list@Example.org" 203.0.113.1
	done
	asked_is 250 "$policy" joe@example.org 203.0.113.1
	asked_is '450 4.7.1 Not now' "$policy" joe@example.org 198.51.100.7
	asked_is '550 5.7.1' "$policy" joe@elsewhere.example 203.0.113.1
	asked_is '550 5.7.1' "$policy" '*' 203.0.113.1
	asked_is '451 4.3.0' 'policy /no/such/file' joe@example.org
	asked_is '451 4.3.0' "policy $BOX" joe@example.org
	: >"$BATS_TEST_TMPDIR/policy"
	asked_is '451 4.3.0' "$policy" joe@example.org
	echo '* * perhaps' >"$BATS_TEST_TMPDIR/policy"
	asked_is '451 4.3.0' "$policy" joe@example.org
}

# ---- who sends ----

@test "auth: each says what it is and its exits, and is told about by a test" {
	for example in "$AUTH"/*; do
		name=${example##*/}
		[ -x "$example" ]
		sed -n 2p "$example" | grep -q "^# $name\( .*\)\?:" || fail "$name"
		sed '/^#/!q' "$example" | grep -q '^# Exit 0: .*; 1: ' ||
			fail "$name"
		cat "$ROOT"/tests/90-*.bats "$ROOT"/tests/commands/auth.bats |
			grep -q "AUTH/$name\"" || fail "$name"
	done
}

@test "any: whoever comes from a loopback or private address, and no other" {
	for client in 127.0.0.1 127.8.9.1 10.0.0.1 10.255.255.255 172.16.0.1 \
		172.19.1.1 172.20.0.1 172.29.255.1 172.31.255.255 192.168.0.1 \
		::1 fc00::1 fd12:3456::1 fdff:ffff:1:2:3:4:5:6; do
		CLIENT_ADDRESS=$client let_in joe x "$AUTH/any"
	done
	for client in '' unknown 1.2.3.4 11.0.0.1 100.64.0.1 126.1.1.1 128.0.0.1 \
		169.254.1.1 172.15.0.1 172.32.0.1 172.3.0.1 172.2.0.1 172.200.0.1 \
		172.160.0.1 172.1.0.1 192.0.2.1 192.169.0.1 203.0.113.10 \
		210.0.0.1 :: ::2 ::10.0.0.1 ::1:1 fe80::1 2001:db8::1 \
		2001:db8:fd00::1 fd::1 fdf::1 fe00::1 10.example.net \
		127.0.0.1.example fd00::1%eth0; do
		CLIENT_ADDRESS=$client refused joe x "$AUTH/any"
	done
	refused joe x env -u CLIENT_ADDRESS "$AUTH/any"
}

@test "auth: no argument, no name and password, no descriptor 3: later" {
	put_off 'one argument' joe secret "$AUTH/htpasswd"
	put_off 'one argument' joe secret "$AUTH/htpasswd" /dev/null x
	put_off 'one argument' joe secret "$AUTH/dovecot"
	put_off 'one argument' joe secret "$AUTH/dovecot" /none x
	: >"$BATS_TEST_TMPDIR/users"
	for command in "$AUTH/htpasswd $BATS_TEST_TMPDIR/users" \
		"$AUTH/pwauth" "$AUTH/dovecot /none"; do
		for redirection in '3</dev/null' '3<&-'; do
			ends 111 sh -c "exec $command $redirection" \
				2>"$BATS_TEST_TMPDIR/said" || fail "$command"
			grep -q 'descriptor 3$' "$BATS_TEST_TMPDIR/said"
		done
	done
}

# ---- all of them ----

@test "what README.md and the pages in doc link to is there" {
	cd "$ROOT"
	for page in README.md CHANGELOG.md docker/README.md \
		examples/launch/README.md doc/*.md doc/guides/*.md; do
		grep -o '](\([^)#]*\))' "$ROOT/$page" | sed 's/^](//; s/)$//' \
			>"$BATS_TEST_TMPDIR/links" || continue
		while read -r link; do
			[ -e "$ROOT/$(dirname "$page")/$link" ] ||
				fail "$page: $link"
		done <"$BATS_TEST_TMPDIR/links"
	done
	[ -s "$BATS_TEST_TMPDIR/links" ] || fail 'no link at all?'
}

@test "the newest version in CHANGELOG.md is the program's" {
	sed -n 's/^## \([0-9.]*\), .*/smtpd \1/p' "$ROOT/CHANGELOG.md" |
		head -n 1 | diff - <("$SMTPD" --version)
}

# ---- the README ----

# readme_script: a letter to the README's script, for $TO.
readme_script() {
	sed -n '/^```sh$/,/^```$/p' "$ROOT/README.md" | grep -v '^```' \
		>"$BATS_TEST_TMPDIR/on-mail"
	chmod +x "$BATS_TEST_TMPDIR/on-mail"
	say 'EHLO c' "MAIL FROM:<${FROM-ann@example.net}>" "RCPT TO:<$TO>" \
		DATA 'Subject: x' . QUIT |
		STATE_DIRECTORY=$BATS_TEST_TMPDIR/mail/box serve -r 1 -- \
		"$BATS_TEST_TMPDIR/on-mail"
}

@test "the README's script: accepted, refused, no such user, later" {
	TO=tickets@example.org
	readme_script
	reply_is 6 '250 2.0.0 '
	grep -qx 'Subject: x' "$BATS_TEST_TMPDIR"/mail/box/*.eml
	grep -Eqx '[0-9a-f]{19} from=ann@example.net client= size=[0-9]+' \
		"$BATS_TEST_TMPDIR/mail/box/log"
	TO=joe@example.org
	readme_script
	reply_is 6 '550 5.1.1 '
	FROM=eve@spam.example readme_script
	reply_is 6 '550 5.7.1 '
	rm -r "$BATS_TEST_TMPDIR/mail"
	: >"$BATS_TEST_TMPDIR/mail"
	TO=tickets@example.org
	readme_script
	reply_is 6 '451 4.3.0 '
}

@test "doc/demo.svg is what make demo shows: else make doc" {
	"$ROOT/packaging/cast" | cmp - "$ROOT/doc/demo.svg"
}

@test "the README's session is what one sees" {
	sed -n '/^220 host.example/,/^221/p' "$ROOT/README.md" \
		>"$BATS_TEST_TMPDIR/shown"
	grep -v '^[0-9][0-9][0-9] ' "$BATS_TEST_TMPDIR/shown" |
		sed 's/$/\r/' | serve -n host.example -- cat
	grep '^[0-9][0-9][0-9] ' "$BATS_TEST_TMPDIR/shown" |
		sed 's/Ok [0-9a-f]*$/Ok/' >"$BATS_TEST_TMPDIR/expected"
	sed 's/\r$//; s/Ok [0-9a-f]*$/Ok/' "$REPLIES" |
		diff - "$BATS_TEST_TMPDIR/expected"
}

@test "what is in Python or Perl names the Debian package on top" {
	for example in "$ROOT"/examples/{sendmail,*/*}; do
		case $(head -n 1 "$example") in
		'#!/usr/bin/env python3') needs='python3\>' ;;
		'#!/usr/bin/perl') needs='lib.*-perl' ;;
		*) continue ;;
		esac
		sed '/^#/!q' "$example" | grep -q "^# Needs: .*$needs" ||
			fail "$example"
	done
}

# ---- a server of one's own ----

@test "embed: a server of under 100 lines on the program's own objects" {
	[ "$(wc -l <"$ROOT/examples/embed.c")" -lt 100 ]
	say "${HELLO[@]}" 'RCPT TO:<ann@example.net>' 'RCPT TO:<Ann@example.org>' \
		'RCPT TO:<postmaster>' DATA 'Subject: s' '' ..dot . \
		'MAIL FROM:<>' 'RCPT TO:<ann>' DATA cut |
		"$ROOT/examples/embed" "$BOX" >"$REPLIES"
	codes_are 220 250 250 550 550 250 250 354 250 250 250 354
	reply_is 4 '550 5.1.1'
	reply_is 5 '550 5.7.1'
	[ "$(ls -A "$BOX")" = "$(reply 9 | tr -d '\r' | cut -d' ' -f3)" ]
	[ "$(cat "$BOX"/*)" = $'Subject: s\n\n.dot' ]
}

@test "embed: what cannot be kept is a 451, and the session goes on" {
	say 'EHLO c' 'MAIL FROM:<>' 'RCPT TO:<ann>' DATA x . NOOP QUIT |
		(ulimit -f 0; trap '' XFSZ; exec "$ROOT/examples/embed" "$BOX") |
		cat >"$REPLIES"
	codes_are 220 250 250 250 354 451 250 221
	[ -z "$(ls -A "$BOX")" ]
}
