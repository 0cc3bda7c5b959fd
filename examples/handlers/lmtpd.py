#!/usr/bin/env python3
# lmtpd.py /SOCKET or HOST:PORT: smtpd --lmtp forward --lmtp /run/mail/socket
# Needs: python3
# A handler that stays in memory.  Put your code into handle(): it gets each
# whole message, for each recipient, in several threads at a time, and returns
# None, which is 250, or a reply, as "550 5.7.1 No".  What it raises is logged,
# and 451.  What it is killed with comes again.  In a systemd service:
#	ExecStart=/usr/local/lib/smtpd/lmtpd.py /run/mail/socket
#	RuntimeDirectory=mail
#	User=smtpd
import asyncio, contextlib, os, re, sys, traceback

SIZE, UMASK = 32 << 20, 0o077       # of a message; for socket and files
HELLO = ('250-localhost\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n'
         f'250-ENHANCEDSTATUSCODES\r\n250 SIZE {SIZE}')
PATH = re.compile(rb'(?:FROM|TO): ?<((?:"(?:\\.|[^\\"])*"|[^<>"])*)>(?: .*)?',
                  re.IGNORECASE)


def handle(sender, recipient, message, helo):
    print(f'{len(message)} octets from <{sender}> to <{recipient}>', flush=True)


def verdict(*mail):
    try:
        return re.fullmatch(r'(?:250|[45]\d\d) [^\r\n]{1,400}',
                            handle(*mail) or '250 2.0.0 Ok')[0]
    except (Exception, SystemExit):
        traceback.print_exc()
        return '451 4.3.0 Local error'


async def replies(reader):
    helo, sender, to = '', None, []
    yield '220 localhost LMTP'
    while len(line := await reader.readuntil(b'\r\n')) <= 4096:
        verb, _, rest = line[:-2].partition(b' ')
        verb, path = verb.upper(), PATH.fullmatch(rest)
        if verb == b'LHLO' or verb == b'RSET' and not rest:
            helo, sender, to = rest.decode() or helo, None, []
            yield HELLO if rest else '250 2.0.0 Ok'
        elif verb == b'MAIL' and path and helo and sender is None:
            sender = path[1].decode()
            yield '250 2.1.0 Ok'
        elif verb == b'RCPT' and path and sender is not None:
            to.append(path[1].decode())
            yield '250 2.1.5 Ok'
        elif verb == b'DATA' and to:
            yield '354 Go on'
            message = bytearray()
            while (line := await reader.readuntil(b'\r\n')) != b'.\r\n':
                if len(message) <= SIZE:
                    message += line[line[:1] == b'.':]
            for one in to:
                yield '552 5.3.4 Too long' if len(message) > SIZE else (
                    await asyncio.to_thread(verdict, sender, one,
                                            bytes(message), helo))
            sender, to = None, []
        elif verb == b'QUIT':
            yield '221 2.0.0 Bye'
            return
        else:
            yield '250 2.0.0 Ok' if verb == b'NOOP' else '503 5.5.1 Not now'


async def session(reader, writer):
    with contextlib.suppress(EOFError, asyncio.LimitOverrunError, OSError,
                             UnicodeError):
        async for reply in replies(reader):
            writer.write(f'{reply}\r\n'.encode(errors='replace'))
            await writer.drain()
    writer.close()


async def main(at):
    os.umask(UMASK)
    start, where = ((asyncio.start_unix_server, [at]) if '/' in at else
                    (asyncio.start_server, at.rsplit(':', 1)))
    server = await start(session, *where, limit=SIZE, backlog=1000)
    await server.serve_forever()


asyncio.run(main(sys.argv[1]))
