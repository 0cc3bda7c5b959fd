#!/bin/sh
# dwpage.php of DokuWiki 2022-07-31 makes a page of a file, by "commit".  Where
# it may not write the page, as another user than the server's, or has no room
# for it, it says "FILE > PAGE", as of one that it has written, an error in HTML
# beside it, and exits 0.  /dev/stdin, where that is a pipe or a file without a
# name, PHP cannot open: that makes an empty page, which is no page, with the
# same words and 0, and the one that was there is deleted.
. "$(dirname "$0")/unpack"
unpack dokuwiki=0.0.20220731.a-2 php-geshi=1.0.9.1-1 \
	libphp-simplepie=1.3.1+dfsg-5 php-phpseclib=2.0.42-1+deb12u5 \
	php8.2-cli=8.2.36-1~deb12u1 php8.2-common=8.2.36-1~deb12u1 \
	php8.2-xml=8.2.36-1~deb12u1 \
	libsodium23=1.0.18-1+deb12u1 libargon2-1=0~20171227-0.3+deb12u1 \
	libxml2=2.9.14+dfsg-1.3~deb12u6 libicu72=72.1-3+deb12u1
wiki=$tree/var/lib/dokuwiki
grep -rlE '/(etc|var/lib|usr/share)/(dokuwiki|php)' "$tree/usr/share/dokuwiki" \
	"$tree/etc/dokuwiki" "$wiki" |
	xargs sed -E -i "s,/(etc|var/lib|usr/share)/(dokuwiki|php),$tree&,g"
ln -sfn "$wiki/lib/plugins" "$tree/usr/share/dokuwiki/lib/plugins"
ln -sfn "$wiki/lib/tpl" "$tree/usr/share/dokuwiki/lib/tpl"
php() {
	timeout 60 "$tree/usr/bin/php8.2" -n -d error_reporting=0 \
		-d extension_dir="$tree/usr/lib/php/20220829" \
		-d extension=dom -d extension=xml -d extension=simplexml \
		-d extension=ctype -d extension=tokenizer "$@"
}
# committed FILE PAGE
committed() {
	php "$tree/usr/share/dokuwiki/bin/dwpage.php" commit -m mail \
		"$1" "inbox:$2" >"$tree/said" 2>&1
	status=$?
	kept=no
	[ ! -s "$wiki/data/pages/inbox/$2.txt" ] || kept=yes
	grep -o ' [^ ]* > inbox:.*' "$tree/said"
	echo "exit status $status, kept: $kept"
	as_seen="$as_seen$status $kept, "
}
as_seen=
printf 'From: ann@example.net\nSubject: x\n\nbody\n' >"$tree/mail"
committed "$tree/mail" one
[ "$as_seen" = '0 yes, ' ] || { cat "$tree/said" >&2; exit 2; }
echo "another mail" | {
	committed /dev/stdin one
	rm -rf "$wiki/data/pages/inbox"
	: >"$wiki/data/pages/inbox"
	committed "$tree/mail" two
	[ "$as_seen" = '0 yes, 0 no, 0 no, ' ]
} || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
