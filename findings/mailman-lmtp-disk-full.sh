#!/bin/sh
# Mailman 3.3.8 takes messages by LMTP, and keeps them in a queue.  Where there
# is no room in that it answers "550 Requested action not taken: mailbox
# unavailable" behind the message, as for a list that is not there: a disk that
# is full makes bounces.  A 451 would have been expected; it has one, for a
# message that it cannot read.
# The disk is full by the limit for the size of files, which the process gets
# when it has started: Python ignores its signal, so that a write fails by
# EFBIG, as it would by ENOSPC.
. "$(dirname "$0")/unpack"
unpack mailman3=3.3.8-2~deb12u2 python3-aiosmtpd=1.4.3-1.1+deb12u1 \
	python3-alembic=1.8.1-2 python3-attr=22.2.0-1 \
	python3-authheaders=0.15.2-1 python3-authres=1.2.0-3 \
	python3-certifi=2022.9.24-1 python3-chardet=5.1.0+dfsg-2 \
	python3-charset-normalizer=3.0.1-2 python3-click=8.1.3-2 \
	python3-dateutil=2.8.2-2 python3-dkim=1.1.4-1 \
	python3-dnspython=2.3.0-1+deb12u1 python3-flufl.i18n=3.0.1-3 \
	python3-flufl.lock=5.0.1-4 python3-greenlet=2.0.2-1 \
	python3-idna=3.3-1+deb12u1 python3-importlib-resources=5.1.2-2 \
	python3-lazr.config=2.2.3-3 python3-lazr.delegates=2.0.4-1 \
	python3-mako=1.2.4+ds-1 python3-markupsafe=2.1.2-1+b1 \
	python3-passlib=1.7.4-3 python3-pkg-resources=66.1.1-1+deb12u2 \
	python3-psutil=5.9.4-1+b1 python3-public=2.3-4 \
	python3-publicsuffix2=2.20191221-3 python3-requests=2.28.1+dfsg-1 \
	python3-six=1.16.0-4 python3-sqlalchemy=1.4.46+ds1-1 \
	python3-urllib3=1.26.12-1+deb12u4 python3-zope.component=5.1.0-1 \
	python3-zope.configuration=4.4.1-1 python3-zope.event=4.4-3 \
	python3-zope.hookable=5.1.0-1+b4 \
	python3-zope.i18nmessageid=5.0.1-2+b2 \
	python3-zope.interface=5.5.2-1+b1 python3-zope.schema=7.0.1-1
own=$tree/own
bin=$tree/usr/lib/mailman3/bin
mkdir "$own"
export PYTHONPATH="$tree/usr/lib/python3/dist-packages"
root=
[ "$(id -u)" -ne 0 ] || root=--run-as-root
port=$(python3 -c 'import socket
print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
printf '%s\n' '[mailman]' 'site_owner: ann@example.net' 'layout: here' \
	'[paths.here]' "var_dir: $own" "bin_dir: $bin" '[mta]' \
	'incoming: mailman.mta.null.NullMTA' 'lmtp_host: 127.0.0.1' \
	"lmtp_port: $port" >"$own/cfg"
python3 "$bin/mailman" $root -C "$own/cfg" create -d list@example.org ||
	exit 2
python3 "$bin/runner" -C "$own/cfg" --runner=lmtp:0:1 >"$own/said" 2>&1 &
runner=$!
trap 'kill "$runner"; rm -rf "$tree"' EXIT
# sent prints the last word of the server on a message
sent() {
	python3 -c 'import smtplib, sys, time
for _ in range(300):
    try:
        server = smtplib.LMTP("127.0.0.1", int(sys.argv[1]))
        break
    except ConnectionRefusedError:
        time.sleep(0.1)
server.ehlo("client.example")
server.mail("ann@example.net")
server.rcpt("list@example.org")
code, text = server.data(b"From: ann@example.net\r\nSubject: x\r\n\r\nhi\r\n")
print(code, text.decode())
' "$port"
}
reply=$(sent)
echo "there is room: $reply"
case $reply in 250*) ;; *) exit 2 ;; esac
prlimit --pid "$runner" --fsize=0 || exit 2
reply=$(sent)
echo "there is none: $reply"
case $reply in
550*) echo 'as it was seen' ;;
*) echo 'this has changed'; exit 1 ;;
esac
