"""What the end-to-end tests share: a throwaway state directory, weir started and
stopped by pid, a RESP client over plain sockets, ports of the kernel, waiting for a
condition. Standard library only. Exit status 77 is a skip."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

WEIR = os.path.abspath(sys.argv.pop(1) if len(sys.argv) > 1 else 'build/weir')
SANITIZED = 'ASAN_OPTIONS' in os.environ  # `make sanitize`: memory is not what it is
SEGMENTS = ('rts', 'ris', 'rtss', 'rtrs', 'rss', 'rls', 'rms')


def main(needs_redis=True):
    """Runs the tests of the calling file; exit 77 where redis-server is missing."""
    if needs_redis and not shutil.which('redis-server'):
        print('SKIP: redis-server is not installed')
        sys.exit(77)
    unittest.main(module='__main__', verbosity=2)


def side_by_side(path, classes, needs_redis=True):
    """The test classes of a file, each in a process of its own: they mostly wait. Words
    after weir's path name what alone is to run."""
    if len(sys.argv) > 1:
        main(needs_redis)
    if needs_redis and not shutil.which('redis-server'):
        print('SKIP: redis-server is not installed')
        sys.exit(77)
    children = [subprocess.Popen([sys.executable, path, WEIR, cls.__name__],
                                 stderr=subprocess.STDOUT) for cls in classes]
    sys.exit(any([child.wait() for child in children]))


def pids_under(folder):
    """Processes whose command line or working directory lies in the folder."""
    found = []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/cmdline', 'rb') as file:
                line = file.read().decode(errors='replace')
            cwd = os.readlink(f'/proc/{pid}/cwd')
        except OSError:
            continue
        if folder + '/' in line or (cwd + '/').startswith(folder + '/'):
            found.append(int(pid))
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class RespError(Exception):
    """An error reply; str() is its text."""


class Resp:
    """A RESP2 connection to a unix socket path or a (host, port). Blocking."""

    def __init__(self, where, user=None, password=None, timeout=10):
        family = socket.AF_UNIX if isinstance(where, str) else socket.AF_INET
        self.socket = socket.socket(family)
        self.file = self.socket.makefile('rb')
        self.socket.settimeout(timeout)
        self.socket.connect(where)
        if password is not None:
            self.call('AUTH', user, password)

    def send(self, *words):
        parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        self.socket.sendall(b'*%d\r\n' % len(parts) +
                            b''.join(b'$%d\r\n%s\r\n' % (len(part), part) for part in parts))

    def read(self):
        line = self.file.readline()
        if not line.endswith(b'\r\n'):
            raise ConnectionError('closed by the server')
        kind, rest = line[:1], line[1:-2]
        if kind == b'+':
            return rest.decode()
        if kind == b'-':
            raise RespError(rest.decode())
        if kind == b':':
            return int(rest)
        if kind == b'$':
            return None if rest == b'-1' else self.file.read(int(rest) + 2)[:-2]
        return None if rest == b'-1' else [self.read() for _ in range(int(rest))]

    def call(self, *words):
        self.send(*words)
        return self.read()

    def close(self):
        self.file.close()
        self.socket.close()

    def __del__(self):
        self.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class WeirTest(unittest.TestCase):
    """self.state is a state directory, self.config a configuration file; whatever was
    started in self.temp is gone afterwards."""

    settings = '[market]\nfeed = off\n'

    def setUp(self):
        self.temp = tempfile.mkdtemp(prefix='weir-test-')
        # After what a test mounts there is unmounted: cleanups run behind tearDown, last first.
        self.addCleanup(shutil.rmtree, self.temp, ignore_errors=True)
        self.state = os.path.join(self.temp, 'state')
        self.config = os.path.join(self.temp, 'weir.conf')
        self.log_path = os.path.join(self.temp, 'log')
        self.write_config('')
        self.child = None

    def tearDown(self):
        if self.child and self.child.poll() is None:
            self.kill()
        for pid in pids_under(self.temp):
            os.kill(pid, signal.SIGKILL)

    def write_config(self, more):
        with open(self.config, 'w', encoding='utf-8') as file:
            file.write(self.settings + more)

    def start(self, *args, command='up', env=None):
        """Starts weir and waits until it says that it is ready."""
        with open(self.log_path, 'ab') as log:
            self.child = subprocess.Popen(
                [WEIR, command, '--state', self.state, '--config', self.config, *args],
                stdout=subprocess.PIPE, stderr=log, text=True,
                env={**os.environ, 'WEIR_FLEET_LISTEN': '127.0.0.1:0',
                     'WEIR_SERVE_LISTEN': '127.0.0.1:0', **(env or {})})
        line = self.child.stdout.readline()
        self.assertIn('segments answered after', line, self.read_log())
        return line

    def stop(self, seconds=30):
        self.child.send_signal(signal.SIGTERM)
        self.assertEqual(self.child.wait(seconds), 0, self.read_log())
        self.child.stdout.close()

    def kill(self):
        self.child.kill()
        self.child.wait()
        self.child.stdout.close()

    def read_log(self):
        if not os.path.exists(self.log_path):
            return ''
        with open(self.log_path, encoding='utf-8', errors='replace') as file:
            return file.read()

    def run_weir(self, *args, env=None, timeout=60):
        return subprocess.run([WEIR, *args], capture_output=True, text=True, timeout=timeout,
                              env={**os.environ, **(env or {})})

    def wait_for(self, what, condition, seconds=30):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            value = condition()
            if value:
                return value
            time.sleep(0.02)
        self.fail(f'{what}: not within {seconds} s\n{self.read_log()}')

    def control(self, line):
        """The answer of the running weir to a line on its control socket."""
        path = os.path.join(os.path.realpath(os.path.join(self.state, 'run')), 'weir.sock')
        with socket.socket(socket.AF_UNIX) as conn:
            conn.settimeout(10)
            conn.connect(path)
            conn.sendall(line.encode() + b'\n')
            with conn.makefile('rb') as file:
                status, size = file.readline().split()
                return file.read(int(size)).decode() if status == b'0' else ''

    def port(self, name):
        """Where a listener of the running weir is, by run/ports."""
        with open(os.path.join(self.state, 'run', 'ports'), encoding='utf-8') as file:
            places = dict(line.split() for line in file)
        return int(places[name].rpartition(':')[2])

    # ---- segments ----

    def segment_pid(self, name):
        """The pid of the segment's server, 0 when there is none."""
        return next(iter(pids_under(os.path.join(self.state, 'segments', name))), 0)

    def password(self, segment, user):
        with open(os.path.join(self.state, 'run', 'users'), encoding='utf-8') as file:
            for line in file:
                if line.split()[:2] == [segment, user]:
                    return line.split()[2]
        self.fail(f'no line for {segment} {user}')

    def redis(self, segment, user='weir'):
        """A connection of somebody else's client to the segment's socket."""
        path = os.path.join(os.path.realpath(os.path.join(self.state, 'run')), f'{segment}.sock')
        return Resp(path, user, self.password(segment, user))
