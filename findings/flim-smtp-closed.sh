#!/bin/sh
# FLIM 1.14.9, whose smtp.el sends the mail of Wanderlust, under Emacs 28.2.
# Where the server closes the connection behind the message, and says nothing,
# as one does that was killed, smtp-send-buffer takes the reply to the last
# RCPT, 250, for the verdict, and succeeds: the mail is nowhere.  A 451 there is
# an error.
. "$(dirname "$0")/unpack"
unpack flim=1:1.14.9+0.20230205-1 apel=10.8+0.20220720-1 \
	emacs-nox=1:28.2+1-15+deb12u4 emacs-common=1:28.2+1-15+deb12u4 \
	emacs-bin-common=1:28.2+1-15+deb12u4 emacs-el=1:28.2+1-15+deb12u4 \
	libgccjit0=12.2.0-14+deb12u1 \
	libasound2=1.2.8-1+b1 libgpm2=1.20.7-10+b1 libjansson4=2.14-2 \
	liblcms2-2=2.14-2+deb12u1 libdbus-1-3=1.14.10-1~deb12u1 \
	libxml2=2.9.14+dfsg-1.3~deb12u6 libicu72=72.1-3+deb12u1
cat >"$tree/send.el" <<'END'
(require 'smtp)
(setq smtp-server "127.0.0.1" smtp-local-domain "example.net"
      smtp-service (string-to-number (getenv "PORT")))
(with-temp-buffer
  (insert "From: ann@example.net\nSubject: x\n\nbody\n")
  (smtp-send-buffer "ann@example.net" '("joe@example.org") (current-buffer)))
(princ "sent")
END
unshare -rm sh -c 'mount -t overlay overlay -o lowerdir="$0/usr:/usr" /usr' \
	"$tree" || exit 2
PYTHONPATH=$(dirname "$0") python3 -B - "$tree" <<'END'
import os
import subprocess
import sys

import smtpserver

tree = sys.argv[1]


def result(to_message):
    """Whether it says that the mail was sent."""
    port = smtpserver.start(to_message)
    emacs = subprocess.run(
        ['unshare', '-rm', 'sh', '-c',
         'mount -t overlay overlay -o lowerdir="$0/usr:/usr" /usr && exec "$@"',
         tree, 'emacs-nox', '-Q', '--batch', '-L', '/usr/share/flim',
         '-L', '/usr/share/apel', '-l', tree + '/send.el'], timeout=120,
        env={**os.environ, 'PORT': str(port), 'HOME': tree},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return emacs.returncode, emacs.stdout.decode()


def closed(content):
    sys.exit()  # the thread, and with it the connection


taken = result(lambda content: b'250 taken')
later = result(lambda content: b'451 4.3.0 later')
nothing = result(closed)
print('250:', *taken)
print('451:', *later)
print('closed:', *nothing)
as_seen = taken == nothing == (0, 'sent') and later[0] != 0
print('as it was seen' if as_seen else 'this has changed')
sys.exit(not as_seen)
END
