#!/bin/sh
# mosquitto_pub 2.0.11 with "-s" publishes what is on stdin as one message of
# MQTT.  With "-q 1" it waits for the broker's word.  Where that word is a
# refusal, which MQTT 5 (-V 5) has, it prints "Publish 1 failed: Not
# authorized.", and exits 0.  By MQTT 3.1.1, which it speaks by itself, a broker
# has no way to refuse: mosquitto says yes, and drops the message.
# The broker is mosquitto on a unix socket, whose list lets nobody write.
. "$(dirname "$0")/unpack"
unpack mosquitto=2.0.11-1.2+deb12u2 mosquitto-clients=2.0.11-1.2+deb12u2 \
	libmosquitto1=2.0.11-1.2+deb12u2 libcjson1=1.7.15-1+deb12u4 \
	libdlt2=2.18.8-6 libwrap0=7.6.q-32
own=$tree/own
mkdir "$own"
broker=
trap '[ -z "$broker" ] || kill "$broker"; rm -rf "$tree"' EXIT
# published TOPIC VERSION: "got" is the first of TOPIC and "yes" that the broker
# has a message for
published() {
	printf 'From: ann@example.net\nSubject: x\n\nbody\n' |
		timeout 20 "$tree/usr/bin/mosquitto_pub" --unix "$own/socket" \
			-t "$1" -s -q 1 -r -V "$2" 2>&1
	status=$?
	got=$(timeout 20 "$tree/usr/bin/mosquitto_sub" --unix "$own/socket" \
		-t "$1" -t yes -C 1 -F %t)
	[ "$got" = "$1" ] && got=1 || got=0
	echo "topic $1, MQTT $2: exit status $status, arrived: $got"
}
printf '%s\n' 'topic read #' 'topic write yes' >"$own/list"
printf '%s\n' "listener 0 $own/socket" 'allow_anonymous true' \
	"user $(id -un)" "acl_file $own/list" >"$own/conf"
chmod 600 "$own/list"
timeout 60 "$tree/usr/sbin/mosquitto" -c "$own/conf" >"$own/log" 2>&1 &
broker=$!
until [ -S "$own/socket" ]; do
	kill -0 "$broker" || exit 2
	sleep 0.1
done
published yes 5
[ "$status $got" = '0 1' ] || exit 2
published no 311
as_seen=$status$got
published no 5
[ "$as_seen,$status$got" = 00,00 ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
