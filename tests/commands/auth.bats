#!/usr/bin/env bats
# examples/auth, each with the real program.
# shellcheck disable=SC2034,SC2154 # helper's variables
load ../helper
load ../launch/helper
load helper
load ../auth

# side_by_side: each line of stdin is a command of the test.
side_by_side() {
	local line pids=() pid
	while IFS= read -r line; do
		eval "$line" 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
}

# keeps_secret PROGRAM NAME PASSWORD command ...: while PROGRAM runs, PASSWORD
# stands in no process's arguments or environment; what the launcher left there
# has no say.
keeps_secret() {
	local secret=$BATS_TEST_TMPDIR/secret seen=no pid
	printf %s "$3" >"$secret"
	(
		export name=n password=p input=i rest=r when=w answer=a line=l
		credentials "${@:2}"
	) 3>&- &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		! readlink /proc/[0-9]*/exe | grep -qxF "$1" || seen=yes
		! grep -qsF -f "$secret" /proc/[0-9]*/cmdline \
			/proc/[0-9]*/environ || fail 'for all to see'
	done
	wait "$pid" || :
	[ "$seen" = yes ] || fail "$1 did not run"
	! grep -qF -f "$secret" "$BATS_TEST_TMPDIR"/said.* || fail 'it tells'
}

# ---- through smtpd ----

# asks COMMAND [launcher]: with it as --auth; who it lets in may send elsewhere.
asks() {
	chmod 777 "$BOX"
	listen "${2:-tcpserver}" -d example.org --auth-in-clear --auth "$1"
	SERVERS+=("$SERVER")
}

# curl_is STATUS NAME PASSWORD: of what it brings with them, by each mechanism.
curl_is() {
	local host=$ADDRESS method
	[ "$host" != ::1 ] || host='[::1]'
	for method in PLAIN LOGIN; do
		say 'Subject: s' '' x | ends "$1" curl -sS -m 30 -T - \
			--mail-from ann@example.net --user "$2:$3" \
			--mail-rcpt bob@elsewhere.example \
			--login-options "AUTH=$method" "smtp://$host:$PORT/c" \
			2>"$BATS_TEST_TMPDIR/said"
	done
}

