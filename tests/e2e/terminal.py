"""A terminal that speaks MFP/1 by a script: what the tests of the gate stand on. A third
implementation, made from the specification alone."""
import hashlib
import hmac
import os
import socket
import threading
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


class Lines:
    """Lines of a socket; a time-out loses nothing, as it would with makefile."""

    def __init__(self, conn):
        self.conn, self.bytes = conn, b''

    def readline(self):
        while b'\n' not in self.bytes:
            more = self.conn.recv(65536)
            if not more:
                return ''
            self.bytes += more
        line, _, self.bytes = self.bytes.partition(b'\n')
        return line.decode() + '\n'

    def close(self):
        """The socket is its owner's."""


class Expert(threading.Thread):
    """A terminal that trades as the expert does: takes signals, executes each once, sends
    what was not acknowledged again on each connection, answers `dup` with its result.
    Connects again when weir is gone. orders: by sid, how often a position was opened."""

    def __init__(self, port_of, name, token, login, delay=0.0):
        super().__init__(daemon=True)
        self.port_of, self.name_, self.token, self.login = port_of, name, token, login
        self.delay, self.epoch = delay, int(time.time() * 1000)
        self.profit = '0.00'  # of each order
        self.answer = {}  # fields of each result that are otherwise
        self.orders, self.results, self.waiting = {}, {}, []
        self.seq, self.down, self.ticket = 0, 0, int(login) * 1000
        self.stopping, self.running = threading.Event(), threading.Event()

    def reliable(self, terminal, verb, **fields):
        self.seq += 1
        self.waiting.append((self.seq, verb, fields))
        terminal.send(verb, self.seq, **fields)

    def execute(self, terminal, fields):
        sid = fields['sid']
        if sid in self.results:
            self.reliable(terminal, 'Y', dn=self.down, sid=sid, st='dup')
            self.reliable(terminal, 'R', **self.results[sid])
            return
        if int(fields['ttl']) <= 0:
            self.reliable(terminal, 'Y', dn=self.down, sid=sid, st='exp')
            return
        self.reliable(terminal, 'Y', dn=self.down, sid=sid, st='rx')
        time.sleep(self.delay)
        self.ticket += 1
        self.orders[sid] = self.orders.get(sid, 0) + 1
        self.results[sid] = {
            'sid': sid, 'st': 'done', 'rc': 10009, 'ord': self.ticket, 'deal': self.ticket,
            'pos': self.ticket, 'sym': fields.get('sym', ''), 'sd': fields.get('sd', 'buy'),
            'vol': fields.get('vol', '0.10'), 'rq': '1.08512', 'px': '1.08514', 'slp': '2.0',
            'com': '-0.35', 'swp': '0.00', 'fee': '0.00', 'pl': self.profit,
            'sv': int(time.time() * 1000) + 7200000, 'ex': 1, 'try': 1, **self.answer}
        self.reliable(terminal, 'R', **self.results[sid])

    def take(self, terminal, seq, fields):
        self.down = max(self.down, seq)
        self.execute(terminal, fields)

    def resumed(self, terminal):
        """What was not acknowledged has been sent again."""

    def serve(self, terminal):
        terminal.epoch, terminal.positions = self.epoch, []
        up = int(terminal.hello(dn=self.down)['up'])
        terminal.snapshot()
        terminal.state()
        self.waiting = [row for row in self.waiting if row[0] > up]
        for seq, verb, fields in self.waiting:
            terminal.send(verb, seq, **fields)
        self.resumed(terminal)
        self.running.set()
        told = time.monotonic()
        while not self.stopping.is_set():
            terminal.socket.settimeout(max(0.05, told + 1 - time.monotonic()))
            try:
                verb, seq, fields = terminal.read()
            except TimeoutError:
                verb, seq, fields = '', 0, {}
            if verb == 'G':
                self.take(terminal, seq, fields)
            elif verb == 'C':
                self.down = max(self.down, seq)
                self.reliable(terminal, 'Y', dn=seq, cid=fields['cid'], st='ok')
            elif verb == 'K':
                self.waiting = [row for row in self.waiting if row[0] > int(fields['up'])]
            elif verb == 'P':
                terminal.send('p', 0, t=fields['t'])
            if time.monotonic() > told + 1:
                terminal.state(dn=self.down)
                told = time.monotonic()

    def run(self):
        while not self.stopping.is_set():
            terminal = None
            try:
                terminal = Terminal(self.port_of(), self.name_, self.token, self.login)
                terminal.file.close()
                terminal.file = Lines(terminal.socket)
                self.serve(terminal)
            except (OSError, KeyError, ValueError, EOFError):
                self.running.clear()
                time.sleep(0.1)
            finally:
                if terminal:
                    terminal.close()

    def stop(self):
        self.stopping.set()
        self.join(10)
