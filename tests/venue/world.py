"""Time, the markets and the truth. The world goes on whether or not anybody listens:
listeners are told of trades (market, first id, end id), of liquidations, and of
passing tenths of seconds, seconds and minutes."""
import random
import time

from venue.amounts import bare, key_of
from venue.assets import MARKET_NAMES, VENUES, Spec
from venue.market import Market
from venue.path import Path
from venue.recording import shifted
from venue.trades import BLOCK, BUY

TICK_S = 0.01


class Clock:
    """Venue time: unix ms that run with the monotonic clock, times speed."""

    def __init__(self, start_ms, speed=1.0):
        self.start_ms, self.speed = start_ms, speed
        self.since = time.monotonic()
        self.offset_ms = 0  # a fault: the venue's clock is wrong

    def world_ms(self):
        """The time trades live in."""
        return self.start_ms + int((time.monotonic() - self.since) * 1_000 * self.speed)

    def now_ms(self):
        """The time the venue says."""
        return self.world_ms() + self.offset_ms

    def restart(self):
        self.since = time.monotonic()


class Truth:
    """Every trade made, a JSON line each."""

    def __init__(self, path):
        self.file = open(path, 'w', encoding='utf-8') if path else None

    def write(self, market, first, end):
        if not self.file:
            return
        lines, name, spec = [], market.name, market.spec
        perp_uuid = spec.bybit and not spec.spot
        for trade_id in range(first, end):
            _, t_ms, price, qty, flags = market.trades.row(trade_id)
            shown = uuid_of(market.key, trade_id) if perp_uuid else trade_id
            lines.append(f'{{"market":"{name}","id":"{shown}","t_ms":{t_ms},'
                         f'"price":"{bare(price)}","qty":"{bare(qty)}",'
                         f'"side":"{"buy" if flags & BUY else "sell"}",'
                         f'"block":{"true" if flags & BLOCK else "false"}}}\n')
        self.file.write(''.join(lines))

    def flush(self):
        if self.file:
            self.file.flush()

    def close(self):
        if self.file:
            self.file.close()


def uuid_of(key, trade_id):
    """Bybit linear's trade id: looks random, is a function of the place."""
    text = f'{key_of(key, trade_id):016x}{key_of(trade_id, key):016x}'
    return f'{text[:8]}-{text[8:12]}-5{text[13:16]}-9{text[17:20]}-{text[20:]}'


class World:
    def __init__(self, settings, clock):
        self.settings, self.clock = settings, clock
        self.truth = Truth(settings.truth)
        self.rng = random.Random(settings.seed)
        self.listeners = {}  # venue: what is told
        self.held = False    # no trade is made before go()
        self.recordings = []  # (market, rows)
        first_ms = settings.epoch_ms or clock.start_ms - settings.recent_minutes * 60_000
        first_ms = first_ms // 60_000 * 60_000
        self.paths, self.markets = {}, {}
        for base in settings.symbols:
            spec = Spec('binance_spot', base)
            self.paths[base] = Path(settings.seed, base, spec.price0)
        for venue in VENUES:
            for base in settings.symbols:
                self.add(venue, base, first_ms)
        self.second = self.minute = self.tenth = 0

    def add(self, venue, base, first_ms):
        market = Market(Spec(venue, base), self.paths[base], self.settings, first_ms)
        market.name = f'{MARKET_NAMES[venue]}:{base}USDT'
        self.markets[venue, market.spec.symbol] = market

    def play(self, venue, symbol, rows, first_id):
        """The market's trades come from a recording, from go() on, on Binance with the
        recorded ids."""
        market = self.markets[venue, symbol]
        market.recorded = iter(())
        if venue.startswith('binance'):
            market.trades.first_id = first_id
        self.recordings.append((market, rows))
        t_s = self.clock.world_ms() // 1_000
        self.paths[market.spec.base].anchor(t_s, rows[0][1] / 10 ** 8)

    def go(self, original_times=False):
        """Trades begin: recordings at their own times, or with the first one now."""
        if self.held:
            for market in self.markets.values():
                market.pending.clear()  # of the second in which the hold began
        self.held = False
        if original_times:
            self.clock.restart()
        now = self.clock.world_ms()
        for market, rows in self.recordings:
            shift = 0 if original_times else now + 100 - rows[0][0]
            market.recorded = shifted(rows, shift)
        for market in self.markets.values():
            market.next_second = max(market.next_second, now // 1_000)

    def begin(self):
        """Makes the trades between the first minute and now, and warms what is asked
        for every second."""
        now = self.clock.world_ms()
        for market in self.markets.values():
            self.truth.write(market, *market.make_past(now))
            if not market.last[0]:
                market.last = market.bar(market.first_minute - 1)[3], True
            market.book.step(*market.last)
            market.day_bar(now // 60_000)
        self.truth.flush()
        self.tenth, self.second, self.minute = now // 100, now // 1_000, now // 60_000

    def tick(self):
        now = self.clock.world_ms()
        for (venue, _), market in () if self.held else self.markets.items():
            first, end = market.release(now)
            if end > first:
                self.tell(venue, market, first, end)
        self.pass_time(now)

    def tell(self, venue, market, first, end):
        self.truth.write(market, first, end)
        self.listeners[venue].on_trades(market, first, end)

    def pass_time(self, now):
        while self.minute < now // 60_000:
            self.minute += 1
            self.each('on_minute', self.minute)
        if now // 100 != self.tenth:
            self.tenth = now // 100
            self.each('on_tenth', self.tenth)
        if now // 1_000 != self.second:
            self.second = now // 1_000
            self.liquidate_at_random()
            self.each('on_second', self.second)
            self.truth.flush()
        self.each('on_tick', now)

    def each(self, name, value):
        for listener in self.listeners.values():
            getattr(listener, name)(value)

    # ---- events out of the ordinary ----

    def market(self, venue, symbol):
        symbol = symbol.upper()
        return self.markets[venue, symbol if symbol.endswith('USDT') else symbol + 'USDT']

    def trade_now(self, market, price, qty, buy):
        """A trade beside the generated ones: a whale, or a liquidation's fill."""
        first = market.trades.next_id
        market.make(self.clock.world_ms(), price, qty, BUY if buy else 0)
        self.tell(market.spec.venue, market, first, first + 1)

    def liquidate(self, market, is_long, qty, price):
        event = (self.clock.world_ms(), is_long, qty, price)
        market.liquidations.append(event)
        self.listeners[market.spec.venue].on_liquidation(market, event)

    def liquidate_at_random(self):
        for market in self.markets.values():
            if market.spec.spot or market.status != 'trading' or not market.last[0]:
                continue
            if self.rng.random() * 60 < self.settings.liquidations:
                lots = 1 + int(self.rng.expovariate(1 / (3 * market.mean_lots)))
                self.liquidate(market, self.rng.random() < 0.5, lots * market.spec.lot,
                               market.last[0])
