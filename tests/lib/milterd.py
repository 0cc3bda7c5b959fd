"""A milter that says what it is told to, for commands/milter.bats.

serve(server, folder) takes connections.  For each it reads folder/do, a line
STEP=ANSWER|ANSWER ... for each step that is to get another answer than "c".
STEP is the letter of a packet, or R2 for the second R; ANSWER is a packet, with
Python's escapes, or

    =OCTETS     the same without a length in front
    close       it closes the connection
    silence     it says nothing more, and reads
    deaf        it does not even read

version=N, actions=N, steps=N and lists=OCTETS are what it says to O.

folder/heard gets a line for each packet: its letter and what came with it, NUL
as "|", of a B the length alone; folder/bodies gets these.
"""
import struct, threading, time


def plain(words):
    return words.encode('latin-1').decode('unicode_escape').encode('latin-1')


class Session:
    def __init__(self, connection, folder):
        self.connection, self.folder, self.count = connection, folder, {}
        with open(folder + '/do', encoding='latin-1') as file:
            self.given = dict(line.rstrip('\n').split('=', 1) for line in file)

    def read(self, count):
        octets = b''
        while len(octets) < count:
            part = self.connection.recv(count - len(octets))
            if not part:
                raise EOFError
            octets += part
        return octets

    def keep(self, name, octets):
        with open(self.folder + '/' + name, 'ab') as file:
            file.write(octets)

    def note(self, letter, data):
        if letter == 'B':
            self.keep('bodies', data)
            data = b'%d' % len(data)
        text = data.decode('latin-1').replace('\0', '|')
        self.keep('heard', b'%b %b\n' % (letter.encode(),
                                         text.encode('unicode_escape')))

    def answers(self, letter):
        self.count[letter] = self.count.get(letter, 0) + 1
        nth = '%s%d' % (letter, self.count[letter])
        usual = '' if letter in 'DQ' else 'c'
        words = self.given.get(nth, self.given.get(letter, usual))
        return words.split('|') if words else []

    def send(self, octets):
        self.connection.sendall(struct.pack('!I', len(octets)) + octets)

    def negotiate(self):
        numbers = [int(self.given.get(name, usual), 0) for name, usual in
                   (('version', '6'), ('actions', '0x1ff'), ('steps', '0'))]
        self.send(b'O' + struct.pack('!III', *numbers) +
                  plain(self.given.get('lists', '')))

    def say(self, words):
        if words == 'close':
            raise EOFError
        if words == 'deaf':
            time.sleep(3600)
        while words == 'silence':
            self.read(1)
        if words[:1] == '=':
            self.connection.sendall(plain(words[1:]))
        else:
            self.send(plain(words))

    def run(self):
        while True:
            length, = struct.unpack('!I', self.read(4))
            data = self.read(length)
            letter = data[:1].decode('latin-1')
            self.note(letter, data[1:])
            if letter == 'O' and 'O' not in self.given:
                self.negotiate()
                continue
            for words in self.answers(letter):
                self.say(words)


def session(connection, folder):
    with connection:
        try:
            Session(connection, folder).run()
        except (EOFError, OSError):
            pass


def serve(server, folder):
    while True:
        threading.Thread(target=session, args=(server.accept()[0], folder),
                         daemon=True).start()
