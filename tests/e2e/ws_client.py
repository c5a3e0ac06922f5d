"""A WebSocket client of RFC 6455 for tests, over a plain socket. Standard library only."""
import base64
import hashlib
import json
import os
import socket
import struct
import time

GUID = b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11'


class Refused(Exception):
    """The handshake was answered with something else than 101: status, headers, body."""

    def __init__(self, status, headers, body):
        super().__init__(f'{status} {body}')
        self.status, self.headers, self.body = status, headers, body


class Closed(Exception):
    """The other end closed; code as it was said, None without one."""

    def __init__(self, code=None):
        super().__init__(f'closed: {code}')
        self.code = code


class WebSocket:
    def __init__(self, port, path='/api/v1/ws', protocols=('weir.v1',), headers=None, timeout=20,
                 receive_bytes=None):
        self.socket = socket.socket()
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(timeout)
        self.socket.connect(('127.0.0.1', port))
        self.file = self.socket.makefile('rb')
        self.protocol = None
        self.shake(port, path, protocols, headers or {})

    def shake(self, port, path, protocols, headers):
        key = base64.b64encode(os.urandom(16)).decode()
        lines = {'Host': f'127.0.0.1:{port}', 'Upgrade': 'websocket', 'Connection': 'Upgrade',
                 'Sec-WebSocket-Key': key, 'Sec-WebSocket-Version': '13'}
        if protocols:
            lines['Sec-WebSocket-Protocol'] = ', '.join(protocols)
        lines.update(headers)
        text = f'GET {path} HTTP/1.1\r\n'
        text += ''.join(f'{name}: {value}\r\n' for name, value in lines.items() if value is not None)
        self.socket.sendall(text.encode() + b'\r\n')
        status = int(self.file.readline().split()[1])
        got = {}
        while (line := self.file.readline().strip()):
            name, _, value = line.decode().partition(':')
            got[name.lower()] = value.strip()
        if status != 101:
            body = self.file.read(int(got.get('content-length', 0))).decode()
            self.close()
            raise Refused(status, got, body)
        want = base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()
        assert got['sec-websocket-accept'] == want, got
        self.protocol = got.get('sec-websocket-protocol')

    # ---- frames ----

    def send_frame(self, first, payload):
        mask = os.urandom(4)
        head = bytes([first])
        if len(payload) < 126:
            head += bytes([0x80 | len(payload)])
        elif len(payload) < 65536:
            head += struct.pack('>BH', 0x80 | 126, len(payload))
        else:
            head += struct.pack('>BQ', 0x80 | 127, len(payload))
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        self.socket.sendall(head + mask + masked)

    def read_exactly(self, n):
        data = self.file.read(n)
        if len(data) < n:
            raise Closed()
        return data

    def frame(self):
        """opcode, payload of the next frame."""
        first, second = self.read_exactly(2)
        assert first & 0x80 and not second & 0x80, (first, second)
        n = second & 0x7f
        if n == 126:
            n, = struct.unpack('>H', self.read_exactly(2))
        elif n == 127:
            n, = struct.unpack('>Q', self.read_exactly(8))
        return first & 0x0f, self.read_exactly(n)

    # ---- messages ----

    def say(self, **message):
        self.send_frame(0x81, json.dumps(message).encode())

    def next(self):
        """The next message; pings are answered."""
        while True:
            opcode, payload = self.frame()
            if opcode == 9:
                self.send_frame(0x8a, payload)
            elif opcode == 8:
                raise Closed(struct.unpack('>H', payload[:2])[0] if payload else None)
            elif opcode == 1:
                return json.loads(payload)

    def wait(self, what, seconds=20):
        """The next message for which what(message) is true, and those before it."""
        deadline, before = time.monotonic() + seconds, []
        while time.monotonic() < deadline:
            message = self.next()
            if what(message):
                return message, before
            before.append(message)
        raise AssertionError(f'nothing of it within {seconds} s: {before[-3:]}')

    def topic(self, name):
        """The next message of the topic."""
        return self.wait(lambda message: message.get('topic') == name)[0]

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
