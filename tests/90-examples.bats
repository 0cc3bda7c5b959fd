#!/usr/bin/env bats
# Each example does what its comment says.
load helper

@test "save keeps the message and its envelope" {
	say "${HELLO[@]}" 'RCPT TO:<b@c>' DATA 'Subject: s' . QUIT |
		serve --no-received -- "$ROOT/examples/save" "$BOX"
	codes_are 220 250 250 250 250 354 250 221
	id=$(reply 7 | sed 's/.*Ok //')
	[ "$(cat "$BOX/$id.eml")" = 'Subject: s' ]
	[ "$(sed -n 1,3p "$BOX/$id.env")" = "sender=ann@example.net
recipient=help@example.org
recipient=b@c" ]
	[ "$(find "$BOX" -type f | wc -l)" -eq 2 ]
}

@test "save is temporary where its folder is missing" {
	say "${HELLO[@]}" DATA x . QUIT |
		serve -- "$ROOT/examples/save" "$BOX/nowhere"
	codes_are 220 250 250 250 354 451 221
}
