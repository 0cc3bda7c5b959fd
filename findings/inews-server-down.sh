#!/bin/sh
# inews of INN 2.7.1 (Debian's inn2-inews) posts an article from stdin.  Its
# manual says that it "exits with a non-zero status if posting failed".  Where
# the server cannot be reached, or greets by 400, it says "article will be
# spooled", and exits 0.  There is no spool: the article stands at the end of
# dead.article in the home of the user, as password databases know it, where
# nothing looks again.  What the server refuses is 1.
# The home is a tmpfs in a namespace, so it wants unshare.
. "$(dirname "$0")/unpack"
unpack inn2-inews=2.7.1-1+deb12u1
LD_LIBRARY_PATH=$tree/usr/lib/news
cat >"$tree/inn.conf" <<'END'
mta: "/bin/false %s"
domain: example.net
pathhost: news.example.net
fromhost: example.net
pathnews: /nowhere
hismethod: none
enableoverview: false
END
cat >"$tree/server.py" <<'END'
import socket, sys

listener = socket.create_server(('127.0.0.1', 0))
with open(sys.argv[1] + '/port', 'w') as port:
    print(listener.getsockname()[1], file=port)
while True:
    client, _ = listener.accept()
    with client, client.makefile('rb') as lines:
        client.sendall(b'200 hello\r\n')
        for line in lines:
            if line.upper().startswith(b'POST'):
                client.sendall(b'440 no posting\r\n')
            elif line.upper().startswith(b'MODE'):
                client.sendall(b'200 reader\r\n')
            else:
                client.sendall(b'205 bye\r\n')
                break
END
cat >"$tree/try" <<'END'
tree=$1
home=$(getent passwd 0 | cut -d : -f 6)
mount -t tmpfs none "$home" || exit 2
export HOME="$home" INNCONF="$tree/inn.conf" NNTPSERVER=127.0.0.1
posted() {
	rm -f "$home/dead.article"
	printf '%s\n' 'From: ann@example.net' 'Newsgroups: local.test' \
		'Subject: x' 'Message-ID: <1@example.net>' '' 'body' |
		timeout 60 "$tree/usr/bin/inews" -h -p "$1" >"$tree/said" 2>&1
	status=$?
	cat "$tree/said"
	[ -s "$home/dead.article" ] && dead=yes || dead=no
	echo "port $1: exit status $status, in dead.article: $dead"
}
posted "$(cat "$tree/port")"
grep -q 440 "$tree/said" && [ "$status" -eq 1 ] || exit 2
posted 1
[ "$status $dead" = '0 yes' ]
END
unshare -rm true || exit 2
timeout 60 python3 "$tree/server.py" "$tree" &
server=$!
trap 'kill "$server"; rm -rf "$tree"' EXIT
await "$tree/port" "$server"
unshare -rm sh "$tree/try" "$tree"
case $? in
0) echo 'as it was seen' ;;
1) echo 'this has changed'; exit 1 ;;
*) exit 2 ;;
esac
