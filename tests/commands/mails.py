"""What examples/commands/json makes of a mail: tables of mails, each with what
must be true of the JSON.  mails.py TABLE"""
import base64
import json
import os
import subprocess
import sys

JSON = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(
    __file__)))) + '/examples/commands/json'


def once(pairs):
    assert len(dict(pairs)) == len(pairs), pairs
    return dict(pairs)


def read(octets):
    """JSON of RFC 8259: UTF-8, no name twice, no half of a character."""
    mail = json.loads(octets.decode(), object_pairs_hook=once,
                      parse_constant=lambda name: 1 / 0)
    json.dumps(mail, ensure_ascii=False).encode()
    for file in mail['attachments']:
        file['content'] = base64.b64decode(file['content'], validate=True)
        assert file['size'] == len(file['content'])
    return mail


def taken(mail, limit=0):
    """The JSON of a mail; limit is of memory, in MB."""
    command = [JSON, 'cat']
    if limit:
        command = ['sh', '-c', 'ulimit -v "$0" && exec "$@"',
                   str(limit << 10)] + command
    done = subprocess.run(command, input=mail, stdout=subprocess.PIPE,
                          check=True, timeout=60, env=dict(
                              os.environ, SENDER='', RECIPIENTS='a@b'))
    return read(done.stdout)


def fields():
    for value, is_to_be in (
            (b'=?iso-8859-1?q?=E9?=', 'é'),
            (b'=?utf-8?b?w6ni?= =?UTF-8?B?gqw=?=\n =?utf-8*en?q?x?=', 'é€x'),
            (b'a =?utf-8?q?=C3=A9?= b', 'a é b'),
            (b'=?utf-8?q?a=5Fb_c?=', 'a_b c'),
            ('é =?utf-8?q?=C3=A8?='.encode(), 'é è'),
            (b'\xe9\x80', 'é€'),
            (b'=?utf-8?q?=ff?=', '\ufffd'),
            (b'=?no-such?q?=E9?=', 'é'),
            (b'=?utf-8?b?w6k?=', 'é'),
            (b'=?utf-8?b?w!?=', ''),
            (b'=?utf-8?x?a?=', '=?utf-8?x?a?='),
            (b'=?utf-8?q?a', '=?utf-8?q?a'),
            (b'  a \n  b ', 'a   b'),
            (b'\0\x01\x7f', '\0\x01\x7f'),
            (b'=?utf-7?q?+2AA-?=', '?'),
            (b'=?unicode-escape?q?=5Cu0041?=', '\\u0041'),
            (b'=?punycode?q?a-b?=', 'a-b')):
        is_so = taken(b'X: %b\n\n' % value)['headers']['x']
        yield value, is_so, is_to_be
    mail = taken(b'X-Y: 1\nx-y : 2\n__PROTO__: 4\r\nX_y: 3\r\n\r\nbody')
    yield 'names', mail['headers'], {'x_y': ['1', '2', '3'], '__proto__': '4'}
    yield 'body', mail['plain'], 'body'
    for mail, headers, plain in (
            (b'', {}, ''),
            (b'\n', {}, ''),
            (b'\nx: y', {}, 'x: y'),
            (b'x: y', {'x': 'y'}, ''),
            (b'x:', {'x': ''}, ''),
            (b'no mail', {}, 'no mail'),
            (b' x: y\nz: y\n', {}, ' x: y\nz: y\n'),
            (b'x: y\nbody\nbody', {'x': 'y'}, 'body\nbody'),
            (b'x: y\nz\nx: z\n\nbody', {'x': ['yz', 'z']}, 'body'),
            (b'>From ann\nx: y\n\nbody', {'x': 'y'}, 'body'),
            (b'From ann', {}, 'From ann')):
        it = taken(mail)
        yield mail, (it['headers'], it['plain']), (headers, plain)


