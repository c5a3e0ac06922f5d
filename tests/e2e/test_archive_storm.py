#!/usr/bin/env python3
"""10,000 results a second for 5 s, ten seeds: kill -9 of weir, of each segment and of
ClickHouse at random moments (storm.py). SEEDS tells how many."""
import os

import harness
import storm

SEEDS = int(os.environ.get('SEEDS', 10))
SECONDS = float(os.environ.get('STORM_SECONDS', 5))


class Even(storm.Storm):
    """A state directory for each seed."""


class Odd(storm.Storm):
    """The same, beside it."""


for number in range(1, SEEDS + 1):
    setattr(Odd if number % 2 else Even, f'test_{number:02d}',
            lambda self, seed=number: self.storm(seed, SECONDS))

if __name__ == '__main__':
    harness.side_by_side(__file__, [Even, Odd])
