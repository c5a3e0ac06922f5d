"""What the tests of weir migrate share: a server, keys of all families, a plan file and the
commands on it. Standard library only."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import harness

CRASH = os.path.join(os.path.dirname(harness.WEIR), 'tests', 'weir_crash')
SYMBOLS = ('BTCUSDT', 'ETHUSDT', 'SOLUSDT', 'XRPUSDT', 'ADAUSDT')
FRAMES = ('1m', '5m', '15m', '1h', '4h', '1d')


def family(match, source, to, form='same', **more):
    return {'match': match, 'from': source, 'to': to, 'type': form, 'ttl': 'keep', **more}


FAMILIES = [
    family('{symbol}_{tf}_{id}', 'string', 'indicators:v1:{symbol}:{tf}:{id}', 'hash'),
    family('nested_{id}', 'string', 'cache:v1:nested:{id}', 'hash'),
    family('counter_{id}', 'string', 'counters:v1:{id}'),
    family('hash_{id}', 'hash', 'market:v1:hash:{id}'),
    family('list_{id}', 'list', 'queues:v1:list:{id}'),
    family('queue_{id}', 'list', 'queues:v1:{id}', 'stream'),
    family('set_{id}', 'set', 'cache:v1:set:{id}'),
    family('zset_{id}', 'zset', 'cache:v1:zset:{id}'),
    family('stream_{id}', 'stream', 'market:v1:stream:{id}'),
    family('doc_{id}', 'string', 'cache:v1:doc:{id}', 'packed'),
    family('lock_{id}', 'string', 'locks:v1:{id}'),
    family('config_{word}', 'string', '', 'skip'),
]


class Redis:
    """A server in a folder of its own, on a unix socket."""

    def __init__(self, *words):
        self.folder = tempfile.mkdtemp(prefix='weir-migrate-')
        self.path = os.path.join(self.folder, 'r.sock')
        self.process = subprocess.Popen(
            ['redis-server', '--port', '0', '--unixsocket', self.path, '--save', '', '--dir',
             self.folder, '--loglevel', 'warning', *words], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.call('PING')
                break
            except (OSError, harness.RespError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        self.url = 'unix://' + self.path

    def client(self, db=0):
        client = harness.Resp(self.path, timeout=120)
        client.call('SELECT', db)
        return client

    def call(self, *words):
        with harness.Resp(self.path, timeout=120) as client:
            return client.call(*words)

    def stop(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder)


def wait_until(happened, seconds=60):
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            raise AssertionError('it did not happen')
        time.sleep(0.005)


def halt(process):
    """Stops it where it is; False: it has ended before."""
    process.send_signal(signal.SIGSTOP)
    told = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    return told.si_code == os.CLD_STOPPED


def pipeline(client, commands):
    """Replies of many commands, 500 at a time."""
    replies = []
    for at in range(0, len(commands), 500):
        part = commands[at:at + 500]
        for command in part:
            client.send(*command)
        for _ in part:
            try:
                replies.append(client.read())
            except harness.RespError as error:
                replies.append(error)
    return replies


def names_of(client):
    cursor, names = b'0', set()
    while True:
        cursor, page = client.call('SCAN', cursor, 'COUNT', 1000)
        names.update(page)
        if cursor == b'0':
            return names


def state_of(client, names):
    """Per key: type, expiry, DUMP, and content in an order of its own."""
    names = sorted(names)
    types = pipeline(client, [('TYPE', name) for name in names])
    ends = pipeline(client, [('PEXPIRETIME', name) for name in names])
    dumps = pipeline(client, [('DUMP', name) for name in names])
    return {name: (kind, end, dump) for name, kind, end, dump in zip(names, types, ends, dumps)}


def fill(client, keys, chance):
    """Keys of all families, with and without expiry; some large, some that do not convert."""
    commands, now = [], int(time.time() * 1000)
    each = max(keys // 11, 4)
    for i in range(each):
        symbol, frame = SYMBOLS[i % 5], FRAMES[i % 6]
        commands.append(('SET', f'{symbol}_{frame}_{i}', json.dumps(
            {'rsi': chance.randrange(100) + 0.25, 'n': i, 'up': bool(i % 2), 'note': 'x é'})))
        commands.append(('SET', f'nested_{i}', ['{"a":[1,2]}', '{"a":null}', '{"a":1.10}', 'text',
                                                '{"a":9007199254740993}', '{"a":1,"a":2}', '[1]',
                                                '{"a":"1"}'][i % 8]))
        commands.append(('SET', f'counter_{i}', i))
        commands.append(('HSET', f'hash_{i}', 'n', i, 'text', 'h' * (i % 90)))
        commands.append(('RPUSH', f'list_{i}', *range(i % 20 + 1)))
        commands.append(('RPUSH', f'queue_{i}', *(b'\x00job %d' % j for j in range(i % 9 + 1))))
        commands.append(('SADD', f'set_{i}', *(f'm{j}' for j in range(i % 30 + 1))))
        commands.append(('ZADD', f'zset_{i}', i / 7, 'a', 1, b'\xff\x00b'))
        commands.append(('XADD', f'stream_{i}', '*', 'p', i))
        if i % 5 == 0:
            commands.append(('XGROUP', 'CREATE', f'stream_{i}', 'g', '0'))
            commands.append(('XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', f'stream_{i}', '>'))
        commands.append(('SET', f'doc_{i}', f'long text {i} ' * 60))
        commands.append(('SET', f'lock_{i}', f'owner-{i}', 'PXAT', now + 3600000 + i * 1000))
    for i in range(each, each + 5):
        commands.append(('SET', f'lock_{i}', 'short', 'PX', 400))
    commands.append(('SET', 'config_main', 'stays'))
    for at in range(0, 20000, 500):
        words = [word for j in range(at, at + 500) for word in (f'f{j}', f'v{j}' * 20)]
        commands.append(('HSET', f'hash_{each}', *words))
        commands.append(('SADD', f'set_{each}', *(f'member-{j}' for j in range(at, at + 500))))
        commands.append(('RPUSH', f'queue_{each}', *(f'job-{j}' for j in range(at, at + 500))))
    bad = [reply for reply in pipeline(client, commands) if isinstance(reply, harness.RespError)]
    assert not bad, bad[:3]
    return each


class Migration:
    """A plan file and the commands on it."""

    def __init__(self, server, families=None, databases=(0,)):
        self.server = server
        self.plan = os.path.join(server.folder, 'plan.json')
        with open(self.plan, 'w', encoding='utf-8') as file:
            json.dump({'weir_migrate': 1, 'source': server.url, 'databases': list(databases),
                       'families': families or FAMILIES}, file)

    def words(self, step, *more, binary=None):
        return [binary or harness.WEIR, 'migrate', step, '--plan', self.plan, *more]

    def run(self, step, *more, expect=0):
        done = subprocess.run(self.words(step, '--json', *more), capture_output=True, text=True,
                              timeout=900)
        if done.returncode != expect:
            raise AssertionError(f'{step}: {done.returncode}\n{done.stdout[-3000:]}'
                                 f'{done.stderr[-3000:]}')
        return json.loads(done.stdout) if done.stdout else done.stderr

    def kill_at(self, step, point, times, *more):
        """True when it was killed there; False when it ended before."""
        environment = dict(os.environ, CRASH_AT=f'{point}:{times}')
        done = subprocess.run(self.words(step, *more, binary=CRASH), env=environment,
                              capture_output=True, text=True, timeout=900)
        if done.returncode not in (0, 1, -signal.SIGKILL):
            raise AssertionError(f'{step} {point}: {done.returncode} {done.stderr[-2000:]}')
        return done.returncode == -signal.SIGKILL

    def dual_until(self, happened, *more):
        """Its report, once it was stopped because `happened` was so."""
        process = subprocess.Popen(self.words('dual', '--json', *more), stdout=subprocess.PIPE,
                                   text=True)
        try:
            wait_until(happened)
        finally:
            process.send_signal(signal.SIGINT)
            out = process.communicate(timeout=120)[0]
        if process.returncode:
            raise AssertionError(f'dual: {process.returncode} {out[-2000:]}')
        return json.loads(out)

    def kill_after(self, step, seconds, *more):
        process = subprocess.Popen(self.words(step, *more), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        process.wait()
        return process.returncode == -signal.SIGKILL


class MigrateTest(unittest.TestCase):
    def serve(self, *words):
        server = Redis(*words)
        self.addCleanup(server.stop)
        client = server.client()
        self.addCleanup(client.close)
        return server, client
