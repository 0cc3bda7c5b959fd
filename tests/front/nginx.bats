#!/usr/bin/env bats
# smtpd behind nginx's mail proxy and its stream proxy, by the files of
# examples/front.
# shellcheck disable=SC2034,SC2154 # variables for and of others
load ../helper
load ../launch/helper
load ../launch/real/helper
load helper

THEIRS=/run/front.sock

# and_unix FILE: clients come to $THEIRS too.
and_unix() {
	edited "front/$1" "s#listen \[::1\]:2625;#& listen unix:$THEIRS;#"
}

@test "nginx mail, XCLIENT: who the client is" {
	and_unix nginx/mail.conf
	behind nginx/mail.conf
	brings 127.0.0.2
	is_known 127.0.0.2 ''
	with ESMTP
	is CLIENT_HELO client.example
	unset_are CLIENT_HOSTNAME SASL_USERNAME
	brings 2001:db8::7
	is_known 2001:db8::7 ''
	brings "$THEIRS"
	is_unknown
}

@test "nginx mail, XCLIENT: STARTTLS is nginx's; HELO; and some in one write" {
	behind nginx/mail.conf
	brings 127.0.0.2 --tls
	is_known 127.0.0.2 ''
	with ESMTP
	unset_are SSL_PROTOCOL
	brings 127.0.0.2 --protocol SMTP
	with SMTP
	brings 127.0.0.2 --pipeline
	is_known 127.0.0.2 ''
}

# answers NAME: a DNS server, to which each address is that name, and the name
# 127.0.0.2.
answers() {
	cat >"$DISK/usr/local/bin/dns" <<-END
		import socket, struct
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind(('127.0.0.1', 53))
		def label(name):
		    return b''.join(bytes([len(x)]) + x.encode()
		                    for x in name.split('.')) + b'\0'
		data = {12: label('$1'), 1: socket.inet_aton('127.0.0.2')}
		while True:
		    q, who = s.recvfrom(512)
		    question = q[12:q.index(b'\0', 12) + 5]
		    kind = question[-3]
		    found = data.get(kind)
		    a = b'' if found is None else b'\xc0\x0c' + struct.pack(
		        '>HHIH', kind, 1, 60, len(found)) + found
		    s.sendto(q[:2] + b'\x81\x80\0\1' + struct.pack('>H', bool(a)) +
		             b'\0\0\0\0' + question + a, who)
	END
}

@test "nginx mail, XCLIENT: the client's name, where nginx looks it up" {
	install -d "$DISK/usr/local/bin"
	answers host.example.net
	edited front/nginx/mail.conf \
		's/auth_http 127.*/&\n    resolver 127.0.0.1;/'
	certified
	boots "$(ours "$(options_of nginx/mail.conf)")" \
		'python3 /usr/local/bin/dns &' \
		"($(tried nginx/mail.conf)) &"
	brings 127.0.0.2
	is_known 127.0.0.2 ''
	is CLIENT_HOSTNAME host.example.net
	is TCPREMOTEHOST host.example.net
}

@test "nginx mail, XCLIENT: what smtpd says to RCPT is what the client hears" {
	behind nginx/mail.conf -u /etc/smtpd/users
	echo joe >"$BATS_TEST_TMPDIR/users"
	inside tee /etc/smtpd/users <"$BATS_TEST_TMPDIR/users" >/dev/null
	turned_away 127.0.0.2 '550 5.1.1'
	logged_here ' refuse client=127.0.0.2 verb=RCPT reply="550 5.1.1" '
}

# As the example says.
@test "nginx mail: what smtpd says to MAIL, it does not" {
	behind nginx/mail.conf -s 100
	turned_away 127.0.0.2 '451 4.3.2'
	logged_here ' refuse client=127.0.0.2 verb=MAIL reply="552 5.3.4" '
}

@test "nginx mail, XCLIENT, without --xclient: 451, and 500 in the log" {
	certified
	boots "$(ours)" "($(tried nginx/mail.conf)) &"
	turned_away 127.0.0.2 '451 4.3.2'
	logged_here ' refuse client=127.0.0.1 verb=XCLIENT reply="500 5.5.1"'
	not_delivered
}

# The client talks to smtpd itself, once nginx has said whom it is.
@test "nginx mail, XCLIENT: the client has no right to say it too" {
	behind nginx/mail.conf
	at 127.0.0.2
	until_true listening
	inside python3 - "$PEER" <<-'END' >"$REPLIES" || fail
		import smtplib, sys
		c = smtplib.SMTP('127.0.0.1', 2625, 'client.example', 20,
		                 (sys.argv[1], 0))
		c.ehlo()
		c.mail('ann@example.net')
		c.rcpt('help@example.org')
		print(c.docmd('RSET'))
		print(c.docmd('XCLIENT ADDR=192.0.2.9 LOGIN=joe'))
		print(c.docmd('XFORWARD ADDR=192.0.2.9'))
		c.quit()
	END
	[ "$(grep -c '^(550, ' "$REPLIES")" -eq 2 ] || fail
	not_logged 192.0.2.9
}

