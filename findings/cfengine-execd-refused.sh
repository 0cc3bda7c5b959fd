#!/bin/sh
# cf-execd of CFEngine 3.21, which mails what cf-agent printed.  It keeps each
# output, and does not mail one that is the same as the last, as its manual
# says.  But the last is the last that there was, mailed or not: after a 451, or
# where nobody listened, the same trouble is reported to nobody, for as long as
# it stays the same.
# It knows port 25 alone, which is that of a network namespace of the user's.
. "$(dirname "$0")/unpack"
unpack cfengine3=3.21.0-2 libpromises3=3.21.0-2 liblmdb0=0.9.24-1 \
	libpcre3=2:8.39-15 libyaml-0-2=0.2.5-1
LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$tree/usr/lib
cat >"$tree/run.py" <<'END'
import os
import shutil
import socket
import subprocess
import sys
import threading

tree, own = sys.argv[1], sys.argv[1] + '/own'
POLICY = '''
body common control { bundlesequence => { "m" }; }
bundle agent m { reports: "x"; }
body executor control {
  mailto => "joe@example.org";
  mailfrom => "ann@example.net";
  smtpserver => "127.0.0.1";
  splaytime => "0";
  exec_command => "/bin/echo trouble";
}
'''


def talk(listener, verdict, mails):
    while True:
        try:
            client = listener.accept()[0].makefile('rwb')
        except OSError:
            return
        client.write(b'220 mx\r\n')
        client.flush()
        content = None
        for line in client:
            if content is not None and line != b'.\r\n':
                content += line
                continue
            reply = b'250 ok'
            if content is not None:
                mails.append(content)
                content, reply = None, verdict
            elif line.startswith(b'DATA'):
                content, reply = b'', b'354 go'
            client.write(reply + b'\r\n')
            client.flush()
            if line.startswith(b'QUIT'):
                break
        client.close()


def run(name, *options):
    if subprocess.run(
            [tree + '/usr/bin/' + name, *options], timeout=60,
            env={**os.environ, 'CFENGINE_TEST_OVERRIDE_WORKDIR': own}
            ).returncode:
        sys.exit(2)


def mails(verdict):
    """How many mails come of a run, where that is said to each."""
    listener, got = None, []
    if verdict:
        listener = socket.create_server(('127.0.0.1', 25))
        threading.Thread(target=talk, args=(listener, verdict, got),
                         daemon=True).start()
    run('cf-execd', '--once', '--no-fork', '--no-lock',
        '--file', own + '/inputs/promises.cf')
    if listener:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    return len(got)


def fate(first):
    """How many mails come of two runs, the second with a server that takes."""
    shutil.rmtree(own, ignore_errors=True)
    for name in ('inputs', 'bin', 'outputs', 'ppkeys', 'state'):
        os.makedirs(own + '/' + name, 0o700)
    os.chmod(own, 0o700)
    for name in ('cf-promises', 'cf-agent'):
        os.symlink(tree + '/usr/bin/' + name, own + '/bin/' + name)
    with open(own + '/inputs/promises.cf', 'w') as file:
        file.write(POLICY)
    os.chmod(own + '/inputs/promises.cf', 0o600)
    run('cf-key', '--output-file', own + '/ppkeys/localhost')
    fates = mails(first), mails(b'250 ok')
    print('%s, then 250 ok:' % (first or b'nobody listens').decode(), *fates)
    return fates


as_seen = fate(b'250 ok') == fate(b'451 later') == (1, 0)
as_seen = fate(None) == (0, 0) and as_seen
print('as it was seen' if as_seen else 'this has changed')
sys.exit(not as_seen)
END
unshare -rn true || exit 2
# shellcheck disable=SC2016 # the words are the inner shell's
unshare -rn sh -c 'ip link set lo up && python3 -B "$1/run.py" "$1"' \
	sh "$tree"
