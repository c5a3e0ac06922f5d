"""The trades of one market in columns: id is the position plus the first id. What is
older than the bound is let go."""
from array import array
from bisect import bisect_left

BUY, BLOCK = 1, 2
KEPT_MAX = 2_000_000


class Trades:
    def __init__(self, first_id):
        self.first_id = first_id  # of the first one kept
        self.t, self.p, self.q = array('q'), array('q'), array('q')
        self.flags = bytearray()

    def append(self, t_ms, price, qty, flags):
        self.t.append(t_ms)
        self.p.append(price)
        self.q.append(qty)
        self.flags.append(flags)
        return self.first_id + len(self.t) - 1

    def trim(self):
        if len(self.t) <= KEPT_MAX:
            return
        half = KEPT_MAX // 2
        for column in (self.t, self.p, self.q, self.flags):
            del column[:half]
        self.first_id += half

    @property
    def next_id(self):
        return self.first_id + len(self.t)

    def row(self, trade_id):
        i = trade_id - self.first_id
        return trade_id, self.t[i], self.p[i], self.q[i], self.flags[i]

    def from_time(self, t_ms):
        """Id of the first trade at or after the time."""
        return self.first_id + bisect_left(self.t, t_ms)
