# For tests/cli/heads.sh: notes, cosignatures, tokens and proofs made and checked without Onus, by Python's standard library and
# the openssl program.
import base64, hashlib, http.server, os, pathlib, subprocess, sys, tempfile, time

STEP = 30 if os.environ.get('ONUS_SHORT') else 3  # of bytes that are changed, one takes every so many
DASH = '\u2014 '
sha = lambda data: hashlib.sha256(data).digest()
b64 = lambda data: base64.b64encode(data).decode()


def openssl(*args):
    return subprocess.run(['openssl', *map(str, args)], check=True, capture_output=True).stdout


def key(path):  # name, id, type and 32 bytes of a key file, whichever half
    name, kid, data = pathlib.Path(path).read_text().strip().removeprefix('PRIVATE+KEY+').split('+', 2)
    data = base64.b64decode(data)
    return name, bytes.fromhex(kid), data[0], data[1:]


def sign(seed, message):
    with tempfile.TemporaryDirectory() as room:
        room = pathlib.Path(room)
        (room / 'key').write_bytes(bytes.fromhex('302e020100300506032b657004220420') + seed)
        (room / 'message').write_bytes(message)
        return openssl('pkeyutl', '-sign', '-rawin', '-keyform', 'DER', '-inkey', room / 'key', '-in', room / 'message')


def holds(public, message, signature):
    with tempfile.TemporaryDirectory() as room:
        room = pathlib.Path(room)
        (room / 'key').write_bytes(bytes.fromhex('302a300506032b6570032100') + public)
        (room / 'message').write_bytes(message)
        (room / 'signature').write_bytes(signature)
        openssl('pkeyutl', '-verify', '-rawin', '-pubin', '-keyform', 'DER', '-inkey', room / 'key', '-in', room / 'message',
                '-sigfile', room / 'signature')


def parts(path):  # signed text, lines of signatures
    text, lines = pathlib.Path(path).read_text().split('\n\n')
    return text + '\n', lines.splitlines()


def note(owner, name, run, *extensions):
    text, _ = parts(f'{run}/ledger.note')
    size, root = text.splitlines()[1:3]
    text = '\n'.join([f'onus/{name}', size, root, *extensions]) + '\n'
    who, kid, _, seed = key(owner)
    print(f'{text}\n{DASH}{who} {b64(kid + sign(seed, text.encode()))}')


def sign_note(path, note_path):
    who, kid, _, seed = key(path)
    print(f'{DASH}{who} {b64(kid + sign(seed, parts(note_path)[0].encode()))}')


def check(run, public):
    name, kid, kind, pub = key(public)
    assert kind == 4 and kid == sha(name.encode() + b'\n\x04' + pub)[:4]
    text, lines = parts(f'{run}/ledger.note')
    line = next(l for l in lines if l.startswith(f'{DASH}{name} '))
    data = base64.b64decode(line.split()[-1])
    when = int.from_bytes(data[4:12], 'big')
    assert data[:4] == kid and len(data) == 76 and abs(when - time.time()) < 600
    holds(pub, f'cosignature/v1\ntime {when}\n{text}'.encode(), data[12:])
    print('cosignature holds')


def later(path):  # the last cosignature says that it was made a second later
    lines = pathlib.Path(path).read_text().splitlines()
    start, _, text = lines[-1].rpartition(' ')
    data = bytearray(base64.b64decode(text))
    data[11] ^= 1
    pathlib.Path(path).write_text('\n'.join(lines[:-1] + [f'{start} {b64(data)}']) + '\n')


def rename(source, target, name):  # the same private key as a witness's of another name
    _, _, _, seed = key(source)
    _, _, _, pub = key(source + '.pub')
    kid = sha(name.encode() + b'\n\x04' + pub)[:4].hex()
    pathlib.Path(target).write_text(f'PRIVATE+KEY+{name}+{kid}+{b64(bytes([4]) + seed)}\n')
    pathlib.Path(target + '.pub').write_text(f'{name}+{kid}+{b64(bytes([4]) + pub)}\n')


def verdict(onus, run, *more):
    done = subprocess.run([onus, 'verify', run, '--json', *more], capture_output=True)
    return done.returncode, done.stdout


