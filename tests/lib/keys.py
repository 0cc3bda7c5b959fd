# keys.py TEXT KEYS [TEXT KEYS ...] -- command ...: plays a terminal to it, and
# types each KEYS once it has shown TEXT; then waits for its end.  Its exit
# status; or 99, with what it showed last, where a TEXT did not come in time.
import os, pty, re, select, sys, time

words = sys.argv[1:]
at = words.index('--')
steps, command = words[:at], words[at + 1:]
pid, terminal = pty.fork()
if pid == 0:
    os.environ['TERM'] = 'vt100'
    os.execvp(command[0], command)


# What it shows next, without what moves the cursor; None: it has ended.
def shows(end):
    if not select.select([terminal], [], [], max(0, end - time.time()))[0]:
        return None
    try:
        text = os.read(terminal, 65536).decode('ascii', 'replace')
    except OSError:
        return None
    return re.sub(r'\x1b[(\[][0-9;?]*[a-zA-Z]|\0', '', text)


seen, end = '', time.time() + 30
while (more := shows(end)) is not None:
    seen += more
    while steps and steps[0] in seen:
        os.write(terminal, steps[1].encode().decode('unicode_escape').encode())
        seen, steps = seen.partition(steps[0])[2], steps[2:]
if steps or time.time() > end:
    print(seen[-1500:])
    sys.exit(99)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
