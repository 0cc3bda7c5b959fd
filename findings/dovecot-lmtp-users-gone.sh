#!/bin/sh
# Dovecot 2.3.19.1, its LMTP server with users in a passwd-file.  Where that
# file goes away while it runs, or is not there when it starts, as where a disk
# is not mounted yet, the first question of each second is answered "550 5.1.1
# User doesn't exist", and those behind it in that second as before the file
# went, or by 451: whoever hands on mail bounces what was for users who are
# there.  Where the file may not be read it is always 451.
. "$(dirname "$0")/unpack"
unpack dovecot-core=1:2.3.19.1+dfsg1-2.1+deb12u7 \
	dovecot-lmtpd=1:2.3.19.1+dfsg1-2.1+deb12u7 libunwind8=1.6.2-3 \
	libsodium23=1.0.18-1+deb12u1 liblz4-1=1.9.4-1
# Its programs look for each other below /usr, and do not like half a root.
cat >"$tree/there" <<'END'
mount -t overlay overlay -o "lowerdir=$1/usr:/usr" /usr &&
	exec unshare --map-user=65534 --map-group=65534 python3 - "$1"
END
: | unshare -rm sh "$tree/there" "$tree" || exit 2
unshare -rm sh "$tree/there" "$tree" <<'END'
import os
import smtplib
import socket
import subprocess
import sys
import time

tree = sys.argv[1]
users = tree + '/users'
with socket.create_server(('127.0.0.1', 0)) as free:
    port = free.getsockname()[1]
with open(tree + '/conf', 'w') as file:
    file.write(f'''
base_dir = {tree}/run
state_dir = {tree}/state
log_path = {tree}/log
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
protocols = lmtp
ssl = no
mail_location = maildir:{tree}/mail
service anvil {{
    chroot =
}}
service lmtp {{
    user = nobody
    inet_listener lmtp {{
        address = 127.0.0.1
        port = {port}
    }}
}}
userdb {{
    driver = passwd-file
    args = {users}
}}
passdb {{
    driver = passwd-file
    args = {users}
}}
''')
with open(users, 'w') as file:
    file.write(f'joe@example.org:{{PLAIN}}x:65534:65534::{tree}/mail\n')


def heard(when):
    """What the server says of joe."""
    end = time.monotonic() + 20
    while True:
        try:
            client = smtplib.LMTP('127.0.0.1', port, timeout=20)
            break
        except ConnectionRefusedError:
            if time.monotonic() > end:
                sys.exit(2)
            time.sleep(0.1)
    client.ehlo()
    client.mail('ann@example.net')
    code, text = client.rcpt('joe@example.org')
    client.close()
    print(when + ':', code, text.decode())
    return code


def served(seen):
    """Dovecot runs while this is seen."""
    dovecot = subprocess.Popen(['/usr/sbin/dovecot', '-F', '-c',
                                tree + '/conf'])
    try:
        return seen()
    finally:
        dovecot.terminate()
        dovecot.wait(20)


def a_second():
    """Dovecot looks at the file once in one."""
    time.sleep(1.2)


def goes_away():
    there = heard('it is there')
    os.rename(users, users + '.away')
    a_second()
    return [there, heard('it went away')]


def never_there():
    code = heard('it was never there')
    a_second()
    return [code, heard('again')]


print(subprocess.run(['/usr/sbin/dovecot', '--version'], check=True,
                     capture_output=True, text=True).stdout.strip())
seen = served(goes_away)
if seen[0] != 250:
    sys.exit(2)
seen += served(never_there)
as_seen = seen == [250, 550, 550, 550]
print('as it was seen' if as_seen else 'this has changed')
sys.exit(not as_seen)
END
