#!/usr/bin/env python3
"""manual CASE: what smtpd.8 says, and what smtpd does."""
import base64
import os
import re
import socket
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
SMTPD, BOX = os.environ['SMTPD'], os.environ['BOX']
PATIENCE = 30
SESSION = ('EHLO mx.example.net', 'MAIL FROM:<ann@example.net>',
           'RCPT TO:<help@example.org>', 'DATA', 'x', '.', 'QUIT')
CLIENT = {'PROTO': 'TCP', 'TCPREMOTEIP': '192.0.2.7', 'TCPREMOTEPORT': '40122'}


def check(truth, *what):
    if not truth:
        sys.exit(' '.join(str(word) for word in what))


# ---- the page ----

def text(name='smtpd.8'):
    with open(os.path.join(ROOT, name), encoding='ascii') as file:
        return file.read()


def section(name):
    _, found, rest = text().partition(f'\n.Sh {name}\n')
    check(found, 'no section', name)
    return rest.partition('\n.Sh ')[0]


def displays(of):
    """The lines of each literal one."""
    return [display.replace('\\e', '\\').split('\n') for display in
            re.findall(r'(?s)\n\.Bd -literal[^\n]*\n(.*?)\n\.Ed', of)]


def joined(lines, sign=' '):
    """Each with those that go on with it, which begin with four blanks."""
    return re.sub(r'\n {4}', sign, '\n'.join(lines)).split('\n')


def rows():
    found = re.findall(r'(?m)^\.It Li "(.*)"$', section('DIAGNOSTICS'))
    check(len(found) > 60 and len(set(found)) == len(found), 'rows:', found)
    return found


# ---- the program ----

def run(words, said=b'', **more):
    """Its replies and its log."""
    if 'stdin' not in more:
        more['input'] = said
    more['env'] = {**os.environ, **CLIENT, **more.get('env', {})}
    done = subprocess.run(words, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=PATIENCE,
                          check=False, **more)
    return done.stdout.decode(), done.stderr.decode()


def session(said, *words, command=('cat',), end='\r\n'):
    said = ''.join(line + end for line in said)
    return run((SMTPD, '-n', 'mx.example.org', *words, '--', *command),
               said.encode())


def starttls(command, behind=b''):
    """The log where that is the command; behind comes after a 220."""
    with subprocess.Popen(
            (SMTPD, '--starttls', command, 'cat'), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, **CLIENT}) as smtpd:
        smtpd.stdin.write(b'EHLO c\r\nSTARTTLS\r\n')
        smtpd.stdin.flush()
        line = smtpd.stdout.readline()      # the greeting
        while line and line[:9] not in (b'220 2.0.0', b'454 4.7.0'):
            line = smtpd.stdout.readline()
        return smtpd.communicate(behind, PATIENCE)[1].decode()


# ---- the first example ----

def example():
    start, script = displays(section('DESCRIPTION'))[:2]
    words = ' '.join(joined(start)).replace('\\ ', '').split()
    words = words[words.index('smtpd') + 1:]
    check(len(script) == 3, 'three lines:', script)
    path = os.path.join(BOX, 'on-mail')
    with open(path, 'w', encoding='ascii') as file:
        file.write('\n'.join(script).replace('/var/spool/on-mail', BOX))
    os.chmod(path, 0o755)
    check(words[-1] == '/usr/local/bin/on-mail', words)
    replies, log = session(SESSION, *words[:-1], command=(path,))
    check('\n250 2.0.0 Ok ' in replies, replies)
    said = re.search('output id=(.*) line="(.*)"', log)
    check(said and said[2] == 'from <ann@example.net> to help@example.org',
          log)
    with open(os.path.join(BOX, said[1]), encoding='ascii') as file:
        check(file.read().endswith('\n\nx\n'), 'the message')
    os.remove(path)
    _, log = session(SESSION, *words[:-1], command=('sh', '-c',
                     'cat >/nowhere/x || exit 75'))
    check('exit=75 reply="451 4.3.0"' in log, log)


# ---- the table of exit statuses ----

KINDS = ('the command', 'a look-up', 'AUTH')