def file_of(part):
    """The second part of a mail, whose first is a text."""
    mail = taken(b'Content-Type: multipart/mixed; boundary="x"\n\n--x\n\nt\n'
                 b'--x\n%b\n--x--\n' % part)
    assert mail['plain'] == 't' and len(mail['attachments']) == 1, mail
    return mail['attachments'][0]


def files():
    for words, name in (
            (b' filename="a b.pdf"', 'a b.pdf'),
            (b'filename=a b.pdf ; x=y', 'a b.pdf'),
            (b' FileName = "a\\"b.pdf"', 'a"b.pdf'),
            (b" filename*=utf-8''%C3%A9.pdf", 'é.pdf'),
            (b" filename=e.pdf; filename*=iso-8859-1'en'%E9.pdf", 'é.pdf'),
            (b" filename*1*=%E9;filename*2=%41.pdf;\n"
             b" filename*0*=iso-8859-1''a", 'aé%41.pdf'),
            (b' filename*0=a; filename*1="b;"', 'ab;'),
            (b' filename="=?utf-8?q?=C3=A9?=.pdf"', 'é.pdf'),
            (' filename="é.pdf"'.encode(), 'é.pdf'),
            (b' filename="\xe9.pdf', 'é.pdf'),
            (b' x="filename=no"; filename="a;b=c.pdf"', 'a;b=c.pdf'),
            (b' filename*7=x', None),
            (b" filename*=utf-8''%", '%'),
            (b" filename*=idna''x", 'x'),
            (b' filename=""', None),
            (b'', None),
            # What leads elsewhere, is hidden, or is no name to show.
            (b' filename="../../etc/passwd"', 'passwd'),
            (b' filename="/etc/passwd"', 'passwd'),
            (b' filename="C:\\\\a\\\\b.doc"', 'b.doc'),
            (b" filename*=utf-8''..%2F..%2Fx", 'x'),
            (b' filename="=?utf-8?q?=2e=2e=2fy?="', 'y'),
            (b' filename=".."', '_'),
            (b' filename="."', '_'),
            (b' filename=".bashrc"', '_bashrc'),
            (b' filename=" .x"', '_x'),
            (b' filename="a/"', None),
            (b" filename*=utf-8''a%00%0d%0a%1b%C2%85%E2%80%AEb", 'a______b'),
            (b" filename*=utf-16-be''%d8%00", '\ufffd'),
            (b' filename="%b.pdf"' % (b'1' * 300), '1' * 196 + '.pdf'),
            (b' filename="x.%b"' % (b'1' * 199), '_' + '1' * 199),
            (b" filename*=utf-8''" + b'%C3%A9' * 150 + b'.pdf',
             'é' * 98 + '.pdf')):
        it = file_of(b'Content-Type: a/b\nContent-Disposition: attachment;' +
                     words + b'\n\nx')
        yield words, it.pop('file_name'), name
        yield words, it, {'disposition': 'attachment', 'content_type': 'a/b',
                          'content_id': None, 'size': 1, 'content': b'x'}
    for encoding, octets, content in (
            (b'BASE64', b'aGVs\nbG8=\nrest', b'hello'),
            (b'base64 (x)', b'aG!Vs*bG8', b'hello'),
            (b'base64', b'a', b''),
            (b'quoted-printable', b'a b   \n=3Dz= \t \nz=4', b'a b\n=zz=4'),
            (b'8bit', b'\xff\0\r.', b'\xff\0\r.'),
            (b'x-uuencode', b'aGVs', b'aGVs'),
            (b'', b'aGVs', b'aGVs')):
        it = file_of(b'Content-Id: <1@x>\ncontent-type: A/B; x=y (comment)\n'
                     b'Content-Transfer-Encoding: %b\n\n%b' %
                     (encoding, octets))
        yield encoding, it, {
            'file_name': None, 'disposition': None, 'content_type': 'a/b',
            'content_id': '1@x', 'size': len(content), 'content': content}
    for head, disposition, kind, name in (
            (b'Content-Disposition: InLine; x=y', 'inline', 'text/plain', None),
            (b'Content-Type: text/html; name="n"\nContent-Type: x/y', None,
             'text/html', 'n'),
            (b'Content-Type: text/html\nContent-Disposition: attachment',
             'attachment', 'text/html', None),
            (b'Content-Type: <x/y>', None, 'text/plain', None),
            (b'Content-Type: message/rfc822', None, 'message/rfc822', None)):
        it = file_of(head + b'\n\nSubject:  a\n b\n\n--y')
        yield head, it, {'disposition': disposition, 'content_type': kind,
                         'file_name': name, 'content_id': None, 'size': 19,
                         'content': b'Subject:  a\n b\n\n--y'}


