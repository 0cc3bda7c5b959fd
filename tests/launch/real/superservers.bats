#!/usr/bin/env bats
# Each file of examples/launch, as it is, under the superserver that it is for.
# shellcheck disable=SC2034,SC2154 # variables for and of others
load ../../helper
load ../helper
load helper

# runs COMMAND: not as the first process, to whom the orphans come.
runs() {
	machine sh -euc "$1
		wait"
}

nobody_gets_mail() {
	mail_arrives
	[ "$OWNER" -eq "$(id -u nobody)" ] || fail "uid $OWNER"
}

# What runs in the foreground and logs to standard error.
listens() {
	runs "($(readme "$1")) &"
	nobody_gets_mail
	until_true grep -q "smtpd.*$LOGGED" "$LOG"
}

@test "tcpserver" {
	listens tcpserver
}

@test "socat" {
	listens socat
}

@test "ncat" {
	listens ncat
}

@test "busybox tcpsvd" {
	listens busybox
}

@test "unixserver: LMTP over a unix socket, smtpd's options its own" {
	SOCKET=/run/smtpd.sock
	SWAKS=(--protocol LMTP)
	runs "($(readme unixserver)) &"
	bring 'Subject: launch' || fail 'the client got no 250'
	head -n 2 "$(message 1)" | cmp - <(printf '%s\n' \
		'Received: from client.example' \
		"	by $(uname -n) with LMTP id $(variable SMTP_ID)")
	sed '1,/ +0000$/d' "$(message 1)" | cmp - "$LETTER"
	! variable CLIENT_ADDRESS || fail 'a unix socket has no address'
	[ "$(stat -c %U "$(message 1)")" = nobody ]
	until_true grep -q 'smtpd.*close client=unknown .* messages=1 ' "$LOG"
}

# by_inetd LAUNCHER UNIT: as Debian starts it.
by_inetd() {
	systemd "$2"
	inside systemctl start "$2"
	inside sh -euc "$(readme "$1")"
	nobody_gets_mail
	logs_to_journal syslog
}

@test "openbsd-inetd" {
	by_inetd openbsd-inetd inetd.service
}

@test "inetutils-inetd" {
	by_inetd inetutils-inetd inetutils-inetd.service
}

@test "xinetd" {
	by_inetd xinetd xinetd.service
}

# its_smtpd: the one that accepts.
its_smtpd() {
	inside pgrep -o -f '^/usr/local/sbin/smtpd '
}

