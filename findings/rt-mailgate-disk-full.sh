#!/bin/sh
# rt-mailgate 5.0.3 posts a message from stdin to Request Tracker.  It keeps it
# in a file in TMPDIR first; where there is no room for all of it, it posts what
# there is, and exits 0: half a message, or none, is a ticket.  It has another
# way, by memory, for a file that cannot be made, and says 75 for what else goes
# wrong.
# Request Tracker is a server on loopback here that says "ok" to everything.
. "$(dirname "$0")/unpack"
unpack rt5-clients=5.0.3+dfsg-3~deb12u7 libwww-perl=6.68-1 \
	libhttp-message-perl=6.44-1 liburi-perl=5.17-1 \
	libhttp-date-perl=6.05-2 libencode-locale-perl=1.05-3 \
	liblwp-mediatypes-perl=6.04-2 libnet-http-perl=6.22-1 \
	libio-html-perl=1.004-3 libtry-tiny-perl=0.31-2 \
	libtimedate-perl=2.3300-2 libclone-perl=0.46-1
PERL5LIB=$tree/usr/share/perl5:$tree/usr/lib/x86_64-linux-gnu/perl5/5.36
export PERL5LIB TMPDIR="$tree"
cat >"$tree/server.py" <<'END'
import http.server, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        form = self.rfile.read(int(self.headers['Content-Length']))
        open(sys.argv[1] + '/posted', 'wb').write(form)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'ok\n')

    def log_message(self, *_):
        pass

server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
with open(sys.argv[1] + '/port', 'w') as port:
    print(server.server_port, file=port)
server.serve_forever()
END
timeout 60 python3 "$tree/server.py" "$tree" &
server=$!
trap 'kill "$server"; rm -rf "$tree"' EXIT
await "$tree/port" "$server"
{
	printf 'From: ann@example.net\nSubject: x\n\n'
	yes body | head -n 10000
	echo 'the end'
} >"$tree/mail"
posted() {
	rm -f "$tree/posted"
	in_room "$1" perl "$tree/usr/bin/rt-mailgate-5" --queue general \
		--url "http://127.0.0.1:$(cat "$tree/port")" \
		<"$tree/mail" 2>&1
	status=$?
	grep -q 'the end' "$tree/posted" && whole=yes || whole=no
	echo "room: $1, exit status: $status," \
		"octets posted: $(wc -c <"$tree/posted"), whole: $whole"
}
posted unlimited
[ "$status $whole" = '0 yes' ] || exit 2
posted 8
[ "$status $whole" = '0 no' ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
