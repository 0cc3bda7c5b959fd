#!/bin/sh
# emailjs 5.0.3 of npm, a client for SMTP.  It doubles no dots.  Of a text with
# CR LF line ends, a line that is a dot and nothing else ends the mail: what
# stands behind it is sent as commands, whose refusals nobody reads, and send()
# succeeds.  Of a line that begins with a dot the server takes that dot away.
# RFC 5321 4.5.2 has the client double them.  Wants node and npm.
. "$(dirname "$0")/unpack"
npm install --prefix "$tree" --ignore-scripts --no-audit --no-fund --silent \
	emailjs@5.0.3 >/dev/null || {
	echo 'not to be had: emailjs 5.0.3' >&2
	exit 2
}
cat >"$tree/send.mjs" <<'END'
import { SMTPClient } from 'emailjs';
const client = new SMTPClient({ host: '127.0.0.1', port: +process.argv[2] });
client.send({
	from: 'ann@example.net', to: 'joe@example.org', subject: 'x',
	text: process.argv[3],
}, (error) => {
	console.log(error ? 'error' : 'sent');
	process.exit();
});
END
PYTHONPATH=$(dirname "$0") python3 -B - "$tree/send.mjs" <<'END'
import email
import subprocess
import sys

import smtpserver


def reply(line):
    verb = line[:4].upper()  # it says "data"
    usual = b'250 ok' if verb in (b'MAIL', b'RCPT') else b'500 what?'
    return smtpserver.REPLIES.get(verb, usual)


def result(*lines):
    """What it says, and the lines that arrive."""
    came = []
    port = smtpserver.start(
        lambda content: came.append(content) or b'250 taken', reply)
    send = subprocess.run(
        ['node', sys.argv[1], str(port), '\r\n'.join(lines)],
        stdout=subprocess.PIPE, timeout=60, check=True)
    text = email.message_from_bytes(came[0]).get_payload()
    text = [line[line.startswith('.'):] for line in text.split('\r\n')]
    return send.stdout.decode().strip(), [line for line in text if line]


plain = result('one', 'two', 'three')
dot = result('one', '.', 'three')
first = result('one', '.two', 'three')
print('one / two / three:', *plain)
print('one / . / three:', *dot)
print('one / .two / three:', *first)
if plain != ('sent', ['one', 'two', 'three']):
    sys.exit(2)
as_seen = dot == ('sent', ['one']) and first == plain
print('as it was seen' if as_seen else 'this has changed')
sys.exit(not as_seen)
END