@test "nginx mail, proxy_protocol: who the client is" {
	and_unix nginx/mail-proxy.conf
	behind nginx/mail-proxy.conf
	brings 127.0.0.2
	is_known
	came_to 127.0.0.1 2625
	is CLIENT_HELO client.example
	brings 2001:db8::7
	is_known
	came_to ::1 2625
	brings "$THEIRS"
	is_unknown
}

# Version 6 to nginx, 4 from there.
@test "nginx mail, proxy_protocol to ::1: who the client is" {
	BY=socat
	BY_EDIT='; s#TCP4-LISTEN:2525,bind=127.0.0.1#TCP6-LISTEN:2525,bind=[::1]#'
	edited front/nginx/mail-proxy.conf 's/Auth-Server 127.0.0.1/Auth-Server ::1/'
	boots "$(ours --proxy=::1)" "($(tried nginx/mail-proxy.conf)) &"
	brings 127.0.0.2
	is_known
	brings 2001:db8::7
	is_known
}

# Who knows joe's password.
auth_http() {
	cat >"$DISK/usr/local/bin/auth_http" <<-'END'
		import http.server
		class Auth(http.server.BaseHTTPRequestHandler):
		    def do_GET(self):
		        asked = self.headers
		        ok = (asked['Auth-User'], asked['Auth-Pass']) in [
		            ('joe', 'secret'), ('j%25 o@example.org', 'secret')]
		        self.send_response(200)
		        self.send_header('Auth-Status', 'OK' if ok else 'No such user')
		        if ok:
		            self.send_header('Auth-Server', '127.0.0.1')
		            self.send_header('Auth-Port', '2525')
		        self.end_headers()
		    def log_message(self, *_):
		        pass
		http.server.HTTPServer(('127.0.0.1', 8026), Auth).serve_forever()
	END
}

# logs_in TO [SED]
submission() {
	AT=2687
	install -d "$DISK/usr/local/bin"
	auth_http
	certified
	boots 'python3 /usr/local/bin/auth_http &' \
		"$(ours "$(options_of nginx/submission.conf)" "$@")" \
		"($(tried nginx/submission.conf)) &"
	until_true inside bash -c 'exec 9<>/dev/tcp/127.0.0.1/8026'
}

joe() {
	is SASL_USERNAME "$1"
	is REMOTE_USER "$1"
	is SASL_METHOD XCLIENT
	with ESMTPA
	logged_here " message id=.* user=$1"
}

@test "nginx mail, smtp_auth plain, starttls only: who has logged in" {
	local login
	submission
	for login in PLAIN LOGIN; do
		brings 127.0.0.2 --tls --auth "$login" --auth-user joe \
			--auth-password secret
		is_known 127.0.0.2 ''
		joe joe
	done
	brings 2001:db8::7 --tls --auth PLAIN --auth-user joe \
		--auth-password secret
	is_known 2001:db8::7 ''
	joe joe
	turned_away 127.0.0.2 '535 5.7.0' --tls --auth PLAIN --auth-user joe \
		--auth-password wrong
	turned_away 127.0.0.2 '530 5.7.0'
}

@test "nginx mail: who has logged in may send to anybody, who comes from elsewhere to nobody" {
	submission -d example.net
	brings 127.0.0.2 --tls --auth PLAIN --auth-user joe \
		--auth-password secret
	is FORWARD_RECIPIENTS help@example.org
	AT=2525
	turned_away 127.0.0.2 '530 5.7.0'
}

@test "nginx stream: who the client is" {
	and_unix nginx/stream.conf
	behind nginx/stream.conf
	brings 127.0.0.2
	is_known
	came_to 127.0.0.1 2625
	brings 2001:db8::7
	is_known
	came_to ::1 2625
	brings "$THEIRS"
	is_unknown
}

@test "nginx stream, over a unix socket: who the client is" {
	BY=socat
	BY_EDIT="; s#TCP4-LISTEN:2525,bind=127.0.0.1,reuseaddr#UNIX-LISTEN:/run/smtpd.sock,mode=666#"
	edited front/nginx/stream.conf \
		's#proxy_pass .*#proxy_pass unix:/run/smtpd.sock;#'
	boots "$(ours --proxy)" "($(tried nginx/stream.conf)) &"
	brings 127.0.0.2
	is_known
	came_to 127.0.0.1 2625
	brings 2001:db8::7
	is_known
}