def flips(onus, token, run, root):  # one bit of many bytes: refused, or it still is the same stamp
    data, target = pathlib.Path(token).read_bytes(), pathlib.Path(run) / 'ledger.note.tst'
    target.write_bytes(data)
    whole, refused = verdict(onus, run, '--tsa-cert', root), 0
    assert whole[0] == 0
    for i in range(0, len(data), STEP):
        target.write_bytes(data[:i] + bytes([data[i] ^ 1 << i % 8]) + data[i + 1:])
        code, said = verdict(onus, run, '--tsa-cert', root)
        assert code == 1 or (code, said) == whole, (i, code, said)
        refused += code == 1
    assert refused > len(data) / STEP * 0.7, refused


def swap(token, ca, run, source):  # the same TSTInfo, signed by a certificate for web servers
    subprocess.run(['cp', '-r', source, run], check=True)
    info = openssl('cms', '-verify', '-noverify', '-inform', 'DER', '-in', token)
    with tempfile.NamedTemporaryFile() as f:
        f.write(info)
        f.flush()
        openssl('cms', '-sign', '-cades', '-binary', '-nodetach', '-econtent_type', '1.2.840.113549.1.9.16.1.4', '-md', 'sha256',
                '-signer', f'{ca}/web.pem', '-inkey', f'{ca}/tsa.key', '-outform', 'DER', '-in', f.name,
                '-out', f'{run}/ledger.note.tst')


def slack(line):  # the same 32 bytes, spelt with a bit that is not theirs
    letters = b'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
    other = line[:-2] + letters[letters.index(line[-2]) + 1:][:1] + b'='
    return other if base64.b64decode(other) == base64.b64decode(line) else b'no such spelling'


def spoil(path, onus, public):  # each byte before the witnesses' lines, and more and less of them
    data = pathlib.Path(path).read_bytes()
    end = data.index(DASH.encode(), data.index(DASH.encode()) + 1)
    tries = [data[:i] + bytes([data[i] ^ 1 << i % 8]) + data[i + 1:] for i in range(0, end, STEP)]
    lines = data.split(b'\n')
    tries += [b'\n'.join(lines[:3] + lines[4:]), b'\n'.join(lines[:3] + [lines[3]] + lines[3:]), b'', data[:-1], data + b'x',
              b'\n'.join(lines[:1] + lines[2:]), b'\n'.join(lines[:3] + [slack(lines[3])] + lines[4:]), data.replace(b'index ', b'index 0')]
    with tempfile.NamedTemporaryFile() as f:
        for t in tries:
            pathlib.Path(f.name).write_bytes(t)
            code = subprocess.run([onus, 'prove', '--check', f.name, '--key', public], capture_output=True).returncode
            assert code == 1, (code, t)


def serve(port_file, old):
    class Authority(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            asked = self.rfile.read(int(self.headers['Content-Length']))
            kind, body = 'application/timestamp-reply', pathlib.Path(old).read_bytes()  # an answer, to another query
            if self.path == '/hangs-up':
                return self.connection.close()
            if self.path == '/moved':
                self.send_response(302)
                self.send_header('Location', '/stamp?policy=1')
                return self.end_headers()
            if self.path == '/big':
                body = b'\x30\x84\x7f\xff\xff\xff' + bytes(1 << 20)
            if self.path == '/html':
                kind, body = 'text/html', b'<p>no</p>'
            if self.path.startswith('/stamp'):
                pathlib.Path(port_file + '.asked').write_text(f"{self.path} {self.headers['Content-Type']}\n")
                pathlib.Path('asked').write_bytes(asked)
                body = openssl('ts', '-reply', '-config', 'good/cnf', '-section', 'stamps', '-queryfile', 'asked')
            self.send_response(200)
            self.send_header('Content-Type', kind)
            if self.path == '/slow-drip':
                self.end_headers()
                for byte in body:
                    self.wfile.write(bytes([byte]))
                    time.sleep(1)
            self.send_header('Content-Length', len(body))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

        def handle(self):
            try:
                super().handle()
            except OSError:
                pass

    server = http.server.HTTPServer(('127.0.0.1', 0), Authority)
    pathlib.Path(port_file + '.new').write_text(str(server.server_port))
    os.rename(port_file + '.new', port_file)
    server.serve_forever()


commands = {'note': note, 'sign': sign_note, 'check': check, 'later': later, 'rename': rename, 'flips': flips, 'swap': swap,
            'spoil': spoil, 'serve': serve}
commands[sys.argv[1]](*sys.argv[2:])