# another_serves: a mail, and not by $FIRST.
another_serves() {
	rm "$BOX"/*
	nobody_gets_mail
	[ "$(its_smtpd)" != "$FIRST" ] || fail 'it is the same process'
	FIRST=$(its_smtpd)
}

# waits FILE: of inetd-wait, which says how to restart inetd: with the middle
# line alone the next client has another smtpd.
waits() {
	local file=$EXAMPLES/inetd-wait/$1 lines
	lines=$(sed -n 's/^#   \([^ ]\)/\1/p' "$file" |
		sed "s/ inetd\$/ $SUPERSERVER/")
	[ "$(wc -l <<<"$lines")" -eq 3 ]
	FIRST=$(its_smtpd)
	inside sh -uc "$(sed -n 2p <<<"$lines")"
	another_serves
	inside sh -uc "$lines"
	another_serves
}

@test "openbsd-inetd, wait: also for another smtpd, and for another inetd" {
	SUPERSERVER=inetd.service
	by_inetd openbsd-inetd-wait "$SUPERSERVER"
	waits inetd.conf
}

@test "inetutils-inetd, wait: likewise" {
	SUPERSERVER=inetutils-inetd.service
	by_inetd inetutils-inetd-wait "$SUPERSERVER"
	waits inetd.conf
}

@test "xinetd, wait: likewise" {
	SUPERSERVER=xinetd.service
	by_inetd xinetd-wait "$SUPERSERVER"
	waits xinetd
}

@test "rlinetd, wait: likewise" {
	SUPERSERVER=rlinetd.service
	by_inetd rlinetd-wait "$SUPERSERVER"
	waits rlinetd
}

@test "systemd-socket-activate: on IPv4 and IPv6" {
	listens systemd-socket-activate
	rm "$BOX"/*
	ADDRESS=::1
	bring 'Subject: IPv6' || fail 'the client got no 250'
	[ "$(variable CLIENT_ADDRESS)" = ::1 ]
}

# supervised LAUNCHER command: which starts it.
supervised() {
	runs "$2
		$(readme "$1")"
	nobody_gets_mail
	logs_to /var/log/smtpd/current
	not_logged smtpd
}

@test "runit" {
	# as runit's own start does
	supervised runit 'ln -s default /etc/runit/runsvdir/current
		runsvdir /etc/service &'
}

@test "s6" {
	supervised s6 'mkdir /run/service
		s6-svscan /run/service &
		until s6-svscanctl -z /run/service; do :; done'
}

@test "s6-ipcserver-socketbinder: LMTP on a unix socket" {
	runs "mkdir /run/service
		s6-svscan /run/service &
		until s6-svscanctl -z /run/service; do :; done
		$(readme s6-unix)"
	until_true inside test -S /run/smtpd.sock
	inside setpriv --reuid daemon --clear-groups swaks --protocol LMTP \
		--socket /run/smtpd.sock --helo client.example \
		--from ann@example.net --to help@example.org,joe@example.org \
		>"$REPLIES" || fail
	delivered 2
	[ "$(stat -c %U "$(message 1)")" = nobody ]
	! variable CLIENT_ADDRESS || fail 'the client has an address'
	LOGGED='close client=unknown .* messages=1 '
	logs_to /var/log/smtpd/current
}

# What the Dockerfile's last stage does, less the packages, as a script; with
# the words "compose", under what compose.yaml says of its container; and "tls",
# with what compose.tls.yaml says besides.
last_stage() {
	/usr/bin/python3 - "$EXAMPLES/docker" "$@" <<-'END'
		import json, os.path, shlex, sys
		folder, composed = sys.argv[1], 'compose' in sys.argv
		text = open(folder + '/Dockerfile').read().replace('\\\n', '')
		user, command, volume = 'root', [], ''
		for line in text.rpartition('\nFROM ')[2].splitlines()[1:]:
		    word, _, rest = line.partition(' ')
		    if word == 'RUN' and not rest.startswith('apt-get '):
		        print(rest)
		    elif word == 'COPY' and not rest.startswith('--from=build'):
		        print('cp', rest)
		    elif word == 'USER':
		        user = rest
		    elif word == 'VOLUME':
		        volume = rest
		    elif word == 'CMD':
		        command = json.loads(rest)
		less = []
		if composed:
		    import yaml
		    [it] = yaml.safe_load(open(folder + '/compose.yaml'))[
		        'services'].values()
		    context = os.path.join(folder, it['build']['context'])
		    assert os.path.samefile(folder + '/Dockerfile',
		        os.path.join(context, it['build']['dockerfile']))
		    assert [mail.split(':')[1] for mail in it['volumes']] == [volume]
		    assert [at.split(':')[-1] for at in it['ports']] == ['2525']
		    assert it['read_only'] and it['tmpfs'] == '/tmp'
		    print('mount -t tmpfs tmpfs /tmp; mount --bind', volume, volume)
		    for place in '/ /etc /home /usr /var'.split():
		        print('mount -o remount,bind,ro', place)
		    less = {'ALL': ['--bounding-set=-all', '--inh-caps=-all']}[
		        it['cap_drop'][0]]
		    less += {'no-new-privileges:true': ['--no-new-privs']}[
		        it['security_opt'][0]]
		if 'tls' in sys.argv:
		    more = yaml.safe_load(open(folder + '/compose.tls.yaml'))
		    [it] = more['services'].values()
		    command = it['command']
		    print('mkdir /run/secrets')
		    for name in it['secrets']:
		        print('install -m 444', more['secrets'][name]['file'],
		            '/run/secrets/' + name)
		print('exec setpriv --clear-groups --reuid', user,
		    shlex.join(less + command))
	END
}

# contained [compose]: but its /mail is elsewhere: this machine has no / of its
# own.
contained() {
	local mail=/var/mails
	runs "cd $CHECKOUT
		$(last_stage "$@" | sed "s|/mail\>|$mail|g") &"
	bring 'Subject: launch' || fail 'the client got no 250'
	kept $mail
	[ "$(inside sh -c "stat -c %U $mail/*.eml")" = nobody ]
}

@test "Dockerfile: its command takes mail, as nobody" {
	contained
}

@test "compose.yaml: so it does with nothing to write to, and no capability" {
	contained compose
	inside touch /usr/x && fail 'it can be written to'
	grep -q '^CapBnd:[[:blank:]]*0*$' "/proc/$(pgrep -P "$INIT" tcpserver)/status"
}

@test "compose.tls.yaml: and takes it by STARTTLS" {
	certified
	SWAKS=(--tls)
	contained compose tls
	sed -n 2p "$BATS_TEST_TMPDIR/eml" | grep -q ' with ESMTPS '
}

@test "the test sink of the README" {
	runs "mount -t tmpfs none /tmp
		($(pasted 'mkdir -p \/tmp\/mail')) &"
	bring 'Subject: sink' || fail 'the client got no 250'
	kept /tmp/mail
}

# Docker's own line needs an engine.
@test "each line of examples/launch/README.md is pasted by a test" {
	sed -n 's/^    # \([A-Za-z0-9-]*\).*/\1/p' \
		"$ROOT/examples/launch/README.md" |
		grep -vx Docker >"$BATS_TEST_TMPDIR/names"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/names")" -ge 10 ]
	while read -r name; do
		grep -Eq "(readme|listens|by_inetd|supervised) $name\\>" \
			"$ROOT"/tests/launch/real/*.bats || fail "$name"
	done <"$BATS_TEST_TMPDIR/names"
}
