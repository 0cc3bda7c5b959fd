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

# letter LINE ...: $LETTER, with octets as printf's %b has them.
letter() {
	LETTER=$BATS_TEST_TMPDIR/letter
	printf '%b\n' "$@" >"$LETTER"
}

# becomes EXPRESSION LINE ...: the letter does.
becomes() {
	letter "${@:2}"
	taken '250 2.0.0'
	holds "$1"
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
		say 'EHLO client.example' "AUTH PLAIN $(printf '\0jo\0x' | base64)" \
			'MAIL FROM:<jorgen@example.net>' \
			'RCPT TO:<help@example.org>' DATA
		sed 's/$/\r/' "$BATS_TEST_TMPDIR/mail"
		say . QUIT
	} | serve --auth true -- "$COMMANDS/json" cp /dev/stdin "$BOX/json"
	reply_is 7 '250 2.0.0'
	holds 'd["envelope"]["id"] in d["headers"]["received"]'
	python3 -m json.tool --no-ensure-ascii "$BOX/json" |
		sed -e 's/;\\t..., .* +0000"/;\\tSun, 29 Nov 2026 21:00:00 +0000"/' \
			-e "s/$(sed -n 's/.*"id": "\([^"]*\)".*/\1/p' "$BOX/json" \
			)/6b0cb02977928000756/" >"$BOX/pretty"
	diff "$BOX/pretty" <(block json) || fail "$(cat "$BOX/pretty")"
}

# ---- as other readers see it ----

# What is no mail as MIME has it, and what MIME::Parser makes of it.
differences() {
	sed 's/[[:blank:]].*//' <<-'END'
	msg_14.txt	a type without a subtype is text/plain; there it is a type
	msg_17.txt	a multipart that has no such boundary is a text; lost there
	msg_25.txt	likewise
	msg_31.txt	likewise
	msg_41.txt	likewise
	msg_33.txt	boundary*=: not known there, and the parts are lost
	msg_35.txt	no empty line behind the header: that line is lost there
	msg_38.txt	a boundary of what is around it ends a part (RFC 2046, 5.1.2)
	empty-ctype-bad-content.raw	<html> is no type; there it is one
	epilogue-sample.raw	base64 ends at its =; there it goes on
	mime-bad-8bit-filename.raw	a name in raw UTF-8; there it is none
	mime-bad-content-transfer-encoding.raw	a text that says it is base64
	part-bin-header.golden	encoded words that are no characters
	qp-utf8-header-no-break.raw	no empty line behind the header, as above
	END
}

@test "json: two test suites' mail is what MIME::Parser reads, but for 14" {
	mails=("${ENMIME:-/opt/enmime}"/usr/share/gocode/src/github.com/jhillyerd/enmime/testdata/*/*.{raw,golden}
		/usr/lib/python3.11/test/test_email/data/*.txt)
	[ ${#mails[@]} -gt 140 ]
	for mail in "${mails[@]}"; do
		say 'MAIL FROM:<ann@example.net>' \
			"RCPT TO:<${mail##*/}@example.org>" DATA
		sed -e 's/\r$//' -e 's/^\./../' -e 's/$/\r/' "$mail"
		say '' .
	done >"$BATS_TEST_TMPDIR/session"
	{
		say 'EHLO client.example'
		cat "$BATS_TEST_TMPDIR/session"
		say QUIT
	} | serve -- sh -c 'cp /dev/stdin "$BOX/$LOCAL.eml" && exec "$0" \
		cp /dev/stdin "$BOX/$LOCAL.json" </dev/stdin' "$COMMANDS/json"
	[ "$(files "$BOX")" -gt 270 ]
	perl "$ROOT/tests/commands/mime.pl" "$BOX" >"$BATS_TEST_TMPDIR/differ"
	grep -aoE '^[^ ]+\.(txt|raw|golden): ' "$BATS_TEST_TMPDIR/differ" |
		tr -d ': ' | sort -u | diff - <(differences | sort) ||
		fail "$(cat "$BATS_TEST_TMPDIR/differ")"
}
