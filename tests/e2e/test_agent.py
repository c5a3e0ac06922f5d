"""The host agent with real processes: a terminal that is a script named terminal64.exe, and a
weir that speaks MFP/1 by a script; then the same under the real weir."""
import hashlib
import hmac
import json
import os
import queue
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
import unittest

import harness
from terminal import Terminal, frame, parse, write_tokens

TERMINAL = '''#!/usr/bin/python3
"""USR1: the terminal wants to be started again; USR2: it closes itself. TERM is heeded
unless a file says otherwise. Everything else is its death."""
import os, signal, sys, time
here = os.path.dirname(os.path.abspath(__file__))
signal.signal(signal.SIGUSR1, lambda *_: os._exit(75))
signal.signal(signal.SIGUSR2, lambda *_: os._exit(0))
signal.signal(signal.SIGTERM, lambda *_: os.path.exists(here + '/deaf') or os._exit(0))
with open(here + '/starts', 'a') as file:
    file.write(f'{os.getpid()} {" ".join(sys.argv[1:])}\\n')
while True:
    time.sleep(600)
'''


def is_alive(pid):
    """Whether the process is there and no zombie."""
    try:
        with open(f'/proc/{pid}/stat', encoding='utf-8', errors='replace') as file:
            return file.read().rpartition(')')[2].split()[0] not in 'ZX'
    except OSError:
        return False