def table():
    """status: what each of KINDS says to it; 'other', and 1 in two forms."""
    lines = re.findall(r'(?m)^\.It (.*) Ta (.*) Ta (.*) Ta (.*)$',
                       section('EXIT STATUS'))
    head, *lines = lines
    check(head[1:] == KINDS, head)
    got = {line[0].replace('75, ', ''): line[1:] for line in lines}
    check(len(got) == len(lines), 'twice?', lines)
    return got


def ask(kind, statuses):
    """The first nine octets of the reply to each."""
    script = ('n=${%s%%%%@*}; [ "${n%%%%.*}" = "$n" ] || echo x; '
              'exit "${n%%%%.*}"')
    if kind == 'AUTH':
        said = ['EHLO c'] + ['AUTH PLAIN ' + base64.b64encode(
            f'\0{n}\0x'.encode()).decode() for n in statuses]
        words = ('--auth', 'read -r n <&3; n=$(printf %s "$n" | tr -d "\\0");'
                 'n=${n%x*}; ' + script % 'n', '--auth-in-clear')
    elif kind == 'a look-up':
        said = list(SESSION[:2]) + [f'RCPT TO:<{n}@b>' for n in statuses]
        words = ('-r', '1000', '--lookup', script % 1)
    else:
        said = ['EHLO c']
        for n in statuses:
            said += ['MAIL FROM:<>', f'RCPT TO:<{n}@b>', 'DATA', 'x', '.']
        words = ()
    replies, log = session(said, *words, '--max-errors', '0', command=(
        'sh', '-c', script % 'RECIPIENT'))
    got = [line[:9] for line in replies.splitlines()]
    if kind == 'AUTH':
        got = [line for line in got if re.match('235|[45]', line)]
    elif kind == 'a look-up':
        got = got[-len(statuses):]
    else:
        got = [got[i + 1] for i, line in enumerate(got)
               if line.startswith('354')]
    check(len(got) == len(statuses), kind, replies, log)
    return dict(zip(statuses, got))


def statuses():
    said = table()
    for column, kind in enumerate(KINDS):
        # 0 last, for who has authenticated may not again
        want = [str(n) for n in range(255, -1, -1)]
        want[254:254] = ['1.output']
        for status, reply in ask(kind, want).items():
            name = {'1': '1, no output', '1.output': '1, output'}.get(
                status, status)
            stands = said[name if name in said else 'other'][column]
            check(reply == stands, kind, status, reply, 'in smtpd.8:', stands)


# ---- lines of the log ----

def masked(line):
    line = re.sub(r'^smtpd\[\d+\]', 'smtpd[N]', line)
    return re.sub(r'\b(id|size|in|out|seconds)=[0-9a-f.]+', r'\1=N', line)


def log_lines():
    lookup = ('-d', 'example.org', '--lookup')
    bad = 'AUTH PLAIN ' + base64.b64encode(b'\0joe\0wrong').decode()
    logs = (
        session(SESSION, command=('sh', '-c', 'echo ticket 4242 opened')),
        session(SESSION, command=('sh', '-c', 'exit 75')),
        session(SESSION, command=('cat >/tmp/x',)),
        session(SESSION, '-T', '1', command=('sleep', '300')),
        session(SESSION, end='\n'),
        session([*SESSION[:2], 'RCPT TO:<joe@example.com>'], '-d',
                'example.org'),
        session(SESSION, *lookup, 'exit 111'),
        session(['EHLO c', bad], '--auth', 'exit 1', '--auth-in-clear'),
        (0, starttls('head -c 1 >/dev/null; echo >&4 no', b'x')),
        session(SESSION, '-d', '/nowhere'),
        session(['QUIT'], '-v'))
    real = {masked(line) for _, log in logs for line in log.splitlines()}
    shown = [line for line in joined(displays(section('LOG'))[0]) if line]
    for line in shown:
        check(masked(line) in real, 'smtpd does not say:', line,
              '\nbut:', *sorted(real))
    events = set(re.findall(r'(?m)^\.It Cm (\w+)$', section('LOG')))
    check(events == {line.split()[1] for line in shown} - {
        'connect', 'command', 'reply'} | {'accept'}, events)


