#!/usr/bin/env python3
"""100,000 keys of a messy Redis, ten seeds: every planted fault is found (recall 100 %) and
what is found is planted (precision 98 % and more), live and from the server's own dump. Prints
both by rule. A few minutes. usage: soak_audit.py WEIR [KEYS [SEED…]]"""
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'e2e'))
words = sys.argv[2:]
del sys.argv[2:]
import harness  # noqa: E402  it takes weir's path off the command line
import mess  # noqa: E402

KEYS = int(words[0]) if words else 100000
SEEDS = [int(word) for word in words[1:]] or range(1, 11)
PRECISION = 0.98


def one_seed(temp, seed, live, dump):
    redis = mess.Redis(os.path.join(temp, f'redis-{seed}')).start()
    found = os.path.join(temp, 'found')
    try:
        truth = mess.fill(harness.WEIR, redis, KEYS, seed, os.path.join(temp, 'truth'))
        # The dump first: a live audit is somebody who uses the keys.
        path = redis.dump()
        live.add(truth, mess.audit(harness.WEIR, redis.url, found), str(seed))
        dump.add(truth, mess.audit(harness.WEIR, path, found), str(seed))
        print(f'seed {seed}: {len(truth)} planted', flush=True)
    finally:
        redis.stop()
        shutil.rmtree(redis.folder)


def main():
    if not shutil.which('redis-server'):
        print('SKIP: redis-server is not installed')
        return 77
    live, dump = mess.Score(), mess.Score()
    temp = tempfile.mkdtemp(prefix='weir-soak-')
    try:
        for seed in SEEDS:
            one_seed(temp, seed, live, dump)
    finally:
        shutil.rmtree(temp, ignore_errors=True)
    missed = 0
    for name, score in (('live', live), ('dump', dump)):
        print(f'{name}: {KEYS} keys, {len(SEEDS)} seeds')
        score.show()
        missed += score.recall() < 1 or score.precision() < PRECISION
    print('MISSED' if missed else 'all found')
    return 1 if missed else 0


if __name__ == '__main__':
    sys.exit(main())
