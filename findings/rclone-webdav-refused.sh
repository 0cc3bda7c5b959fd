#!/bin/sh
# rclone 1.60.1 keeps what is on stdin as a file on a WebDAV server, as
# Nextcloud, by "rcat".  Where the server refuses the upload, as by 507 where
# there is no room, it exits 1, and deletes the file: the one of that name which
# was there before, and is whole, is gone.
# The server is a small one on loopback here, with room for one upload.
. "$(dirname "$0")/unpack"
unpack rclone=1.60.1+dfsg-2+b5
cat >"$tree/server.py" <<'END'
import http.server, sys

LISTING = b"""<?xml version="1.0"?><d:multistatus xmlns:d="DAV:"><d:response>
<d:href>%s</d:href><d:propstat><d:prop><d:resourcetype/>
<d:getcontentlength>%d</d:getcontentlength>
<d:getlastmodified>Mon, 30 Nov 2026 12:00:00 GMT</d:getlastmodified></d:prop>
<d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>
</d:multistatus>"""
files = {}

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def body(self):
        if 'chunked' not in self.headers.get('Transfer-Encoding', ''):
            return self.rfile.read(int(self.headers['Content-Length'] or 0))
        octets = b''
        while size := int(self.rfile.readline(), 16):
            octets += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return octets

    def say(self, code, text=b''):
        self.send_response(code)
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_PUT(self):
        octets = self.body()
        if files:
            self.say(507)
        else:
            files[self.path] = octets
            self.say(201)

    def do_DELETE(self):
        self.say(204 if files.pop(self.path, None) is not None else 404)

    def do_PROPFIND(self):
        self.body()
        if self.path not in files:
            return self.say(404)
        self.say(207, LISTING % (self.path.encode(), len(files[self.path])))

    def log_request(self, code='-', size='-'):
        print(self.command, self.path, code, flush=True)

server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
with open(sys.argv[1] + '/port', 'w') as port:
    print(server.server_port, file=port)
server.serve_forever()
END
timeout 100 python3 "$tree/server.py" "$tree" >>"$tree/said" &
server=$!
trap 'kill "$server"; rm -rf "$tree"' EXIT
await "$tree/port" "$server"
export HOME="$tree"
address=http://127.0.0.1:$(cat "$tree/port")
kept() {
	: >"$tree/said"
	printf 'From: ann@example.net\nSubject: %s\n\nbody\n' "$1" |
		timeout 60 "$tree/usr/bin/rclone" --low-level-retries 1 rcat \
			":webdav,url='$address':last"
	status=$?
	cat "$tree/said"
	echo "exit status $status"
}
kept first
[ "$status" -eq 0 ] || exit 2
kept second
grep -q '507' "$tree/said" || exit 2
grep -q 'DELETE /last 204' "$tree/said" || status=kept
[ "$status" = 1 ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
