#!/bin/sh
# nginx 1.22.1, as a proxy for SMTP with "smtp_auth none": it takes MAIL itself,
# and hands it on to the backend when RCPT comes.  Where the backend refuses
# that MAIL for good (552, too large; 530, authentication required), the client
# hears "451 4.3.2 Internal server error", to RCPT, and tries again for days.
# What the backend says to RCPT is handed on as it is.
. "$(dirname "$0")/unpack"
unpack nginx=1.22.1-9+deb12u11 libnginx-mod-mail=1.22.1-9+deb12u11
python3 - "$tree" <<'END'
import http.server
import smtplib
import socket
import subprocess
import sys
import threading
import time

tree = sys.argv[1]
backend = socket.create_server(('127.0.0.1', 0))
answers = {}


def serve():
    while True:
        conn, _ = backend.accept()
        conn.sendall(b'220 backend.example.org\r\n')
        for line in conn.makefile('rb'):
            verb = line.split()[0].upper().decode()
            reply = answers.get(verb, '250 2.0.0 Ok')
            conn.sendall(reply.encode() + b'\r\n')
        conn.close()


class Auth(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header('Auth-Status', 'OK')
        self.send_header('Auth-Server', '127.0.0.1')
        self.send_header('Auth-Port', str(backend.getsockname()[1]))
        self.end_headers()

    def log_message(self, *_):
        pass


auth = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Auth)
for work in serve, auth.serve_forever:
    threading.Thread(target=work, daemon=True).start()
with socket.create_server(('127.0.0.1', 0)) as taken:
    port = taken.getsockname()[1]
with open(tree + '/conf', 'w') as file:
    file.write('''
load_module %s/usr/lib/nginx/modules/ngx_mail_module.so;
daemon off;
master_process off;
pid %s/pid;
error_log %s/log;
events { }
mail {
    server_name front.example.org;
    auth_http 127.0.0.1:%d;
    server { listen 127.0.0.1:%d; protocol smtp; smtp_auth none; xclient off; }
}
''' % (tree, tree, tree, auth.server_port, port))
nginx = subprocess.Popen([tree + '/usr/sbin/nginx', '-p', tree, '-e',
                          tree + '/log', '-c', tree + '/conf'])


def session():
    end = time.monotonic() + 20
    while True:
        try:
            return smtplib.SMTP('127.0.0.1', port, 'client.example', 20)
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def heard(verb, reply):
    answers.clear()
    answers[verb] = reply
    client = session()
    client.ehlo()
    mail = client.mail('ann@example.net')
    rcpt = client.rcpt('joe@example.org')
    client.close()
    print('the backend says to %s: %s' % (verb, reply))
    print('    the client hears: to MAIL %d %s, to RCPT %d %s' % (
        mail[0], mail[1].decode(), rcpt[0], rcpt[1].decode()))
    return mail[0], rcpt[0]


print(subprocess.run([tree + '/usr/sbin/nginx', '-e', 'stderr', '-v'],
                     check=True, capture_output=True,
                     text=True).stderr.strip())
try:
    as_seen = (heard('RCPT', '550 5.1.1 No such user') == (250, 550) and
               heard('MAIL', '552 5.3.4 Message too large') == (250, 451) and
               heard('MAIL', '530 5.7.0 Authentication required') ==
               (250, 451))
finally:
    nginx.kill()
    nginx.wait()
print('as it was seen' if as_seen else 'this has changed')
sys.exit(not as_seen)
END
