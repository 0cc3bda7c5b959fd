"""nginx's auth_http on 127.0.0.1:8026: it knows joe, whose password is secret,
and has smtpd on port 2525."""
import http.server


class Auth(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        if (self.headers['Auth-User'], self.headers['Auth-Pass']) == (
                'joe', 'secret'):
            self.send_header('Auth-Status', 'OK')
            self.send_header('Auth-Server', '127.0.0.1')
            self.send_header('Auth-Port', '2525')
        else:
            self.send_header('Auth-Status', 'No such user')
        self.end_headers()

    def log_message(self, *_):
        pass


http.server.HTTPServer(('127.0.0.1', 8026), Auth).serve_forever()
