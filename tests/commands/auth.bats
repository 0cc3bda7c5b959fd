#!/usr/bin/env bats
# examples/auth, each with the real program.
# shellcheck disable=SC2034,SC2154 # helper's variables
load ../helper
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
