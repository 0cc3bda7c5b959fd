# Loaded by tests of examples/handlers/lmtpd.py.
# shellcheck disable=SC2154 # variables of helper.bash

# edit_handler: $HANDLER, a copy whose handle() keeps each message in $BOX,
# below a line with sender, recipient and helo; but not for no...@, later...@
# and dies...@.
edit_handler() {
	HANDLER=$BATS_TEST_TMPDIR/lmtpd.py
	cat >"$BATS_TEST_TMPDIR/body" <<-'END'
	    import tempfile
	    if recipient.startswith('no'):
	        return '550 5.1.1 <' + recipient + '> is nobody'
	    if recipient.startswith('later'):
	        raise ValueError('later')
	    if recipient.startswith('dies'):
	        os._exit(1)
	    at, name = tempfile.mkstemp(dir=os.environ['BOX'])
	    with open(at, 'wb') as file:
	        file.write(f'{sender}|{recipient}|{helo}\n'.encode() + message)
	    os.rename(name, name + '.mail')
	END
	sed -e "/^    print(/{r $BATS_TEST_TMPDIR/body" -e 'd}' \
		"$ROOT/examples/handlers/lmtpd.py" >"$HANDLER"
	grep -q nobody "$HANDLER"
	chmod +x "$HANDLER"
}

