#!/usr/bin/env bats
# docker/Dockerfile, and the blocks of docker/README.md, by Podman, on a machine
# that keeps images in memory, and whose debian:12-slim is $BARE.
# shellcheck disable=SC2034,SC2153,SC2154 # variables for and of others
load ../../helper
load ../helper
load helper
load ../../lib/handler

export BARE=${BARE:-/opt/bare}
PAGE=$ROOT/docker/README.md

# engine: the machine.  Here no limit can be raised, and no group be made.
engine() {
	mkdir -p "$DISK/etc/containers"
	cat >"$DISK/etc/containers/containers.conf" <<-'END'
		[containers]
		cgroups = "disabled"
		default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
	END
	cat >"$DISK/etc/containers/storage.conf" <<-'END'
		[storage]
		driver = "overlay"
		graphroot = "/run/images"
		runroot = "/run/containers"
	END
	machine sh -euc 'mount -t cgroup2 none /sys/fs/cgroup
		: >/run/ready
		exec sleep infinity'
	until_true inside test -e /run/ready
	[ ! -f "$IMAGE" ] || inside podman load -qi "$IMAGE" >"$REPLIES"
}

# typed WORDS: the line of the page that begins so, for Podman.
typed() {
	sed -n "s/^    $1/$1/p" "$PAGE" | sed 's/^docker /podman /'
}

# builds NAME N: the Nth Dockerfile of the page.
builds() {
	awk -v "n=$2" '/^```Dockerfile$/ { at++; on = 1; next }
		/^```/ { on = 0 }
		on && at == n { print }' "$PAGE" >"$BOX/Dockerfile"
	inside podman build -q --isolation chroot -t "$1" /var/box \
		>"$REPLIES" 2>&1 || fail "$1"
}

# What apt-get fetches is fetched by our network.
builds_image() {
	setup
	rm -r "${DISK:?}$CHECKOUT"
	cp -R "$ROOT" "$DISK$CHECKOUT"
	engine
	tar -C "$BARE" --one-file-system -c . |
		inside podman import -q - debian:12-slim
	nsenter --target "$INIT" --mount --pid --uts --ipc sh -euc "
		cd $CHECKOUT
		export BUILDAH_ISOLATION=chroot
		$(typed 'docker build ')" >"$REPLIES" 2>&1 || fail
	inside podman save -q smtpd >"$IMAGE"
}

setup_file() {
	export IMAGE=$BATS_FILE_TMPDIR/image
	mkdir "$BATS_FILE_TMPDIR/build"
	BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR/build builds_image
	ends_machine
}

@test "the image: two static programs and a /tmp, in less than a megabyte" {
	local at
	engine
	[ "$(inside podman image inspect -f '{{.Size}}' smtpd)" -lt 1000000 ]
	[ "$(inside podman image inspect -f '{{.User}}' smtpd)" = 65534:65534 ]
	at=$(inside podman image mount smtpd)
	inside find "$at" ! -type d -printf '%m %P\n' -o -perm -1000 \
		-printf '%m %P\n' | sort | diff - <(printf '%s\n' '1777 tmp' \
		'755 usr/local/sbin/forward' '755 usr/local/sbin/smtpd')
	for program in smtpd forward; do
		inside podman run --rm --network none smtpd \
			/usr/local/sbin/$program --version >"$REPLIES"
		[ "$(cat "$REPLIES")" = "$("$SMTPD" --version |
			sed "s/^smtpd/$program/")" ] || fail
	done
}

# says WORDS: smtpd does, of the message.
says() {
	until_true grep -q "smtpd.*message .*$1" "$BATS_TEST_TMPDIR/said"
}

# busybox_image: upstream's, as far as the page needs it.
busybox_image() {
	mkdir -p "$DISK/busybox/bin" "$DISK/busybox/etc"
	cp "$LAUNCH/usr/local/bin/busybox" "$DISK/busybox/bin"
	for applet in cat sh tcpsvd; do
		ln -s busybox "$DISK/busybox/bin/$applet"
	done
	grep '^nobody' /etc/passwd >"$DISK/busybox/etc/passwd"
}

@test "with a script, as the page has it: in an image of busybox" {
	busybox_image
	engine
	inside tar -C /busybox -c . | inside podman import -q - busybox:musl
	printf '%s\n' '#!/bin/sh' 'cat >"/mail/$SMTP_ID.eml" || exit 75' \
		>"$BOX/on-mail"
	builds on-mail 1
	inside podman run --rm --network host -v /var/box:/mail on-mail 3>&- &
	bring 'Subject: container' || fail 'the client got no 250'
	kept /var/box
	[ "$(stat -c %U "$BOX"/*.eml)" = nobody ]
	says 'client=127.0.0.1 .* exit=0 '
}

@test "with nothing but static programs, and no network: mail for LMTP" {
	engine
	edit_handler
	sed -i 's/0o077/0/' "$HANDLER"
	cp "$HANDLER" "$BOX"
	inside mkdir /run/mail
	inside env BOX=/var/box python3 /var/box/lmtpd.py /run/mail/lmtp \
		>"$BATS_TEST_TMPDIR/handler" 2>&1 3>&- &
	until_true inside test -S /run/mail/lmtp
	builds smtpd-lmtp 2
	inside sh -c "exec $(typed systemd-socket-activate)" 3>&- &
	bring 'Subject: container' || fail 'the client got no 250'
	says 'client=127.0.0.1 .* exit=0 '
	tr -d '\r' <"$(echo "$BOX"/*.mail)" | sed '1,/ +0000$/d' |
		cmp - "$LETTER"
}