def texts():
    for head, octets, text in (
            (b'; charset=iso-8859-1', b'\xe9', 'é'),
            (b"; charset*=''utf-8", b'\xc3\xa9', 'é'),
            (b'; charset="utf-8" (x)', b'\xc3\xa9', 'é'),
            (b'; charset=iso-8859-2 (x)', b'\xb1', 'ą'),
            (b' (x); charset=iso-8859-2 ; x=y', b'\xb1', 'ą'),
            (b'', b'\xe9\x80\x81\xe9', 'é€\ufffdé'),
            (b'; charset=no/such', b'\xe9', 'é'),
            (b'; charset=\xff', b'\xe9', 'é'),
            (b'; charset=a\0b', b'\xe9', 'é'),
            (b'; charset=' + b'a' * 5000, b'\xe9', 'é'),
            (b'; charset=gb2312', b'\xd6\xd0', '中'),
            (b'; charset=utf-8', b'a\0b\xff', 'a\0b\ufffd'),
            (b'; charset=utf-7', b'+2AA-', '?'),
            (b'; charset=utf-16', b'\xff\xfe\x00\xd8', '\ufffd'),
            (b'', '\u2028\U0001f600'.encode(), '\u2028\U0001f600'),
            (b'; charset=base64', b'YQ', 'YQ'),
            (b'; charset=undefined', b'YQ', 'YQ'),
            (b'; charset=idna', b'a-b', 'a-b'),
            (b'\nContent-Transfer-Encoding: base64', b'YQ0KYg0K', 'a\nb\n')):
        for kind, name in (b'plain', 'plain'), (b'HTML', 'html'):
            it = taken(b'Content-Type: text/%b%b\n\n%b' % (kind, head, octets))
            yield head, it.pop(name), text
            yield head, [it['plain' if name == 'html' else 'html'],
                         it['attachments'], it.get('error')], [None, [], None]
    part = b'--x\nContent-Type: text/%b\n\n%b\n'
    it = taken(b'Content-Type: multipart/alternative; boundary=x\n\nbefore\n' +
               part % (b'plain', b'a') + part % (b'html', b'b') +
               part % (b'plain', b'c') + part % (b'html', b'd') + b'--x--\nz')
    yield 'first', (it['plain'], it['html']), ('a', 'b')
    yield 'others', [file['content'] for file in it['attachments']], [
        b'c', b'd']
    for mail in (b'boundary="x"\n\n--x\n\na\n--x\n--x\n\nb\n--x--\n',
                 b'boundary=x ; y=z\n\n--x\n\na\n--x  \n--x--\n--x\n\nb',
                 b'boundary=x\n\nc--x\n\nd\n--x\n\na\n--x\n\n\n--x\n\nb\n'
                 b'--x--'):
        for line_end in b'\n', b'\r\n':
            it = taken((b'Content-Type: multipart/mixed; ' + mail).replace(
                b'\n', line_end))
            yield mail, (it['plain'], [file['content'] for file in
                                       it['attachments']]), ('a', [b'', b'b'])
    it = taken(b'Content-Type: multipart/mixed; boundary=x\n\n--x\n'
               b'Content-Type: multipart/mixed; boundary=x\n\n \n'
               b'--x\n\na\n--x--')
    yield 'nothing', (it['plain'], it['attachments']), ('a', [])
    it = taken(b'Content-Type: multipart/mixed; boundary=x\n\n--x\n\n'
               b'x--x\n--xx\n--x-\n --x\n--x--x\n--x--')
    yield 'none of it', (it['plain'], it['attachments']), (
        'x--x\n--xx\n--x-\n --x\n--x--x', [])
    it = taken(b'Content-Type: multipart/digest; boundary=x\n\n--x\n\na: b\n'
               b'--x\nContent-Type: x/y\n\nz\n--x--')
    yield 'digest', [file['content_type'] for file in it['attachments']], [
        'message/rfc822', 'x/y']


