#!/bin/sh
# send_nsca 2.10.2 reads check results from stdin, one a line, for a monitor's
# nsca.  NSCA has no reply: where the password is wrong, it says "1 data
# packet(s) sent to host successfully.", and exits 0, and the result is nowhere.
# Where the third field is a word, as CRITICAL, not the number 2, that is the
# same success, and the result 0, which is OK.
. "$(dirname "$0")/unpack"
unpack nsca=2.10.2-2 nsca-client=2.10.2-2 libmcrypt4=2.5.8-7
port=$(python3 -c 'import socket
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1])')
cat >"$tree/nsca.cfg" <<END
server_address=127.0.0.1
server_port=$port
command_file=$tree/none
alternate_dump_file=$tree/results
password=right
decryption_method=1
max_packet_age=60
pid_file=$tree/pid
END
timeout 60 "$tree/usr/sbin/nsca" -f -c "$tree/nsca.cfg" >/dev/null 2>&1 &
nsca=$!
trap 'kill "$nsca"; rm -rf "$tree"' EXIT
# told PASSWORD STATE TEXT
told() {
	printf 'password=%s\nencryption_method=1\n' "$1" >"$tree/client.cfg"
	printf 'host\tservice\t%s\t%s\n' "$2" "$3" |
		timeout 20 "$tree/usr/sbin/send_nsca" -H 127.0.0.1 \
			-p "$port" -c "$tree/client.cfg" 2>&1
	status=$?
	echo "password $1, state $2: exit status $status"
}
# what comes last has arrived when that is there
arrived() {
	until grep -qs "$1" "$tree/results"; do
		kill -0 "$nsca" || exit 2
		sleep 0.1
	done
}
until told right 2 first && [ "$status" -eq 0 ]; do
	kill -0 "$nsca" || exit 2
	sleep 0.1
done
told wrong 2 second
as_seen=$status
told right CRITICAL third
arrived third
cat "$tree/results"
grep -q second "$tree/results" && as_seen=known
grep -q ';0;third' "$tree/results" || as_seen=other
[ "$as_seen$status" = 00 ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
