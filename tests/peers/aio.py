"""aio SMTP|LMTP PORT|/SOCKET FOLDER: aiosmtpd, with a handler as its users
write them; each letter is a file of the folder."""
import asyncio
import os
import sys

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP

ANSWERS = {'nobody@example.org': '550 5.1.1 no such user',
           'later@example.org': '451 4.7.1 not yet',
           'spam@example.net': '554 5.7.1 no spam'}


class Handler:
    def __init__(self, folder):
        self.folder = folder

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address not in ANSWERS:
            envelope.rcpt_tos.append(address)
        return ANSWERS.get(address, '250 2.1.5 fine')

    async def handle_DATA(self, server, session, envelope):
        if envelope.mail_from == 'fault@example.net':
            raise ValueError('odd')
        if envelope.mail_from in ANSWERS:
            return ANSWERS[envelope.mail_from]
        name = os.path.join(self.folder, str(len(os.listdir(self.folder))))
        with open(name, 'wb') as file:
            file.write(envelope.content.replace(b'\r\n', b'\n'))
        return '250 2.0.0 kept'


async def main():
    kind, at, folder = sys.argv[1:]
    loop = asyncio.get_running_loop()

    def factory():
        return {'SMTP': SMTP, 'LMTP': LMTP}[kind](
            Handler(folder), hostname='mail.example.org')
    if at.startswith('/'):
        server = await loop.create_unix_server(factory, at)
    else:
        server = await loop.create_server(factory, '127.0.0.1', int(at))
    await server.serve_forever()


asyncio.run(main())
