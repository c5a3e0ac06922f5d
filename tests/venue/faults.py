"""Everything that can be made to go wrong, as one table. A fault that lasts has
`seconds`, or a `count` of the things it touches; without either it lasts until it is
cleared. Delivery faults narrow by `symbol`, by `stream` (a class like aggTrade,
bookTicker, depth, kline, markPrice, publicTrade, tickers, orderbook, or a part of the
stream's name) and by `conns` (newest, oldest), REST faults by `path` (a part of it)."""
import asyncio
import random

from venue import nasty
from venue.web import Answer, dumps
from venue.ws import linger_off

MESSAGE_FAULTS = {'silence', 'duplicate', 'reorder', 'late', 'half', 'cut', 'fragment',
                  'malformed', 'unknown', 'absurd', 'bad_frame'}
REST_FAULTS = {'rest_slow', 'rest_error', 'rest_limit', 'rest_cut', 'rest_garbage'}
STATE_FAULTS = {'gap', 'rest_lag', 'refuse', 'refuse_http', 'no_ack', 'refuse_subscribe',
                'no_pong', 'slow_handshake'}


class HandshakeRefused(Exception):
    """The connection was reset before anything was said."""


class RestCut(Exception):
    """The answer is to break off behind .data."""

    def __init__(self, data):
        super().__init__('cut')
        self.data = data


class Message:
    """A stream's payload on its way out. shape: how its bytes leave, None as a frame.
    conns: to whom, None to all subscribers."""
    __slots__ = ('kind', 'symbol', 'stream', 'text', 'shape', 'delay_s', 'conns')

    def __init__(self, kind, symbol, stream, text, conns=None):
        self.kind, self.symbol, self.stream, self.text = kind, symbol, stream, text
        self.shape, self.delay_s, self.conns = None, 0, conns

    def like(self, text):
        return Message(self.kind, self.symbol, self.stream, text, self.conns)


class Fault:
    def __init__(self, number, name, params):
        self.number, self.name, self.params = number, name, params
        self.left = int(params['count']) if 'count' in params else None
        self.until = None
        if 'seconds' in params:
            self.until = asyncio.get_running_loop().time() + float(params['seconds'])
        self.touched = 0
        self.held = []  # reorder: messages waiting for company
        self.rng = random.Random(int(params.get('seed', number)))

    @property
    def over(self):
        return self.left == 0 or (self.until is not None and
                                  asyncio.get_running_loop().time() >= self.until)

    def touch(self):
        self.touched += 1
        if self.left is not None:
            self.left -= 1

    def fits(self, kind, symbol, stream):
        wanted, part = self.params.get('symbol', ''), self.params.get('stream', '')
        if wanted and symbol not in (wanted.upper(), wanted.upper() + 'USDT'):
            return False
        return not part or part == kind or part in stream

    def describe(self):
        return {'id': self.number, 'fault': self.name, 'touched': self.touched,
                'left': self.left, **self.params}


