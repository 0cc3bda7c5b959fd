#!/bin/sh
# lei 1.9.0 of public-inbox keeps and indexes a message on stdin, by
# "lei import -F eml /dev/stdin".  The work is done by a daemon and its workers;
# where the disk is full, one of them says "import done: fast-import failed" on
# stderr, the message is not kept, and lei exits 0.
# The disk is a tmpfs of 4 MiB in a namespace, so it wants unshare.
. "$(dirname "$0")/unpack"
unpack lei=1.9.0-1 libpublicinbox-perl=1.9.0-1 git=1:2.39.5-0+deb12u3 \
	libcurl3-gnutls=7.88.1-10+deb12u15 libdbd-sqlite3-perl=1.72-1 \
	libdbi-perl=1.643-4+deb12u3 libsearch-xapian-perl=1.2.25.5-2 \
	libxapian30=1.4.22-1 liburi-perl=5.17-1
PERL5LIB=$tree/usr/share/perl5:$tree/usr/lib/x86_64-linux-gnu/perl5/5.36
PATH=$tree/usr/bin:$PATH
export PERL5LIB GIT_EXEC_PATH="$tree/usr/lib/git-core"
mkdir "$tree/home" "$tree/run"
chmod 700 "$tree/run"
cat >"$tree/try" <<'END'
tree=$1
mount -t tmpfs -o size=4m none "$tree/home" || exit 2
export HOME="$tree/home" XDG_RUNTIME_DIR="$tree/run"
imported() {
	printf 'From: ann@example.net\nMessage-ID: <%s@example.net>\n' "$1" |
		{ cat; printf 'Subject: x\n\nbody\n'; } |
		timeout 60 perl "$tree/usr/bin/lei" import -F eml /dev/stdin
	status=$?
}
kept() {
	timeout 60 perl "$tree/usr/bin/lei" q m:one@example.net OR \
		m:two@example.net | grep -c example.net
}
trap 'timeout 60 perl "$tree/usr/bin/lei" daemon-kill' EXIT
imported one
[ "$status $(kept)" = '0 1' ] || exit 2
echo 'there is room: exit status 0, kept: 1'
cat /dev/zero >"$tree/home/fill"
imported two
rm "$tree/home/fill"
kept=$(kept)
echo "no room: exit status $status, kept: $kept"
[ "$status $kept" = '0 1' ]
END
unshare -rm true || exit 2
unshare -rm sh "$tree/try" "$tree" 2>&1
case $? in
0) echo 'as it was seen' ;;
1) echo 'this has changed'; exit 1 ;;
*) exit 2 ;;
esac
