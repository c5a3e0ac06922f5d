"""A server with a simulated messy Redis in it, and what an audit makes of it: shared by the
end-to-end test, the soak and the bench of the bot's layout. Standard library only."""
import collections
import json
import os
import signal
import subprocess
import time

import harness


class Redis:
    """A redis-server of its own on a unix socket and a port of the kernel's choice. It evicts
    nothing, but its policy is one under which dumps keep idle times."""

    def __init__(self, folder, *settings):
        self.folder = folder
        self.settings = settings
        self.process = None
        self.port = 0
        os.makedirs(folder, exist_ok=True)

    def start(self, seconds=20):
        self.port = harness.free_port()
        with open(os.path.join(self.folder, 'log'), 'ab') as log:
            self.process = subprocess.Popen(
                ['redis-server', '--port', str(self.port), '--bind', '127.0.0.1', '--dir', '.',
                 '--save', '', '--maxmemory-policy', 'allkeys-lru', *self.settings],
                cwd=self.folder, stdout=log, stderr=log)
        deadline = time.monotonic() + seconds
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f'redis-server does not answer: {self.folder}/log')
            time.sleep(0.02)
        return self

    def answers(self):
        try:
            with self.connect() as conn:
                return conn.call('PING') == 'PONG'
        except (OSError, harness.RespError):
            return False

    def connect(self):
        return harness.Resp(('127.0.0.1', self.port), timeout=60)

    @property
    def url(self):
        return f'redis://127.0.0.1:{self.port}'

    def info(self, name):
        with self.connect() as conn:
            for line in conn.call('INFO').decode().splitlines():
                if line.startswith(name + ':'):
                    return line.partition(':')[2]
        return None

    def dump(self):
        """The path of a dump of what it holds now."""
        with self.connect() as conn:
            conn.call('SAVE')
        return os.path.join(self.folder, 'dump.rdb')

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.kill()


def fill(weir, redis, keys, seed, truth, layout='mess'):
    """Fills the server; returns the truth as a set of (rule, db, key)."""
    subprocess.run([weir, 'sim', 'mess', redis.url, '--keys', str(keys), '--seed', str(seed),
                    '--layout', layout, '--truth', truth], check=True, stdout=subprocess.DEVNULL)
    return read_findings(truth)


def read_findings(path):
    found = set()
    with open(path, encoding='utf-8') as file:
        for line in file:
            told = json.loads(line)
            if told.get('key') is not None and 'file' not in told and told['rule'] != 'server':
                found.add((told['rule'], told.get('db', 0), told['key']))
    return found


def audit(weir, source, findings):
    """Audits a URL or a dump; what it found as a set of (rule, db, key)."""
    subprocess.run([weir, 'audit', source, '--rate', '0', '--findings', findings], check=True,
                   stdout=subprocess.DEVNULL)
    return read_findings(findings)


class Score:
    """Sums of several audits, by rule."""

    def __init__(self):
        self.planted = collections.Counter()
        self.found = collections.Counter()
        self.right = collections.Counter()
        self.wrong = []

    def add(self, truth, found, where):
        for rule, _, _ in truth:
            self.planted[rule] += 1
        for rule, _, _ in found:
            self.found[rule] += 1
        for rule, _, _ in truth & found:
            self.right[rule] += 1
        self.wrong += [(where, 'missed', *one) for one in truth - found]
        self.wrong += [(where, 'found', *one) for one in found - truth]

    def recall(self, rule=None):
        return share(self.right, self.planted, rule)

    def precision(self, rule=None):
        return share(self.right, self.found, rule)

    def show(self, examples=4):
        """One line a rule, and some of what is wrong."""
        for rule in sorted(set(self.planted) | set(self.found)):
            print(f'  {rule:12} planted {self.planted[rule]:7} found {self.found[rule]:7} '
                  f'recall {self.recall(rule):8.3%} precision {self.precision(rule):8.3%}')
        kinds = collections.defaultdict(list)
        for where, what, rule, db, key in sorted(self.wrong):
            kinds[what, rule].append(f'{where} db{db} {key}')
        for (what, rule), keys in sorted(kinds.items()):
            print(f'  {what} {rule}: {len(keys)}: ' + ', '.join(keys[:examples]))
        print(f'  all: recall {self.recall():.3%}, precision {self.precision():.3%}', flush=True)


def share(part, whole, rule):
    total = whole[rule] if rule else sum(whole.values())
    return (part[rule] if rule else sum(part.values())) / total if total else 1.0
