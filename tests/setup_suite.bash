# No binary: the suite fails, it never skips.
setup_suite() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	[ -x "$SMTPD" ] || {
		echo "no program at $SMTPD: make first" >&2
		return 1
	}
	[ -x "$ROOT/tests/unit/recorder" ] || {
		echo 'no helpers of the tests: make helpers first' >&2
		return 1
	}
}
