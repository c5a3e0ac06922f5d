#!/usr/bin/env python3
"""How busy the dashboard keeps a browser's main thread, with 100 simulated terminals and 40
simulated markets: processor time of the thread over BENCH_SECONDS (60) of each page, in
Debian's Chromium without a GPU. usage: bench_dashboard.py WEIR"""
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.argv = sys.argv[:2]
sys.path.insert(0, os.path.join(HERE, '../tests/e2e'))
import harness  # noqa: E402
import test_web  # noqa: E402

SECONDS = float(os.environ.get('BENCH_SECONDS', 60))
BUSY_MAX = 10
PAGES = ('#/fleet', '#/fleet?terminal=sim-005', '#/markets?market=bybit:perp:BTCUSDT', '#/now')
missed = 0


class Busy(test_web.Dashboard):
    def test_a_browser_finds_everything_in_order(self):
        """Not here."""

    def runTest(self):
        global missed
        self.wait_until_full()
        done = subprocess.run(
            ['node', os.path.join(HERE, 'dashboard_busy.mjs'), test_web.PLAYWRIGHT,
             shutil.which('chromium'), f'http://127.0.0.1:{self.port("serve")}', test_web.TOKEN,
             str(SECONDS), *PAGES], capture_output=True, text=True,
            timeout=60 + 2 * len(PAGES) * SECONDS)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for line in done.stdout.splitlines():
            one = json.loads(line)
            met = one['busy_percent'] <= BUSY_MAX and one['pushes'] > SECONDS
            missed += not met
            print(f'{one["page"]:<40} main thread {one["busy_percent"]:6.2f} % of a core, '
                  f'{one["script_percent"]:.2f} % script, {one["pushes"]} messages, '
                  f'{one["nodes"]} nodes (bound <= {BUSY_MAX}){"" if met else "  MISSED"}',
                  flush=True)
        self.stop()


if __name__ == '__main__':
    if not test_web.is_there():
        sys.exit(77)
    test = Busy('runTest')
    result = harness.unittest.TextTestRunner().run(test)
    sys.exit(not result.wasSuccessful() or missed > 0)
