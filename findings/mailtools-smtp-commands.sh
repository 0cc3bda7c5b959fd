#!/bin/sh
# Mail::Mailer of MailTools 2.21 by "smtp" does not look at the replies to MAIL,
# RCPT and DATA.  Where one of two recipients is refused, close() is true.
# Where all are, so that the server says 503 to DATA, close() is false, but the
# message has gone to the server all the same, line by line, as commands: a text
# that has RCPT and DATA in it is another mail, to whom it likes.
. "$(dirname "$0")/unpack"
unpack libmailtools-perl=2.21-2 libtimedate-perl=2.3300-2
cat >"$tree/send.pl" <<'END'
use Mail::Mailer;
my ($port, $text) = @ARGV;
my $mail = Mail::Mailer->new('smtp', Server => '127.0.0.1', Port => $port,
    From => 'ann@example.net');
$mail->open({From => 'ann@example.net', Subject => 'x',
    To => ['joe@example.org', 'sue@example.org']});
print $mail $text;
print $mail->close ? "true\n" : "false\n";
END
PYTHONPATH=$(dirname "$0") python3 -B - "$tree" <<'END'
import os
import subprocess
import sys

import smtpserver

tree = sys.argv[1]
HIDDEN = '''hello
RCPT TO:<root@example.org>
DATA
Subject: from nobody

'''


def fate(refused, text):
    """What close() says, and the envelopes that the server took."""
    envelope, taken = [], []

    def to_line(line):
        verb = line[:4]
        if verb == b'MAIL':
            envelope[:] = [line]
        elif verb == b'RCPT' and any(name in line for name in refused):
            return b'550 5.1.1 no such user'
        elif verb == b'RCPT':
            envelope.append(line)
        elif verb == b'DATA':
            return None if len(envelope) > 1 else b'503 5.5.1 no recipients'
        elif verb not in smtpserver.REPLIES:
            return b'500 5.5.1 no such command'
        return None

    def to_message(content):
        taken.append([line.decode().split(':', 1)[1].strip()
                      for line in envelope])
        return b'250 taken'

    port = smtpserver.start(to_message, to_line)
    said = subprocess.run(
        ['perl', '-I' + tree + '/usr/share/perl5', tree + '/send.pl',
         str(port), text], env={**os.environ, 'PERL5LIB': ''},
        stdout=subprocess.PIPE, timeout=60, check=True).stdout.decode().strip()
    print('refused:', *refused, '- close():', said, '- taken:', *taken)
    return said, taken


ann, joe, sue = '<ann@example.net>', '<joe@example.org>', '<sue@example.org>'
as_seen = (
    fate([], 'hello\n') == ('true', [[ann, joe, sue]]) and
    fate([b'sue'], 'hello\n') == ('true', [[ann, joe]]) and
    fate([b'joe', b'sue'], 'hello\n') == ('false', []) and
    fate([], HIDDEN) == ('true', [[ann, joe, sue]]) and
    fate([b'joe', b'sue'], HIDDEN) ==
    ('false', [[ann, '<root@example.org>']]))
print('as it was seen' if as_seen else 'this has changed')
sys.exit(not as_seen)
END
