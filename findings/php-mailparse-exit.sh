#!/bin/sh
# PHP 8.2's mailparse 3.1.4.  A script that looks at the parts of a multipart,
# and does not call mailparse_msg_free() at its end, does all its work, prints
# all it has to say, and then ends with a "Fatal error: Uncaught TypeError" and
# exit status 255, for PHP frees the message before its parts.  To whoever
# called it as a filter for mail, the mail has failed, and it comes again.  A
# mail of one part is 0.
# Of mailparse_msg_free() the manual says that it frees a resource, which PHP
# does by itself where a script ends.
. "$(dirname "$0")/unpack"
unpack php8.2-mailparse=3.1.4+2.1.7~dev20160128-1 \
	php8.2-cli=8.2.36-1~deb12u1 php8.2-common=8.2.36-1~deb12u1 \
	php8.2-mbstring=8.2.36-1~deb12u1 libonig5=6.9.8-1 \
	libsodium23=1.0.18-1+deb12u1 libargon2-1=0~20171227-0.3+deb12u1 \
	libxml2=2.9.14+dfsg-1.3~deb12u6 libicu72=72.1-3+deb12u1
cat >"$tree/parts.php" <<'END'
<?php
$mail = mailparse_msg_create();
mailparse_msg_parse($mail, file_get_contents('php://stdin'));
foreach (mailparse_msg_get_structure($mail) as $id) {
	$part = mailparse_msg_get_part($mail, $id);
	echo mailparse_msg_get_part_data($part)['content-type'], ' ';
}
if ($argc > 1)
	mailparse_msg_free($mail);
END
cat >"$tree/multipart" <<'END'
Subject: x
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=here

--here
Content-Type: text/plain

one
--here
Content-Type: text/html

<p>two</p>
--here--
END
printf 'Subject: x\n\nbody\n' >"$tree/plain"
modules=$(echo "$tree"/usr/lib/php/2*)
# status FILE [free]: its exit status.
status() {
	"$tree/usr/bin/php8.2" -n -d "extension_dir=$modules" \
		-d extension=mbstring -d extension=mailparse \
		-d display_errors=0 \
		"$tree/parts.php" ${2+"$2"} <"$1" >"$tree/said"
	echo $?
}
plain=$(status "$tree/plain")
freed=$(status "$tree/multipart" free)
multipart=$(status "$tree/multipart")
echo "a plain mail: $plain; a multipart: $multipart, freed: $freed"
echo "it printed $(cat "$tree/said")"
[ "$plain$freed" = 00 ] || exit 2
grep -q 'mixed text/plain text/html' "$tree/said" || exit 2
[ "$multipart" = 255 ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
