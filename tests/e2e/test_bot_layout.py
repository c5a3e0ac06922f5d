#!/usr/bin/env python3
"""A small bot of a hundred files, before and after `weir clean` and `weir migrate`: the same
answers from less memory, in fewer round trips, without dead keys, and trades that are there
after kill -9. The whole one is a bench (bench/bench_bot_layout.py)."""
import unittest

import bot_layout
import harness


@unittest.skipUnless(bot_layout.DuckDB.there(), 'DuckDB is not installed')
class BotLayout(harness.WeirTest):
    def test_what_was_promised_holds_in_small(self):
        figures = bot_layout.measure(harness.WEIR, self.temp, 600, rounds=3, trades=50)
        shares = bot_layout.show(figures)
        trips = figures['timing'].trips
        self.assertGreater(shares['memory'], bot_layout.PROMISES['memory'])
        self.assertEqual(trips['after'], 1)
        self.assertLess(trips['after, not piped'], trips['before'])
        self.assertGreater(figures['dead keys'][0], 50)
        self.assertEqual(figures['dead keys'][1], 0)
        self.assertGreater(figures['cleaned'], 30)
        self.assertEqual(figures['kept'], (0, 50))


if __name__ == '__main__':
    harness.main()
