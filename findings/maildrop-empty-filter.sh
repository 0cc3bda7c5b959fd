#!/bin/sh
# maildrop 2.9.3 with "xfilter", which replaces the message by what a command
# prints: where the command prints nothing and exits 0, as one whose output was
# lost, the "to" behind it writes nothing, says nothing, and maildrop exits 0.
# The mail system takes the message for delivered, and it is nowhere.  An empty
# message would have been expected, or an error, as there is for a command that
# exits with anything else.
. "$(dirname "$0")/unpack"
unpack maildrop=2.9.3-2.1 libcourier-unicode4=2.1.2-2+b2 \
	courier-authlib=0.71.4-1+b2
LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$tree/usr/lib
own=$tree/own
mkdir "$own"
filtered() {
	rm -f "$own/box"
	printf 'xfilter "%s"\nto "%s/box"\n' "$1" "$own" >"$own/rules"
	chmod 600 "$own/rules"
	printf 'From: ann@example.net\nSubject: x\n\nbody\n' |
		(cd "$own" && HOME=$own "$tree/usr/bin/maildrop" \
			"$own/rules" 2>&1)
	status=$?
	[ -s "$own/box" ] && filed=yes || filed=no
	echo "xfilter \"$1\": exit status $status, filed: $filed"
}
"$tree/usr/bin/maildrop" -v 2>&1 | head -n 1
filtered cat
[ "$status $filed" = '0 yes' ] || exit 2
filtered false
as_seen=$status$filed
filtered 'cat >/dev/null'     # reads it all, or the pipe is a race
[ "$as_seen/$status$filed" = 75no/0no ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
