"""Real servers for the end-to-end tests: ClickHouse, PostgreSQL, InfluxDB, each in a folder
of its own under a test's temporary one, on a port of the kernel's choice, stopped by its
own pid. `there()` of each tells whether its program is installed."""
import http.client
import os
import pwd
import shutil
import signal
import subprocess
import time
import urllib.parse

import harness


class Server:
    """start, stop, kill, pause, go_on: by the pid of the process that was started."""

    name = ''

    def __init__(self, temp):
        self.folder = os.path.join(temp, self.name)
        os.makedirs(self.folder, exist_ok=True)
        self.port = harness.free_port()
        self.process = None

    def command(self):
        raise NotImplementedError

    def answers(self):
        raise NotImplementedError

    def start(self, seconds=30):
        with open(os.path.join(self.folder, 'log'), 'ab') as log:
            self.process = subprocess.Popen(self.command(), cwd=self.folder, stdout=log,
                                            stderr=log, **self.user())
        deadline = time.monotonic() + seconds
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f'{self.name} does not answer: {self.log()[-2000:]}')
            time.sleep(0.05)
        return self

    def user(self):
        return {}

    def log(self):
        with open(os.path.join(self.folder, 'log'), encoding='utf-8', errors='replace') as file:
            return file.read()

    def signal(self, number):
        self.process.send_signal(number)

    def pause(self):
        self.signal(signal.SIGSTOP)

    def go_on(self):
        self.signal(signal.SIGCONT)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds=20):
        if not self.process or self.process.poll() is not None:
            return
        self.go_on()
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()


def http_call(port, method, path, body=None, timeout=10, headers=None):
    """(status, text); (0, '') where nobody answers."""
    conn = http.client.HTTPConnection('127.0.0.1', port, timeout=timeout)
    try:
        conn.request(method, path, body, headers or {})
        answer = conn.getresponse()
        return answer.status, answer.read().decode(errors='replace')
    except OSError:
        return 0, ''
    finally:
        conn.close()


class ClickHouse(Server):
    name = 'clickhouse'
    program = '/usr/sbin/clickhouse-server'

    @classmethod
    def there(cls):
        return os.path.exists(cls.program)

    def command(self):
        path = os.path.join(self.folder, 'config.xml')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(f"""<yandex><logger><level>warning</level><console>1</console></logger>
<http_port>{self.port}</http_port><listen_host>127.0.0.1</listen_host>
<path>{self.folder}/data/</path><tmp_path>{self.folder}/tmp/</tmp_path>
<user_files_path>{self.folder}/files/</user_files_path>
<users_config>{self.folder}/users.xml</users_config>
<default_profile>default</default_profile><default_database>default</default_database>
<mark_cache_size>67108864</mark_cache_size><max_concurrent_queries>50</max_concurrent_queries>
</yandex>""")
        with open(os.path.join(self.folder, 'users.xml'), 'w', encoding='utf-8') as file:
            file.write("""<yandex><profiles><default/></profiles><users><default><password/>
<networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>
</default></users><quotas><default/></quotas></yandex>""")
        return [self.program, f'--config-file={path}']

    def answers(self):
        return http_call(self.port, 'GET', '/ping', timeout=1)[0] == 200

    @property
    def url(self):
        return f'http://127.0.0.1:{self.port}/weir'

    def query(self, sql, timeout=30):
        status, text = http_call(self.port, 'POST', '/?database=weir', sql, timeout)
        if status != 200:
            raise RuntimeError(f'{status}: {text[:500]}')
        return [line.split('\t') for line in text.splitlines()]


class InfluxDB(Server):
    name = 'influxdb'
    program = '/usr/bin/influxd'

    @classmethod
    def there(cls):
        return os.path.exists(cls.program)

    def command(self):
        path = os.path.join(self.folder, 'influxdb.conf')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(f"""reporting-disabled = true
bind-address = "127.0.0.1:{harness.free_port()}"
[meta]
dir = "{self.folder}/meta"
[data]
dir = "{self.folder}/data"
wal-dir = "{self.folder}/wal"
query-log-enabled = false
[monitor]
store-enabled = false
[http]
bind-address = "127.0.0.1:{self.port}"
log-enabled = false
""")
        return [self.program, '-config', path]

    def answers(self):
        return http_call(self.port, 'GET', '/ping', timeout=1)[0] == 204

    @property
    def url(self):
        return f'http://127.0.0.1:{self.port}/weir'

    def query(self, text):
        path = '/query?db=weir&q=' + urllib.parse.quote(text)
        return http_call(self.port, 'GET', path)[1]


class PostgreSQL(Server):
    """Runs as another user where we are root: it refuses root."""
    name = 'postgresql'

    @classmethod
    def program_path(cls, program):
        places = sorted(os.listdir('/usr/lib/postgresql')) if os.path.isdir(
            '/usr/lib/postgresql') else []
        path = f'/usr/lib/postgresql/{places[-1]}/bin/{program}' if places else program
        return path if os.path.exists(path) else None

    @classmethod
    def there(cls):
        return bool(cls.program_path('postgres'))

    def user(self):
        if os.getuid():
            return {}
        row = pwd.getpwnam('postgres')
        return {'user': row.pw_uid, 'group': row.pw_gid, 'extra_groups': []}

    def command(self):
        data = os.path.join(self.folder, 'data')
        if not os.path.isdir(data):
            if not os.getuid():
                row = pwd.getpwnam('postgres')
                os.chown(self.folder, row.pw_uid, row.pw_gid)
                os.chmod(os.path.dirname(self.folder), 0o755)
            subprocess.run([self.program_path('initdb'), '-D', data, '-U', 'weir', '-A', 'trust',
                            '--no-sync', '-E', 'UTF8', '--locale=C'], check=True,
                           stdout=subprocess.DEVNULL, cwd=self.folder, **self.user())
        return [self.program_path('postgres'), '-D', data, '-p', str(self.port), '-k',
                self.folder, '-c', 'listen_addresses=127.0.0.1']

    def answers(self):
        return subprocess.run([self.program_path('pg_isready'), '-h', '127.0.0.1', '-p',
                               str(self.port), '-U', 'weir', '-d', 'postgres', '-q'],
                              check=False).returncode == 0

    def stop(self, seconds=20):
        if self.process and self.process.poll() is None:
            self.signal(signal.SIGINT)  # fast shutdown
        super().stop(seconds)

    @property
    def url(self):
        return f'postgresql://weir@127.0.0.1:{self.port}/postgres'

    def query(self, sql):
        done = subprocess.run([self.program_path('psql') or shutil.which('psql'), '-h',
                               '127.0.0.1', '-p', str(self.port), '-U', 'weir', '-d', 'postgres',
                               '-At', '-F', '\t', '-c', sql], capture_output=True, text=True,
                              check=True)
        return [line.split('\t') for line in done.stdout.splitlines()]