# ---- errors and hints ----

# In these each literal with a blank in it is one, but for some; in all, those
# of some calls are.
WHOLE = ('values', 'lists', 'users', 'trial', 'process', 'launcher', 'tls',
         'front', 'proxy', 'prepend', 'ucspi', 'sandbox', 'deed', 'doer')
CALLS = re.compile(
    r'(?s)(?:\b(?:die|fault_of_option|event_config|event_tls|give_up|refuse|'
    r'bad)\(|\.advice = |->advice = |->why = |span_of\("no command'
    r'|log_string\(l, "error", "|return c->rules)(?:[^;]*?);')
NONE = {'every jump reaches', 'PROXY ', 'PROXY TCP4', 'PROXY TCP6', 'PROXY UNKNOWN', 'option ',
        'environment', 'what the launcher left', 'error', 'TMPDIR',
        'what the error says', 'what the fault says'}


def strings(code):
    """Literals, those side by side as one."""
    found, end = [], None
    for token in re.finditer(r'(?s)/\*.*?\*/|\'(?:\\.|[^\'])+\''
                             r'|"((?:\\.|[^"\\])*)"', code):
        if token[1] is None:
            continue
        between = code[end:token.start()] if end is not None else 'x'
        if between.strip() == '':
            found[-1] += token[1]
        else:
            found.append(token[1])
        end = token.end()
    return found


def source():
    said = '\n'.join(rows())
    wanted = set()
    names = sorted(name for name in os.listdir(os.path.join(ROOT, 'lib'))
                   if name.endswith('.c') and name not in (
                       'client.c', 'dial.c', 'stuffing.c'))
    for name in ['smtpd.c', 'protocol.c', *('lib/' + n for n in names)]:
        code = text(name)
        if name[4:-2] in WHOLE:
            wanted |= {s for s in strings(code)
                       if re.search('[a-z:,] [a-z]', s)}
        for call in CALLS.finditer(code):
            wanted |= {s for s in strings(call[0])
                       if not s.startswith('option --')}
    wanted = {s for s in wanted - NONE if not re.match('[-%]|SMTP by', s)
              or s.startswith('--require-tls:')}
    check(len(wanted) > 70, wanted)
    missing = sorted(s for s in wanted if s not in said)
    check(not missing, 'not in DIAGNOSTICS:', missing)


def file(name, octets, mode=0o644):
    path = os.path.join(BOX, name)
    with open(path, 'wb') as new:
        new.write(octets)
    os.chmod(path, mode)
    return path


def checked(*words, **more):
    return run((SMTPD, '--check', *words), **more)[1]


def users(octets):
    return checked('-u', file('users', octets), 'cat')


def domains(octets):
    return checked('-d', file('domains', octets), 'cat')


def script(octets):
    return checked(file('script', octets, 0o755))


def mixture():
    pairs = [socket.socketpair() for _ in range(2)]
    fds = [pair[0].fileno() for pair in pairs]
    return run(('sh', '-c', 'exec 3<&%d 4<&%d; LISTEN_PID=$$ LISTEN_FDS=2 '
                'exec "$0" cat' % tuple(fds), SMTPD), pass_fds=fds)[1]


def datagrams():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        return run((SMTPD, '--check', 'cat'), stdin=one)[1]


def too_late():
    """A PROXY header that does not come."""
    reads, writes = os.pipe()
    said = run((SMTPD, '--proxy', '-t', '1', 'cat'), stdin=reads)[1]
    os.close(reads)
    os.close(writes)
    return said


def proxied(octets, *words):
    return run((SMTPD, '-n', 'mx', '--proxy', *words, 'cat'), octets)[1]


def looked_up(script):
    return session(SESSION[:3], '--lookup', script)[1]


def left_in(line, *words):
    return session([*SESSION[:4], line], *words)[1]


def count(option, value):
    return lambda: checked(option, value, 'cat')


