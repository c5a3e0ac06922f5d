"""A terminal that speaks MFP/1 by a script: what the tests of the gate stand on. A third
implementation, made from the specification alone."""
import hashlib
import hmac
import os
import socket
import time

FNV = 0xcbf29ce484222325


def escape(text):
    return ''.join(f'%{b:02X}' if b <= 0x20 or b in b'%=\x7f' else chr(b) for b in text.encode())


def frame(verb, seq, **fields):
    words = [f'{key}={escape(str(value))}' for key, value in fields.items()]
    return ' '.join([verb, str(seq), *words]) + '\n'


def parse(line):
    verb, seq, *words = line.rstrip('\r\n').split(' ')
    return verb, int(seq), dict(word.split('=', 1) for word in words)


def position_hash(positions):
    total = 0
    for position in positions:
        value = FNV
        for byte in '|'.join(str(part) for part in position).encode():
            value = (value ^ byte) * 0x100000001b3 & (1 << 64) - 1
        total ^= value
    return f'{total:016x}'


def write_tokens(path, ids, host='host-1', group='all'):
    """A tokens file; returns the tokens by id."""
    tokens = {one: os.urandom(32).hex() for one in ids}
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, 'w', encoding='utf-8') as file:
        file.writelines(f'{one} {token} {host} {group}\n' for one, token in tokens.items())
    return tokens


class Terminal:
    """One connection. Reads what comes until it is asked for; answers nothing by itself."""

    def __init__(self, port, name, token, login, epoch=None):
        self.name, self.token, self.login = name, token, login
        self.epoch = epoch or int(time.time() * 1000)
        self.seq, self.positions = 0, []
        self.socket = socket.create_connection(('127.0.0.1', port), 10)
        self.socket.settimeout(10)
        self.file = self.socket.makefile('r', encoding='utf-8', newline='\n')
        self.banner = self.read()[2]

    def read(self):
        line = self.file.readline()
        if not line:
            raise ConnectionError('closed by weir')
        return parse(line)

    def wait(self, verb, seconds=10):
        """The next frame of a verb; others are dropped, probes answered."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.socket.settimeout(max(0.01, deadline - time.monotonic()))
            got = self.read()
            if got[0] == 'P':
                self.send('p', 0, t=got[2]['t'])
            if got[0] == verb:
                return got
        raise TimeoutError(f'no {verb} within {seconds} s')

    def send(self, verb, seq, **fields):
        self.socket.sendall(frame(verb, seq, **fields).encode())

    def reliable(self, verb, **fields):
        self.seq += 1
        self.send(verb, self.seq, **fields)
        return self.seq

    def hello_line(self, **more):
        text = f"{self.banner['nonce']}|{self.name}|{self.epoch}".encode()
        mac = hmac.new(self.token.encode(), text, hashlib.sha256).hexdigest()[:32]
        fields = {'v': 1, 'id': self.name, 'ep': self.epoch, 'mac': mac, 'login': self.login,
                  'srv': 'Test-Server', 'cur': 'USD', 'mm': 'hedge', 'tm': 'demo', 'lev': 100,
                  'bld': 5000, 'ea': '1.0.0', 'off': 7200, 'dn': 0, 'ld': 0, 'lsv': 0,
                  'ph': position_hash(self.positions), 'n': len(self.positions)}
        return frame('H', 0, **{**fields, **more})

    def hello(self, **more):
        self.socket.sendall(self.hello_line(**more).encode())
        return self.wait('W')[2]

    def state(self, **more):
        fields = {'t': int(time.time() * 1000), 'con': 1, 'ta': 1, 'ma': 1, 'aa': 1, 'ae': 1,
                  'ping': 150000, 'ret': '0.00', 'mem': 60, 'memp': 16000, 'disk': 40000,
                  'cores': 8, 'lag': 3, 'q': 0, 'inf': 0, 'tick': 100, 'dr': 0, 'dn': 0,
                  'ph': position_hash(self.positions), 'n': len(self.positions)}
        self.send('S', 0, **{**fields, **more})

    def snapshot(self):
        self.send('O', 0, b=1, n=len(self.positions))
        for ticket, volume, sl, tp in self.positions:
            self.send('o', 0, tk=ticket, id=ticket, sym='EURUSD', sd='buy', vol=volume,
                      po='1.08000', pc='1.08100', sl=sl, tp=tp, sw='0.00', pl='1.00', mg=0,
                      sv=1785100000123)
        self.send('O', 0, e=1, n=len(self.positions), ph=position_hash(self.positions))

    def run(self):
        """Hello, snapshot if it is wanted, a first state: RUNNING."""
        welcome = self.hello()
        if welcome['snap'] == '1':
            self.snapshot()
        self.state()
        return welcome

    def close(self):
        self.file.close()
        self.socket.close()

    def closed(self, seconds=10):
        """Whether weir ends the connection; returns the last error it said."""
        error = None
        self.socket.settimeout(seconds)
        try:
            while True:
                verb, _, fields = self.read()
                error = fields if verb == 'E' else error
        except (ConnectionError, ValueError):
            return error or {}