class ScriptedWeir:
    """Listens, welcomes the agent each time it comes, keeps what it says."""

    def __init__(self, token, tls=None):
        self.token, self.frames, self.hellos = token, queue.Queue(), queue.Queue()
        self.tls = tls
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.conn, self.down = None, 100
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            try:
                if self.tls:
                    conn = self.tls.wrap_socket(conn, server_side=True)
                self.conn = conn
                self.talk(conn)
            except (OSError, ValueError) as error:
                self.frames.put(('gone', 0, {'why': str(error)}))
            conn.close()

    def talk(self, conn):
        nonce = os.urandom(16).hex()
        conn.sendall(frame('B', 0, v=1, srv='weir/test', nonce=nonce, hb=1000, dead=15000,
                           max=4096).encode())
        for line in conn.makefile('r', encoding='utf-8', newline='\n'):
            verb, seq, fields = parse(line)
            if verb == 'H':
                self.greet(conn, nonce, fields)
            if verb == 'Y':
                conn.sendall(frame('K', 0, up=seq).encode())
            if verb == 'M':
                conn.sendall(frame('P', 0, t=fields['t']).encode())
            self.frames.put((verb, seq, fields))

    def greet(self, conn, nonce, hello):
        text = f"{nonce}|{hello['id']}|{hello['ep']}".encode()
        mac = hmac.new(self.token.encode(), text, hashlib.sha256).hexdigest()[:32]
        if hello['mac'] != mac or hello['role'] != 'agent' or 'login' in hello:
            conn.sendall(frame('E', 0, code='auth', msg='bad mac', retry=100).encode())
            conn.shutdown(socket.SHUT_WR)
        else:
            conn.sendall(frame('W', 0, ses=1, up=0, ld=0, lsv=0, snap=0, si=1000, ai=1000,
                               rate=0, t=int(time.time() * 1000)).encode())
        self.hellos.put(hello)

    def wait(self, what, seconds=20):
        """The next frame that `what(verb, fields)` likes; others are dropped."""
        deadline = time.monotonic() + seconds
        seen = []
        while True:
            try:
                got = self.frames.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f'not within {seconds} s; seen: {seen[:9]} … {seen[-9:]}') from None
            seen.append(got)
            if what(got[0], got[2]):
                return got[2]

    def host_frame(self, name, seconds=20, **fields):
        return self.wait(lambda verb, got: verb == 'M' and got['id'] == name and all(
            got.get(key) == value for key, value in fields.items()), seconds)

    def running(self, name, but=None, seconds=20):
        """The pid of the terminal, once it has one (and another than `but`)."""
        got = self.wait(lambda verb, got: verb == 'M' and got['id'] == name and
                        got['pid'] not in ('0', str(but)), seconds)
        return int(got['pid'])

    def command(self, op, name, **more):
        """Sends a C and returns its answer's st."""
        self.down += 1
        self.conn.sendall(frame('C', self.down, cid=self.down, op=op, id=name, **more).encode())
        return self.wait(lambda verb, got: verb == 'Y' and got['dn'] == str(self.down) and
                         got['cid'] == str(self.down))['st']

    def close(self):
        self.listener.close()
        if self.conn:
            try:
                self.conn.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class AgentTest(harness.WeirTest):
    """self.root has terminals t1 and t2, which are not started."""

    def setUp(self):
        super().setUp()
        self.root = os.path.join(self.temp, 'mt5')
        for name in ('t1', 't2'):
            self.write(f'mt5/{name}/terminal64.exe', TERMINAL, 0o700)
        self.token = os.urandom(32).hex()
        self.token_file = self.write('agent.token', f'# of host-1\n{self.token}\n', 0o600)
        self.terminals_file = self.write('terminals', ''.join(
            f'{name} - {self.program(name)} /portable {{clean:clean}}\n' for name in ('t1', 't2')))
        self.agent = None

    def tearDown(self):
        for pid in [self.agent.pid] if self.agent and self.agent.poll() is None else []:
            os.kill(pid, signal.SIGKILL)
        left = [pid for pid in harness.pids_under(self.root) if is_alive(pid)]
        super().tearDown()
        self.assertEqual(left, [])

    def write(self, name, text, mode=0o600):
        """Replaces the file, so that a program that runs from it does not see it."""
        path = os.path.join(self.temp, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + '.new', 'w', encoding='utf-8') as file:
            file.write(text)
        os.chmod(path + '.new', mode)
        os.replace(path + '.new', path)
        return path

    def program(self, name):
        return os.path.join(self.root, name, 'terminal64.exe')

    def starts(self, name):
        """The arguments of each start of a terminal."""
        path = os.path.join(self.root, name, 'starts')
        if not os.path.exists(path):
            return []
        with open(path, encoding='utf-8') as file:
            return [line.rstrip('\n').split(' ', 1)[1] for line in file]

    def wait_starts(self, name, count):
        """Until it has begun as often: it heeds signals from then on."""
        self.wait_for(f'{count} starts', lambda: len(self.starts(name)) == count)
        return self.starts(name)

    def start_agent(self, port, *more):
        with open(self.log_path, 'ab') as log:
            self.agent = subprocess.Popen(
                [harness.WEIR, 'agent', '--connect', f'127.0.0.1:{port}', '--host', 'host-1',
                 '--token-file', self.token_file, '--terminals', self.terminals_file,
                 '--root', self.root, *more], stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.agent.stdout.readline()
        self.assertIn('weir agent: host host-1, 2 terminals', line, self.read_log())

    def kill_agent(self):
        self.agent.kill()
        self.agent.wait()
        self.agent.stdout.close()

    def stop_agent(self):
        self.agent.send_signal(signal.SIGTERM)
        self.assertEqual(self.agent.wait(20), 0, self.read_log())
        self.agent.stdout.close()


class Scripted(AgentTest):
    """What the classes below share: a scripted weir."""

    def setUp(self):
        super().setUp()
        self.weir = ScriptedWeir(self.token)

    def tearDown(self):
        super().tearDown()
        self.weir.close()

    def connect(self, *more):
        self.start_agent(self.weir.port, *more)
        self.weir.wait(lambda verb, _: verb == 'M')

    def start_terminal(self, name='t1', **more):
        count = len(self.starts(name))
        self.assertEqual(self.weir.command('start', name, **more), 'ok')
        pid = self.weir.running(name)
        self.wait_starts(name, count + 1)
        return pid

    def finish(self, *names):
        for name in names:
            self.assertEqual(self.weir.command('stop', name), 'ok')
            self.weir.host_frame(name, pid='0', end='asked')
        self.stop_agent()


class Orders(Scripted):
    def test_a_terminal_is_started_measured_and_stopped(self):
        self.connect()
        self.weir.host_frame('t1', pid='0', end='gone', host='host-1')
        pid = self.start_terminal()
        self.assertEqual(self.starts('t1'), ['/portable'])
        self.assertNotEqual(os.getsid(pid), os.getsid(self.agent.pid))
        got = self.weir.wait(lambda verb, got: verb == 'M' and got['id'] == 't1' and
                             got.get('cpu', '-1') != '-1')
        self.assertEqual(got['pid'], str(pid))
        self.assertGreater(int(got['fd']), 0)
        self.assertEqual(got['thr'], '1')
        self.assertGreater(int(got['rss']), 0)
        self.assertAlmostEqual(float(got['la']), os.getloadavg()[0], delta=5)
        self.assertEqual(int(got['cores']), os.cpu_count())
        free = shutil.disk_usage(self.root).free >> 20
        self.assertAlmostEqual(int(got['disk']), free, delta=free / 5)
        self.assertAlmostEqual(int(got['t']) / 1000, time.time(), delta=10)
        # one that runs is not started again
        self.assertEqual(self.weir.command('start', 't1'), 'ok')
        self.assertEqual(self.weir.running('t1'), pid)
        self.assertEqual(len(self.starts('t1')), 1)
        self.finish('t1')
        self.assertFalse(is_alive(pid))

    def test_a_poke_runs_the_operators_program_with_the_id(self):
        notes = os.path.join(self.temp, 'pokes')
        poke = self.write('poke.sh', f'#!/bin/sh\necho "$#:$1" >>{notes}\n', 0o700)
        self.connect('--poke', poke)
        self.weir.host_frame('t2', pid='0')
        self.assertEqual(self.weir.command('poke', 't2'), 'ok')
        self.wait_for('the poke', lambda: os.path.exists(notes) and os.path.getsize(notes))
        with open(notes, encoding='utf-8') as file:
            self.assertEqual(file.read(), '1:t2\n')
        self.stop_agent()

    def test_a_program_that_cannot_be_run_is_answered_so(self):
        self.connect()
        self.weir.host_frame('t1', pid='0')
        os.chmod(self.program('t1'), 0o600)
        self.assertEqual(self.weir.command('start', 't1'), 'bad')
        self.weir.host_frame('t1', pid='0', end='gone')
        self.assertIn('t1: start ', self.read_log())
        self.stop_agent()

    def test_the_terminals_file_is_read_again_whole_or_not_at_all(self):
        self.connect()
        pid = self.start_terminal()
        self.write('terminals', 't1\nt1\n')
        self.agent.send_signal(signal.SIGHUP)
        self.wait_for('its refusal', lambda: 'terminals:2: t1 stands twice' in self.read_log())
        self.weir.host_frame('t2', pid='0')
        self.write('terminals', f't3 - {self.program("t2")}\n'
                                f't1 - {self.program("t1")} again\n')
        self.agent.send_signal(signal.SIGHUP)
        self.weir.host_frame('t3', pid='0', end='gone')
        # what was started before is still its child: its wish is known
        os.kill(pid, signal.SIGUSR1)
        self.weir.host_frame('t1', pid='0', end='asked', exit='75')
        self.assertEqual(self.wait_starts('t1', 2)[1], 'again')
        self.weir.running('t1')
        self.finish('t1')


class Kill(Scripted):
    def test_a_terminal_that_does_not_heed_is_killed_after_ten_seconds(self):
        self.connect()
        pid = self.start_terminal()
        self.write('mt5/t1/deaf', '')
        begun = time.monotonic()
        self.assertEqual(self.weir.command('stop', 't1', wait=500), 'ok')
        got = self.weir.host_frame('t1', pid='0', end='asked')
        self.assertEqual(got['exit'], '-9')
        self.assertGreaterEqual(time.monotonic() - begun, 10.3)
        self.assertFalse(is_alive(pid))
        self.stop_agent()


class Ends(Scripted):
    def test_restart_clean_crash_and_code_75(self):
        self.connect()
        first = self.start_terminal()
        self.assertEqual(self.weir.command('restart', 't1', clean=1, code=75, wait=0), 'ok')
        self.weir.host_frame('t1', pid='0', end='asked', exit='0')
        second = self.weir.running('t1')
        self.assertNotEqual(first, second)
        self.assertEqual(self.wait_starts('t1', 2), ['/portable', '/portable clean'])
        # kill -9: told at once, and left to weir
        os.kill(second, signal.SIGKILL)
        self.weir.host_frame('t1', pid='0', end='crash', exit='-9')
        self.weir.host_frame('t1', pid='0', end='crash')
        self.assertEqual(len(self.starts('t1')), 2)
        third = self.start_terminal()
        # its own wish: started again without a word from weir
        os.kill(third, signal.SIGUSR1)
        self.weir.host_frame('t1', pid='0', end='asked', exit='75')
        self.weir.running('t1', but=third)
        self.assertEqual(self.wait_starts('t1', 4)[3], '/portable')
        self.finish('t1')

    def test_an_update_is_told_from_a_crash(self):
        self.connect()
        first = self.start_terminal()
        # it closes itself, its program is replaced, it is started by the updater
        os.kill(first, signal.SIGUSR2)
        self.wait_for('its end', lambda: not is_alive(first))
        self.write('mt5/t1/terminal64.exe', TERMINAL + '# newer\n', 0o700)
        self.weir.host_frame('t1', pid='0', end='update', exit='0')
        updater = subprocess.Popen([self.program('t1'), '/portable'], start_new_session=True)
        second = self.weir.running('t1')
        self.assertEqual(second, updater.pid)
        self.assertEqual(len(self.wait_starts('t1', 2)), 2)
        # and with the program replaced before its end
        self.write('mt5/t1/terminal64.exe', TERMINAL + '# newest\n', 0o700)
        os.kill(second, signal.SIGUSR2)
        updater.wait(10)
        self.weir.host_frame('t1', pid='0', end='update')
        self.stop_agent()


class Adoption(Scripted):
    def test_children_outlive_the_agent_and_are_adopted_by_the_next(self):
        self.connect()
        one, two = self.start_terminal('t1'), self.start_terminal('t2')
        hello = self.weir.hellos.get(timeout=5)
        self.kill_agent()
        self.assertTrue(is_alive(one) and is_alive(two))
        self.connect()
        again = self.weir.hellos.get(timeout=20)
        self.assertGreater(int(again['ep']), int(hello['ep']))
        self.assertEqual(self.weir.running('t1'), one)
        self.assertEqual(self.weir.running('t2'), two)
        self.assertEqual(self.weir.command('start', 't1'), 'ok')
        # how it ended is not known of those: crash, once it cannot be an update any more
        os.kill(one, signal.SIGKILL)
        got = self.weir.host_frame('t1', pid='0', seconds=30)
        self.assertEqual(got['end'], 'crash')
        self.assertNotIn('exit', got)
        self.assertEqual((len(self.starts('t1')), len(self.starts('t2'))), (1, 1))
        self.assertEqual(self.weir.command('restart', 't2'), 'ok')
        self.weir.host_frame('t2', pid='0', end='asked')
        self.assertNotEqual(self.weir.running('t2'), two)
        self.finish('t2')


class Links(Scripted):
    def test_it_comes_back_to_a_weir_that_went_away(self):
        self.connect()
        first = self.start_terminal()
        hello = self.weir.hellos.get(timeout=5)
        down = self.weir.down
        self.weir.conn.shutdown(socket.SHUT_RDWR)
        again = self.weir.hellos.get(timeout=20)
        self.assertEqual((again['ep'], again['dn']), (hello['ep'], str(down)))
        self.assertEqual(self.weir.running('t1'), first)
        # weir says nonsense: one line of log, and the next connection
        self.weir.conn.sendall(b'C 0 nonsense\n')
        self.weir.wait(lambda verb, got: verb == 'E' and got['code'] == 'frame')
        self.weir.hellos.get(timeout=20)
        self.assertEqual(self.weir.running('t1'), first)
        # a line that does not end
        self.weir.conn.sendall(b'x' * 10000)
        self.weir.wait(lambda verb, got: verb == 'E' and got['code'] == 'frame')
        self.weir.hellos.get(timeout=20)
        self.assertEqual(self.weir.command('snapshot', 't1'), 'bad')
        self.assertEqual(self.weir.command('poke', 't1'), 'bad')
        self.assertEqual(self.weir.command('start', 'nobody'), 'bad')
        self.assertIn('no frame', self.read_log())
        self.finish('t1')

    def test_who_is_refused_comes_again(self):
        self.weir.token = 'another'
        self.start_agent(self.weir.port)
        self.weir.hellos.get(timeout=20)
        self.weir.hellos.get(timeout=20)
        self.assertIn('weir says auth: bad mac', self.read_log())
        self.weir.token = self.token
        self.weir.host_frame('t1', pid='0')
        self.stop_agent()
        self.assertNotIn(self.token, self.read_log())


class Tls(AgentTest):
    def test_weir_is_known_by_its_certificate(self):
        key, cert = os.path.join(self.temp, 'key.pem'), os.path.join(self.temp, 'cert.pem')
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                        'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert,
                        '-days', '2', '-subj', '/CN=weir', '-addext',
                        'subjectAltName=IP:127.0.0.1'], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        with open(cert, encoding='ascii') as file:
            digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read())).hexdigest()
        weir = ScriptedWeir(self.token, context)
        self.start_agent(weir.port, '--tls-thumbprint', digest)
        weir.host_frame('t1', pid='0')
        self.stop_agent()
        self.start_agent(weir.port, '--tls-ca', cert)
        weir.host_frame('t2', pid='0')
        self.stop_agent()
        # another weir, or somebody between: nothing is said to it
        while not weir.frames.empty():
            weir.frames.get()
        self.start_agent(weir.port, '--tls-thumbprint', 'ab' * 32)
        self.wait_for('its refusal', lambda: 'weir cannot be reached' in self.read_log())
        self.assertEqual(weir.wait(lambda *_: True).keys(), {'why'})
        self.stop_agent()
        weir.close()


