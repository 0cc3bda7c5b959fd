#!/bin/sh
# hg import of Mercurial 6.3.2 takes a patch on stdin, as a mail.  Where the
# patch adds lines at the beginning or at the end of a file, and comes again,
# the lines are added again, without a word, and it exits 0.  In the middle of a
# file it is refused, by 255; git am and patch refuse all three.
. "$(dirname "$0")/unpack"
unpack mercurial=6.3.2-1+deb12u1 mercurial-common=6.3.2-1+deb12u1
PYTHONPATH=$tree/usr/lib/python3/dist-packages
export PYTHONPATH HOME="$tree" HGUSER=ann HGRCPATH=/dev/null
hg() {
	timeout 60 python3 -B "$tree/usr/bin/hg" "$@"
}
mkdir "$tree/one"
cd "$tree/one" || exit 2
seq 9 >file
hg init && hg add file && hg commit -m one || exit 2
# patched WHERE: into WHERE.patch
patched() {
	sed -i "$1" file
	hg commit -m "$2" && hg export . >"$tree/$2.patch"
}
patched '1i first' top
patched '5i fifth' middle
patched '$a last' end
hg clone -q -r 0 . "$tree/two" && cd "$tree/two" || exit 2
again=
for patch in top end middle; do
	hg import -q - <"$tree/$patch.patch" || exit 2
	hg import -q - <"$tree/$patch.patch" 2>/dev/null
	again="$again $?"
	echo "$patch: the second time exit status ${again##* }"
done
cat file
[ "$again $(grep -c -e first -e last file)" = ' 0 0 255 4' ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
