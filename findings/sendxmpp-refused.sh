#!/bin/sh
# sendxmpp 1.24 sends a text on stdin to somebody's chat, by XMPP.  It does not
# wait for an answer: where the text holds what XML does not allow, as the octet
# 27, or what is no UTF-8, the server hangs up with "not-well-formed", nobody
# gets the message, and sendxmpp exits 0.  The same becomes of a text that is
# too large for the server.  A wrong password is 1.
# The server is a small one on loopback here, which reads by expat.
. "$(dirname "$0")/unpack"
unpack sendxmpp=1.24-3 libnet-xmpp-perl=1.05-2 libauthen-sasl-perl=2.1600-3 \
	libxml-stream-perl=1.24-4+deb12u1 libio-socket-ssl-perl=2.081-2 \
	libnet-ssleay-perl=1.92-2+b1
PERL5LIB=$tree/usr/share/perl5:$tree/usr/lib/x86_64-linux-gnu/perl5/5.36
export PERL5LIB
cat >"$tree/server.py" <<'END'
import socket, sys, xml.parsers.expat

OPEN = b"<stream:stream xmlns='jabber:client' id='1' version='1.0' " \
    b"xmlns:stream='http://etherx.jabber.org/streams' from='localhost'>"
SASL = b"<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:" \
    b"xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>" \
    b"</stream:features>"
BIND = b"<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>" \
    b"</stream:features>"
FAULT = b"<stream:error><not-well-formed xmlns='urn:ietf:params:xml:ns:" \
    b"xmpp-streams'/></stream:error></stream:stream>"

class Session:
    def __init__(self, client):
        self.client, self.known, self.last = client, False, ''
        self.fresh()

    def fresh(self):
        self.parser = xml.parsers.expat.ParserCreate()
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end

    def start(self, name, attributes):
        if name == 'stream:stream':
            self.client.sendall(OPEN + (BIND if self.known else SASL))
        if name == 'iq':
            self.last = attributes['id']

    def end(self, name):
        if name == 'auth':
            self.client.sendall(
                b"<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
            self.known = True
        if name == 'iq':
            self.client.sendall(b"<iq type='result' id='%s'><bind "
                b"xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>a@localhost/x"
                b"</jid></bind></iq>" % self.last.encode())
        if name == 'message':
            open(sys.argv[1] + '/got', 'a').write('one\n')
        if name == 'stream:stream':
            self.client.sendall(b'</stream:stream>')

    def serve(self):
        known = False
        while octets := self.client.recv(65536):
            if self.known != known:
                known = True
                self.fresh()
            self.parser.Parse(octets)

def serve(client):
    session = Session(client)
    try:
        session.serve()
    except xml.parsers.expat.ExpatError:
        client.sendall(FAULT)
    except OSError:
        pass

listener = socket.create_server(('127.0.0.1', 0))
with open(sys.argv[1] + '/port', 'w') as port:
    print(listener.getsockname()[1], file=port)
while True:
    client, _ = listener.accept()
    with client:
        serve(client)
    open(sys.argv[1] + '/over', 'a').write('one\n')
END
timeout 100 python3 -B "$tree/server.py" "$tree" &
server=$!
trap 'kill "$server"; rm -rf "$tree"' EXIT
await "$tree/port" "$server"
sent() {
	rm -f "$tree/got" "$tree/over"
	printf %b "$1" | timeout 20 perl "$tree/usr/bin/sendxmpp" -u a -p pw \
		-j "127.0.0.1:$(cat "$tree/port")" bob@localhost 2>&1
	status=$?
	await "$tree/over" "$server"
	[ -s "$tree/got" ] && got=yes || got=no
	echo "exit status $status, arrived: $got"
}
sent 'the printer burns\n'
[ "$status $got" = '0 yes' ] || exit 2
sent 'the printer burns \0033[1mnow\n'
as_seen="$status $got"
sent 'the caf\0351 burns\n'
[ "$as_seen,$status $got" = '0 no,0 no' ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
