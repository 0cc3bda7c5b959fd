#!/bin/sh
# ytnefprocess of ytnef 2.0 is a filter for mail: it puts the files in a
# winmail.dat, which is TNEF, in its place.  What ytnef cannot read, it takes
# out, and nothing is in its place.  And of every mail, also one without TNEF,
# it takes what is in a multipart, or in a message that was forwarded, for parts
# of the whole mail: two alternatives become two attachments, and the header of
# the forwarded message becomes that of a part, where no reader shows it.
# It exits 0.
. "$(dirname "$0")/unpack"
unpack ytnef-tools=2.0-1+b1 libytnef0=2.0-1+b1 libmime-tools-perl=5.510-1 \
	libmailtools-perl=2.21-2 libconvert-binhex-perl=1.125-3 \
	libtimedate-perl=2.3300-2
PERL5LIB=$tree/usr/share/perl5
export PERL5LIB HOME="$tree"
mkdir "$tree/.ytnef"
# It calls ytnef by its whole path.
sed "s,/usr/bin/ytnef\",$tree/usr/bin/ytnef\"," \
	"$tree/usr/bin/ytnefprocess" >"$tree/filter"
filtered() {
	timeout 60 perl "$tree/filter" <"$1" >"$tree/out" 2>"$tree/said"
	status=$?
	echo "$2: exit status $status"
}
cat >"$tree/plain" <<'END'
From: ann@example.net
Subject: plain

body
END
cat >"$tree/forwarded" <<'END'
From: ann@example.net
Subject: look
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=o

--o
Content-Type: multipart/alternative; boundary=i

--i
Content-Type: text/plain

text
--i
Content-Type: text/html

<p>text
--i--

--o
Content-Type: message/rfc822

From: bob@example.com
Subject: forwarded

its text
--o--
END
cat >"$tree/unread" <<'END'
From: ann@example.net
Subject: letter
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=o

--o
Content-Type: text/plain

text
--o
Content-Type: application/ms-tnef; name=winmail.dat
Content-Transfer-Encoding: base64

SXQgaXMgbm8gVE5FRi4K
--o--
END
filtered "$tree/plain" 'one part'
[ "$status" -eq 0 ] && cmp -s "$tree/plain" "$tree/out" || exit 2
filtered "$tree/forwarded" forwarded
as_seen=$status
cat "$tree/out"
grep -q -e multipart/alternative -e message/rfc822 "$tree/out" &&
	as_seen=kept
filtered "$tree/unread" 'not to be read'
cat "$tree/out"
grep -q -e tnef -e SXQgaXMg "$tree/out" && status=kept
[ "$as_seen$status" = 00 ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
