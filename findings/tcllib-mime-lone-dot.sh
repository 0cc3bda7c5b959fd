#!/bin/sh
# tcllib 1.21, package mime, by which package smtp of it sends mail.  A line
# that is a dot and nothing else is written as =2E, lest the dot end the
# message; but the line end in front of it goes.  So "one", ".", "two" comes as
# "one.", "two".  A caller with CR LF in its string is spared.
. "$(dirname "$0")/unpack"
unpack tcllib=1.21+dfsg-1 tcl8.6=8.6.13+dfsg-2 libtcl8.6=8.6.13+dfsg-2
TCL_LIBRARY=$tree/usr/share/tcltk/tcl8.6
export TCL_LIBRARY
cat >"$tree/make.tcl" <<'END'
lappend auto_path [lindex $argv 0]
package require mime
set end [subst -nocommands -novariables [lindex $argv 1]]
set text [join {one . two} $end]$end
puts [mime::buildmessage [mime::initialize -canonical text/plain -string $text]]
END
# lines END: the body that comes out, as a reader of mail has it.
lines() {
	"$tree/usr/bin/tclsh8.6" "$tree/make.tcl" \
		"$tree/usr/share/tcltk/tcllib1.21" "$1" >"$tree/mail" || exit 2
	python3 - "$tree/mail" <<-'END'
		import email
		import sys
		with open(sys.argv[1], 'rb') as file:
		    mail = email.message_from_binary_file(file)
		body = mail.get_payload(decode=True).decode()
		print(' / '.join(body.split()))
	END
}
lf=$(lines '\n') crlf=$(lines '\r\n')
echo "with LF: $lf"
echo "with CR LF: $crlf"
[ "$crlf" = 'one / . / two' ] || exit 2
[ "$lf" = 'one. / two' ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
