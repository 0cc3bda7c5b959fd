"""hook.py KEY CHAIN FILE: a web server, HTTPS at port 443, that keeps in FILE
the path, the type and the body of each request."""
import http.server
import ssl
import sys

key, chain, kept = sys.argv[1:]


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        with open(kept, 'ab') as file:
            file.write('{} {} {}\n'.format(
                self.command, self.path,
                self.headers['Content-Type']).encode() + body + b'\n')
        self.send_response(200)
        self.end_headers()


server = http.server.ThreadingHTTPServer(('', 443), Hook)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(chain, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
