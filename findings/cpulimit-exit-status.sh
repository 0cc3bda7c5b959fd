#!/bin/sh
# cpulimit 2.8 before a command exits 0 whatever that command said: without -f
# at once, while it still runs, which its manual says of -b alone; with -f, "run
# in foreground while waiting for launched process to finish", when it has
# ended, by 1, by 75 or by a signal.  Who wraps a job in it, as one does in nice
# or timeout, hears of no failure.  (A command that has ended before cpulimit
# looks for it, in some milliseconds, is 2, "No process found", also where all
# was well; so those here take a second.)
. "$(dirname "$0")/unpack"
unpack cpulimit=2.8-1
ended() {
	timeout 20 "$tree/usr/bin/cpulimit" -q -l 90 "$@" >"$tree/said" 2>&1
	status=$?
	echo "cpulimit -q -l 90 $*: exit status $status"
	seen=$seen$status
}
seen=
ended -f -- sh -c 'sleep 1; exit 0'
ended -f -- sh -c 'sleep 1; exit 75'
ended -f -- sh -c 'sleep 1; kill -KILL $$'
mkfifo "$tree/go"
ended -- sh -c "read -r line <$tree/go; echo ended >$tree/end; exit 75"
[ ! -e "$tree/end" ] && echo 'it still runs' && seen=$seen.
echo >"$tree/go"
until [ -s "$tree/end" ]; do
	sleep 0.1
done
[ "$seen" = 0000. ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
