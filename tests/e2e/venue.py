"""The venue server (tests/venue) for tests: started as a process of its own, stopped by
pid, driven through its control port; its truth as exact minutes; and a small WebSocket
client. Standard library only.

    with VenueServer(self.temp, '--rate', '20', tls=True) as venue:
        venue.urls['binance_perp']['ws']        # wss://localhost:PORT
        venue.fault('gap', venue='binance_perp', symbol='BTC', count=5)
        venue.minutes()['binance:perp:BTCUSDT'] # {minute_ms: Minute}
"""
import base64
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlsplit

SERVER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                      'venue', 'server.py')
GUID = b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11'


@dataclass
class Minute:
    """Exact figures of one minute by event time, block trades left out."""
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    first_id: str
    last_id: str = ''
    buy: Decimal = Decimal(0)
    sell: Decimal = Decimal(0)
    buy_quote: Decimal = Decimal(0)
    sell_quote: Decimal = Decimal(0)
    n_buy: int = 0
    n_sell: int = 0

    @property
    def delta(self):
        return self.buy - self.sell

    @property
    def volume(self):
        return self.buy + self.sell

    def add(self, trade):
        price, qty = Decimal(trade['price']), Decimal(trade['qty'])
        self.high, self.low = max(self.high, price), min(self.low, price)
        self.close, self.last_id = price, trade['id']
        side = trade['side']
        setattr(self, side, getattr(self, side) + qty)
        setattr(self, side + '_quote', getattr(self, side + '_quote') + price * qty)
        setattr(self, 'n_' + side, getattr(self, 'n_' + side) + 1)


def read_trades(path, market=None):
    """The truth file's trades in the order they were made."""
    with open(path, encoding='utf-8') as lines:
        for line in lines:
            if line.endswith('\n') and (market is None or f'"{market}"' in line):
                yield json.loads(line)


def minutes_of(trades):
    """{market: {minute_ms: Minute}} of truth lines."""
    found = {}
    for trade in trades:
        if trade['block']:
            continue
        minutes = found.setdefault(trade['market'], {})
        start = trade['t_ms'] // 60_000 * 60_000
        if start not in minutes:
            price = Decimal(trade['price'])
            minutes[start] = Minute(price, price, price, price, trade['id'])
        minutes[start].add(trade)
    return found


class VenueServer:
    """args go to server.py. folder: where truth, certificates and the log lie; None: in
    a folder of its own that goes with the server."""

    def __init__(self, folder=None, *args, tls=False, scenario=None):
        self.own_folder = None if folder else tempfile.mkdtemp(prefix='weir-venue-')
        self.folder = os.path.join(folder or self.own_folder, 'venue')
        os.makedirs(self.folder, exist_ok=True)
        self.truth_path = os.path.join(self.folder, 'truth.jsonl')
        self.log_path = os.path.join(self.folder, 'log')
        self.args = [*args, '--truth', self.truth_path, '--until-eof']
        if tls:
            self.args += ['--tls', self.folder]
        if scenario is not None:
            self.args += ['--scenario', self.write_scenario(scenario)]
        self.child = None
        self.urls = {}

    def write_scenario(self, steps):
        """steps: (seconds, {"fault": …}) pairs."""
        path = os.path.join(self.folder, 'scenario')
        with open(path, 'w', encoding='utf-8') as file:
            file.writelines(f'{seconds} {json.dumps(fault)}\n' for seconds, fault in steps)
        return path

    def start(self):
        with open(self.log_path, 'ab') as log:
            self.child = subprocess.Popen([sys.executable, SERVER, *self.args],
                                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                          stderr=log, text=True)
        line = self.child.stdout.readline()
        if not line:
            self.stop()
            raise RuntimeError(f'the venue server did not start: {self.read_log()}')
        self.urls = json.loads(line)
        return self

    def stop(self, seconds=10):
        """SIGTERM; its exit status."""
        if self.child is None:
            return None
        child, self.child = self.child, None
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
        try:
            status = child.wait(seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            status = child.wait()
        child.stdin.close()
        child.stdout.close()
        if self.own_folder:
            shutil.rmtree(self.own_folder, ignore_errors=True)
        return status

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    @property
    def ca(self):
        """What a client is to trust, with tls."""
        return self.urls.get('ca')

    def read_log(self):
        with open(self.log_path, encoding='utf-8', errors='replace') as file:
            return file.read()

    # ---- control ----

    def control(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.urls['control'] + path, data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise ValueError(error.read().decode()) from None

    def fault(self, fault, venue='all', **params):
        """Returns the fault's id, for clear()."""
        return self.control('POST', '/fault', {'fault': fault, 'venue': venue, **params}).get('id')

    def clear(self, number=None):
        self.control('POST', '/clear', {} if number is None else {'id': number})

    def set(self, **knobs):
        self.control('POST', '/set', knobs)

    def go(self):
        """With --hold: trades begin. Returns the venue's time then, ms."""
        return self.control('POST', '/go', {})['t_ms']

    def trade(self, venue, symbol, qty, side='buy', **more):
        """Makes one trade; returns its id."""
        return self.control('POST', '/trade', {'venue': venue, 'symbol': symbol, 'qty': qty,
                                               'side': side, **more})['id']

    def state(self, venue=None):
        state = self.control('GET', '/state')
        return state if venue is None else state['venues'][venue]

    def breaches(self):
        """{venue: {what: how often}} of rules that the client broke; {} when it kept all."""
        return {name: venue['breaches'] for name, venue in self.state()['venues'].items()
                if venue['breaches']}

    def connections(self, venue):
        return self.state(venue)['connections']

    def liquidations(self):
        return self.control('GET', '/liquidations')

    def interest(self):
        return self.control('GET', '/interest')

    # ---- truth ----

    def truth(self):
        """Sums of all that was made so far; the truth file is complete up to them."""
        return self.control('GET', '/truth')

    def trades(self, market=None):
        self.truth()
        return list(read_trades(self.truth_path, market))

    def minutes(self, market=None):
        """{market: {minute_ms: Minute}}, or the minutes of one market."""
        self.truth()
        found = minutes_of(read_trades(self.truth_path, market))
        return found if market is None else found.get(market, {})

    # ---- clients ----

    def get(self, venue, target):
        """(status, headers, JSON or text) of a REST request."""
        parts = urlsplit(self.urls[venue]['rest'])
        conn = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10) \
            if parts.scheme == 'http' else http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=10, context=self.tls_context())
        try:
            conn.request('GET', target)
            answer = conn.getresponse()
            body = answer.read().decode()
        finally:
            conn.close()
        is_json = 'json' in (answer.getheader('Content-Type') or '')
        return answer.status, dict(answer.getheaders()), json.loads(body) if is_json else body

    def tls_context(self):
        return ssl.create_default_context(cafile=self.ca) if self.ca else None

    def stream(self, venue, path):
        return Stream(self.urls[venue]['ws'] + path, self.tls_context())