class Start(AgentTest):
    def refused(self, *args):
        done = self.run_weir('agent', *args)
        self.assertEqual(done.stdout, '')
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        return done.returncode, done.stderr

    def test_a_bad_start_is_one_line(self):
        files = ('--terminals', self.terminals_file, '--token-file', self.token_file)
        self.assertEqual(self.refused()[0], 2)
        self.assertEqual(self.refused('--terminals', self.terminals_file)[0], 2)
        self.assertEqual(self.refused(*files, '--connect', 'nowhere')[0], 2)
        self.assertEqual(self.refused(*files, '--connect', '::1:7410')[0], 2)
        self.assertEqual(self.refused(*files, '--host', 'a b')[0], 2)
        status, line = self.refused(*files, '--host', 'host-1')
        self.assertEqual(status, 3)
        self.assertIn('terminals:1: no pattern, and no --root', line)
        os.chmod(self.token_file, 0o644)
        status, line = self.refused(*files, '--host', 'host-1', '--root', self.root)
        self.assertEqual(status, 3)
        self.assertIn('chmod 600', line)
        self.write('agent.token', 'short\n')
        self.assertIn('not one token', self.refused(*files, '--root', self.root)[1])
        self.write('agent.token', f'{self.token}\n{self.token}\n')
        status, line = self.refused(*files, '--root', self.root)
        self.assertIn('not one token', line)
        self.assertNotIn(self.token, line)


