#!/bin/sh
# opendkim 2.11.0 where no DNS answers: by its manual "On-DNSError tempfail" is
# the default, and here it is said.  A signed message whose key cannot be asked
# for is accepted, without Authentication-Results: it looks as if nobody had
# verified it, and the mail system is not told to wait.  Where the key comes
# from a file the same message has dkim=pass.
. "$(dirname "$0")/unpack"
unpack opendkim=2.11.0~beta2-8+deb12u1 libopendkim11=2.11.0~beta2-8+deb12u1 \
	librbl1=2.11.0~beta2-8+deb12u1 libvbr2=2.11.0~beta2-8+deb12u1 \
	libmilter1.0.1=8.17.1.9-2+deb12u2 libmemcached11=1.1.4-1 \
	libhashkit2=1.1.4-1 libopendbx1=1.4.6-16+b1 \
	libunbound8=1.17.1-2+deb12u4 libevent-2.1-7=2.1.12-stable-8+deb12u1 \
	libbsd0=0.11.7-2 liblua5.3-0=5.3.6-2 libldap-2.5-0=2.5.13+dfsg-5 \
	libsasl2-2=2.1.28+dfsg-10+deb12u1
openssl genrsa -traditional -out "$tree/private" 1024 2>/dev/null || exit 2
{
	printf 'key._domainkey.example.net v=DKIM1; k=rsa; p='
	openssl rsa -in "$tree/private" -pubout -outform DER 2>/dev/null |
		base64 -w 0
	echo
} >"$tree/keys"
cat >"$tree/run.py" <<'END'
import os, socket, struct, subprocess, sys, time

tree = sys.argv[1]
MAIL = [('From', 'ann@example.net'), ('Subject', 'x')]


def start(name, *lines):
    with open(tree + '/' + name + '.conf', 'w') as file:
        for line in lines + ('Socket local:%s/%s' % (tree, name),
                             'Background no', 'Syslog no', 'AuthservID here'):
            file.write(line + '\n')
    process = subprocess.Popen([tree + '/usr/sbin/opendkim', '-f', '-x',
                                tree + '/' + name + '.conf'])
    for _ in range(100):
        if os.path.exists(tree + '/' + name):
            return process
        time.sleep(0.1)
    sys.exit(2)


# The fields that it adds, and its last answer.
def asked(name, header):
    milter = socket.socket(socket.AF_UNIX)
    milter.settimeout(60)
    milter.connect(tree + '/' + name)
    stream = milter.makefile('rwb')

    def send(command, data=b''):
        stream.write(struct.pack('!I', len(data) + 1) + command + data)
        stream.flush()

    def receive():
        data = stream.read(struct.unpack('!I', stream.read(4))[0])
        return data[:1], data[1:]

    send(b'O', struct.pack('!III', 6, 0x1ff, 0))
    receive()
    steps = [(b'C', b'[192.0.2.7]\0004\x12g192.0.2.7\0'),
             (b'M', b'<ann@example.net>\0'), (b'R', b'<joe@example.org>\0')]
    for field in header:
        steps.append((b'L', b'%b\0%b\0' % tuple(
            text.encode() for text in field)))
    for step in steps + [(b'N', b''), (b'B', b'body\r\n')]:
        send(*step)
        if receive() != (b'c', b''):
            sys.exit(2)
    send(b'E')
    added = []
    while True:
        code, data = receive()
        if code != b'i':
            return added, code.decode()
        added.append(tuple(data[4:].decode().split('\0')[:2]))


def shown(name, *lines):
    process = start(name, *lines)
    try:
        return asked(name, MAIL)
    finally:
        process.terminate()
        process.wait()


signature, _ = shown('sign', 'Mode s', 'Domain example.net', 'Selector key',
                     'KeyFile %s/private' % tree, 'RequireSafeKeys no',
                     'InternalHosts 192.0.2.7')
MAIL[:0] = [(name, value.strip()) for name, value in signature]
control = shown('file', 'Mode v', 'TestPublicKeys %s/keys' % tree)
print('the key in a file:', *control)
if 'dkim=pass' not in str(control):
    sys.exit(2)
seen = shown('nodns', 'Mode v', 'Nameservers 127.0.0.1',
             'On-DNSError tempfail', 'AlwaysAddARHeader yes')
print('no DNS, On-DNSError tempfail:', *seen)
print('(c, a: it passes; t: later)')
sys.exit(0 if seen[0] == [] and seen[1] in 'ca' else 1)
END
unshare -rn true || exit 2
unshare -rn sh -c 'ip link set lo up && exec python3 -B "$1/run.py" "$1"' \
	- "$tree"
case $? in
0) echo 'as it was seen' ;;
1) echo 'this has changed' && exit 1 ;;
*) exit 2 ;;
esac
