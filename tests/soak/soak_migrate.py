#!/usr/bin/env python3
"""A migration of 200,000 keys under a live writer, killed 200 times; arguments: weir."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'e2e'))
import harness  # noqa: E402
import test_migrate  # noqa: E402

KEYS = int(os.environ.get('SOAK_MIGRATE_KEYS', '200000'))
POINTS = int(os.environ.get('SOAK_MIGRATE_POINTS', '200'))


class Soak(unittest.TestCase):
    def test_nothing_is_lost(self):
        killed = test_migrate.Trial(self, KEYS, POINTS, 7).run()
        self.assertGreater(killed, POINTS // 3)


if __name__ == '__main__':
    harness.main()