# lets_in NAME PASSWORD
lets_in() {
	curl_is 0 "$@"
	delivered 2
	[ "$(variable SASL_USERNAME 1)/$(variable SASL_METHOD 2)" = "$1/LOGIN" ]
	rm "$BOX"/*
}

# turns_away REPLY NAME PASSWORD
turns_away() {
	: >"$LOG"
	curl_is 67 "${@:2}"
	for method in PLAIN LOGIN; do
		logged " auth client=$ADDRESS method=$method user=$2 reply=\"$1"
	done
	! grep -qF -- "$3" "$LOG" || fail 'the log tells'
	not_delivered
}

@test "any through smtpd: from loopback, and from no public address" {
	asks "exec $AUTH/any"
	lets_in joe anything
	asks "exec $AUTH/any" inetd6
	lets_in joe anything
	say 'EHLO c' 'AUTH PLAIN AGpvZQBzZWNyZXQ=' QUIT |
		TCPREMOTEIP=203.0.113.7 PROTO=TCP serve --auth-in-clear \
			--auth "exec $AUTH/any"
	codes_are 220 250 535 221
}

@test "htpasswd through smtpd" {
	user joe@example.org 'two "words"'
	asks "exec $AUTH/htpasswd $USERS"
	lets_in joe@example.org 'two "words"'
	turns_away '535 5.7.8' joe@example.org wrong-0815
	turns_away '535 5.7.8' ann wrong-0815
	rm "$USERS"
	turns_away '454 4.7.0' joe@example.org 'two "words"'
	logged " output client=$ADDRESS line=\"htpasswd: no file $USERS\""
}

@test "pwauth through smtpd, which has no rights" {
	prepare_pwauth
	machine
	asks "exec $PWAUTH"
	lets_in joe secret
	turns_away '535 5.7.8' joe wrong-0815
	turns_away '535 5.7.8' root secret
	stop_listening
	MACHINE+=(setpriv --no-new-privs)
	asks "exec $PWAUTH"
	turns_away '454 4.7.0' joe secret
	logged " output client=$ADDRESS line=\"pwauth: no rights"
}

@test "dovecot through smtpd: it knows the client's address" {
	dovecot_starts 'auth_failure_delay = 0' 'auth_verbose = yes'
	asks "exec $AUTH/dovecot $SOCKET"
	lets_in joe secret
	turns_away '535 5.7.8' joe wrong-0815
	until_true has "$DOVECOT/log" '(joe,127.0.0.1): Password mismatch'
	turns_away '535 5.7.8' away secret
	turns_away '535 5.7.8' net secret
	ended "${SERVERS[0]}"
	turns_away '454 4.7.0' joe secret
	logged " output client=$ADDRESS line=\"dovecot: $SOCKET: "
}

# ---- htpasswd ----

# user NAME PASSWORD: in $USERS.
user() {
	USERS=$BATS_TEST_TMPDIR/users
	[ -e "$USERS" ] || : >"$USERS"
	printf %s "$2" | htpasswd -iB -C 4 "$USERS" "$1" 2>/dev/null
}

@test "htpasswd: who stands in the file with this password, and no other" {
	user joe secret
	let_in joe secret "$AUTH/htpasswd" "$USERS"
	for password in wrong Secret secre secrets 'secret ' $'secret\r' \
		$'secret\n' $'\nsecret' ''; do
		refused joe "$password" "$AUTH/htpasswd" "$USERS"
	done
	for name in ann Joe joe: jo 'joe ' $'joe\n' $'ann\njoe' -joe -D '' \
		'*' "$(printf %0255d 1)" "joe:$(cut -d: -f2 "$USERS")"; do
		refused "$name" secret "$AUTH/htpasswd" "$USERS"
	done
	refused $'joe\nsecret' '' "$AUTH/htpasswd" "$USERS"
	refused joe $'secret\n1' "$AUTH/htpasswd" "$USERS"
	user 'käse\ brot' "$(printf %0200d 1)"
	let_in 'käse\ brot' "$(printf %0200d 1)" "$AUTH/htpasswd" "$USERS"
	refused joe "$(printf %0250d 1)" "$AUTH/htpasswd" "$USERS"
	refused joe "$(printf %0300d 1)" "$AUTH/htpasswd" "$USERS"
}

@test "htpasswd: passwords are octets" {
	for password in "${PASSWORDS[@]}"; do
		user joe "$password"
		(cd "$BATS_TEST_TMPDIR" &&
			let_in joe "$password" "$AUTH/htpasswd" "$USERS")
		refused joe "${password}x" "$AUTH/htpasswd" "$USERS"
	done
	nothing_ran
}

@test "htpasswd: a locked user is refused, whatever the hash is" {
	user joe secret
	sed -i 's/:/:!/' "$USERS"
	refused joe secret "$AUTH/htpasswd" "$USERS"
	for hash in '*' x '$9$a$b'; do
		echo "joe:$hash" >"$USERS"
		refused joe "$hash" "$AUTH/htpasswd" "$USERS"
	done
}

@test "htpasswd: no file, no right to it, a broken one, no program: later" {
	USERS=$BATS_TEST_TMPDIR/none
	put_off "no file $USERS" joe secret "$AUTH/htpasswd" "$USERS"
	put_off 'no file' joe secret "$AUTH/htpasswd" "$BOX"
	user joe secret
	chmod a+x "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"
	chmod 600 "$USERS"
	cp "$AUTH/htpasswd" "$BATS_TEST_TMPDIR/copy"
	put_off "may not read $USERS" joe secret setpriv --reuid 65534 \
		--clear-groups "$BATS_TEST_TMPDIR/copy" "$USERS"
	mkdir "$BATS_TEST_TMPDIR/few"
	ln -s "$(command -v sh)" "$(command -v tr)" "$BATS_TEST_TMPDIR/few"
	put_off 'htpasswd: not found' joe secret env \
		PATH="$BATS_TEST_TMPDIR/few" "$AUTH/htpasswd" "$USERS"
	echo joe: >"$USERS"
	put_off 'Empty hash' joe secret "$AUTH/htpasswd" "$USERS"
	echo joe >"$USERS"
	put_off 'not appear to be a valid' joe secret "$AUTH/htpasswd" "$USERS"
	echo 'joe:$2y$05$short' >"$USERS"
	put_off 'Could not verify' joe secret "$AUTH/htpasswd" "$USERS"
	stand_in htpasswd 'exit 0'
	let_in joe any "$AUTH/htpasswd" "$USERS"
	refused joe '' "$AUTH/htpasswd" "$USERS"
	refused '' any "$AUTH/htpasswd" "$USERS"
	for status in 1 2 4 7 8 9 99; do
		stand_in htpasswd "echo it says so; exit $status"
		put_off 'it says so' joe secret "$AUTH/htpasswd" "$USERS"
	done
}

@test "htpasswd: the password is shown to no other process" {
	USERS=$BATS_TEST_TMPDIR/users
	printf 'hidden 0815' | htpasswd -ciB -C 13 "$USERS" joe 2>/dev/null
	keeps_secret "$(command -v htpasswd)" joe 'hidden 0815' \
		"$AUTH/htpasswd" "$USERS"
	keeps_secret "$(command -v htpasswd)" joe 'hidden 4711' \
		"$AUTH/htpasswd" "$USERS"
}

# ---- pwauth ----

# account NAME HASH [days of the last change, smallest, largest age, warning,
# grace, end]: in the machine's place.
account() {
	[ -d "$BATS_TEST_TMPDIR/etc" ] || {
		mkdir "$BATS_TEST_TMPDIR/etc"
		install -m 640 -g shadow /dev/null "$BATS_TEST_TMPDIR/etc/shadow"
	}
	echo "$1:x:2001:2001::/:/bin/sh" >>"$BATS_TEST_TMPDIR/etc/passwd"
	echo "$1:$2:${3:-19000:0:99999:7::}:" >>"$BATS_TEST_TMPDIR/etc/shadow"
}

hash_of() {
	perl -e 'print crypt($ARGV[0], q($5$rounds=1000$salt$))' -- "$1"
}

# machine [COMMAND]: $MACHINE, before a command, makes it run on one that has
# these accounts, for which the shell COMMAND was run too; as a user with no
# rights.
machine() {
	MACHINE=(unshare --mount sh -ec 'cd "$1"; eval "$2"
		mount --bind etc/passwd /etc/passwd
		mount --bind etc/shadow /etc/shadow
		shift 2
		exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"' \
		sh "$BATS_TEST_TMPDIR" "${1:-:}")
}

# on_machine [COMMAND --] command ...
on_machine() {
	if [ "$2" = -- ]; then
		machine "$1"
		shift 2
	else
		machine
	fi
	"${MACHINE[@]}" "$@"
}

# Of listen.
set_line() {
	LINE=("${MACHINE[@]}" "$@")
}

prepare_pwauth() {
	local hash
	chmod a+x "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"
	PWAUTH=$BATS_TEST_TMPDIR/pwauth
	cp "$AUTH/pwauth" "$PWAUTH"
	hash=$(hash_of secret)
	account joe "$hash"
	account root "$hash"
	sed -i '/^root/s/2001/0/' "$BATS_TEST_TMPDIR/etc/passwd"
	account locked "!$hash"
	account starred '*'
	account expired "$hash" 19000:0:99999:7::19001
	account aged "$hash" 19000:0:10:7:5:
	account new "$hash" 0:0:99999:7::
	account nobody ''
}

@test "pwauth: the machine's users, less root, the locked and the expired" {
	prepare_pwauth
	let_in joe secret on_machine "$PWAUTH"
	side_by_side <<-'END'
		refused joe wrong on_machine "$PWAUTH"
		refused joe 'secret ' on_machine "$PWAUTH"
		refused joe $'secret\r' on_machine "$PWAUTH"
		refused joe $'secret\n' on_machine "$PWAUTH"
		refused joe $'secret\nx' on_machine "$PWAUTH"
		refused joe '' on_machine "$PWAUTH"
		refused '' secret on_machine "$PWAUTH"
		refused $'joe\nsecret' x on_machine "$PWAUTH"
		refused $'joe\nsecret' '' on_machine "$PWAUTH"
		refused nobody '' on_machine "$PWAUTH"
		refused Joe secret on_machine "$PWAUTH"
		refused 'joe ' secret on_machine "$PWAUTH"
		refused joe:x secret on_machine "$PWAUTH"
		refused -joe secret on_machine "$PWAUTH"
		refused käse secret on_machine "$PWAUTH"
		refused ann secret on_machine "$PWAUTH"
		refused root secret on_machine "$PWAUTH"
		refused root wrong on_machine "$PWAUTH"
		refused locked secret on_machine "$PWAUTH"
		refused starred '*' on_machine "$PWAUTH"
		refused expired secret on_machine "$PWAUTH"
		refused aged secret on_machine "$PWAUTH"
		refused new secret on_machine "$PWAUTH"
	END
}

@test "pwauth: passwords are octets" {
	prepare_pwauth
	local i
	for i in "${!PASSWORDS[@]}"; do
		account "user$i" "$(hash_of "${PASSWORDS[$i]}")"
	done
	for i in "${!PASSWORDS[@]}"; do
		let_in "user$i" "${PASSWORDS[$i]}" on_machine "$PWAUTH"
	done
	for i in "${!PASSWORDS[@]}"; do
		echo "refused user$i \"\${PASSWORDS[$i]}x\" on_machine \"\$PWAUTH\""
	done | side_by_side
	nothing_ran
}

@test "pwauth: who has no password is out by the line that its head tells of" {
	prepare_pwauth
	let_in nobody anything on_machine "$PWAUTH"
	line=$(sed -n 's/^#	\(auth .*\)/\1/p' "$AUTH/pwauth")
	sed "s/^@include common-auth.*/$line/" /etc/pam.d/pwauth \
		>"$BATS_TEST_TMPDIR/pam"
	before='mount --bind pam /etc/pam.d/pwauth'
	let_in joe secret on_machine "$before" -- "$PWAUTH"
	refused nobody anything on_machine "$before" -- "$PWAUTH"
}