LONG = 70000
TCP4 = b'PROXY TCP4 192.0.2.7 192.0.2.25 40122 25\r\n'
RATHER = 'names no program; does the launcher split it at blanks?'
HOW = {
    'no command: see smtpd --help': lambda: checked(),
    'unknown; see smtpd --help': count('--domains', 'x'),
    'short for several options; see smtpd --help': count('--max', 'x'),
    'needs an argument': lambda: checked('-n'),
    'takes no argument': count('--lmtp=yes', 'x'),
    'not a command': count('--lookup', ''),
    'not a directory': count('--spool', ''),
    'not a file': count('-u', ''),
    RATHER: count('--auth', 'exec'),
    'not a number from 0 to 1000000000': count('--max-errors', 'x'),
    'not a number from 1 to 1000000': count('--max-sessions', '0'),
    'not a number from 1 to 25600': count('-r', '0'),
    'not a number of seconds from 0 to 1000000000':
        count('--session-timeout', '1h'),
    'not a number of seconds from 1 to 1000000000': count('-t', '0'),
    'not a size: a number, K, M or G behind it': count('-s', '12x'),
    'not a host name': count('-n', 'a b'),
    'not a line of printable ASCII': count('--banner', 'a\tb'),
    'not a domain, nor a file: /name or ./name': count('-d', 'a,b'),
    'not a network: ADDRESS or ADDRESS/BITS':
        lambda: checked('--proxy=localhost', 'cat'),
    'not a network, ADDRESS or ADDRESS/BITS, nor unix':
        count('--xclient', 'localhost'),
    'not stderr, syslog or none': count('--log', 'file'),
    'not normalize or reject': count('--bare-newline', 'Reject'),
    'no mode of ours: only -bs is': lambda: checked('-bd', 'cat'),
    'only behind -bs': lambda: checked('-odb', 'cat'),
    'needs --auth or --xclient': lambda: checked('--require-auth', 'cat'),
    'needs --auth': lambda: checked('--auth-in-clear', 'cat'),
    'needs --starttls, --tls, --proxy or a launcher that does TLS':
        lambda: session(['QUIT'], '--require-tls')[1],
    'and --xclient: it is one or the other':
        lambda: checked('--proxy', '--xclient', 'unix', 'cat'),
    'without exec, a shell waits and keeps the status open':
        count('--starttls', 'couriertls'),
    'No such file or directory': count('-u', '/nowhere'),
    'Permission denied': lambda: checked(file('x', b'#!/bin/sh\n')),
    'not a regular file': count('-u', '/'),
    'not a domain': lambda: domains(b'a b\n'),
    'not a name': lambda: users(b':x\n'),
    'not a name, or no colon behind it': lambda: users(b'joe x\n'),
    'not a name: only a lone asterisk is any name':
        lambda: users(b'box+*\n'),
    'it continues no name': lambda: users(b' joe\n'),
    'no comma between it and the line before':
        lambda: users(b'joe: a\n ann\n'),
    'a quote has no end': lambda: users(b'joe: "a\n'),
    'a control octet': lambda: domains(b'a\0b\n'),
    'a byte order mark': lambda: domains(b'\xef\xbb\xbfa\n'),
    'the line is longer than 65536 octets':
        lambda: domains(b'#' * LONG),
    'descriptor 0 or 1 is closed: a superserver is to start this program':
        lambda: run(('sh', '-c', 'exec "$0" cat <&-', SMTPD))[1],
    'descriptor 0 is no stream socket': datagrams,
    'not each of the sockets listens': mixture,
    'Argument list too long': lambda: checked(
        'cat', env={f'X{n}': 'x' for n in range(8000)}),
    'its command cannot be run': lambda: starttls('exec /nowhere/x'),
    '--require-tls: this client can have no TLS': lambda: proxied(
        TCP4 + b'EHLO c\r\nMAIL FROM:<a@b>\r\n', '--require-tls'),
    'a PROXY header came: see --proxy':
        lambda: run((SMTPD, 'cat'), TCP4)[1],
    "a shell line needs sh -c '...'":
        lambda: session(SESSION, command=('cat >x',))[1],
    'its #! line ends in CR LF': lambda: script(b'#!/bin/sh\r\n'),
    'its #! line names what is no program': lambda: script(b'#!/bin/shh\n'),
    'its #! line names a program that env does not find':
        lambda: script(b'#!/usr/bin/env shhh\n'),
    'no program, and no #! line': lambda: script(b'cat\n'),
    'lines end in LF alone: a dot on one ends no message':
        lambda: session(SESSION, end='\n')[1],
    'Message too large': lambda: left_in('x' * 9, '-s', '5'),
    'Bare CR or LF in the message':
        lambda: left_in('x\ry', '--bare-newline', 'reject'),
    'Too many Received fields: mail loop':
        lambda: left_in('\r\n'.join(101 * ['Received: x'])),
    'the command has ended': lambda: starttls('exit 3'),
    'the status was closed before the 220':
        lambda: starttls('exec 4>&-; exec sleep 300'),
    'the handshake failed':
        lambda: starttls('head -c 1 >/dev/null; echo >&4 no', b'x'),
    'ended before its first octet': lambda: starttls(
        'head -c 1 >/dev/null; exec 3>&- 4>&-; exec sleep 300', b'x'),
    'octets behind STARTTLS': lambda: session(
        ['EHLO c', 'STARTTLS', 'QUIT'], '--starttls', 'exec sleep 300')[1],
    'nobody who may send a PROXY header':
        lambda: run((SMTPD, '--proxy=192.0.2.1', 'cat'), TCP4)[1],
    'no header': lambda: proxied(b'EHLO c\r\n'),
    'late': too_late,
    'cut': lambda: proxied(b'PROXY'),
    'version 1, with no end': lambda: proxied(TCP4[:-2] + b'0' * 200),
    'version 1, malformed': lambda: proxied(b'PROXY TCP4 x\r\n'),
    'version 2, malformed': lambda: proxied(
        b'\r\n\r\n\0\r\nQUIT\n' + b'\xff' * 4),
    'too much output': lambda: looked_up('yes | head -c 100000'),
    'is no header field': lambda: looked_up('echo PREPEND x'),
    'is longer than a line may be': lambda: looked_up(
        'echo "PREPEND X: $(head -c 1500 /dev/zero | tr "\\\\0" x)"'),
    'has no room among the others': lambda: looked_up(
        'for i in 1 2 3 4 5 6; do '
        'echo "PREPEND X: $i$(head -c 900 /dev/zero | tr "\\\\0" x)"; done'),
}
# Of a system that is short of memory, a race, a launcher that does TLS; and of a
# speaker in somebody's hands.
ELSEWHERE = {'Cannot allocate memory', 'out of memory', 'time-out', 'stopped',
             'it changed while it was in use', 'too much said of it',
             'there is no sandbox on this system', 'a value that can be none',
             'no right to that', 'no frame', 'a frame out of order',
             'a packet too long', 'a recipient who is not taken',
             'other recipients than were taken',
             'a run for another recipient', 'a message above --max-size',
             'answers are not read', 'no end in time',
             'it cannot be waited for',
             'left without a word'}


def diagnostics():
    check(set(rows()) == set(HOW) | ELSEWHERE, 'not provoked, or not there:',
          set(rows()) ^ (set(HOW) | ELSEWHERE))
    for row, how in HOW.items():
        log = how()
        check(re.search('(error|hint)=("([^"]*: )?)?%s("| |$)'
                        % re.escape(row), log, re.M), row, '\nbut:', log)


def replies():
    codes = [' '.join(filter(None, found)) for name in (
        'replies.c', 'listener.c') for found in re.findall(
            r'\{ ([45]\d\d), (?:"([\d.]+)"|NULL)', text('lib/' + name))]
    said = re.findall(r'(?m)^\.It Li "(.*)"$', section('REPLIES'))
    check(len(said) > 30 and len(set(said)) == len(said), said)
    # of spool's, which is in verdict.c among those of exit statuses
    check(set(said) == {*codes, '452 4.3.1'}, set(said) ^ {*codes})


# ---- as it is written ----

def style():
    for name in ('smtpd.8', 'forward.8'):
        for number, line in enumerate(text(name).split('\n'), 1):
            check(len(line) < 80, name, number, 'is too long')
            check('folder' not in line, name, number, 'folder: directory')


globals()[sys.argv[1]]()