class Refused(Exception):
    """The handshake's HTTP status was another than 101."""


class Closed(Exception):
    """args: close code (1006 without a frame), reason."""


class Stream:
    """A blocking WebSocket client that answers pings unless told otherwise."""

    def __init__(self, url, context=None, timeout=5):
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout)
        if parts.scheme == 'wss':
            self.socket = self.wrap(context, parts.hostname)
        self.data, self.pongs, self.pings = b'', True, []
        self.timeout, self.deadline = timeout, None
        try:
            self.shake_hands(parts)
        except BaseException:
            self.close()
            raise

    def shake_hands(self, parts):
        key = base64.b64encode(os.urandom(16))
        target = parts.path + ('?' + parts.query if parts.query else '')
        self.socket.sendall((f'GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\n'
                             'Upgrade: websocket\r\nConnection: Upgrade\r\n'
                             f'Sec-WebSocket-Key: {key.decode()}\r\n'
                             'Sec-WebSocket-Version: 13\r\n\r\n').encode())
        while b'\r\n\r\n' not in self.data:
            self.more()
        head, self.data = self.data.split(b'\r\n\r\n', 1)
        status = int(head.split()[1])
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        if status != 101 or accept not in head:
            raise Refused(status)

    def wrap(self, context, name):
        raw = self.socket
        try:
            return context.wrap_socket(raw, server_hostname=name)
        except OSError:
            raw.close()
            raise

    def more(self):
        if self.deadline is not None:
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self.socket.settimeout(left)
        try:
            data = self.socket.recv(65_536)
        except (ConnectionError, ssl.SSLError) as error:
            raise Closed(1006, str(error)) from None
        if not data:
            raise Closed(1006, 'TCP ended')
        self.data += data

    def take(self, n):
        while len(self.data) < n:
            self.more()
        taken, self.data = self.data[:n], self.data[n:]
        return taken

    def send_frame(self, opcode, payload, fin=True, masked=True):
        head = bytes([(0x80 if fin else 0) | opcode])
        n, bit = len(payload), 0x80 if masked else 0
        head += bytes([bit | n]) if n < 126 else bytes([bit | 126]) + struct.pack('>H', n)
        mask = os.urandom(4) if masked else b''
        if masked:
            payload = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
        self.socket.sendall(head + mask + payload)

    def send(self, value):
        self.send_frame(1, json.dumps(value).encode())

    def read_frame(self):
        first, second = self.take(2)
        n = second & 0x7F
        if n == 126:
            n, = struct.unpack('>H', self.take(2))
        elif n == 127:
            n, = struct.unpack('>Q', self.take(8))
        return bool(first & 0x80), first & 15, self.take(n)

    def read_text(self):
        """The next message's bytes; TimeoutError, Closed."""
        message = b''
        while True:
            fin, opcode, payload = self.read_frame()
            if opcode == 8:
                code = struct.unpack('>H', payload[:2])[0] if payload else 1005
                raise Closed(code, payload[2:].decode())
            if opcode == 9:
                self.pings.append(payload)
                if self.pongs:
                    self.send_frame(10, payload)
            elif opcode < 8:
                message += payload
                if fin:
                    return message

    def read(self):
        return json.loads(self.read_text())

    def read_until(self, fits, seconds=5):
        """Reads until a message fits; returns (it, those before)."""
        before = []
        for message in self.messages(seconds):
            if fits(message):
                return message, before
            before.append(message)
        raise TimeoutError(f'no such message, but {before[-3:]}')

    def read_for(self, seconds):
        """All messages within the time."""
        return list(self.messages(seconds))

    def messages(self, seconds):
        self.deadline = time.monotonic() + seconds
        try:
            while True:
                yield self.read()
        except TimeoutError:
            return
        finally:
            self.deadline = None
            self.socket.settimeout(self.timeout)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
