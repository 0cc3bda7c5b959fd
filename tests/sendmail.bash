# Loaded after helper and commands/helper: examples/sendmail, for
# 91-sendmail.bats and commands/sendmail.bats.
# shellcheck disable=SC2034,SC2154 # variables for and of others
# shellcheck disable=SC2119,SC2120 # arguments of others

# in_place [option ...] [-- command ...]: $SENDMAIL, as a user would copy it,
# with its line edited.
in_place() {
	local line="$SMTPD -n mx.example.org --no-received $*"
	[[ " $* " == *' -- '* ]] || line="$line -- $CATCH"
	SENDMAIL=$BATS_TEST_TMPDIR/sendmail
	sed -e "s|^SMTPD = .*|SMTPD = '''$line'''|" \
		-e "s|^DOMAIN = .*|DOMAIN = b'host.example'|" \
		"$ROOT/examples/sendmail" >"$SENDMAIL"
	chmod +x "$SENDMAIL"
}

# mails STATUS [word ...]: its input is ours; what it and smtpd say is $LOG.
mails() {
	ends "$1" timeout 60 "$SENDMAIL" "${@:2}" 2>"$LOG"
}

# went_to ADDRESS ...: the last message, and to nobody else.
went_to() {
	[ "$(variable RECIPIENTS '$')" = "$(printf '%s\n' "$@")" ] ||
		fail "to: $(variable RECIPIENTS '$')" "expected: $*"
}

# header [N]: of the Nth message.
header() {
	sed '/^$/q' "$(message "${1:-\$}")"
}
