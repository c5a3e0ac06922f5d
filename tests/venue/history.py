"""Bars before the first real trade of a market, made on demand from the seed and kept.
Minutes within 76 hours and all bars over them are sums of minutes; older bars are sums of
quarter hours. A bar is (open, high, low, close, volume, quote, taker_buy,
taker_buy_quote, trades); quotes in 10^-16, the rest in 10^-8."""
from venue.amounts import E8, mix64

SLOT_MIN = 15
KEPT_HOURS = 76
QUOTE_STEP = 10 ** 10  # six decimals, so that every venue prints it exactly


def merge(bars):
    """One bar over bars in order; None without any."""
    if not bars:
        return None
    if len(bars) == 1:
        return tuple(bars[0])
    sums = [sum(column) for column in list(zip(*bars))[4:]]
    return (bars[0][0], max(b[1] for b in bars), min(b[2] for b in bars), bars[-1][3], *sums)


class History:
    """rate: trades a minute; mean: quantity of one, in lots."""

    def __init__(self, spec, path, key, rate, mean_lots, first_minute):
        self.spec, self.path, self.key = spec, path, key
        self.rate, self.mean_lots = rate, mean_lots
        slots_ago = KEPT_HOURS * 60 // SLOT_MIN
        self.oldest_minute = (first_minute // 240 * 240) - slots_ago * SLOT_MIN
        self.minutes, self.slots = {}, {}

    def level(self, t_s):
        """The price that both neighbours of a boundary agree on."""
        noise = (mix64(self.key ^ t_s) & 0xFFFF) / 65_536 - 0.5
        price = self.path.at(t_s) * (1 + noise * 3e-4)
        tick = self.spec.tick
        return max(tick, round(price * E8 / tick) * tick)

    def make(self, start_s, length_s):
        h = mix64(self.key * 31 + start_s * 7 + length_s)
        u = [(h >> shift & 0xFFFF) / 65_536 for shift in (0, 16, 32, 48)]
        opened, closed = self.level(start_s), self.level(start_s + length_s)
        tick = self.spec.tick
        reach = 4e-4 * (length_s / 60) ** 0.5
        high = max(opened, closed) + int(opened * reach * u[0]) // tick * tick
        low = min(opened, closed) - int(opened * reach * u[1]) // tick * tick
        trades = max(1, int(self.rate * length_s / 60 * (0.4 + 1.2 * u[2])))
        lots = max(trades, int(trades * self.mean_lots * (8 if u[3] > 0.99 else 0.7 + 0.6 * u[3])))
        lean = max(-0.2, min(0.2, (closed - opened) / opened * 60))
        bought = int(lots * (0.5 + lean + (u[1] - 0.5) * 0.3))
        mean = (opened + high + low + closed) // 4
        volume, buy = lots * self.spec.lot, bought * self.spec.lot
        quote = [amount * mean // QUOTE_STEP * QUOTE_STEP for amount in (volume, buy)]
        return opened, high, low, closed, volume, quote[0], buy, quote[1], trades

    def minute(self, minute):
        bar = self.minutes.get(minute)
        if bar is None:
            bar = self.minutes[minute] = self.make(minute * 60, 60)
        return bar

    def slot(self, slot):
        """A quarter hour before oldest_minute."""
        bar = self.slots.get(slot)
        if bar is None:
            bar = self.slots[slot] = self.make(slot * SLOT_MIN * 60, SLOT_MIN * 60)
        return bar
