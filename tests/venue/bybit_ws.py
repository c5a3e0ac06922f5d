"""Bybit v5 public streams, spot and linear: subscribe, the JSON ping, topics. Data comes
before the acknowledgement: a subscription counts at once, its ack waits for the first
data, or ack_ms."""
import asyncio
import json

from venue.amounts import E8, bare, fixed, key_of
from venue.trades import BLOCK, BUY
from venue.venue import Venue
from venue.web import Answer, dumps
from venue.world import uuid_of
from venue.ws import frame

INTERVALS = {'1': 1, '3': 3, '5': 5, '15': 15, '30': 30, '60': 60, '120': 120, '240': 240,
             '360': 360, '720': 720, 'D': 1_440}
TRADES_MAX = 1_024
ARGS_MAX, ARG_CHARS_MAX = 10, 21_000
SPOT_TOPICS = ('publicTrade', 'tickers', 'orderbook', 'kline')


class BybitStreams(Venue):
    spot = True
    attempts_limit = 500
    too_many_attempts = 403

    def __init__(self, world, certificates=None):
        super().__init__(world, certificates)
        self.tickers, self.ticker_due = {}, 0
        self.forced = {}
        self.books = {}      # topic: (bids, asks) last sent
        self.intervals = {}
        self.pushed = {}     # kline topic: the bar last pushed

    # ---- connections ----

    def check_path(self, request):
        wanted = '/v5/public/' + ('spot' if self.spot else 'linear')
        return None if request.path == wanted else Answer(404, '')

    def on_open(self, conn, request):
        conn.conn_id = f'{key_of(self.name, conn.number):016x}-{conn.number}'

    def on_text(self, conn, text):
        try:
            request = json.loads(text)
            op, req_id = request['op'], request.get('req_id', '')
            args = request.get('args') or []
        except (ValueError, KeyError, TypeError, AttributeError):
            self.breach('bad_request')
            self.say(conn, False, 'error:invalid request', '', '')
            return
        if op == 'ping':
            self.pong(conn, request)
        elif op == 'subscribe':
            self.on_subscribe(conn, args, req_id)
        elif op == 'unsubscribe':
            for topic in args:
                self.leave(conn, topic)
            self.say(conn, True, '', req_id, 'unsubscribe')
        else:
            self.breach('bad_request')
            self.say(conn, False, f'error:unknown op {op}', req_id, op)

    def say(self, conn, success, text, req_id, op):
        conn.send_text(dumps({'success': success, 'ret_msg': text, 'conn_id': conn.conn_id,
                              'req_id': req_id, 'op': op}))
        conn.flush()

    def pong(self, conn, request):
        """Spot leaves req_id out when the client did; linear never."""
        if self.faults.on_pong():
            return
        reply = {'success': True, 'ret_msg': 'pong', 'conn_id': conn.conn_id}
        if not self.spot or 'req_id' in request:
            reply['req_id'] = request.get('req_id', '')
        conn.send_text(dumps(reply | {'op': 'ping'}))
        conn.flush()

    def on_subscribe(self, conn, args, req_id):
        why = self.refusal(conn, args)
        answer = self.faults.on_ack()
        if why or answer == 'refuse':
            self.say(conn, False, why or 'error:refused by a fault', req_id, 'subscribe')
            return
        conn.arg_chars += sum(map(len, args))
        for topic in args:
            if topic not in conn.topics:
                self.first_data(conn, topic)
                conn.topics[topic] = None
                self.join(conn, topic)
        if answer != 'silent':
            deadline = asyncio.get_running_loop().time() + self.settings.ack_ms / 1_000
            ack = {'success': True, 'ret_msg': 'subscribe' if self.spot else '',
                   'conn_id': conn.conn_id, 'req_id': req_id, 'op': 'subscribe'}
            conn.acks.append((deadline, conn.counts['messages_out'], dumps(ack)))

    def refusal(self, conn, args):
        if not args or not all(isinstance(topic, str) for topic in args):
            self.breach('bad_request')
            return 'error:args must be strings'
        if self.spot and len(args) > ARGS_MAX:
            self.breach('args')
            return f'args size >{ARGS_MAX}'
        if conn.arg_chars + sum(map(len, args)) > ARG_CHARS_MAX:
            self.breach('args')
            return f'error:args length of the connection >{ARG_CHARS_MAX}'
        for topic in args:
            if not self.knows(topic):
                self.breach('unknown_topic')
                return f'error:handler not found,topic:{topic}'
        return ''

    def knows(self, topic):
        parts = topic.split('.')
        if parts[-1] not in self.markets or self.markets[parts[-1]].status == 'gone':
            return False
        if self.spot and parts[0] not in SPOT_TOPICS:
            return False
        if parts[0] in ('publicTrade', 'tickers', 'allLiquidation'):
            return len(parts) == 2
        if len(parts) != 3:
            return False
        if parts[0] == 'kline' and parts[1] in INTERVALS:
            self.intervals[parts[1]] = INTERVALS[parts[1]]
            return True
        return parts[0] == 'orderbook' and parts[1] in ('1', '50')

    def first_data(self, conn, topic):
        """What a new subscriber gets at once, before its ack. Those who are there
        already get their delta first, so that all continue from the same state."""
        parts = topic.split('.')
        market = self.markets[parts[-1]]
        if parts[0] == 'tickers':
            self.publish_ticker(market)
            fields = self.tickers.setdefault(parts[1], self.ticker_fields(market))
            conn.send_text(self.ticker_text(market, 'snapshot', fields))
        elif parts[0] == 'orderbook':
            conn.send_text(self.book_text(topic, market, 'snapshot',
                                          *self.book_now(topic, market)))

    def send_acks(self, conn):
        now = asyncio.get_running_loop().time()
        while conn.acks:
            deadline, mark, text = conn.acks[0]
            if now < deadline and conn.counts['messages_out'] == mark and \
                    not any(t.startswith(('tickers', 'orderbook')) for t in conn.topics):
                return
            conn.acks.pop(0)
            conn.send_text(text)

    def deliver(self, stream, text, conns=None):
        data = None
        for conn in self.subs.get(stream, ()) if conns is None else conns:
            data = data or frame(text.encode())
            conn.send(data)

    # ---- trades ----

    def on_trades(self, market, first, end):
        topic = f'publicTrade.{market.spec.symbol}'
        if not self.wanted(topic):
            return
        rows = [self.trade_row(market, trade_id) for trade_id in range(first, end)
                if self.faults.keeps_trade(market, trade_id)]
        now = self.world.clock.now_ms()
        for i in range(0, len(rows), TRADES_MAX):
            data = f'"data":[{",".join(rows[i:i + TRADES_MAX])}]'
            if self.spot:
                text = f'{{"topic":"{topic}","ts":{now},"type":"snapshot",{data}}}'
            else:
                text = f'{{"topic":"{topic}","type":"snapshot","ts":{now},{data}}}'
            self.publish('publicTrade', market.spec.symbol, topic, text)

    def trade_row(self, market, trade_id):
        _, t_ms, price, qty, flags = market.trades.row(trade_id)
        spec = market.spec
        side = 'Buy' if flags & BUY else 'Sell'
        block = 'true' if flags & BLOCK else 'false'
        if self.spot:
            return (f'{{"i":"{trade_id}","T":{t_ms},"p":"{spec.price(price)}",'
                    f'"v":"{spec.qty(qty)}","S":"{side}","seq":{market.seq(trade_id)},'
                    f'"s":"{spec.symbol}","BT":{block},"RPI":false}}')
        turn = 'PlusTick' if flags & BUY else 'MinusTick'
        return (f'{{"T":{t_ms},"s":"{spec.symbol}","S":"{side}","v":"{spec.qty(qty)}",'
                f'"p":"{spec.price(price)}","L":"{turn}","i":"{uuid_of(market.key, trade_id)}",'
                f'"BT":{block},"RPI":false,"seq":{market.seq(trade_id)}}}')

    # ---- books ----

    def book_now(self, topic, market):
        bids, asks = market.book.levels(int(topic.split('.')[1]))
        return dict(bids), dict(asks)

    def book_text(self, topic, market, kind, bids, asks):
        spec, now = market.spec, self.world.clock.now_ms()
        data = {'s': spec.symbol,
                'b': [[spec.price(p), spec.qty(q)] for p, q in sorted(bids.items(), reverse=True)],
                'a': [[spec.price(p), spec.qty(q)] for p, q in sorted(asks.items())],
                'u': market.book.update, 'seq': market.seq(market.book.update)}
        return dumps({'topic': topic, 'ts': now, 'type': kind, 'data': data, 'cts': now - 2})

    def on_tenth(self, tenth):
        for symbol, market in self.markets.items():
            topics = [t for t in (f'orderbook.1.{symbol}', f'orderbook.50.{symbol}')
                      if self.wanted(t)]
            if not topics or market.status != 'trading':
                continue
            before = {t: self.book_now(t, market) for t in topics}
            update = market.book.update
            market.book.step(*market.last)
            market.book.update = update + 1
            for topic in topics:
                self.publish_book(topic, market, before[topic], tenth)
        if self.world.clock.now_ms() >= self.ticker_due:
            self.ticker_due = self.world.clock.now_ms() + self.settings.ticker_ms
            for market in self.markets.values():
                self.publish_ticker(market)

    def publish_book(self, topic, market, before, tenth):
        after = self.book_now(topic, market)
        changed = []
        for old, new in zip(before, after):
            side = {price: 0 for price in old if price not in new}
            side |= {price: qty for price, qty in new.items() if old.get(price) != qty}
            changed.append(side)
        if any(changed):
            self.publish('orderbook', market.spec.symbol, topic,
                         self.book_text(topic, market, 'delta', *changed))
        elif topic.startswith('orderbook.1.') and tenth % 30 == 0:
            self.publish('orderbook', market.spec.symbol, topic,
                         self.book_text(topic, market, 'snapshot', *after))

    # ---- tickers ----

    def ticker_fields(self, market):
        spec, now = market.spec, self.world.clock.now_ms()
        minute = self.world.minute
        bar = market.day_bar(minute)
        change = (bar[3] - bar[0]) * 10 ** 6 // bar[0]
        sign = '-' if change < 0 else ''
        ratio = sign + fixed(abs(change) * 100, 6)
        day = {'price24hPcnt': ratio, 'lastPrice': spec.price(bar[3]),
               'prevPrice24h': spec.price(bar[0]), 'highPrice24h': spec.price(bar[1]),
               'lowPrice24h': spec.price(bar[2]), 'turnover24h': bare(bar[5], 16),
               'volume24h': bare(bar[4])}
        mark, index = market.mark(now)
        if self.spot:
            return {'symbol': spec.symbol} | day | {'usdIndexPrice': spec.price(index)}
        return {'symbol': spec.symbol, 'tickDirection':
                'PlusTick' if market.last[1] else 'MinusTick'} | day | \
            self.perp_fields(market, now, mark // spec.tick * spec.tick, index)

    def perp_fields(self, market, now, mark, index):
        spec, single = market.spec, market.open_interest(now)
        bid, bid_qty, ask, ask_qty = market.book.top()
        rate, following = market.funding(now)
        hour_ago = market.bar(self.world.minute - 60)[0]
        return {'prevPrice1h': spec.price(hour_ago), 'markPrice': spec.price(mark),
                'indexPrice': spec.price(index), 'openInterest': bare(2 * single),
                'openInterestValue': fixed(2 * single * mark // E8, 2),
                'singleOpenInterest': bare(single),
                'singleOpenInterestValue': fixed(single * mark // E8, 2),
                'fundingIntervalHour': str(market.funding_hours), 'fundingCap': '0.005',
                'nextFundingTime': str(following),
                'fundingRate': ('-' if rate < 0 else '') + bare(abs(rate)),
                'bid1Price': spec.price(bid), 'bid1Size': spec.qty(bid_qty),
                'ask1Price': spec.price(ask), 'ask1Size': spec.qty(ask_qty),
                'preOpenPrice': '', 'preQty': '', 'curPreListingPhase': ''}

    def ticker_text(self, market, kind, fields):
        now, topic = self.world.clock.now_ms(), f'tickers.{market.spec.symbol}'
        cs = 24_000_000_000 + now % 10 ** 10
        if self.spot:
            event = {'topic': topic, 'ts': now, 'type': kind, 'cs': cs, 'data': fields}
        else:
            event = {'topic': topic, 'type': kind, 'data': fields, 'cs': cs, 'ts': now}
        return dumps(event)

    def publish_ticker(self, market):
        """Linear: a delta of the fields that changed. Spot: the whole when one did."""
        symbol = market.spec.symbol
        topic = f'tickers.{symbol}'
        if not self.wanted(topic) or market.status == 'gone':
            self.tickers.pop(symbol, None)
            return
        fields, before = self.ticker_fields(market), self.tickers.get(symbol, {})
        self.tickers[symbol] = fields
        changed = {name: value for name, value in fields.items()
                   if before.get(name) != value or name == 'symbol'}
        if len(changed) > 1:
            kind, shown = ('snapshot', fields) if self.spot else ('delta', changed)
            self.publish('tickers', symbol, topic, self.ticker_text(market, kind, shown))

    # ---- klines ----

    def on_minute(self, minute):
        for market in self.markets.values():
            for interval, minutes in self.intervals.items():
                if minute % minutes == 0:
                    self.publish_kline(market, interval, minute - minutes, True)

    def on_second(self, second):
        now = asyncio.get_running_loop().time()
        for conn in list(self.connections.values()):
            if now - conn.heard > self.settings.idle_s and not conn.frozen:
                self.breach('idle')
                conn.abort('idle')
        for market in self.markets.values():
            for interval in self.intervals:
                self.publish_kline(market, interval, second // 60, False)
        self.flush_liquidations()

    def publish_kline(self, market, interval, minute, confirm):
        topic = f'kline.{interval}.{market.spec.symbol}'
        if not self.wanted(topic) or market.status == 'gone':
            return
        minutes, spec = INTERVALS[interval], market.spec
        start = minute // minutes * minutes
        bar, now = market.bars_over(start, minutes, self.world.minute), self.world.clock.now_ms()
        if not confirm and self.pushed.get(topic) == (start, bar):
            return
        self.pushed[topic] = start, tuple(bar)
        row = {'start': start * 60_000, 'end': (start + minutes) * 60_000 - 1,
               'interval': interval, 'open': spec.price(bar[0]), 'close': spec.price(bar[3]),
               'high': spec.price(bar[1]), 'low': spec.price(bar[2]),
               'volume': spec.qty(bar[4]), 'turnover': spec.quote(bar[5]),
               'confirm': confirm, 'timestamp': now}
        event = {'topic': topic, 'data': [row], 'ts': now, 'type': 'snapshot'}
        self.publish('kline', spec.symbol, topic, dumps(event))

    # ---- liquidations: every one ----

    def on_liquidation(self, market, event):
        self.forced.setdefault(market.spec.symbol, []).append((market, event))

    def flush_liquidations(self):
        for symbol, events in self.forced.items():
            spec = events[0][0].spec
            rows = [{'T': t_ms, 's': symbol, 'S': 'Buy' if is_long else 'Sell',
                     'v': spec.qty(qty), 'p': spec.price(price)}
                    for _, (t_ms, is_long, qty, price) in events]
            topic = f'allLiquidation.{symbol}'
            self.publish('allLiquidation', symbol, topic, dumps(
                {'topic': topic, 'type': 'snapshot', 'ts': self.world.clock.now_ms(),
                 'data': rows}))
        self.forced.clear()
