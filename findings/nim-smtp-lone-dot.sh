#!/bin/sh
# Nim 1.6.10, the module smtp of its library, sends the text as it is: a line of
# CR LF text that begins with a dot comes without it, and one that is a lone dot
# ends the mail.  What stands behind that is commands: it may be another mail,
# and sendMail succeeds.  Text with LF alone is spared by servers for which LF
# ends no line.  The compiler wants gcc.
. "$(dirname "$0")/unpack"
unpack nim=1.6.10-2
command -v gcc >/dev/null || exit 2
cat >"$tree/send.nim" <<'END'
import smtp, os, strutils
let client = newSmtp()
client.connect("127.0.0.1", Port(parseInt(paramStr(1))))
client.sendMail("ann@example.net", @["joe@example.org"],
                $createMessage("x", paramStr(2), @["joe@example.org"]))
client.close()
echo "sent"
END
lib=$tree/usr/lib/nim/lib
"$tree/usr/bin/nim" c --skipCfg --skipUserCfg --lib:"$lib" --path:"$lib/pure" \
	--path:"$lib/core" --path:"$lib/posix" --path:"$lib/pure/collections" \
	--path:"$lib/wrappers" --path:"$lib/pure/concurrency" --hints:off \
	--passC:-w -d:ssl --nimcache:"$tree/cache" -o:"$tree/send" \
	"$tree/send.nim" || exit 2
PYTHONPATH=$(dirname "$0") python3 -B - "$tree/send" <<'END'
import sys

import lonedot

lonedot.check([sys.argv[1]], '\r\n'.join(lonedot.LINES))
END
