"""For scripts here: an SMTP server on loopback whose replies they choose."""
import contextlib
import socket
import threading

REPLIES = {b'EHLO': b'250-mx\r\n250 8BITMIME', b'DATA': b'354 go',
           b'QUIT': b'221 bye'}


def talk(client, greeting, to_line, to_message):
    with client, client.makefile('rb') as file:
        def say(reply):
            with contextlib.suppress(ConnectionError):  # gone, without it
                client.sendall(reply + b'\r\n')

        say(greeting())
        content = None
        for line in file:
            if content is not None and line != b'.\r\n':
                content += line
                continue
            reply = (to_line(line) or REPLIES.get(line[:4], b'250 ok')
                     if content is None else to_message(content))
            content = b'' if reply.startswith(b'354') else None
            say(reply)
            if reply.startswith(b'221'):
                break


def start(to_message, to_line=lambda line: None, greeting=lambda: b'220 mx',
          port=0):
    """Its port.  It says what these return: to a message, to a line (None: the
    usual), and first of all."""
    listener = socket.create_server(('127.0.0.1', port))

    def serve():
        while True:
            threading.Thread(target=talk, args=(
                listener.accept()[0], greeting, to_line, to_message),
                daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]
