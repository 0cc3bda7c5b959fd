#!/bin/sh
# tnef 1.4.18, which takes the attachments out of a winmail.dat.  Where two of
# them have the same name, as two pictures in one mail often do, the second one
# is not written, and the exit status is 0; on a full disk the files are empty,
# there is no word, and it is 0 too.  A folder that is not there is 1.
# With --number-backups the second one is written as FILE.1.
. "$(dirname "$0")/unpack"
unpack tnef=1.4.18-3
python3 - "$tree/winmail.dat" <<'END'
import struct
import sys


def attribute(level, name, value):
    return (struct.pack('<BII', level, name, len(value)) + value +
            struct.pack('<H', sum(value) & 0xffff))


mail = struct.pack('<IH', 0x223E9F78, 1)
mail += attribute(1, 0x00089006, struct.pack('<I', 0x10000))  # version
for text in b'first\n', b'second\n':
    mail += attribute(2, 0x00069002, struct.pack('<HI8x', 1, 0xffffffff))
    mail += attribute(2, 0x00018010, b'image001.png\0')
    mail += attribute(2, 0x0006800F, text)
with open(sys.argv[1], 'wb') as file:
    file.write(mail)
END
# take BLOCKS FOLDER [option]: the exit status, and how many octets there are.
take() {
	mkdir "$tree/$2"
	in_room "$1" "$tree/usr/bin/tnef" ${3+"$3"} -C "$tree/$2" \
		"$tree/winmail.dat" >"$tree/said" 2>&1
	echo "$?, $(cat "$tree/$2"/* | wc -c) octets"
}
numbered=$(take unlimited numbered --number-backups)
same=$(take unlimited same)
cat "$tree/said"
full=$(take 0 full --number-backups)
echo "numbered: $numbered; not: $same; on a full disk: $full"
[ "$numbered" = '0, 13 octets' ] || exit 2
[ "$same; $full" = '0, 6 octets; 0, 0 octets' ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
