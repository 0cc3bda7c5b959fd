#!/bin/sh
# PEAR's Mail 1.4.1 and Net_SMTP 1.10.1, with "pipelining" => true.  They send
# MAIL, RCPT and DATA without waiting, and look at the reply to DATA, not at
# that of each recipient, nor at the one behind the message: where one of two
# recipients is refused, or the whole message, by 451 or 550, or the connection
# closes with no verdict, send() is true.  Without pipelining it is an error.
. "$(dirname "$0")/unpack"
unpack php-mail=1.4.1-1.1 php-net-smtp=1.10.1-1 php-net-socket=1.2.2-2 \
	php-pear=1:1.10.13+submodules+notgz+2022032202-2 \
	php8.2-cli=8.2.36-1~deb12u1 php8.2-common=8.2.36-1~deb12u1 \
	libsodium23=1.0.18-1+deb12u1 libargon2-1=0~20171227-0.3+deb12u1 \
	libxml2=2.9.14+dfsg-1.3~deb12u6 libicu72=72.1-3+deb12u1
cat >"$tree/send.php" <<'END'
<?php
error_reporting(E_ALL & ~E_DEPRECATED);
require 'Mail.php';
$mail = Mail::factory('smtp', ['host' => '127.0.0.1', 'port' => $argv[1],
	'pipelining' => (bool) $argv[2]]);
$result = $mail->send(['joe@example.org', 'sue@example.org'],
	['From' => 'ann@example.net', 'Subject' => 'x'], "body\n");
echo $result === true ? 'true' : 'error';
END
PYTHONPATH=$(dirname "$0") python3 -B - "$tree" <<'END'
import subprocess
import sys

import smtpserver

tree = sys.argv[1]


def result(step, reply, pipelining):
    """What send() returned, where that step has that reply."""
    port = smtpserver.start(
        lambda content: reply if step == b'.' else b'250 taken',
        lambda line: reply if line.startswith(step) else
        b'250-mx\r\n250 PIPELINING' if line[:4] == b'EHLO' else None)
    return subprocess.run(
        [tree + '/usr/bin/php8.2', '-n', '-d',
         'include_path=' + tree + '/usr/share/php', tree + '/send.php',
         str(port), pipelining], stdout=subprocess.PIPE, timeout=60,
        check=True).stdout.decode()


as_seen = True
for step in b'RCPT TO:<sue', b'.':
    for reply in b'451 4.3.0 later', b'550 5.7.1 no', b'221 no verdict':
        if reply[:1] == b'2' and step != b'.':
            continue
        with_it, without = (result(step, reply, '1'), result(step, reply, ''))
        print(reply.decode(), 'to', step.decode(), '- with pipelining:',
              with_it, '- without:', without)
        as_seen = as_seen and (with_it, without) == ('true', 'error')
as_seen = as_seen and result(b'DATA', b'451 4.3.0 later', '1') == 'error'
print('as it was seen' if as_seen else 'this has changed')
sys.exit(not as_seen)
END
