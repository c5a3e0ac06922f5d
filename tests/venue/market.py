"""One market of the world: trades made second by second from the seed, their minutes,
the book, open interest, funding, liquidations. Knows nothing of wire formats.

live minutes (since first_minute) are sums of the very trades, without block trades
unless counts_blocks; older ones come from History."""
import math
import random
from collections import deque

from venue.amounts import E8, bare, fixed, key_of, mix64
from venue.book import Book
from venue.history import SLOT_MIN, History, merge
from venue.trades import BLOCK, BUY, Trades

MEAN_NOTIONAL = 1_500
IDS_A_MINUTE = 120_000  # ids rise with the time of the start: 2,000 trades a second fit
FIRST_IDS = {'binance_spot': 4_005_000_000, 'binance_perp': 3_478_000_000,
             'bybit_spot': 2_290_000_000_001_000_000, 'bybit_perp': 1_000_000}
BOOK_DEPTH = {'binance_spot': 100, 'binance_perp': 100, 'bybit_spot': 50, 'bybit_perp': 50}


class Market:
    def __init__(self, spec, path, settings, first_ms):
        self.spec, self.path, self.settings = spec, path, settings
        self.name = None  # binance:perp:BTCUSDT, given by the world
        self.key = key_of(settings.seed, spec.venue, spec.base)
        self.rate = settings.rate
        self.status = 'trading'  # or halted, gone
        self.halted_as = ''      # the venue's own word for it
        self.first_minute = first_ms // 60_000
        self.next_second = first_ms // 1_000
        self.pending = deque()  # (t_ms, price, qty, flags), in time order, not made yet
        self.recorded = None    # an iterator of them instead of the generator
        self.trades = Trades(FIRST_IDS[spec.venue] + mix64(self.key) % 10_000 * 100
                             + self.first_minute % 10 ** 7 * IDS_A_MINUTE)
        self.kept_from = 0      # REST knows no id below
        self.live = {}
        mean_lots = max(1.0, MEAN_NOTIONAL * E8 / (spec.price0 * spec.lot))
        self.mean_lots = mean_lots
        rate = min(settings.rate, settings.past_rate)
        self.history = History(spec, path, self.key, rate * 60, mean_lots, self.first_minute)
        self.book = Book(spec, self.key, 35_000_000_000 if not spec.bybit else 21_000_000,
                         BOOK_DEPTH[spec.venue])
        self.interest_jumps = []  # (from ms, factor)
        self.funding_rate = None  # e8, set by a fault
        self.funding_hours = 4 if spec.base == 'XRP' else 8
        self.liquidations = deque(maxlen=100_000)  # (t_ms, long, qty, price)
        self.last = (0, True)  # price, taker bought
        self.day = (None, None)
        self.sums = {'buy': 0, 'sell': 0, 'block': 0}

    # ---- making trades ----

    def generate(self, second, rate):
        rng = random.Random(mix64(self.key + second))
        want = rate * (0.5 + rng.random())
        count = int(want) + (rng.random() < want % 1)
        if not count:
            return
        low, high = self.path.at(second), self.path.at(second + 1)
        tick, lot, bybit = self.spec.tick, self.spec.lot, self.spec.bybit
        share = 0.5 + max(-0.3, min(0.3, (high - low) / low * 400))
        for moment in sorted(rng.random() for _ in range(count)):
            flags = BUY if rng.random() < share else 0
            fair = (low + (high - low) * moment) * (1 + rng.gauss(0, 2e-5)) * self.path.factor
            price = int(fair * E8 / tick) * tick + (tick if flags else 0)
            lots = 1 + int(rng.expovariate(1 / self.mean_lots))
            if bybit and rng.random() < self.settings.block_share:
                flags |= BLOCK
                lots *= 40
            self.pending.append((second * 1_000 + int(moment * 1_000), max(tick, price),
                                 lots * lot, flags))

    def fill_pending(self, now_ms):
        if self.recorded is not None:
            while not self.pending or self.pending[-1][0] <= now_ms:
                row = next(self.recorded, None)
                if row is None:
                    return
                self.pending.append(row)
            return
        while self.next_second * 1_000 <= now_ms:
            self.generate(self.next_second, self.rate)
            self.next_second += 1

    def make_past(self, until_ms):
        """The trades before the start, at a rate that keeps the start short."""
        if self.recorded is None:
            rate = min(self.rate, self.settings.past_rate)
            while self.next_second * 1_000 < until_ms:
                self.generate(self.next_second, rate)
                self.next_second += 1
        return self.release(until_ms)

    def release(self, now_ms):
        """Makes what is due; returns (first id, id behind the last)."""
        self.fill_pending(now_ms)
        first = self.trades.next_id
        pending = self.pending
        while pending and pending[0][0] <= now_ms:
            row = pending.popleft()
            if self.status == 'trading':
                self.make(*row)
        return first, self.trades.next_id

    def make(self, t_ms, price, qty, flags):
        """A trade comes into being, whether or not anybody will be told."""
        trade_id = self.trades.append(t_ms, price, qty, flags)
        self.last = price, bool(flags & BUY)
        if flags & BLOCK:
            self.sums['block'] += qty
            if not self.settings.klines_count_blocks:
                return trade_id
        else:
            self.sums['buy' if flags & BUY else 'sell'] += qty
        quote = price * qty
        bar = self.live.get(t_ms // 60_000)
        if bar is None:
            self.live[t_ms // 60_000] = [price, price, price, price, qty, quote,
                                         qty if flags & BUY else 0,
                                         quote if flags & BUY else 0, 1]
            self.trades.trim()
            return trade_id
        if price > bar[1]:
            bar[1] = price
        elif price < bar[2]:
            bar[2] = price
        bar[3] = price
        bar[4] += qty
        bar[5] += quote
        bar[8] += 1
        if flags & BUY:
            bar[6] += qty
            bar[7] += quote
        return trade_id

    # ---- bars ----

    def bar(self, minute):
        if minute < self.first_minute:
            return self.history.minute(minute)
        bar = self.live.get(minute)
        if bar is not None:
            return bar
        before = minute - 1
        while before >= self.first_minute and before not in self.live:
            before -= 1
        close = self.bar(before)[3]
        return close, close, close, close, 0, 0, 0, 0, 0

    def bars_over(self, start, minutes, now_minute):
        """One bar over [start, start + minutes), no later than now; minutes by clock."""
        end = min(start + minutes, now_minute + 1)
        oldest = self.history.oldest_minute
        if minutes % SLOT_MIN or start >= oldest:
            return merge([self.bar(m) for m in range(start, end)])
        coarse = [self.history.slot(m // SLOT_MIN)
                  for m in range(start, min(end, oldest), SLOT_MIN)]
        return merge(coarse + [self.bar(m) for m in range(oldest, end)])

    def day_bar(self, now_minute):
        """The last 24 hours to now. Closed minutes are summed once a minute."""
        if self.day[0] != now_minute:
            closed = merge([self.bar(m) for m in range(now_minute - 1_439, now_minute)])
            self.day = now_minute, closed
        return merge([self.day[1], self.bar(now_minute)])

    # ---- what perpetuals have ----

    def open_interest(self, t_ms):
        """One side, base units of 10^-8."""
        t_s = t_ms // 1_000 // 5 * 5
        wave = 1 + 0.03 * math.sin(t_s / 9_000 + self.key % 7) + 0.01 * math.sin(t_s / 700)
        for since, factor in self.interest_jumps:
            if t_ms >= since:
                wave *= factor
        lot = self.spec.lot
        return int(self.spec.oi0 * wave * E8) // lot * lot

    def funding(self, t_ms):
        """(rate e8, time of the next one)."""
        length = self.funding_hours * 3_600_000
        following = (t_ms // length + 1) * length
        if self.funding_rate is not None:
            return self.funding_rate, following
        return 10_000 + mix64(self.key + following) % 20_000 - 8_000, following

    def mark(self, t_ms):
        """(mark, index) in units of 10^-8."""
        index = int(self.path.at(t_ms // 1_000) * self.path.factor * E8)
        return (self.last[0] or index) * 3 // 4 + index // 4, index

    def steps(self):
        """(tick, lot) as the venue writes them."""
        spec = self.spec
        if spec.bybit:
            return bare(spec.tick), bare(spec.lot)
        if spec.spot:
            return fixed(spec.tick, 8), fixed(spec.lot, 8)
        return fixed(spec.tick, spec.price_places), fixed(spec.lot, spec.qty_places)

    def seq(self, trade_id):
        """Bybit's seq: rises, has holes, shared with nothing."""
        return 549_000_000_000 + 3 * (trade_id % 10 ** 10) + mix64(trade_id) % 3
