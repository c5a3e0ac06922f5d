#!/usr/bin/env python3
"""A thousand simulated terminals on two cores: a state a second and ten results a second
each, weir's processor time and memory, the time from a result to its acknowledgement;
then kill -9 of weir, and then terminals that misbehave beside those that do not. Truth is
what the simulator wrote. usage: bench_fleet.py WEIR GEN_LOAD"""
import json
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.argv = sys.argv[:2]
sys.path.insert(0, os.path.join(HERE, '../tests/e2e'))
import harness  # noqa: E402
import test_fleet  # noqa: E402

TERMINALS = int(os.environ.get('BENCH_TERMINALS', 1000))
SECONDS = int(os.environ.get('BENCH_SECONDS', 20))
missed = 0


def bound(name, value, unit, limit):
    global missed
    met = value <= limit
    missed += not met
    print(f'{name:<58} {value:10.2f} {unit} (bound <= {limit:g}){"" if met else "  MISSED"}',
          flush=True)


def cpu_seconds(pid):
    with open(f'/proc/{pid}/stat', encoding='utf-8') as file:
        words = file.read().rpartition(')')[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf('SC_CLK_TCK')


def rss_mb(pid):
    with open(f'/proc/{pid}/status', encoding='utf-8') as file:
        fields = dict(line.split(':', 1) for line in file)
    return int(fields['VmRSS'].split()[0]) * 1024 / 1e6


class Load(test_fleet.Simulated):
    terminals = TERMINALS
    scenario = '[terminal]\nown_rate = 10/s\nspread = 1s\n'
    more = ''  # with the archive: that is how weir runs

    def begin(self):
        """weir with room for them; the port it listens on."""
        port = harness.free_port()
        self.env = {'WEIR_FLEET_LISTEN': f'127.0.0.1:{port}',
                    'WEIR_FLEET_ROOM': str(TERMINALS + 64), 'WEIR_LOG_LEVEL': 'error',
                    'WEIR_FLEET_ATTEMPTS': '100'}  # the end of each simulator fails them all
        self.start(env=self.env)
        return port

    def running(self):
        """How many run, asked for in a way that costs weir little."""
        time.sleep(0.2)
        return self.metric('weir_fleet_terminals{state="RUNNING"}') >= self.terminals

    def end(self, sim):
        """What is on its way comes to its end; the simulator's summary."""
        sim.send_signal(signal.SIGTERM)
        out, _ = sim.communicate(timeout=200)
        self.assertEqual(sim.returncode, 0, out)
        return json.loads(out.splitlines()[-1])

    def runTest(self):
        port = self.begin()
        sim = self.simulate(port, 600)
        self.wait_for('all running', self.running, 60)
        time.sleep(3)
        self.measure('a state and ten results a second each')
        # 120 of its own, and DuckDB's share
        bound('weir resident, with the archive', rss_mb(self.child.pid), 'MB', 260)
        self.kill()
        self.start(env=self.env)
        began = time.monotonic()
        self.wait_for('all back', lambda: self.running() and
                      not self.metric('weir_fleet_suspect'), 60)
        bound('all back after kill -9', time.monotonic() - began, 's', 15)
        time.sleep(5)
        names = [event['event'] for event in self.events()]
        bound('instance_failed', names.count('instance_failed'), 'events', 0)
        self.end(sim)
        self.check()
        self.stop()

    def measure(self, name):
        results = self.metric('weir_results_recorded_total')
        cpu, began = cpu_seconds(self.child.pid), time.monotonic()
        time.sleep(SECONDS)
        seconds = time.monotonic() - began
        rate = (self.metric('weir_results_recorded_total') - results) / seconds
        share = 100 * (cpu_seconds(self.child.pid) - cpu) / seconds
        print(f'{TERMINALS} terminals, {rate:.0f} results/s recorded', flush=True)
        bound(f'weir, {name}', share, '% of a core', 50)

    def recorded(self):
        """How often each deal is in the archive file."""
        path = os.path.join(self.temp, 'recorded.csv')
        self.control('archive verify')  # what has come is in the file
        done = self.run_weir('archive', 'export', '--state', self.state, '--format', 'csv',
                             '--out', path, 'SELECT instance, deal_ticket, count(*) FROM '
                             'trade_results WHERE deal_ticket > 0 GROUP BY ALL', timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(path, encoding='utf-8') as file:
            rows = [line.strip().replace('"', '').split(',') for line in file][1:]
        return {(row[0], int(row[1])): int(row[2]) for row in rows}

    def check(self):
        orders, acks = self.truth()
        recorded = self.recorded()
        print(f'{len(orders)} deals, {len(acks)} acknowledged, {len(recorded)} recorded')
        bound('acknowledged and not recorded', sum(key not in recorded for key in acks),
              'results', 0)
        bound('recorded twice', sum(count > 1 for count in recorded.values()), 'results', 0)
        bound('recorded and never made', sum(key not in orders for key in recorded), 'results', 0)


class Quiet(Load):
    """The time to the acknowledgement at 1,000 results a second."""

    scenario = '[terminal]\nown_rate = 1/s\nspread = 1s\n'

    def runTest(self):
        port = self.begin()
        sim = self.simulate(port, 600)
        self.wait_for('all running', self.running, 60)
        time.sleep(SECONDS)
        times = self.end(sim)['frame_to_ack_ms']
        print(f'{times["count"]} results: p50 {times["p50"]} p90 {times["p90"]} p99 '
              f'{times["p99"]} max {times["max"]} ms', flush=True)
        bound(f'result to acknowledgement, {TERMINALS} results/s, p99', times['p99'], 'ms', 20)
        self.stop()


class Latency(Load):
    """The time to the acknowledgement, of terminals that behave: alone, then while others
    misbehave, and when all come at once."""

    trouble = {'beside 40 that misbehave': """[terminal]
spread = 0ms
own_rate = 10/s
[trouble]
double_login = yes @ 10%
long_line = 0.2/s @ 20%
byte_writer = 1ms @ 20%
slow_reader = 2s @ 20%
flood = 500/s @ 10%
garbage = 0.2/s @ 10%
drop = 0.2/s
""", 'beside 40 with wrong tokens and replayed hellos': """[terminal]
spread = 0ms
[trouble]
wrong_token = 50%
replay_hello = 50%
drop = 1/s
"""}

    def setUp(self):
        super().setUp()
        self.bad = [f'bad{i}' for i in range(40)]
        self.bad_tokens = os.path.join(self.temp, 'bad.tokens')
        self.bad_scenario = os.path.join(self.temp, 'bad.ini')
        harness_tokens = open(self.tokens_path, encoding='utf-8').read()
        test_fleet.write_tokens(self.bad_tokens, self.bad)
        with open(self.tokens_path, 'w', encoding='utf-8') as file:
            file.write(harness_tokens + open(self.bad_tokens, encoding='utf-8').read())

    def runTest(self):
        port = self.begin()
        for name in ('alone', *self.trouble):
            sim, bad = self.simulate(port, 600), None
            began = time.monotonic()
            self.wait_for('all running', self.running, 60)
            if name not in self.trouble:
                bound('all come within a second: all run', time.monotonic() - began, 's', 15)
            else:
                with open(self.bad_scenario, 'w', encoding='utf-8') as file:
                    file.write(self.trouble[name])
                bad = subprocess.Popen(
                    [harness.WEIR, 'sim', 'fleet', '-n', str(len(self.bad)), '--connect',
                     f'127.0.0.1:{port}', '--tokens', self.bad_tokens, '--seed', '9', '--for',
                     str(SECONDS), '--scenario', self.bad_scenario, '--json'],
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            time.sleep(SECONDS)
            found = self.end(sim)
            times = found['frame_to_ack_ms']
            print(f'{times["count"]} results of terminals {name}: p50 {times["p50"]} p90 '
                  f'{times["p90"]} p99 {times["p99"]} max {times["max"]} ms', flush=True)
            bound(f'result to acknowledgement, {name}, p99', times['p99'], 'ms', 20)
            bound('results not acknowledged', found['unacked'], 'results', 0)
            if bad:
                print('the others:', bad.communicate(timeout=60)[0].strip()[:700])
                cuts = [line for line in self.control('metrics').splitlines()
                        if line.startswith('weir_gate_cut_total')]
                print('\n'.join(cuts))
        self.stop()

if __name__ == '__main__':
    import unittest
    suite = unittest.TestSuite([Quiet(), Latency(), Load()])
    ended = unittest.TextTestRunner(verbosity=0).run(suite)
    sys.exit(1 if missed or not ended.wasSuccessful() else 0)
