"""The venues' request limits, kept by the venue's own clock."""
from collections import deque


class Window:
    """At most `limit()` events in the last length_s seconds."""

    def __init__(self, length_s, limit):
        self.length_s, self.limit = length_s, limit
        self.times = deque()

    def used(self, now):
        while self.times and self.times[0] <= now - self.length_s:
            self.times.popleft()
        return len(self.times)

    def take(self, now):
        """Counts one; False when it was one too many."""
        used = self.used(now)
        self.times.append(now)
        return used < self.limit()


class MinuteWeight:
    """Binance: weight of the clock's minute; 429 above, 418 for who goes on asking."""

    def __init__(self, limit, settings):
        self.limit, self.settings = limit, settings
        self.minute, self.used, self.peak = 0, 0, 0
        self.ignored = 0
        self.banned_until = 0.0

    def take(self, weight, now):
        """(status, Retry-After seconds): 200, 429 or 418."""
        if now < self.banned_until:
            return 418, int(self.banned_until - now) + 1
        if int(now) // 60 != self.minute:
            self.minute, self.used, self.ignored = int(now) // 60, 0, 0
        self.used += weight
        self.peak = max(self.peak, self.used)
        if self.used <= self.limit():
            return 200, 0
        self.ignored += 1
        if self.ignored > self.settings.tolerated_429:
            self.banned_until = now + self.settings.ban_s
            return 418, int(self.settings.ban_s)
        return 429, 60 - int(now) % 60
