#!/bin/sh
# toot 0.34.1 posts a text from stdin to Mastodon, by "toot post".  Where its
# user has not logged in, as where HOME is another one, it makes an empty
# configuration, says "This command requires that you are logged in", and exits
# 0: nothing was posted.  What else goes wrong is 1.
. "$(dirname "$0")/unpack"
unpack toot=0.34.1-1 python3-requests=2.28.1+dfsg-1 \
	python3-urllib3=1.26.12-1+deb12u4 python3-certifi=2022.9.24-1 \
	python3-idna=3.3-1+deb12u1 python3-chardet=5.1.0+dfsg-2 \
	python3-charset-normalizer=3.0.1-2 python3-six=1.16.0-4 \
	python3-bs4=4.11.2-2 python3-soupsieve=2.3.2-1 \
	python3-urwid=2.1.2-4+deb12u1 python3-wcwidth=0.2.5+dfsg1-1.1
PYTHONPATH=$tree/usr/lib/python3/dist-packages
export PYTHONPATH HOME="$tree/home"
unset XDG_CONFIG_HOME
posted() {
	echo 'the printer burns' | timeout 60 python3 -B \
		-c 'from toot.console import main; main()' post 2>&1
	status=$?
	echo "exit status $status"
}
posted
first=$status
# somebody who has, at port 1, which is nobody's
cat >"$tree/home/.config/toot/config.json" <<'END'
{"apps": {"a": {"instance": "a", "base_url": "http://127.0.0.1:1",
  "client_id": "i", "client_secret": "s"}},
 "users": {"u@a": {"instance": "a", "username": "u", "access_token": "t"}},
 "active_user": "u@a"}
END
posted
[ "$status" -eq 1 ] || exit 2
[ "$first" -eq 0 ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