@test "pwauth: no program, no rights, no logins for now, no PAM: later" {
	prepare_pwauth
	put_off NoNewPriv joe secret on_machine setpriv --no-new-privs "$PWAUTH"
	(let_in joe secret unshare --mount sh -ec 'cd "$1"
		mount --bind etc/passwd /etc/passwd
		mount --bind etc/shadow /etc/shadow
		exec setpriv --no-new-privs "$2"' sh "$BATS_TEST_TMPDIR" "$PWAUTH")
	mkdir "$BATS_TEST_TMPDIR/run" "$BATS_TEST_TMPDIR/pam.d"
	: >"$BATS_TEST_TMPDIR/run/nologin"
	put_off 'no logins for now: /run/nologin' joe secret \
		on_machine 'mount --bind run /run' -- "$PWAUTH"
	put_off 'exit status 52' joe secret \
		on_machine 'mount --bind pam.d /etc/pam.d' -- "$PWAUTH"
	for status in 6 50 51 53 126 137; do
		printf '#!/bin/sh\nexit %s\n' "$status" \
			>"$BATS_TEST_TMPDIR/stand-in"
		chmod +x "$BATS_TEST_TMPDIR/stand-in"
		sed -i "s|^pwauth=.*|pwauth=$BATS_TEST_TMPDIR/stand-in|" "$PWAUTH"
		put_off "exit status $status" joe secret on_machine "$PWAUTH"
	done
	rm "$BATS_TEST_TMPDIR/stand-in"
	put_off 'no program /' joe secret on_machine "$PWAUTH"
}

@test "pwauth: the password is shown to no other process" {
	prepare_pwauth
	keeps_secret /usr/sbin/pwauth joe 'hidden 0815' on_machine "$PWAUTH"
}

# ---- Dovecot ----

# dovecot_starts [line of its configuration ...]: $SOCKET, made as the example's
# head says; with auth_failure_delay=0 it is slow to guessers alone.
dovecot_starts() {
	DOVECOT=$BATS_TEST_TMPDIR/dovecot
	SOCKET=$DOVECOT/smtpd-auth
	mkdir -p "$DOVECOT/run"
	chmod a+x "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"
	[ -e "$DOVECOT/users" ] || printf '%s\n' 'joe:{PLAIN}secret' \
		'net:{PLAIN}secret::::::allow_nets=192.0.2.0/24' \
		'away:{PLAIN}secret::::::nologin' \
		'left:{PLAIN}secret::::::nologin reason=Left' \
		'open:::::::nopassword' 'none:' >"$DOVECOT/users"
	{
		printf '%s\n' "base_dir = $DOVECOT/run" \
			"state_dir = $DOVECOT/run" "log_path = $DOVECOT/log" \
			'protocols =' 'ssl = no' "$@" \
			'passdb {' "driver = ${PASSDB:-passwd-file}" \
			"args = $DOVECOT/users" '}' \
			'userdb {' 'driver = static' 'args = uid=nobody' '}'
		sed -n '/^#	/s///p' "$AUTH/dovecot" | sed 1d |
			sed "s|/run/smtpd-auth|$SOCKET|; s/user = .*/user = nobody/"
	} >"$DOVECOT/conf"
	started dovecot -F -c "$DOVECOT/conf"
	until_true test -S "$SOCKET"
}

# from ADDRESS command ...: so that Dovecot tells one guesser from another.
from() {
	CLIENT_ADDRESS=$1 TCPLOCALIP=192.0.2.25 SSL_PROTOCOL=TLSv1.3 "${@:2}"
}

@test "dovecot: its users, less those with nologin or from elsewhere" {
	dovecot_starts 'auth_failure_delay = 0'
	let_in joe secret "$AUTH/dovecot" "$SOCKET"
	let_in JOE secret "$AUTH/dovecot" "$SOCKET"
	let_in open anything "$AUTH/dovecot" "$SOCKET"
	from 192.0.2.7 let_in net secret "$AUTH/dovecot" "$SOCKET"
	from 2001:db8::1 let_in joe secret "$AUTH/dovecot" "$SOCKET"
	side_by_side <<-'END'
		from 192.0.2.1 refused joe wrong "$AUTH/dovecot" "$SOCKET"
		from 192.0.2.2 refused joe 'secret ' "$AUTH/dovecot" "$SOCKET"
		from 192.0.2.3 refused joe $'secret\n' "$AUTH/dovecot" "$SOCKET"
		from 192.0.2.4 refused ann secret "$AUTH/dovecot" "$SOCKET"
		from 192.0.2.5 refused $'jo\te' secret "$AUTH/dovecot" "$SOCKET"
		from 192.0.2.6 refused $'joe\n' secret "$AUTH/dovecot" "$SOCKET"
		from 192.0.2.7 refused joe: secret "$AUTH/dovecot" "$SOCKET"
		from 192.0.2.8 refused 'x nologin' secret "$AUTH/dovecot" "$SOCKET"
		from 192.0.2.9 refused none x "$AUTH/dovecot" "$SOCKET"
		from 192.0.2.10 refused away secret "$AUTH/dovecot" "$SOCKET"
		from 192.0.2.11 refused left secret "$AUTH/dovecot" "$SOCKET"
		from 203.0.113.1 refused net secret "$AUTH/dovecot" "$SOCKET"
		refused net secret "$AUTH/dovecot" "$SOCKET"
	END
	refused open '' "$AUTH/dovecot" "$SOCKET"
	refused '' anything "$AUTH/dovecot" "$SOCKET"
}

@test "dovecot: passwords are octets, less four that it takes from nobody" {
	local i
	mkdir "$BATS_TEST_TMPDIR/dovecot"
	for i in "${!PASSWORDS[@]}"; do
		echo "user$i:{PLAIN.B64}$(printf %s "${PASSWORDS[$i]}" |
			base64 -w 0)" >>"$BATS_TEST_TMPDIR/dovecot/users"
	done
	dovecot_starts 'auth_failure_delay = 0'
	for i in "${!PASSWORDS[@]}"; do
		verdict=let_in
		[[ ${PASSWORDS[$i]} != *[$'\x01\t\r\n']* ]] || verdict=refused
		from "198.51.100.$i" "$verdict" "user$i" "${PASSWORDS[$i]}" \
			"$AUTH/dovecot" "$SOCKET"
	done
	for i in "${!PASSWORDS[@]}"; do
		echo "from 192.0.2.$i refused user$i \"\${PASSWORDS[$i]}x\"" \
			'"$AUTH/dovecot" "$SOCKET"'
	done | side_by_side
	nothing_ran
}

