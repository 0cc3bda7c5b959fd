#!/bin/sh
# KDE's KSMTP, libkpimsmtp 22.12.3, by which KMail sends.  A reply to MAIL or
# RCPT that has two lines, "250-ok" and "250 ok", it takes for two replies, and
# so is one step ahead of the server: it takes the 250 to a RCPT for the verdict
# on a message that it has not sent.  The job ends without an error, and the
# mail is nowhere.  RFC 5321 4.2.1 lets any reply have several lines.
. "$(dirname "$0")/unpack"
unpack libkpimsmtp5abi1=22.12.3-1 libkpimsmtp-dev=22.12.3-1 \
	libkf5coreaddons5=5.103.0-1 libkf5coreaddons-dev=5.103.0-1 \
	libkf5authcore5=5.103.0-1 libkf5configcore5=5.103.0-2 \
	libkf5crash5=5.103.0-1 libkf5dbusaddons5=5.103.0-1 \
	libkf5i18n5=5.103.0-1 libkf5kiocore5=5.103.0-1+deb12u1 \
	libkf5service5=5.103.0-1 libqt5core5a=5.15.8+dfsg-11+deb12u3 \
	libqt5dbus5=5.15.8+dfsg-11+deb12u3 libqt5gui5=5.15.8+dfsg-11+deb12u3 \
	libqt5network5=5.15.8+dfsg-11+deb12u3 libqt5x11extras5=5.15.8-2 \
	libqt5xml5=5.15.8+dfsg-11+deb12u3 qtbase5-dev=5.15.8+dfsg-11+deb12u3 \
	libdouble-conversion3=3.2.1-1 libicu72=72.1-3+deb12u1 \
	libmd4c0=0.4.8-1 libpcre2-16-0=10.42-1+deb12u2
cat >"$tree/send.cc" <<'END'
#include <QCoreApplication>
#include <KSMTP/SendJob>
#include <KSMTP/Session>
#include <cstdio>

int main(int argc, char **argv)
{
	QCoreApplication application(argc, argv);
	KSmtp::Session session("127.0.0.1", QString(argv[1]).toInt());
	QObject::connect(&session, &KSmtp::Session::stateChanged,
	    [&](KSmtp::Session::State state) {
		if (state != KSmtp::Session::NotAuthenticated)
			return;
		auto *job = new KSmtp::SendJob(&session);
		job->setFrom("ann@example.net");
		job->setTo({"joe@example.org"});
		job->setData("Subject: x\r\n\r\nbody\r\n");
		QObject::connect(job, &KJob::result, [&](KJob *done) {
			puts(done->error() ? "error" : "sent");
			application.quit();
		});
		job->start();
	});
	session.setUseNetworkProxy(false);
	session.open();
	return application.exec();
}
END
(
	cd "$tree/usr" && qt=include/x86_64-linux-gnu/qt5 &&
		g++ -std=c++17 -fPIC -w -Iinclude/KPim -Iinclude/KPim/KSMTP \
			-Iinclude/KF5/KCoreAddons -I"$qt" -I"$qt/QtCore" \
			-I"$qt/QtNetwork" ../send.cc -o ../send \
			-Llib/x86_64-linux-gnu -Wl,--allow-shlib-undefined \
			-lKPimSMTP -lKF5CoreAddons -lQt5Network -lQt5Core
) || exit 2
PYTHONPATH=$(dirname "$0") python3 -B - "$tree/send" <<'END'
import subprocess
import sys
import threading

import smtpserver

threading.excepthook = lambda error: None  # it leaves without QUIT


def result(verb, reply):
    """What the job says, and how many messages came."""
    came = []
    port = smtpserver.start(
        lambda content: came.append(content) or b'250 taken',
        lambda line: reply if line.startswith(verb) else None)
    send = subprocess.run([sys.argv[1], str(port)], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, timeout=60)
    return send.stdout.decode().strip(), len(came)


one = result(b'RCPT', b'250 ok')
refused = result(b'RCPT', b'550 no')
mail = result(b'MAIL', b'250-ok\r\n250 ok')
rcpt = result(b'RCPT', b'250-ok\r\n250 ok')
print('250 in one line:', *one)
print('550:', *refused)
print('250 in two, to MAIL:', *mail, '- to RCPT:', *rcpt)
if one != ('sent', 1):
    sys.exit(2)
as_seen = refused == ('error', 0) and mail == rcpt == ('sent', 0)
print('as it was seen' if as_seen else 'this has changed')
sys.exit(not as_seen)
END
