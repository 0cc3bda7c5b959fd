# Sourced by scripts that change the machine that they run on.

# go_ahead WHAT [argument]: returns after --yes, or where CI is "true" in the
# environment; else says what would be done, and ends the script.
go_ahead() {
	[ "${2:-}" != --yes ] && [ "${CI:-}" != true ] || return 0
	echo "$0 $1; to go on: $0 --yes" >&2
	exit 64
}
