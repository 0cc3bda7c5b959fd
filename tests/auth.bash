# Loaded after helper: examples/auth, asked as smtpd --auth asks them.

# shellcheck disable=SC2034 # variables for others

AUTH=$ROOT/examples/auth

# What a shell, an option, a format or a line could be made of; 70 octets are
# what each tool's limit allows.
PASSWORDS=('two words' ' at both ends ' $'tab\t' "it's" '"quoted"'
	'\back\slash\n' $'\\' 'Käse' 'a:b:c' $'8 bit \xff\x80\x81\xfe'
	'$(touch pwned)' '`touch pwned`' -c -- '*' '%s%n\0' $'cr\r'
	$'\x7f\x1b[m' $'\x01\x7f' "$(printf %070d 1)")

# credentials NAME PASSWORD command ...: $SAID.
credentials() {
	SAID=$(mktemp "$BATS_TEST_TMPDIR/said.XXXXXX")
	printf '%s\0%s\0%s\0' "$1" "$2" "$(date +%s)" |
		(exec 3<&0 </dev/null && "${@:3}") >"$SAID" 2>&1
}

# let_in NAME PASSWORD command ...
let_in() {
	ends 0 credentials "$@" || fail "$1, $2: not let in"
	[ ! -s "$SAID" ] || fail "$(cat "$SAID")"
}

# refused NAME PASSWORD command ...: by 1, which is a refusal where nothing is
# said.
refused() {
	ends 1 credentials "$@" || fail "$1, $2: not refused: $(cat "$SAID")"
	[ ! -s "$SAID" ] || fail "$(cat "$SAID")"
}

# put_off TEXT NAME PASSWORD command ...: TEXT is in the one line that it says.
put_off() {
	ends 111 credentials "${@:2}" || fail "$2, $3: not put off"
	[ "$(grep -cF -- "$1" "$SAID")/$(wc -l <"$SAID")" = 1/1 ] ||
		fail "not $1: $(cat "$SAID")"
	! grep -qF -- "$3" "$SAID" || fail "it tells: $(cat "$SAID")"
}
