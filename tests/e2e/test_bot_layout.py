#!/usr/bin/env python3
"""A small bot of a hundred files, before and after: the same answers from less memory, in less
time, without dead keys, and trades that are there after kill -9. The whole one is a bench
(bench/bench_bot_layout.py)."""
import bot_layout
import harness


class BotLayout(harness.WeirTest):
    def test_what_was_promised_holds_in_small(self):
        figures = bot_layout.measure(harness.WEIR, self.temp, 600, rounds=5, trades=50)
        shares = bot_layout.show(figures)
        self.assertGreater(shares['memory'], 0.5)
        self.assertLess(figures['round trips'][1], figures['round trips'][0] / 10)
        self.assertGreater(figures['dead keys'][0], 50)
        self.assertEqual(figures['dead keys'][1], 0)
        self.assertEqual(figures['kept'], (0, 50))


if __name__ == '__main__':
    harness.main()