@test "dovecot: it makes guessers wait, and is waited for, but not for ever" {
	dovecot_starts
	sed 's/alarm(25)/alarm(1)/' "$AUTH/dovecot" >"$BATS_TEST_TMPDIR/hasty"
	chmod +x "$BATS_TEST_TMPDIR/hasty"
	from 192.0.2.1 refused joe wrong "$AUTH/dovecot" "$SOCKET"
	from 192.0.2.1 put_off 'no answer in time' joe secret \
		"$BATS_TEST_TMPDIR/hasty" "$SOCKET"
	from 192.0.2.1 let_in joe secret "$AUTH/dovecot" "$SOCKET"
}

@test "dovecot: none, no right to it, no PLAIN, no answer for now: later" {
	SOCKET=$BATS_TEST_TMPDIR/dovecot/smtpd-auth
	put_off "$SOCKET: No such file" joe secret "$AUTH/dovecot" "$SOCKET"
	cp "$AUTH/dovecot" "$BATS_TEST_TMPDIR/copy"
	dovecot_starts 'auth_mechanisms = login'
	put_off 'without an answer' joe secret "$AUTH/dovecot" "$SOCKET"
	put_off "$SOCKET: Permission denied" joe secret setpriv --reuid 65533 \
		--clear-groups env PATH=/usr/bin:/bin "$BATS_TEST_TMPDIR/copy" \
		"$SOCKET"
	ended "$SERVER"
	until_true eval '! python3 -c "import socket, sys
socket.socket(socket.AF_UNIX).connect(sys.argv[1])" "$SOCKET" 2>&-'
	put_off "$SOCKET: Connection refused" joe secret "$AUTH/dovecot" \
		"$SOCKET"
	rm -r "$DOVECOT"
	PASSDB=checkpassword
	dovecot_starts
	put_off 'Dovecot cannot tell now' joe secret "$AUTH/dovecot" "$SOCKET"
	put_off 'AF_UNIX path too long' joe secret "$AUTH/dovecot" \
		"$(printf %0200d 1)"
}

