"""Binance's streams, spot and USD-M futures: stream names, payloads, SUBSCRIBE, pings,
the 24 hour life, the message rate."""
import asyncio
import json

from venue.amounts import fixed
from venue.trades import BUY
from venue.venue import Venue
from venue.web import Answer, dumps
from venue.ws import frame

INTERVALS = {'1m': 1, '3m': 3, '5m': 5, '15m': 15, '30m': 30, '1h': 60, '2h': 120, '4h': 240,
             '6h': 360, '8h': 480, '12h': 720, '1d': 1_440}
PUBLIC = ('bookTicker', 'depth')
MARKET = ('aggTrade', 'markPrice', 'kline_', 'ticker', 'miniTicker', 'forceOrder')
DEPTH_TENTHS = {'@100ms': 1, '@250ms': 3, '@500ms': 5, '@1000ms': 10, '@0ms': 1}


def stream_class(stream):
    """public, market or None, by what follows the symbol."""
    rest = stream[1:] if stream.startswith('!') else stream.partition('@')[2]
    if rest.startswith(PUBLIC):
        return 'public'
    return 'market' if rest.startswith(MARKET) else None


class BinanceStreams(Venue):
    """spot is set by the class that serves it."""
    spot = True
    too_many_attempts = 429

    def __init__(self, world, certificates=None):
        super().__init__(world, certificates)
        self.forced = {}   # symbol: the latest liquidation of this second
        self.diffs = {}    # stream: [U, pu, bids, asks, last update in it]
        self.lower = {symbol.lower(): market for symbol, market in self.markets.items()}
        self.intervals = {}  # interval: how many streams ever asked for it

    # ---- connections ----

    def base_of(self, path):
        """(base, rest): base is '' (spot, or the old silent one), public, market, private."""
        if not self.spot:
            for base in ('public', 'market', 'private'):
                if path.startswith(f'/{base}/'):
                    return base, path[len(base) + 1:]
        return '', path

    def streams_of(self, request):
        base, rest = self.base_of(request.path)
        if rest.startswith('/stream'):
            query = request.query.get('streams', '')
            return base, True, [s for s in query.split('/') if s]
        return base, False, [s for s in rest[3:].split('/') if s]

    def check_path(self, request):
        _, rest = self.base_of(request.path)
        if rest not in ('/stream', '/ws') and not rest.startswith('/ws/'):
            return Answer(404, '')
        if len(self.streams_of(request)[2]) > self.streams_limit():
            self.breach('streams')
            return Answer(400, dumps({'code': 2, 'msg': 'Invalid request: too many streams'}))
        return None

    def on_open(self, conn, request):
        conn.base, conn.combined, streams = self.streams_of(request)
        for stream in streams:
            self.subscribe(conn, stream)

    def subscribe(self, conn, stream):
        """Unknown streams and those of another base are taken, and nothing comes."""
        conn.topics[stream] = None
        if self.serves(conn.base, stream):
            self.join(conn, stream)

    def serves(self, base, stream):
        kind = stream_class(stream)
        if kind is None or (self.spot and ('markPrice' in stream or 'forceOrder' in stream)):
            return False
        if not self.spot and base != kind:
            return False
        name, _, rest = stream.partition('@')
        if rest.startswith('kline_') and rest[6:] in INTERVALS:
            self.intervals[rest[6:]] = INTERVALS[rest[6:]]
        return stream.startswith('!') or name in self.lower

    def streams_limit(self):
        return self.settings.streams_spot if self.spot else self.settings.streams_perp

    def message_limit(self):
        return self.settings.messages_spot if self.spot else self.settings.messages_perp

    # ---- requests over the stream ----

    def on_text(self, conn, text):
        try:
            request = json.loads(text)
            method, number = request['method'], request.get('id')
            params = request.get('params') or []
        except (ValueError, KeyError, TypeError, AttributeError):
            self.breach('bad_request')
            self.reply(conn, {'error': {'code': 3, 'msg': 'Invalid JSON: expected value at '
                                        'line 1 column 1'}, 'id': None})
            return
        if method == 'SUBSCRIBE':
            self.on_subscribe(conn, params, number)
        elif method == 'UNSUBSCRIBE':
            for stream in params:
                self.leave(conn, stream)
            self.reply(conn, {'result': None, 'id': number})
        elif method == 'LIST_SUBSCRIPTIONS':
            self.reply(conn, {'result': list(conn.topics), 'id': number})
        else:
            self.refuse(conn, number, f'unknown variant `{method}`, expected one of '
                        '`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`')

    def refuse(self, conn, number, why, breach='bad_request'):
        if breach:
            self.breach(breach)
        self.reply(conn, {'error': {'code': 2, 'msg': f'Invalid request: {why}'}, 'id': number})

    def on_subscribe(self, conn, params, number):
        if not all(isinstance(stream, str) for stream in params):
            self.refuse(conn, number, 'params must be strings')
            return
        if len(set(conn.topics) | set(params)) > self.streams_limit():
            self.refuse(conn, number, 'too many parameters', 'streams')
            return
        answer = self.faults.on_ack()
        if answer == 'refuse':
            self.refuse(conn, number, 'refused by a fault', None)
            return
        for stream in params:
            self.subscribe(conn, stream)
        if answer != 'silent':
            self.reply(conn, {'result': None, 'id': number})

    def reply(self, conn, value):
        conn.send_text(dumps(value))
        conn.flush()

    # ---- out ----

    def wire_text(self, conn, stream, text):
        return f'{{"stream":"{stream}","data":{text}}}' if conn.combined else text

    def deliver(self, stream, text, conns=None):
        raw = wrapped = None
        for conn in self.subs.get(stream, ()) if conns is None else conns:
            if conn.combined:
                wrapped = wrapped or frame(f'{{"stream":"{stream}","data":{text}}}'.encode())
                conn.send(wrapped)
            else:
                raw = raw or frame(text.encode())
                conn.send(raw)

    def on_trades(self, market, first, end):
        stream = f'{market.spec.symbol.lower()}@aggTrade'
        if not self.wanted(stream):
            return
        now, spec, symbol = self.world.clock.now_ms(), market.spec, market.spec.symbol
        for trade_id in range(first, end):
            if not self.faults.keeps_trade(market, trade_id):
                continue
            _, t_ms, price, qty, flags = market.trades.row(trade_id)
            head = f'{{"e":"aggTrade","E":{now},'
            tail = (f'"f":{trade_id * 3},"l":{trade_id * 3 + trade_id % 3},"T":{t_ms},'
                    f'"m":{"false" if flags & BUY else "true"}')
            price, qty = spec.price(price), spec.qty(qty)
            if self.spot:
                text = (f'{head}"s":"{symbol}","a":{trade_id},"p":"{price}","q":"{qty}",'
                        f'{tail},"M":true}}')
            else:
                text = (f'{head}"a":{trade_id},"s":"{symbol}","p":"{price}","q":"{qty}",'
                        f'"nq":"{qty}",{tail},"st":1}}')
            self.publish('aggTrade', symbol, stream, text)

    # ---- books ----

    def depth_streams(self, lower):
        return [s for s, conns in self.subs.items()
                if conns and s.startswith(lower) and s[len(lower):].startswith(
                    ('@depth', '@bookTicker'))]

    def on_tenth(self, tenth):
        now = asyncio.get_running_loop().time()
        for conn in list(self.connections.values()):
            if not conn.frozen:
                self.tend(conn, now)
        for lower, market in self.lower.items():
            streams = self.depth_streams(lower)
            if not streams or market.status != 'trading':
                continue
            before = market.book.update
            bids, asks = market.book.step(*market.last)
            for stream in streams:
                if stream.endswith('@bookTicker'):
                    self.publish_top(market, stream)
                elif stream[len(lower) + 6:].startswith(('5', '10', '20')):
                    self.publish_partial(market, stream)
                else:
                    self.publish_diff(market, stream, before, bids, asks, tenth)

    def publish_top(self, market, stream):
        spec, now = market.spec, self.world.clock.now_ms()
        bid, bid_qty, ask, ask_qty = market.book.top()
        event = {} if self.spot else {'e': 'bookTicker'}
        event |= {'u': market.book.update, 's': spec.symbol, 'b': spec.price(bid),
                  'B': spec.qty(bid_qty), 'a': spec.price(ask), 'A': spec.qty(ask_qty)}
        if not self.spot:
            event |= {'T': now - 1, 'E': now}
        self.publish('bookTicker', spec.symbol, stream, dumps(event))

    def texts(self, market, levels):
        return [[market.spec.price(p), market.spec.qty(q)] for p, q in levels]

    def publish_partial(self, market, stream):
        n = int(stream.split('@')[1][5:])
        bids, asks = market.book.levels(n)
        bids, asks = self.texts(market, bids), self.texts(market, asks)
        now, update = self.world.clock.now_ms(), market.book.update
        event = {'lastUpdateId': update, 'bids': bids, 'asks': asks} if self.spot else {
            'e': 'depthUpdate', 'E': now, 'T': now - 1, 's': market.spec.symbol, 'U': update,
            'u': update, 'pu': update - 1, 'b': bids, 'a': asks}
        self.publish('depth', market.spec.symbol, stream, dumps(event))

    def publish_diff(self, market, stream, before, bids, asks, tenth):
        """A slower stream gathers the changes of its period."""
        diff = self.diffs.get(stream)
        if diff is None or diff[4] != before:
            diff = self.diffs[stream] = [before + 1, before, {}, {}, before]
        diff[2].update(bids)
        diff[3].update(asks)
        diff[4] = market.book.update
        speed = '@' + stream.split('@')[2] if stream.count('@') > 1 else \
            ('@1000ms' if self.spot else '@250ms')
        if tenth % DEPTH_TENTHS.get(speed, 1):
            return
        now, update = self.world.clock.now_ms(), market.book.update
        event = {'e': 'depthUpdate', 'E': now}
        if not self.spot:
            event['T'] = now - 1
        event |= {'s': market.spec.symbol, 'U': diff[0], 'u': update}
        if not self.spot:
            event['pu'] = diff[1]
        event |= {'b': self.texts(market, sorted(diff[2].items(), reverse=True)),
                  'a': self.texts(market, sorted(diff[3].items()))}
        self.diffs[stream] = [update + 1, update, {}, {}, update]
        self.publish('depth', market.spec.symbol, stream, dumps(event))

    # ---- once a second, once a minute ----

    def on_second(self, second):
        self.flush_forced()
        for lower, market in self.lower.items():
            if market.status == 'gone':
                continue
            self.publish_mark(lower, market, second)
            self.publish_tickers(lower, market, second)
            for interval in self.intervals:
                self.publish_kline(lower, market, interval, second // 60, False)
        self.publish_arrays(second)

    def tend(self, conn, now):
        """Pings, and the ends that time brings."""
        settings = self.settings
        every = settings.ping_spot_s if self.spot else settings.ping_perp_s
        within = settings.pong_spot_s if self.spot else settings.pong_perp_s
        if any(now - sent > within for sent in conn.pings.values()):
            self.breach('pong_timeout')
            conn.abort('no pong')
            return
        if now - conn.pinged >= every:
            conn.ping(now)
        left = settings.life_s - (now - conn.opened)
        if left <= settings.notice_s and conn.notified is None:
            self.notify(conn, max(0, left))
        if conn.notified is not None and now >= conn.notified:
            conn.close(1001, 'end of life')

    def notify(self, conn, seconds):
        """serverShutdown now, the cut so many seconds later."""
        event = dumps({'e': 'serverShutdown', 'E': self.world.clock.now_ms()})
        conn.notified = asyncio.get_running_loop().time() + seconds
        conn.send_text(event)

    def on_minute(self, minute):
        for lower, market in self.lower.items():
            for interval, minutes in self.intervals.items():
                if minute % minutes == 0:
                    self.publish_kline(lower, market, interval, minute - minutes, True)

    def publish_kline(self, lower, market, interval, minute, closed):
        stream = f'{lower}@kline_{interval}'
        if not self.wanted(stream):
            return
        minutes, spec = INTERVALS[interval], market.spec
        start = minute // minutes * minutes
        bar = market.bars_over(start, minutes, self.world.minute)
        first = market.trades.from_time(start * 60_000)
        end = market.trades.from_time((start + minutes) * 60_000)
        k = {'t': start * 60_000, 'T': (start + minutes) * 60_000 - 1, 's': spec.symbol,
             'i': interval, 'f': first * 3 if end > first else -1,
             'L': end * 3 - 1 if end > first else -1, 'o': spec.price(bar[0]),
             'c': spec.price(bar[3]), 'h': spec.price(bar[1]), 'l': spec.price(bar[2]),
             'v': spec.qty(bar[4]), 'n': bar[8], 'x': closed, 'q': spec.quote(bar[5]),
             'V': spec.qty(bar[6]), 'Q': spec.quote(bar[7]), 'B': '0'}
        event = {'e': 'kline', 'E': self.world.clock.now_ms(), 's': spec.symbol, 'k': k}
        self.publish('kline', spec.symbol, stream, dumps(event))

    def mark_event(self, market):
        now = self.world.clock.now_ms()
        mark, index = market.mark(now)
        rate, following = market.funding(now)
        sign = '-' if rate < 0 else ''
        return {'e': 'markPriceUpdate', 'E': now, 's': market.spec.symbol,
                'p': fixed(mark, 8), 'i': fixed(index, 8), 'P': fixed(mark, 8),
                'r': sign + fixed(abs(rate), 8), 'T': following}

    def publish_mark(self, lower, market, second):
        if self.spot:
            return
        for stream, every in ((f'{lower}@markPrice@1s', 1), (f'{lower}@markPrice', 3)):
            if self.wanted(stream) and second % every == 0:
                self.publish('markPrice', market.spec.symbol, stream,
                             dumps(self.mark_event(market)))

    def ticker_event(self, market, mini):
        spec, now = market.spec, self.world.clock.now_ms()
        bar = market.day_bar(self.world.minute)
        change = bar[3] - bar[0]
        sign = '-' if change < 0 else ''
        percent = f'{sign}{abs(change) * 10_000 // bar[0] / 100:.3f}'
        event = {'e': '24hrMiniTicker' if mini else '24hrTicker', 'E': now, 's': spec.symbol}
        if not mini:
            event |= {'p': sign + spec.price(abs(change)), 'P': percent,
                      'w': spec.price(bar[5] // max(1, bar[4]))}
        event |= {'c': spec.price(bar[3]), 'o': spec.price(bar[0]), 'h': spec.price(bar[1]),
                  'l': spec.price(bar[2]), 'v': spec.qty(bar[4]), 'q': spec.quote(bar[5])}
        if not mini:
            last = market.trades.next_id - 1
            event |= {'Q': '1', 'O': now - 86_400_000, 'C': now, 'F': (last - bar[8]) * 3,
                      'L': last * 3, 'n': bar[8]}
        return event

    def publish_tickers(self, lower, market, second):
        for name, mini in (('ticker', False), ('miniTicker', True)):
            stream = f'{lower}@{name}'
            if self.wanted(stream) and (self.spot or second % 2 == 0):
                self.publish('ticker', market.spec.symbol, stream,
                             dumps(self.ticker_event(market, mini)))

    def publish_arrays(self, second):
        for stream, make in (('!ticker@arr', lambda m: self.ticker_event(m, False)),
                             ('!miniTicker@arr', lambda m: self.ticker_event(m, True)),
                             ('!markPrice@arr@1s', self.mark_event),
                             ('!markPrice@arr', self.mark_event)):
            if self.wanted(stream) and (stream != '!markPrice@arr' or second % 3 == 0):
                events = [make(m) for m in self.markets.values() if m.status != 'gone']
                self.publish(stream[1:].split('@')[0], '', stream, dumps(events))

    # ---- liquidations ----

    def on_liquidation(self, market, event):
        """Only the latest of a symbol and second is ever sent."""
        self.forced[market.spec.symbol] = market, event

    def flush_forced(self):
        for symbol, (market, (t_ms, is_long, qty, price)) in self.forced.items():
            spec = market.spec
            order = {'s': symbol, 'S': 'SELL' if is_long else 'BUY', 'o': 'LIMIT', 'f': 'IOC',
                     'q': spec.qty(qty), 'p': spec.price(price * 99 // 100 // spec.tick
                                                         * spec.tick),
                     'ap': spec.price(price), 'X': 'FILLED', 'l': spec.qty(qty),
                     'z': spec.qty(qty), 'T': t_ms, 'ps': symbol, 'st': 1}
            text = dumps({'e': 'forceOrder', 'E': self.world.clock.now_ms(), 'o': order})
            self.publish('forceOrder', symbol, f'{symbol.lower()}@forceOrder', text)
            self.publish('forceOrder', symbol, '!forceOrder@arr', text)
        self.forced.clear()
