"""The price of a base asset as a function of time: a sum of slow and fast waves with
phases from the seed. The same seed gives the same price at the same moment, in every
run, so history before the start needs no memory."""
import math

from venue.amounts import key_of, mix64

PERIODS_S = (45, 130, 310, 790, 2_100, 5_400, 14_000, 40_000, 110_000, 290_000, 780_000,
             2_200_000)
DAY_SD = 0.012
WAVE_MAX = 0.08
KEPT_MAX = 100_000


class Path:
    def __init__(self, seed, base, price):
        self.price = price
        self.factor = 1.0  # a jump made by a fault
        key = key_of('path', seed, base)
        self.waves, self.kept = [], {}
        for i, period in enumerate(PERIODS_S):
            phase = mix64(key + i) / 2 ** 64 * 2 * math.pi
            size = min(WAVE_MAX, DAY_SD * math.sqrt(period / 86_400))
            self.waves.append((size, 2 * math.pi / period, phase))

    def shape(self, t_s):
        sin = math.sin
        return math.exp(sum(size * sin(w * t_s + phase) for size, w, phase in self.waves))

    def at(self, t_s):
        """Whole seconds are asked for by every venue in turn, and kept."""
        price = self.kept.get(t_s)
        if price is None:
            if len(self.kept) > KEPT_MAX:
                self.kept.clear()
            price = self.kept[t_s] = self.price * self.shape(t_s)
        return price

    def anchor(self, t_s, price):
        """Makes the path go through this price."""
        self.price = price / self.shape(t_s)
        self.kept.clear()
