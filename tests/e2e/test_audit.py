#!/usr/bin/env python3
"""weir audit as people and programs call it: a server, its dump, source code; the report in its
forms, the lists, exit statuses, and what is said of bad input. What the rules find is not looked
for here beyond one finding of each kind."""
import json
import os
import re
import subprocess
import time
import unittest

import harness

FAMILY = {'pattern', 'type', 'keys', 'bytes', 'no_ttl', 'use', 'belongs'}
FINDING = {'rule', 'severity', 'count', 'bytes_now', 'bytes_after', 'examples', 'fix', 'undo'}
HEADER = ['db', 'key', 'type', 'encoding', 'length', 'expiry', 'bytes', 'idle']
BOT = '''import redis
r = redis.Redis(host="10.0.0.5", port=6379)
def save(symbol, price):
    r.set(f"price:{symbol}", price)
    r.expire(f"price:{symbol}", 60)
def load(symbol):
    return r.get(f"price:{symbol}")
'''


class AuditTest(harness.WeirTest):
    def setUp(self):
        super().setUp()
        self.socket = os.path.join(self.temp, 'r')
        self.url = f'unix://{self.socket}'
        self.port = harness.free_port()
        self.server = subprocess.Popen(
            ['redis-server', '--port', str(self.port), '--bind', '127.0.0.1', '--unixsocket',
             self.socket, '--dir', self.temp, '--save', ''], stdout=subprocess.DEVNULL)
        self.wait_for('redis-server', self.answers)
        self.redis = harness.Resp(self.socket)

    def tearDown(self):
        self.redis.close()
        self.server.kill()
        self.server.wait()
        super().tearDown()

    def answers(self):
        try:
            return harness.Resp(self.socket).call('PING') == 'PONG'
        except OSError:
            return False

    def fill(self):
        for i in range(200):
            self.redis.call('SET', f'scan:{i}:last', i)
            self.redis.call('SET', f'price:{i}', '{"bid":1.5,"ask":2.5}', 'EX', 3600)
        self.redis.call('SET', 'big', 'x' * 300000)
        self.redis.call('SET', b'odd \xff\n', 'v')
        self.redis.call('HSET', 'order:1', 'a', '1', 'b', '2')
        self.redis.call('SELECT', 4)
        self.redis.call('SET', 'elsewhere', 'v')
        self.redis.call('SELECT', 0)

    def audit(self, *args, status=0, **more):
        done = self.run_weir('audit', '--config', self.config, *args, **more)
        self.assertEqual(done.returncode, status, done.stdout[-2000:] + done.stderr)
        return done

    def json_of(self, *args, **more):
        report = json.loads(self.audit('--json', *args, **more).stdout)
        self.assertLessEqual({'source', 'keys', 'bytes', 'families', 'findings'}, set(report))
        for family in report['families']:
            self.assertLessEqual(FAMILY, set(family))
        for finding in report['findings']:
            self.assertLessEqual(FINDING, set(finding))
            self.assertIn(finding['severity'], ('info', 'warn', 'high'))
        self.assertEqual(sum(f['keys'] for f in report['families']), report['keys'])
        return report

    def rows_of(self, *args):
        lines = self.audit('--keys', *args).stdout.split('\n')
        self.assertEqual(lines[0].split('\t'), HEADER)
        self.assertEqual(lines.pop(), '')
        rows = [dict(zip(HEADER, line.split('\t'))) for line in lines[1:]]
        return {(row['db'], row['key']): row for row in rows}

    # ---- a server ----

    def test_json_has_families_findings_and_all_keys(self):
        self.fill()
        report = self.json_of(self.url)
        self.assertEqual(report['keys'], 404)
        self.assertEqual(report['source'], self.url)
        big = [f for f in report['findings'] if f['rule'] == 'big']
        self.assertEqual(big[0]['examples'], ['big'])

    def test_a_password_is_not_shown(self):
        self.fill()
        self.redis.call('CONFIG', 'SET', 'requirepass', 'hush/hush@x')
        url = f'redis://:hush%2Fhush@x@127.0.0.1:{self.port}/4'
        done = self.audit('--json', url)
        self.assertEqual(json.loads(done.stdout)['keys'], 1)
        self.assertNotIn('hush', done.stdout + done.stderr)
        done = self.audit(url.replace('@x', '@y'), status=3)
        self.assertNotIn('hush', done.stdout + done.stderr)
        self.assertIn('WRONGPASS', done.stderr)
        done = self.audit(f'redis://127.0.0.1:{self.port}', status=3)
        self.assertIn('password', done.stderr)

    def test_a_password_in_what_is_no_url_is_not_shown(self):
        done = self.audit('bob:hush@somewhere:6379', status=3)
        self.assertNotIn('hush', done.stderr)
        self.assertIn('somewhere:6379', done.stderr)
        done = self.run_weir('sim', 'mess', f'redis://bob:hush@127.0.0.1:{self.port}/4')
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertNotIn('hush', done.stderr)
        self.assertIn('names none', done.stderr)

    def test_who_evicts_by_use_is_told_that_reading_is_a_use(self):
        self.fill()
        self.assertNotIn('NO-TOUCH', self.audit(self.url).stderr)
        self.redis.call('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
        try:
            self.redis.call('CLIENT', 'NO-TOUCH', 'OFF')
            refused = 0
        except harness.RespError:
            refused = 1
        self.assertEqual(self.audit(self.url).stderr.count('NO-TOUCH'), refused)
        self.assertNotIn('NO-TOUCH', self.audit('--no-values', self.url).stderr)

    def test_keys_are_listed_as_the_server_tells_them(self):
        self.fill()
        rows = self.rows_of(self.url)
        self.assertEqual(len(rows), 404)
        self.assertIn(('0', 'odd\\x20\\xff\\x0a'), {(d, k.lower()) for d, k in rows})
        row = rows['0', 'price:7']
        self.assertEqual((row['type'], row['encoding'], row['length']), ('string', 'embstr', '21'))
        self.assertEqual(int(row['bytes']), self.redis.call('MEMORY', 'USAGE', 'price:7'))
        left = int(row['expiry']) / 1000 - time.time()
        self.assertTrue(3400 < left <= 3601, left)
        self.assertEqual(rows['0', 'big']['expiry'], '-1')
        self.assertEqual(rows['0', 'big']['length'], '300000')
        self.assertEqual(rows['0', 'order:1']['length'], '2')
        self.assertIn(('4', 'elsewhere'), rows)

    def test_without_values_nothing_is_disturbed(self):
        self.fill()
        dump = self.redis.call('DUMP', 'big')
        self.redis.call('RESTORE', 'big', 0, dump, 'REPLACE', 'IDLETIME', 9000)
        rows = self.rows_of('--no-values', self.url)
        self.assertEqual(rows['0', 'big']['length'], '?')
        self.assertGreaterEqual(int(rows['0', 'big']['idle']), 9000)
        self.json_of('--no-values', self.url)
        self.assertGreaterEqual(self.redis.call('OBJECT', 'IDLETIME', 'big'), 9000)
        self.assertGreaterEqual(int(self.rows_of(self.url)['0', 'big']['idle']), 9000)

    def test_excluded_keys_are_left_out(self):
        self.fill()
        report = self.json_of('--exclude', 'scan:*', '--exclude', 'price:[0-9]*', self.url)
        self.assertEqual(report['keys'], 4)

    def test_findings_are_written_a_line_each(self):
        self.fill()
        path = os.path.join(self.temp, 'findings')
        report = self.json_of('--findings', path, self.url)
        with open(path, encoding='utf-8') as file:
            lines = [json.loads(line) for line in file]
        self.assertIn({'rule': 'big', 'severity': 'warn', 'key': 'big'}, lines)
        self.assertEqual({line['rule'] for line in lines if 'key' in line} - {'server'},
                         {f['rule'] for f in report['findings']} - {'server'})
        for line in lines:
            self.assertLessEqual({'rule', 'severity'}, set(line))
            self.assertGreater(line.get('db', 1), 0, line)
        self.assertIn('server', {line['rule'] for line in lines})

    def test_exit_status_by_severity(self):
        self.fill()
        self.audit('--fail-on', 'warn', self.url, status=1)
        worst = {f['severity'] for f in self.json_of(self.url)['findings']}
        self.audit('--fail-on', 'high', self.url, status=1 if 'high' in worst else 0)
        self.audit(self.url)

    def test_a_rule_that_is_off_finds_nothing(self):
        self.fill()
        self.write_config('[audit]\noff = big\n')
        self.assertNotIn('big', {f['rule'] for f in self.json_of(self.url)['findings']})
        self.write_config('[audit]\nbig_string = 400kb\n')
        self.assertNotIn('big', {f['rule'] for f in self.json_of(self.url)['findings']})

    def test_growth_since_an_older_audit(self):
        self.fill()
        path = os.path.join(self.temp, 'older.json')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(self.audit('--json', self.url).stdout)
        for i in range(200, 300):
            self.redis.call('SET', f'scan:{i}:last', i)
        report = self.json_of('--since', path, self.url)
        grown = [f for f in report['families'] if f['pattern'].startswith('scan:')]
        self.assertEqual(len(grown), 1, report['families'])
        self.assertEqual(grown[0].get('grown_keys'), 100, grown)

    def test_the_page_is_self_contained(self):
        self.fill()
        path = os.path.join(self.temp, 'page.html')
        done = self.audit('--html', path, self.url)
        with open(path, encoding='utf-8') as file:
            page = file.read()
        self.assertNotRegex(page, r'(?i)<script|(src|href)\s*=\s*["\']?(https?:)?//')
        self.assertIn('price:', page)
        self.assertNotIn('\033', done.stdout)

    def test_an_empty_server_is_no_error(self):
        report = self.json_of(self.url)
        self.assertEqual((report['keys'], report['families']), (0, []))
        self.assertEqual(self.rows_of(self.url), {})
        self.audit(self.url)

    def test_a_refused_command_is_said_once(self):
        self.fill()
        self.redis.call('ACL', 'SETUSER', 'little', 'on', '>pw', '~*', '+@read', '+scan', '+ping',
                        '-memory', '+select', '+info')
        done = self.audit('--json', f'redis://little:pw@127.0.0.1:{self.port}/0')
        self.assertEqual(len(re.findall('MEMORY USAGE is refused', done.stderr)), 1, done.stderr)
        self.assertEqual(json.loads(done.stdout)['keys'], 403)

    # ---- a dump and code ----

    def dump(self):
        self.redis.call('SAVE')
        return os.path.join(self.temp, 'dump.rdb')

    def test_a_dump_tells_the_keys_of_its_server(self):
        self.fill()
        live, path = self.rows_of(self.url), self.dump()
        dumped = self.rows_of(path)
        self.assertEqual(set(live), set(dumped))
        for name, row in dumped.items():
            for column in ('type', 'encoding', 'length', 'expiry'):
                self.assertEqual(row[column], live[name][column], name)
        self.assertEqual(self.json_of(path)['keys'], 404)

    def test_a_dump_is_judged_by_its_own_time(self):
        self.redis.call('SET', 'soon', 'v', 'EX', 1800)
        bands = self.json_of(self.url)['families'][0]['ttl']
        path = self.dump()
        with open(path, 'rb') as file:
            whole = file.read()
        at = whole.index(b'\xfa\x05ctime\xc2') + 8
        made = int.from_bytes(whole[at:at + 4], 'little') - 40 * 86400
        with open(path, 'wb') as file:
            # A checksum of zeros is none.
            file.write(whole[:at] + made.to_bytes(4, 'little') + whole[at + 4:-8] + bytes(8))
        dumped = self.json_of(path)['families'][0]['ttl']
        self.assertNotEqual(bands, dumped)
        self.assertEqual(sum(bands), sum(dumped))

    def test_a_name_that_is_too_long_is_cut_in_every_list(self):
        self.redis.call('SET', b'\xff' * 40000, 'v')
        self.redis.call('SET', 'x' * 70000, 'v')
        self.redis.call('SET', b'\xff' * (400 << 10), 'v')
        path = self.dump()
        done = self.audit('--keys', path)
        self.assertIn('2 keys have names longer than 64 KB', done.stderr)
        rows = done.stdout.split('\n')[1:-1]
        self.assertEqual([len(row.split('\t')) for row in rows], [8, 8, 8])
        findings = os.path.join(self.temp, 'findings')
        self.audit('--findings', findings, path)
        with open(findings, encoding='utf-8') as file:
            for line in file:
                json.loads(line)

    def test_a_cut_dump_is_read_as_far_as_it_goes(self):
        self.fill()
        path = self.dump()
        with open(path, 'rb') as file:
            whole = file.read()
        cut = os.path.join(self.temp, 'cut.rdb')
        with open(cut, 'wb') as file:
            file.write(whole[:len(whole) * 2 // 3])
        done = self.audit('--json', cut, status=3)
        self.assertTrue(0 < json.loads(done.stdout)['keys'] < 404)
        self.assertIn('offset', done.stderr)

    def test_code_alone_and_beside_a_server(self):
        folder = os.path.join(self.temp, 'bots')
        os.makedirs(folder)
        with open(os.path.join(folder, 'bot.py'), 'w', encoding='utf-8') as file:
            file.write(BOT)
        path = os.path.join(self.temp, 'findings')
        code = self.json_of('--source', folder, '--findings', path)['code']
        self.assertEqual((code['files'], code['constructors']), (1, 1))
        self.assertEqual(code['calls'], {'set': 1, 'expire': 1, 'get': 1})
        self.assertEqual(code['keys'][0]['writers'][0], 'bot.py:4')
        with open(path, encoding='utf-8') as file:
            hits = [json.loads(line) for line in file]
        self.assertIn(('atomicity', 'bot.py', 5),
                      {(h['rule'], h.get('file'), h.get('line')) for h in hits})
        self.fill()
        both = self.json_of('--source', folder, self.url)
        self.assertEqual((both['keys'], both['code']['files']), (404, 1))

    def test_source_files_that_are_left_out_are_told(self):
        folder = os.path.join(self.temp, 'bots')
        os.makedirs(folder)
        with open(os.path.join(folder, 'bot.py'), 'w', encoding='utf-8') as file:
            file.write(BOT)
        self.assertEqual(self.json_of('--source', folder)['code']['left_out'], 0)
        with open(os.path.join(folder, 'large.py'), 'w', encoding='utf-8') as file:
            file.write('#' * (5 << 20))
        done = self.audit('--json', '--source', folder)
        self.assertEqual(json.loads(done.stdout)['code']['left_out'], 1)
        self.assertIn('1 source files are larger than 4 MB', done.stderr)

    # ---- bad input ----

    def test_what_cannot_be_written_is_told_before_anything_is_read(self):
        nobody = f'redis://127.0.0.1:{harness.free_port()}'
        for flag in ('--html', '--findings'):
            done = self.audit(nobody, flag, '/nowhere/x', status=3)
            self.assertIn('/nowhere/x', done.stderr)
            self.assertIn(self.temp, self.audit(nobody, flag, self.temp, status=3).stderr)


    def test_bad_input_is_one_line(self):
        with open(os.path.join(self.temp, 'not.json'), 'w', encoding='utf-8') as file:
            file.write('{"families": 7')
        missing = os.path.join(self.temp, 'missing')
        cases = [((), 2, 'what is to be audited'),
                 (('--keys', '--source', '.'), 2, '--keys'),
                 (('--keys', '--json', self.url), 2, '--keys does not go with --json'),
                 ((self.url, '--fail-on', 'bad'), 2, 'info|warn|high'),
                 ((self.url, '--rate', '-1'), 2, '--rate'),
                 ((missing,), 3, 'no file, and no URL'),
                 ((missing + '.rdb',), 3, 'missing.rdb'),
                 ((self.temp,), 3, ''),
                 (('--source', missing), 3, 'missing'),
                 ((self.url, '--since', missing), 3, 'missing'),
                 ((self.url, '--since', os.path.join(self.temp, 'not.json')), 3, 'not.json'),
                 ((self.url, '--findings', '/nowhere/x'), 3, '/nowhere/x'),
                 ((self.url, '--html', '/nowhere/x'), 3, '/nowhere/x'),
                 ((self.url, '--config', missing), 3, 'missing'),
                 (('http://localhost',), 3, 'redis://')]
        for args, status, text in cases:
            with self.subTest(args=args):
                done = self.audit(*args, status=status)
                self.assertIn(text, done.stderr)
                self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)

    def test_a_list_that_nobody_reads_on_ends_quietly(self):
        for i in range(20000):
            self.redis.send('SET', f'key-with-a-long-name:{i}', i)
        for _ in range(20000):
            self.redis.read()
        done = subprocess.run(f'{harness.WEIR} audit --keys --rate 0 {self.url} | head -n 2',
                              shell=True, capture_output=True, text=True, timeout=60)
        self.assertEqual(len(done.stdout.splitlines()), 2)
        self.assertEqual(done.stderr, '')


if __name__ == '__main__':
    harness.main()
