#!/bin/sh
# enscript 1.6.5.90 prints what is on stdin, by lpr.  Where lpr fails, enscript
# says "sent to printer", and exits 0; so it does with "-p -" where its stdout
# is lost.  A full disk for the file of "-p" is 1.
# lpr is a script here.
. "$(dirname "$0")/unpack"
unpack enscript=1.6.5.90-3+b1 libpaper1=1.1.29
exec 2>&1
own=$tree/own
mkdir "$own"
cp "$tree/etc/enscript.cfg" "$tree/usr/share/enscript/"
export ENSCRIPT_LIBRARY="$tree/usr/share/enscript"
PATH=$own:$tree/usr/bin:$PATH
printed() {
	printf 'From: ann@example.net\nSubject: x\n\nbody\n' | enscript "$@"
	status=$?
	echo "exit status $status" >&2
}
# an lpr that ends with STATUS
lpr() {
	printf '#!/bin/sh\ncat >%s\nexit %s\n' "$own/got" "$1" >"$own/lpr"
	chmod +x "$own/lpr"
}
lpr 0
printed
[ "$status" -eq 0 ] && [ -s "$own/got" ] || exit 2
lpr 1
echo '== lpr fails'
printed
as_seen=$status
printed -p - >/dev/full
[ "$as_seen $status" = '0 0' ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