MULTIPART = b'Content-Type: multipart/mixed; boundary=%b\n\n--%b\n'


def nested(depth):
    return b''.join(MULTIPART % (b'b%d' % n, b'b%d' % n) for n in range(depth))


def hostile():
    """Nothing is lost, in time and without much memory."""
    size = 8 << 20
    many = MULTIPART % (b'x', b'x') + b'\n1\n' + b'--x\n\ny\n' * 20000
    it = taken(many)
    yield 'parts', it['error'], 'too many parts'
    yield 'raw', (it['plain'], it['headers'], it['attachments']), (
        many.decode(), {}, [])
    fields = b'a: b\n' * 20000 + b'\nx'
    it = taken(fields)
    yield 'fields', it['error'], 'too many header fields'
    yield 'raw', it['plain'], fields.decode()
    for depth in 99, 100, 1000, 50000:
        it = taken(nested(depth) + b'\n' + b'x\n' * 1000)
        yield depth, it.get('error'), None
        yield depth, it['plain'].endswith('x\n' * 1000), True
        yield depth, it['plain'].startswith('--b100'), depth > 100
    for head, octets in (
            (b'', b'\n'), (b'', b'\0'), (b'x: y\n', b' \n'),
            (b'x: ', b'a'), (b'x: ', b'=?utf-8?q?a?= '), (b'x: ', b'=?'),
            (b'x: ', b'=?utf-8?q?a'), (b'Content-Type: a/b', b';'),
            (b'Content-Type: a/b', b';a="'),
            (b'Content-Type: a/b;a="', b'\\\\'),
            (b'Content-Type: a/b', b';' + b' ' * 999),
            (b'Content-Type: a/b', b';a' + b' ' * 999),
            (b'Content-Type: a/b', b';name*1*=%41'),
            (b'Content-Type: a/b; name=', b'a/'),
            (b'Content-Type: a/b; charset=', b'a'),
            (b'Content-Transfer-Encoding: quoted-printable\n\n', b'=41 \n'),
            (b'Content-Transfer-Encoding: quoted-printable\n\n', b' '),
            (b'Content-Transfer-Encoding: base64\n\n', b'Q\n'),
            (b'Content-Type: text/plain; charset=punycode\n\n', b'a-b'),
            (b'Content-Type: text/plain; charset=hz\n\n', b'~{'),
            (b'Content-Type: text/plain; charset=utf-7\n\n', b'+2AA-'),
            (nested(99) + b'\n', b'-'), (MULTIPART % (b'-', b'-'), b'--x'),
            (MULTIPART % (b'x', b'x'), b'x--x\n')):
        octets *= size // len(octets)
        it = taken(head + octets, limit=120)
        yield head, it['envelope']['size'], len(head + octets)


def main():
    tried = 0
    for mail, is_so, is_to_be in globals()[sys.argv[1]]():
        tried += 1
        if is_so != is_to_be:
            sys.exit('%.300r: %.300r, and not %.300r' % (mail, is_so, is_to_be))
    print(sys.argv[1], tried)


if __name__ == '__main__':
    main()
