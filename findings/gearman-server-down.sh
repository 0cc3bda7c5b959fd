#!/bin/sh
# gearman 1.1.20 (gearman-tools) hands what is on stdin to a Gearman server as a
# job, by "-f FUNCTION", to wait for what a worker makes of it or, with "-b", to
# leave it there.  Where the server cannot be reached, or hangs up, or where no
# worker takes the job in the time of "-t", it says so on stderr, and exits 0:
# nobody has the job.  What a worker fails at is 1.
. "$(dirname "$0")/unpack"
unpack gearman-tools=1.1.20+ds-1 libgearman8=1.1.20+ds-1 \
	libboost-program-options1.74.0=1.74.0+ds1-21
# port 1 is nobody's
handed() {
	printf 'From: ann@example.net\nSubject: x\n\nbody\n' |
		timeout 60 "$tree/usr/bin/gearman" -h 127.0.0.1 -p 1 "$@" 2>&1
	status=$?
	echo "gearman $*: exit status $status"
}
handed -f mail
[ "$status" -eq 127 ] && exit 2
as_seen=$status
handed -b -f mail
[ "$as_seen$status" = 00 ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