@unittest.skipUnless(shutil.which('redis-server'), 'redis-server is not installed')
class UnderWeir(AgentTest):
    """The real weir: the tokens file names host-1 and its terminals."""

    def setUp(self):
        super().setUp()
        path = os.path.join(self.temp, 'tokens')
        self.tokens = write_tokens(path, ['t1', 't2'])
        with open(path, 'a', encoding='utf-8') as file:
            file.write(f'host-1 {self.token}\n')
        self.write_config(f'[fleet]\ntokens_file = {path}\n')

    def show(self, name='t1'):
        return json.loads(self.control(f'fleet show {name}'))

    def wait_state(self, state):
        self.wait_for(state, lambda: self.show()['state'] == state)

    def test_weir_starts_measures_and_stops_through_it(self):
        self.start()
        self.start_agent(self.port('fleet'))
        self.wait_for('the agent', lambda: 'connected to weir' in self.read_log())
        done = self.run_weir('fleet', 'start', 't1', '--state', self.state)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.wait_starts('t1', 1)
        expert = Terminal(self.port('fleet'), 't1', self.tokens['t1'], 1001)
        expert.run()
        self.wait_state('RUNNING')
        self.wait_for('its numbers', lambda: self.show()['numbers'].get('cpu', '-1') != '-1' and
                      'rss' in self.show()['numbers'])
        # it dies, and weir has it started again
        pid = next(pid for pid in harness.pids_under(os.path.join(self.root, 't1')))
        os.kill(pid, signal.SIGKILL)
        expert.close()
        self.wait_state('FAILED')
        self.assertIn('exit -9', self.show()['reason'])
        self.wait_starts('t1', 2)
        expert = Terminal(self.port('fleet'), 't1', self.tokens['t1'], 1001)
        expert.run()
        self.wait_state('RUNNING')
        # and stops it when an operator says so
        done = self.run_weir('fleet', 'stop', 't1', '--state', self.state)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.wait_for('its end', lambda: not harness.pids_under(os.path.join(self.root, 't1')))
        self.wait_state('STOPPED')
        expert.close()
        self.stop_agent()
        self.stop()


if __name__ == '__main__':
    harness.side_by_side(__file__, [Orders, Kill, Ends, Adoption, Links, Tls, Start,
                                     UnderWeir], needs_redis=False)
