"""An order book that follows the last trade. Levels lie on a fixed grid of one basis point
below and above the best prices, so that a step changes few of them; bids and asks are
{price: quantity}, and a step says which levels changed (quantity 0: gone)."""
import random


class Book:
    def __init__(self, spec, key, first_update, depth):
        self.spec, self.depth = spec, depth
        self.rng = random.Random(key)
        self.bids, self.asks = {}, {}
        self.update = first_update
        self.best = (0, 0)

    def size(self):
        return max(1, int(self.rng.expovariate(1 / 400))) * self.spec.lot

    def targets(self, best, away):
        """The prices of one side, best first; away is -1 for bids."""
        step = max(self.spec.tick, best // 10_000 // self.spec.tick * self.spec.tick)
        grid = best // step * step
        if away > 0 and grid < best:
            grid += step
        prices = [best]
        while len(prices) < self.depth:
            if grid != best and grid > 0:
                prices.append(grid)
            grid += away * step
            if grid <= 0:
                break
        return prices

    def renew(self, side, prices):
        wanted = set(prices)
        changed = [(price, 0) for price in side if price not in wanted]
        for price, _ in changed:
            del side[price]
        for i, price in enumerate(prices):
            if price not in side or i == 0 or self.rng.random() < 0.04:
                side[price] = self.size()
                changed.append((price, side[price]))
        return changed

    def step(self, last_price, bought):
        """Moves to the last trade; returns (changed bids, changed asks)."""
        tick = self.spec.tick
        ask = -(-last_price // tick) * tick if bought else last_price // tick * tick + tick
        bid = max(tick, ask - tick)
        self.best = bid, ask
        bids = self.renew(self.bids, self.targets(bid, -1))
        asks = self.renew(self.asks, self.targets(ask, 1))
        self.update += len(bids) + len(asks)
        return bids, asks

    def top(self):
        bid, ask = self.best
        return bid, self.bids.get(bid, 0), ask, self.asks.get(ask, 0)

    def levels(self, n):
        bids = sorted(self.bids.items(), reverse=True)[:n]
        return bids, sorted(self.asks.items())[:n]
