#!/bin/sh
# maildrop 2.9.3, "-d USER": where authdaemond, which knows the users, cannot be
# reached, it says so, and exits 67, "no such user", as for one that authdaemond
# does not know: a mail system bounces all mail while it is down.  75, "later",
# would have been expected.  maildrop looks into the system's own users then,
# where sssd or a directory that is down makes a 67 of a user too.
# authdaemond is a script here; /run and /var/mail are folders of our own, by
# unshare.
. "$(dirname "$0")/unpack"
unpack maildrop=2.9.3-2.1 courier-authlib=0.71.4-1+b2 \
	libcourier-unicode4=2.1.2-2+b2 libpcre3=2:8.39-15 libgdbm6=1.23-3
cat >"$tree/authdaemond" <<'END'
import os
import socket
import sys

os.makedirs('/run/courier/authdaemon')
server = socket.socket(socket.AF_UNIX)
server.bind('/run/courier/authdaemon/socket')
server.listen()
print('ready', flush=True)
while True:
    client, _ = server.accept()
    with client, client.makefile('rb') as file:
        known = file.readline().split()[-1:] == [b'joe']
        client.sendall(b'UID=0\nGID=0\nHOME=%s\nADDRESS=joe\n.\n'
                       % sys.argv[1].encode() if known else b'FAIL\n')
END
cat >"$tree/try" <<'END'
mount -t tmpfs none /run && mount -t tmpfs none /var/mail || exit 2
tree=$1
LD_LIBRARY_PATH=$tree/usr/lib:$LD_LIBRARY_PATH
delivered() {
	printf 'Subject: x\n\nx\n' |
		timeout 20 "$tree/usr/bin/maildrop" -d "$1"
	status=$?
	echo "$2: exit status $status"
	seen="$seen $status"
}
seen=
python3 "$tree/authdaemond" "$tree" >"$tree/ready" &
pid=$!
trap 'kill "$pid"' EXIT
until [ -s "$tree/ready" ]; do
	kill -0 "$pid" || exit 2
	sleep 0.1
done
delivered joe 'joe, whom authdaemond knows'
[ -s /var/mail/joe ] || exit 2
delivered ann 'ann, whom it does not know'
kill "$pid" && wait "$pid"
trap - EXIT
delivered joe 'joe, and authdaemond is not there'
rm /run/courier/authdaemon/socket
delivered joe 'joe, and its socket is not there'
echo "$seen" >"$tree/seen"
END
chmod 755 "$tree"
unshare -rm true || exit 2
unshare -rm sh "$tree/try" "$tree" 2>&1
[ -s "$tree/seen" ] || exit 2
[ "$(cat "$tree/seen")" = ' 0 67 67 67' ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
