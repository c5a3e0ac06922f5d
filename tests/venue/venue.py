"""What the four venues share: the listening port, TLS, the HTTP loop, the upgrade, who
is subscribed to what, delivery through the faults, and the counting of everything."""
import asyncio
import socket
import ssl
from collections import Counter, deque

from venue.faults import FaultSet, HandshakeRefused, Message, RestCut
from venue.limits import Window
from venue.web import HEAD_MAX, Answer, read_request
from venue.ws import Connection, accept_key, reset_socket


def fresh_socket():
    """Bound to a port nobody has. Without SO_REUSEADDR, under which the kernel may give
    two servers the same port until one of them listens."""
    sock = socket.socket()
    sock.setblocking(False)
    sock.bind(('127.0.0.1', 0))
    return sock


def bind_again(port):
    """Our port once more; OSError while a closed connection still lingers there."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setblocking(False)
    try:
        sock.bind(('127.0.0.1', port))
    except OSError:
        sock.close()
        raise
    return sock


class Venue:
    name = ''           # binance_spot
    attempts_limit = 300

    def __init__(self, world, certificates=None):
        self.world, self.settings = world, world.settings
        self.certificates, self.certificate = certificates, 'good'
        self.faults = FaultSet(self)
        self.markets = {symbol: market for (venue, symbol), market in world.markets.items()
                        if venue == self.name}
        self.subs = {}             # stream: {connection: None}
        self.connections, self.past = {}, deque(maxlen=200)
        self.breaches, self.rest_counts = Counter(), Counter()
        self.attempts = Window(300, lambda: self.settings.attempts * self.attempts_limit // 300)
        self.attempt_times = deque(maxlen=2_000)
        self.numbers = 0
        self.tasks, self.writers = set(), set()
        self.fresh = fresh_socket()
        self.port = self.fresh.getsockname()[1]
        self.reserved = None             # keeps the port while nothing listens
        self.listening = self.accepting = None

    # ---- the port ----

    def listen(self):
        self.listening = self.fresh or bind_again(self.port)
        self.fresh = None
        self.listening.listen(128)
        self.listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.accepting = asyncio.ensure_future(self.accept())

    def unlisten(self):
        if self.listening:
            self.accepting.cancel()
            self.listening.close()
            self.listening = None

    def unplug(self, seconds):
        """Nothing listens, all connections are reset; the world goes on."""
        self.unlisten()
        self.reset_all('unplugged')
        loop = asyncio.get_running_loop()
        loop.call_later(0.02, self.reserve)
        loop.call_later(seconds, self.replug)

    def reserve(self):
        """Holds the port against others' bind; a connect is still refused."""
        if not self.reserved and not self.listening:
            try:
                self.reserved = bind_again(self.port)
            except OSError:
                pass  # then it is only unlikely that somebody takes it

    def replug(self):
        if self.listening:
            return
        try:
            self.listen()
        except OSError:
            asyncio.get_running_loop().call_later(0.05, self.replug)
            return
        if self.reserved:
            self.reserved.close()
            self.reserved = None

    def reset_all(self, reason):
        for conn in list(self.connections.values()):
            conn.reset(reason)
        for writer in list(self.writers):
            reset_socket(writer)

    def stop(self):
        self.unlisten()
        self.reset_all('stopped')
        if self.reserved:
            self.reserved.close()

    async def accept(self):
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(self.listening)
            self.spawn(self.serve(sock))

    def spawn(self, work):
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def serve(self, sock):
        loop = asyncio.get_running_loop()
        sock.setblocking(False)
        reader = asyncio.StreamReader(limit=HEAD_MAX, loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        context = self.certificates.context(self.certificate) if self.certificates else None
        try:
            await self.faults.on_accept(sock)
            transport, _ = await loop.connect_accepted_socket(
                lambda: protocol, sock, ssl=context,
                ssl_handshake_timeout=10 if context else None)
        except HandshakeRefused:
            return
        except (ssl.SSLError, OSError, asyncio.TimeoutError):
            self.rest_counts['tls_failures'] += 1
            sock.close()
            return
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        self.writers.add(writer)
        try:
            await self.talk(reader, writer)
        except (ConnectionError, OSError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            self.writers.discard(writer)
            writer.close()

    async def talk(self, reader, writer):
        """Requests until the end of the connection, or of its being HTTP."""
        while True:
            try:
                request = await read_request(reader)
            except ValueError:
                self.breach('bad_http')
                writer.write(Answer(400, '').bytes(keep=False))
                return
            if request is None:
                return
            if request.is_upgrade:
                await self.upgrade(request, reader, writer)
                return
            await self.answer(request, writer)
            await writer.drain()

    # ---- REST ----

    async def answer(self, request, writer):
        path = request.path
        self.rest_counts['requests'] += 1
        self.rest_counts[f'path {path}'] += 1
        answer = self.limited(request)
        if answer is None:
            try:
                answer = await self.faults.on_rest(request)
                if answer is None:
                    answer = self.respond(request)
                answer = await self.faults.after_rest(request, answer)
            except RestCut as cut:
                writer.write(cut.data)
                await asyncio.sleep(0.05)
                reset_socket(writer)
                raise ConnectionResetError from None
        self.rest_counts[f'status {answer.status}'] += 1
        answer.headers.update(self.limit_headers(request))
        writer.write(answer.bytes(self.world.clock.now_ms() / 1_000))

    def limited(self, request):
        """The answer when the request is one too many."""
        raise NotImplementedError

    def limit_headers(self, request):
        raise NotImplementedError

    def respond(self, request):
        raise NotImplementedError

    # ---- WebSocket ----

    async def upgrade(self, request, reader, writer):
        self.attempt_times.append(self.world.clock.now_ms())
        refused = self.refuse_upgrade(request)
        if refused:
            writer.write(refused.bytes(keep=False))
            return
        key = request.headers.get('sec-websocket-key', '')
        self.numbers += 1
        conn = Connection(self, self.numbers, reader, writer, request.target)
        writer.write(('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n'
                      'Connection: Upgrade\r\n'
                      f'Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n').encode())
        self.connections[conn.number] = conn
        try:
            self.on_open(conn, request)
            await conn.run()
        finally:
            self.forget(conn)

    def refuse_upgrade(self, request):
        now = asyncio.get_running_loop().time()
        if not self.attempts.take(now):
            self.breach('attempts')
            return Answer(self.too_many_attempts, '')
        if 'sec-websocket-key' not in request.headers or request.method != 'GET' or \
                request.headers.get('sec-websocket-version') != '13':
            self.breach('bad_upgrade')
            return Answer(400, '')
        return self.faults.on_upgrade() or self.check_path(request)

    def forget(self, conn):
        self.connections.pop(conn.number, None)
        for stream in conn.topics:
            self.subs.get(stream, {}).pop(conn, None)
        self.past.append(self.describe(conn))

    def join(self, conn, stream):
        self.subs.setdefault(stream, {})[conn] = None

    def leave(self, conn, stream):
        conn.topics.pop(stream, None)
        self.subs.get(stream, {}).pop(conn, None)

    def wanted(self, stream):
        return bool(self.subs.get(stream))

    def breach(self, what):
        self.breaches[what] += 1

    # ---- delivery ----

    def publish(self, kind, symbol, stream, text):
        """text: the stream's payload. Goes out at the end of the tick."""
        if not self.subs.get(stream):
            return
        if not self.faults.on_messages:
            self.deliver(stream, text)
            return
        for message in self.faults.pass_on(Message(kind, symbol, stream, text)):
            self.send_message(message)

    def send_message(self, message):
        if message.delay_s:
            loop = asyncio.get_running_loop()
            delay_s, message.delay_s = message.delay_s, 0
            loop.call_later(delay_s, self.send_message, message)
        elif message.shape is None:
            self.deliver(message.stream, message.text, message.conns)
        else:
            subscribed = self.subs.get(message.stream, ())
            for conn in list(subscribed if message.conns is None else message.conns):
                message.shape(conn, self.wire_text(conn, message.stream, message.text))

    def deliver(self, stream, text, conns=None):
        """To all subscribers, or to these connections alone."""
        raise NotImplementedError

    def wire_text(self, conn, stream, text):
        return text

    def on_tick(self, now):
        for conn in list(self.connections.values()):
            if conn.acks:
                self.send_acks(conn)
            conn.flush()

    def send_acks(self, conn):
        pass

    def message_limit(self):
        return 0

    # ---- GET /state ----

    def describe(self, conn):
        loop_now = asyncio.get_running_loop().time()
        return {'number': conn.number, 'path': conn.path, 'topics': len(conn.topics),
                'streams': sorted(conn.topics)[:64], 'age_s': round(loop_now - conn.opened, 3),
                'quiet_s': round(loop_now - conn.heard, 3), 'closed': conn.closed,
                **conn.counts}

    def state(self):
        now = asyncio.get_running_loop().time()
        return {'port': self.port, 'listening': self.listening is not None,
                'connections': [self.describe(c) for c in self.connections.values()],
                'past': list(self.past), 'opened': self.numbers,
                'attempts': list(self.attempt_times),
                'attempts_5min': self.attempts.used(now),
                'breaches': dict(self.breaches), 'rest': dict(self.rest_counts),
                'certificate': self.certificate}
