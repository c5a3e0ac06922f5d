#!/usr/bin/env python3
"""kill -9 at random moments, for SOAK_SECONDS: weir, or the server of the market
segment, in the middle of a paced replay; then the whole recording again. The
minutes and the tape must be those of an undisturbed run. usage: soak_kill.py WEIR"""
import importlib.util
import os
import random
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
WEIR = sys.argv[1]
SECONDS = float(os.environ.get('SOAK_SECONDS', '600'))
sys.argv = ['test_replay.py', WEIR]
spec = importlib.util.spec_from_file_location('test_replay', os.path.join(HERE, '../e2e/test_replay.py'))
replay = importlib.util.module_from_spec(spec)
spec.loader.exec_module(replay)


def server_pid(state):
    with open(os.path.join(state, 'segments/rms/redis.log'), encoding='utf-8') as file:
        return int(file.readlines()[-1].split(':')[0])


def one_round(rng):
    case = replay.Replay()
    case.setUp()
    kills = rng.randint(1, 3)
    try:
        for _ in range(kills):
            child = subprocess.Popen([WEIR, 'replay', '--as', 'binance:perp', '--speed', '100',
                                      '--state', case.state, *replay.PERP],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(rng.uniform(0.2, 3.4))
            if rng.random() < 0.5:
                try:
                    os.kill(server_pid(case.state), signal.SIGKILL)
                except (OSError, ValueError, IndexError):
                    pass
                time.sleep(rng.uniform(0, 0.5))
            child.kill()
            child.wait()
        result = case.replay('binance:perp', replay.PERP)
        case.assertEqual(result['trades'] + result['duplicates'], 14076)
        case.check_bars('binance:perp:ETHUSDT', replay.PERP)
        case.weir('tape', 'verify', '--as', 'binance:perp', '--state', case.state, *replay.PERP)
    finally:
        case.tearDown()
    return kills


def main():
    if not os.path.isdir(replay.DATA):
        print('no recordings beside the project')
        return 77
    seed = int(os.environ.get('SOAK_SEED', '1'))
    rng = random.Random(seed)
    rounds = kills = 0
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        try:
            kills += one_round(rng)
        except AssertionError as error:
            print(f'round {rounds + 1} of seed {seed}: {error}')
            return 1
        rounds += 1
    print(f'{rounds} rounds, {kills} kills -9: exact every time (seed {seed})')
    return 0


if __name__ == '__main__':
    sys.exit(main())
