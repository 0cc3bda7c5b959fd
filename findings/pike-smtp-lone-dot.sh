#!/bin/sh
# Pike 8.0.1738, Protocols.SMTP.Client.  send_message doubles the dot behind CR
# LF and makes CR LF of LF, but in one pass: the dot behind an LF that becomes a
# CR LF is not doubled.  So a line that is a lone dot ends the mail, and what
# stands behind it is commands: it may be another mail.  simple_mail makes CR LF
# of LF before, but not where the text has a CR LF anywhere, as here at its end.
. "$(dirname "$0")/unpack"
unpack pike8.0-core=8.0.1738-1+b2 libgmp10=2:6.2.1+dfsg1-1.1
PIKE_MODULE_PATH=$tree/usr/lib/pike8.0/modules
PIKE_INCLUDE_PATH=$tree/usr/lib/pike8.0/include
export PIKE_MODULE_PATH PIKE_INCLUDE_PATH
cat >"$tree/send.pike" <<'END'
int main(int argc, array(string) argv)
{
	Protocols.SMTP.Client("127.0.0.1", (int) argv[1])
	    ->simple_mail("joe@example.org", "x", "ann@example.net", argv[2]);
}
END
PYTHONPATH=$(dirname "$0") python3 -B - "$tree" <<'END'
import sys

import lonedot

tree = sys.argv[1]
lonedot.check([tree + '/usr/bin/pike8.0', '-m',
               tree + '/usr/lib/pike8.0/master.pike', tree + '/send.pike'],
              '\n'.join(lonedot.LINES) + '\r\n')
END
