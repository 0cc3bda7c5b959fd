#!/usr/bin/env python3
"""with-aiosmtpd.py PORT [COMMAND [ARGUMENT ...]]: aiosmtpd on 127.0.0.1, each
message into COMMAND, or into nothing; for comparison only."""
import asyncio
import sys

from aiosmtpd.smtp import SMTP

PORT, COMMAND = int(sys.argv[1]), sys.argv[2:]


class Into:
    async def handle_DATA(self, server, session, envelope):
        if not COMMAND:
            return '250 Ok'
        run = await asyncio.create_subprocess_exec(
            *COMMAND, stdin=asyncio.subprocess.PIPE)
        await run.communicate(envelope.content)
        return '250 Ok' if run.returncode == 0 else '451 Later'


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Into(), hostname='mx.example.org', loop=loop),
        '127.0.0.1', PORT, backlog=4096)
    await server.serve_forever()


asyncio.run(main())
