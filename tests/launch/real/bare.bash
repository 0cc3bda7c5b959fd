# Loaded after helper: its machine, but a bare Debian 12, as debootstrap leaves
# it in $BARE, with systemd and the checkout and nothing else; apt-get there is
# the real one, which alone has a network.
#
#   follow GUIDE           boots, does $WITH, and what doc/guides/GUIDE says
#
# Each block "sh" of the page is run by a shell of its own, in the checkout.
# What stands in a block "text" behind it is what it prints: each of these
# lines, but for times, ids and sizes.  Who reads is slower than what runs, so
# that a block with such lines is done again until it prints them.
# shellcheck disable=SC2034,SC2153,SC2154 # variables for and of others

export BARE=${BARE:-/opt/bare}

BOOT='
	mount -t tmpfs none "$OWN"
	cd "$OWN"
	mkdir upper work root
	mount -t overlay none root \
		-o "lowerdir=$BARE,upperdir=upper,workdir=work"
	cd root
	mount -t proc none proc
	mount -t sysfs -o ro none sys
	mount -t tmpfs -o mode=755 none run
	mount -t tmpfs none dev
	mkdir var/box dev/shm dev/pts
	for d in null zero full random urandom tty; do
		: >dev/$d
		mount --bind /dev/$d dev/$d
	done
	mount -t devpts -o newinstance,ptmxmode=666 none dev/pts
	ln -s pts/ptmx dev/ptmx
	ln -s /proc/self/fd dev/fd
	: >run/outside
	mount --bind "$OUTSIDE" run/outside
	cp -R "$DISK"/* .
	cp /etc/resolv.conf run/outside.conf
	echo nameserver 127.0.0.1 >etc/resolv.conf
	ip link set lo up
	ip address add 192.0.2.1 dev lo
	echo mx.example.org >etc/hostname
	echo 127.0.0.1 localhost >etc/hosts
	echo 127.0.1.1 mx.example.org mx >>etc/hosts
	pivot_root . mnt
	umount -l mnt
	exec env -i container=smtpd \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin "$@"'

FIRST='mount -t cgroup2 none /sys/fs/cgroup
	# as a systemd on the metal does itself; credentials are mounts
	mount --make-rshared /
	exec /lib/systemd/systemd --system'

# with_outside command ...: where our network has a name.
with_outside() {
	BEFORE+=(sh -euc 'mount --bind /proc/self/ns/net "$OUTSIDE"
		exec "$@"' sh)
	"$@"
}

# bare: the machine, and a checkout of what git has, with nothing built.
bare() {
	export OUTSIDE=$BATS_TEST_TMPDIR/outside
	: >"$OUTSIDE"
	rm -r "${DISK:?}"
	mkdir -p "$DISK$CHECKOUT"
	git -C "$ROOT" ls-files -z -co --exclude-standard |
		tar -C "$ROOT" --null -T - -c | tar -C "$DISK$CHECKOUT" -x
	install -D /dev/stdin "$DISK/usr/local/bin/apt-get" <<-'END_OF_IT'
		#!/bin/sh
		export DEBIAN_FRONTEND=noninteractive
		exec nsenter --net=/run/outside unshare --mount sh -euc '
			mount --bind /run/outside.conf /etc/resolv.conf
			exec /usr/bin/apt-get -qq "$@"' sh "$@"
	END_OF_IT
	in_a_group with_outside machine sh -euc "$FIRST"
	until_true inside systemctl --quiet is-active multi-user.target
}

blocks() {
	mkdir "$BATS_TEST_TMPDIR/page"
	awk -v "to=$BATS_TEST_TMPDIR/page" '
		/^```/ && file { file = ""; next }
		/^```sh$/ { file = sprintf("%s/%02d.sh", to, ++n) }
		/^```text$/ { file = sprintf("%s/%02d.text", to, n) }
		/^```/ { next }
		file { print >file }' "$ROOT/doc/guides/$1"
}

# timeless: so that one run is like another; the codes of replies stay.
timeless() {
	local day='(Mon|Tue|Wed|Thu|Fri|Sat|Sun)' month='(Jan|Feb|Mar|Apr|May'
	local id='[0-9A-F]{6,}|[0-9a-f]{12,}(\.[0-9]+)?'
	month+='|Jun|Jul|Aug|Sep|Oct|Nov|Dec)'
	tr -d '\r' | sed -E -e "s/\b($id)\b/0/g" \
		-e 's/\[[0-9]+\]/[0]/g' -e 's/[[:blank:]]+/ /g' \
		-e 's/ $//' \
		-e 's/\b(port|size|in|out|seconds|delays?)=[0-9./]+/\1=0/g' \
		-e "s/([0-9]+ )?$day,? ([0-9]+ )?$month/0/g" \
		-e 's/ [0-9]+ ms/ 0 ms/' \
		-e 's/[ 0-9]*[0-9]:[0-9]{2}:[0-9]{2}/0/g'
}

block() {
	inside bash -euc "exec 2>&1
		cd $CHECKOUT
		$(cat "$1")" >"$REPLIES"
}

# prints LINES: every one of them is in what the block said.
prints() {
	timeless <"$REPLIES" >"$REPLIES.some"
	! timeless <"$1" | grep -vxFf "$REPLIES.some" | grep . \
		>"$REPLIES.none"
}

shows() {
	block "$1" && prints "${1%.sh}.text"
}

follow() {
	local step
	blocks "$1"
	bare
	"${WITH:-:}"
	for step in "$BATS_TEST_TMPDIR"/page/*.sh; do
		if [ -e "${step%.sh}.text" ]; then
			until_true shows "$step" ||
				fail "$(cat "$step" "$REPLIES.none")"
		else
			block "$step" || fail "$(cat "$step")"
		fi
	done
}
