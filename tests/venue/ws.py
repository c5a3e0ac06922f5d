"""The server's half of RFC 6455, by hand: so that every rule can be broken on purpose.
A Connection reads masked client frames, answers pings, checks pongs and counts; what a
message means is its venue's business. Data leaves at the end of a tick, in order."""
import asyncio
import base64
import hashlib
import os
import socket
import struct
from collections import deque

GUID = b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
MESSAGE_MAX = 1 << 20
WAITING_MAX = 32 << 20  # bytes a client that does not read may leave here


class ProtocolError(Exception):
    """What the client did wrong; args: close code, reason."""


def accept_key(key):
    return base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()


def frame(payload, opcode=TEXT, fin=True, bits=0):
    """A server frame: not masked."""
    head = bytes([(0x80 if fin else 0) | bits | opcode])
    n = len(payload)
    if n < 126:
        return head + bytes([n]) + payload
    if n < 65_536:
        return head + b'\x7e' + struct.pack('>H', n) + payload
    return head + b'\x7f' + struct.pack('>Q', n) + payload


def unmask(payload, mask):
    n = len(payload)
    if not n:
        return payload
    keys = int.from_bytes((mask * (n // 4 + 1))[:n], 'big')
    return (int.from_bytes(payload, 'big') ^ keys).to_bytes(n, 'big')


class Pieces:
    """Bytes that leave one by one with a pause between; all else waits behind them."""

    def __init__(self, data, pause_s, then_reset=False):
        self.data, self.pause_s, self.then_reset = data, pause_s, then_reset

    def __len__(self):
        return sum(map(len, self.data))


class Connection:
    def __init__(self, venue, number, reader, writer, path):
        self.venue, self.number, self.path = venue, number, path
        self.reader, self.writer = reader, writer
        self.out, self.waiting = deque(), 0
        self.held = False      # pieces of a frame are under way: nothing may come between
        self.frozen = False    # half-open: nothing is read, nothing is sent
        self.closing = self.gone = False
        self.topics, self.arg_chars = {}, 0
        self.combined = False
        self.acks = []         # (deadline, text): Bybit's, sent after the first data
        self.pings = {}        # payload: when it was sent, in order
        self.answered = deque(maxlen=16)
        self.recent = deque()  # arrival times of the last second
        self.opened = self.heard = asyncio.get_running_loop().time()
        self.pinged, self.notified = self.opened, None
        self.counts = dict.fromkeys(('messages_in', 'text_in', 'pings_in', 'pongs_in',
                                     'wrong_pongs', 'messages_out', 'bytes_out', 'pings_out',
                                     'peak_in_a_second'), 0)
        self.closed = None     # (code, who, reason)

    # ---- out ----

    def send(self, data):
        """A whole frame, bytes meant to look like one, or Pieces."""
        if self.gone or self.closing:
            return
        self.out.append(data)
        self.waiting += len(data)
        self.counts['messages_out'] += 1
        if self.waiting > WAITING_MAX and self.frozen:
            self.out.pop()  # nobody hears it anyway
            self.waiting -= len(data)
        elif self.waiting > WAITING_MAX:
            self.venue.breach('slow_reader')
            self.abort('slow reader')

    def send_text(self, text):
        self.send(frame(text.encode()))

    def flush(self):
        """Writes what waits, in order, up to the next Pieces."""
        if not self.out or self.held or self.frozen or self.gone:
            return
        whole = []
        while self.out and not self.held:
            item = self.out.popleft()
            if isinstance(item, Pieces):
                self.held = True
                self.venue.spawn(self.send_pieces(item))
            else:
                whole.append(item)
        data = b''.join(whole)
        self.waiting = self.writer.transport.get_write_buffer_size()
        self.counts['bytes_out'] += len(data)
        self.writer.write(data)

    async def send_pieces(self, pieces):
        for i, data in enumerate(pieces.data):
            if i:
                await asyncio.sleep(pieces.pause_s)
            if self.gone:
                return
            self.writer.write(data)
        if pieces.then_reset:
            await asyncio.sleep(pieces.pause_s)
            self.reset('cut in a frame')
        self.held = False
        self.flush()

    def ping(self, now):
        payload = os.urandom(6).hex().encode()
        self.pings[payload] = now
        self.pinged = now
        self.counts['pings_out'] += 1
        self.send(frame(payload, PING))

    # ---- the end ----

    def close(self, code, reason):
        """A close frame, then the TCP connection once the client answered, or soon."""
        if self.gone or self.closing:
            return
        self.send(frame(struct.pack('>H', code) + reason.encode(), CLOSE))
        self.flush()
        self.closing, self.closed = True, (code, 'venue', reason)
        asyncio.get_running_loop().call_later(2, self.abort, reason)

    def abort(self, reason):
        """Closes TCP without a close frame."""
        if self.gone:
            return
        self.gone = True
        self.closed = self.closed or (1006, 'venue', reason)
        if self.out:
            self.writer.transport.abort()
        else:
            self.writer.close()

    def reset(self, reason):
        """TCP RST."""
        if self.gone:
            return
        reset_socket(self.writer)
        self.gone = True
        self.closed = self.closed or (1006, 'venue', reason)

    # ---- in ----

    async def run(self):
        try:
            while not self.gone:
                await self.read_message()
        except ProtocolError as error:
            self.venue.breach('protocol')
            self.close(error.args[0], error.args[1])
            await asyncio.sleep(0.2)
        except (asyncio.IncompleteReadError, ConnectionError, OSError):
            self.closed = self.closed or (1006, 'client', 'TCP ended')
        finally:
            if not self.gone:
                self.gone = True
                self.writer.close()

    async def read_frame(self):
        head = await self.reader.readexactly(2)
        while self.frozen:
            await asyncio.sleep(0.05)
        if head[0] & 0x70:
            raise ProtocolError(1002, 'reserved bits')
        if not head[1] & 0x80:
            raise ProtocolError(1002, 'not masked')
        n, opcode = head[1] & 0x7F, head[0] & 15
        if n == 126:
            n, = struct.unpack('>H', await self.reader.readexactly(2))
        elif n == 127:
            n, = struct.unpack('>Q', await self.reader.readexactly(8))
        if opcode >= CLOSE and (n > 125 or not head[0] & 0x80):
            raise ProtocolError(1002, 'bad control frame')
        if n > MESSAGE_MAX:
            raise ProtocolError(1009, 'too long')
        mask = await self.reader.readexactly(4)
        return bool(head[0] & 0x80), opcode, unmask(await self.reader.readexactly(n), mask)

    async def read_message(self):
        """One message with its fragments; control frames between them are dealt with."""
        parts, kind = [], None
        while not self.gone:
            fin, opcode, payload = await self.read_frame()
            if opcode >= CLOSE:
                self.take_control(opcode, payload)
                continue
            if (opcode == 0) == (kind is None):
                raise ProtocolError(1002, 'fragments out of order')
            kind = kind or opcode
            parts.append(payload)
            if not fin:
                continue
            self.take_data(kind, b''.join(parts))
            return

    def take_control(self, opcode, payload):
        if opcode == CLOSE:
            self.take_close(payload)
        elif opcode == PING:
            self.counts['pings_in'] += 1
            if self.count_in():
                self.send(frame(payload, PONG))
                self.flush()
        elif opcode == PONG:
            self.counts['pongs_in'] += 1
            if self.count_in():
                self.take_pong(payload)
        else:
            raise ProtocolError(1002, 'unknown opcode')

    def take_pong(self, payload):
        """A pong answers its ping and, as RFC 6455 allows, those before it."""
        if payload in self.pings:
            self.answered.append(payload)
            for sent in list(self.pings):
                del self.pings[sent]
                if sent == payload:
                    break
        elif payload and payload not in self.answered:
            self.counts['wrong_pongs'] += 1
            self.venue.breach('wrong_pong')
            self.close(1008, 'Pong payload differs')

    def take_close(self, payload):
        code = struct.unpack('>H', payload[:2])[0] if len(payload) > 1 else 1005
        reason = payload[2:].decode(errors='replace')
        if not self.closing:
            self.closed = (code, 'client', reason)
            self.send(frame(payload[:2], CLOSE))
            self.flush()
        self.gone = True
        self.writer.close()

    def take_data(self, kind, payload):
        self.counts['text_in'] += 1
        if not self.count_in():
            return
        if kind != TEXT:
            raise ProtocolError(1003, 'binary')
        try:
            self.venue.on_text(self, payload.decode())
        except UnicodeDecodeError:
            raise ProtocolError(1007, 'not UTF-8') from None

    def count_in(self):
        """Pings, pongs and JSON alike; False when it was one too many."""
        now = asyncio.get_running_loop().time()
        self.heard = now
        self.counts['messages_in'] += 1
        recent = self.recent
        while recent and recent[0] <= now - 1:
            recent.popleft()
        recent.append(now)
        self.counts['peak_in_a_second'] = max(len(recent), self.counts['peak_in_a_second'])
        limit = self.venue.message_limit()
        if limit and len(recent) > limit and not self.closing:
            self.venue.breach('message_rate')
            self.close(1008, 'Too many requests')
        return not self.closing and not self.gone


def linger_off(sock):
    """The next close of the socket is an RST."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    except OSError:
        pass  # it is closed already


def reset_socket(writer):
    """Ends the connection with RST instead of FIN."""
    sock = writer.get_extra_info('socket')
    if sock is not None:
        linger_off(sock)
    writer.transport.abort()