class FaultSet:
    """The lasting faults of one venue, by where they bite."""

    def __init__(self, venue):
        self.venue = venue
        self.on_messages, self.on_rests, self.states = [], [], []

    def add(self, fault):
        kind = self.on_messages if fault.name in MESSAGE_FAULTS else \
            self.on_rests if fault.name in REST_FAULTS else self.states
        kind.append(fault)

    def all(self):
        return [f for f in self.on_messages + self.on_rests + self.states if not f.over]

    def clear(self, number=None):
        for faults in (self.on_messages, self.on_rests, self.states):
            for fault in [f for f in faults if number in (None, f.number)]:
                faults.remove(fault)
                self.release(fault)

    def release(self, fault):
        for message in fault.held:
            self.venue.send_message(message)
        fault.held.clear()

    def live(self, faults):
        """Those still on; what is over leaves the list, and lets go of what it held."""
        for fault in [f for f in faults if f.over]:
            faults.remove(fault)
            self.release(fault)
        return faults

    def state(self, name):
        """The first lasting fault of the name, touched."""
        for fault in self.live(self.states):
            if fault.name == name:
                fault.touch()
                return fault
        return None

    # ---- the stream ----

    def keeps_trade(self, market, trade_id):
        """False for a trade that is made and never sent."""
        if not self.states:
            return True
        for fault in self.live(self.states):
            if fault.name == 'gap' and fault.fits('', market.spec.symbol, ''):
                fault.touch()
                return False
        return True

    def pass_on(self, message):
        messages = [message]
        for fault in list(self.live(self.on_messages)):
            passed = []
            for one in messages:
                if fault.over or one.shape or not fault.fits(one.kind, one.symbol, one.stream):
                    passed.append(one)
                    continue
                one = self.narrow(fault, one, passed)
                if one:
                    fault.touch()
                    passed += nasty.MESSAGE[fault.name](fault, one)
            messages = passed
        return messages

    def narrow(self, fault, message, passed):
        """With `conns`, the others get the message untouched; None: nobody is hit."""
        if 'conns' not in fault.params:
            return message
        hit = chosen(self.venue, fault.params)
        everyone = self.venue.subs[message.stream] if message.conns is None else message.conns
        rest = message.like(message.text)
        rest.conns = [conn for conn in everyone if conn not in hit]
        message.conns = [conn for conn in everyone if conn in hit]
        passed.append(rest)
        return message if message.conns else None

    def on_ack(self):
        if self.state('no_ack'):
            return 'silent'
        return 'refuse' if self.state('refuse_subscribe') else ''

    def on_pong(self):
        return self.state('no_pong') is not None

    # ---- connections ----

    async def on_accept(self, sock):
        slow = self.state('slow_handshake')
        if slow:
            await asyncio.sleep(float(slow.params.get('delay_s', 5)))
        if self.state('refuse'):
            linger_off(sock)
            sock.close()
            raise HandshakeRefused

    def on_upgrade(self):
        fault = self.state('refuse_http')
        if not fault:
            return None
        return Answer(int(fault.params.get('status', 503)), '<html>no</html>',
                      kind='text/html')

    # ---- REST ----

    def rest_end(self, market):
        """Id behind the last one REST shows: it may lag behind the stream."""
        for fault in self.live(self.states):
            if fault.name == 'rest_lag' and fault.fits('', market.spec.symbol, ''):
                lag_ms = float(fault.params.get('lag_s', 2)) * 1_000
                return market.trades.from_time(int(self.venue.world.clock.world_ms() - lag_ms))
        return market.trades.next_id

    def rest_faults(self, request, names):
        return [f for f in self.live(self.on_rests)
                if f.name in names and f.params.get('path', '') in request.path]

    async def on_rest(self, request):
        for fault in self.rest_faults(request, ('rest_slow', 'rest_error', 'rest_limit')):
            fault.touch()
            if fault.name == 'rest_slow':
                await asyncio.sleep(float(fault.params.get('delay_s', 5)))
            elif fault.name == 'rest_error':
                return Answer(int(fault.params.get('status', 500)),
                              fault.params.get('body', '<html><h1>Server Error</h1></html>'),
                              kind=fault.params.get('type', 'text/html'))
            else:
                return self.limited(fault)
        return None

    def limited(self, fault):
        status = int(fault.params.get('status', 429))
        wait = str(fault.params.get('retry_after', 5))
        if status == 10_006:
            reset = str(self.venue.world.clock.now_ms() + int(float(wait) * 1_000))
            text = dumps({'retCode': 10_006, 'retMsg': 'Too many visits!', 'result': {},
                          'retExtInfo': {}, 'time': self.venue.world.clock.now_ms()})
            return Answer(200, text, {'X-Bapi-Limit-Status': '0',
                                      'X-Bapi-Limit-Reset-Timestamp': reset})
        headers = {} if wait == 'none' else {'Retry-After': wait}
        return Answer(status, dumps({'code': -1003, 'msg': 'Too many requests.'}), headers)

    async def after_rest(self, request, answer):
        for fault in self.rest_faults(request, ('rest_cut', 'rest_garbage')):
            fault.touch()
            if fault.name == 'rest_cut':
                data = answer.bytes()
                raise RestCut(data[:-max(1, len(answer.body) // 2)])
            return nasty.garbage(fault, answer)
        return answer


# ---- faults that happen at once ----

def chosen(venue, params):
    """conns: all, newest, oldest."""
    conns = [c for c in venue.connections.values() if not c.gone]
    which = params.get('conns', 'all')
    return conns if which == 'all' else conns[-1:] if which == 'newest' else conns[:1]


def do_close(venue, params):
    for conn in chosen(venue, params):
        conn.close(int(params.get('code', 1001)), params.get('reason', 'going away'))


def do_rst(venue, params):
    for conn in chosen(venue, params):
        conn.reset('fault rst')


def do_drop(venue, params):
    for conn in chosen(venue, params):
        conn.abort('fault drop')


def do_freeze(venue, params):
    """Half-open: TCP stays, nothing is read, answered or sent any more."""
    for conn in chosen(venue, params):
        conn.frozen = True
        if 'seconds' in params:
            asyncio.get_running_loop().call_later(float(params['seconds']), thaw, conn)


def thaw(conn):
    conn.frozen = False
    conn.flush()


def do_unplug(venue, params):
    venue.unplug(float(params.get('seconds', 5)))


def do_shutdown(venue, params):
    """serverShutdown now, the cut notice_s later; Bybit only cuts."""
    for conn in chosen(venue, params):
        notice_s = float(params.get('notice_s', 10))
        if hasattr(venue, 'notify'):
            venue.notify(conn, notice_s)
        else:
            asyncio.get_running_loop().call_later(notice_s, conn.close, 1001, 'shutdown')


def do_life_cut(venue, params):
    for conn in chosen(venue, params):
        conn.close(1001, 'end of life')


def do_certificate(venue, params):
    """For connections from now on: good, wrong_ca, wrong_name, expired."""
    which = params.get('which', 'wrong_ca')
    if not venue.certificates or which not in venue.certificates.names:
        raise ValueError(f'no certificate {which}')
    venue.certificate = which


def do_bad_ping(venue, params):
    """A server ping of so many bytes, answered or not: what does the client do?"""
    for conn in chosen(venue, params):
        payload = b'p' * int(params.get('bytes', 125))
        conn.pings[payload] = asyncio.get_running_loop().time()
        conn.send(nasty.raw_ping(payload))
        conn.flush()


VENUE_NOW = {'close': do_close, 'rst': do_rst, 'drop': do_drop, 'freeze': do_freeze,
             'unplug': do_unplug, 'shutdown': do_shutdown, 'life_cut': do_life_cut,
             'certificate': do_certificate, 'ping': do_bad_ping}