# stands_in: a Dovecot that says what is in $SOCKET.says once it was asked, then
# leaves or hangs; the question is $SOCKET.asked.
stands_in() {
	SOCKET=$BATS_TEST_TMPDIR/socket
	: >"$SOCKET.says"
	started python3 -c '
import os, socket, sys
path = sys.argv[1]
server = socket.socket(socket.AF_UNIX)
server.bind(path + ".new")
server.listen()
os.rename(path + ".new", path)
kept = []
while True:
    client, _ = server.accept()
    client.sendall(b"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nDONE\n")
    asked = b""
    while asked.count(b"\n") < 3:
        asked += client.recv(4096)
    with open(path + ".asked", "wb") as file:
        file.write(asked)
    with open(path + ".says", "rb") as file:
        says = file.read()
    client.sendall(says.replace(b"hang", b""))
    if b"hang" in says:
        kept.append(client)
    client = None' "$SOCKET"
	until_true test -S "$SOCKET"
}

@test "dovecot: it is asked with what it judges by, the password last" {
	stands_in
	printf 'OK\t1\tuser=joe\n' >"$SOCKET.says"
	from 192.0.2.7 let_in joe secret "$AUTH/dovecot" "$SOCKET"
	sed 's/^CPID\t[0-9]*$/CPID/' "$SOCKET.asked" | cmp - <(
		printf 'VERSION\t1\t1\nCPID\nAUTH\t1\tPLAIN\tservice=smtp\t'
		printf 'rip=192.0.2.7\tlip=192.0.2.25\tsecured\tresp=%s\n' \
			"$(printf '\0joe\0secret' | base64)"
	)
	let_in joe secret env -u CLIENT_ADDRESS "$AUTH/dovecot" "$SOCKET"
	grep -q $'^AUTH\t1\tPLAIN\tservice=smtp\tresp=' "$SOCKET.asked"
	printf 'OK\t1\tuser=x nologin\n' >"$SOCKET.says"
	let_in 'x nologin' secret "$AUTH/dovecot" "$SOCKET"
	printf 'FAIL\t1\n' >"$SOCKET.says"
	refused joe secret "$AUTH/dovecot" "$SOCKET"
	for answer in 'FAIL\t1\tuser=joe\ttemp\n' \
		'FAIL\t1\tcode=temp_fail\tuser=joe\n'; do
		octets "$answer" >"$SOCKET.says"
		put_off 'cannot tell now' joe secret "$AUTH/dovecot" "$SOCKET"
	done
}

@test "dovecot: one that dies in the middle of its answer has given none" {
	stands_in
	for answer in '' OK 'OK\t1' 'OK\t1\tuser=joe' 'FAIL\t1\tuser=joe' \
		'CONT\t1\t\n'; do
		octets "$answer" >"$SOCKET.says"
		put_off 'without an answer' joe secret "$AUTH/dovecot" "$SOCKET"
	done
	sed 's/alarm(25)/alarm(1)/' "$AUTH/dovecot" >"$BATS_TEST_TMPDIR/hasty"
	for answer in hang 'OK\t1\tuser=joehang'; do
		octets "$answer" >"$SOCKET.says"
		put_off 'no answer in time' joe secret \
			python3 "$BATS_TEST_TMPDIR/hasty" "$SOCKET"
	done
}

@test "dovecot: the password is shown to no other process" {
	dovecot_starts
	from 192.0.2.1 keeps_secret "$(python3 -c 'import os, sys
print(os.path.realpath(sys.executable))')" joe 'hidden 0815' \
		"$AUTH/dovecot" "$SOCKET"
}
