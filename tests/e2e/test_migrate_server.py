#!/usr/bin/env python3
"""weir migrate and the server: logins, databases, notifications, plans made of it, and keys that
are large."""
import json
import os
import random
import socket
import subprocess
import threading

import harness
from migrating import Migration, MigrateTest, family, fill, names_of


class Cutting:
    """A way to the server that ends the first connection that subscribes, unanswered."""

    def __init__(self, path):
        self.behind, self.path, self.cut = path, path + '.cut', False
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.ends = []
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
        for end in (self.listener, *self.ends):
            end.close()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.behind)
            self.ends += (client, server)
            for ends in ((client, server), (server, client)):
                self.threads.append(threading.Thread(target=self.carry, args=ends))
                self.threads[-1].start()

    def carry(self, source, target):
        try:
            while data := source.recv(65536):
                if b'PSUBSCRIBE' in data and not self.cut:
                    self.cut = True
                    break
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Server(MigrateTest):
    def test_a_login_that_may_not_read_a_key_is_told_so(self):
        server, client = self.serve()
        for i in (1, 2):
            client.call('SET', f'counter_{i}', i)
        migration = Migration(server)
        migration.run('apply')
        client.call('SET', 'counter_2', 'CHANGED')
        client.call('ACL', 'SETUSER', 'u', 'on', '>pw', '+@all', '~counter_1', '~counters:v1:1')
        narrow = server.url.replace('unix://', 'unix://u:pw@')
        self.assertIn('may not', migration.run('verify', narrow, expect=3))

    def test_a_server_that_refuses_config_and_several_databases(self):
        server, client = self.serve('--rename-command', 'CONFIG', '')
        other = server.client(3)
        client.call('SET', 'counter_1', '1')
        other.call('SET', 'counter_1', '2')
        migration = Migration(server, databases=(0, 3))

        def carried_over():
            if other.call('GET', 'counters:v1:1') == b'2' == other.call('GET', 'counter_1'):
                other.call('INCR', 'counter_1')
            return other.call('GET', 'counters:v1:1') == b'3'

        out = migration.dual_until(carried_over, '--rescan', '1')
        self.assertFalse(out['lag']['notified'])
        self.assertEqual(client.call('GET', 'counters:v1:1'), b'1')
        self.assertEqual(other.call('GET', 'counters:v1:1'), b'3')
        migration.run('finish')
        self.assertEqual(other.call('EXISTS', 'counter_1'), 0)
        other.close()

    def test_notifications_are_put_back(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', '1')
        out = Migration(server).dual_until(lambda: client.call('PUBSUB', 'NUMPAT'))
        self.assertTrue(out['lag']['notified'])
        self.assertEqual(client.call('CONFIG', 'GET', 'notify-keyspace-events')[1], b'')

    def test_a_lost_connection_for_notifications_is_made_again(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', '1')
        killed = []

        def carried_over():
            if not killed and client.call('CLIENT', 'KILL', 'TYPE', 'pubsub'):
                killed.append(client.call('INCR', 'counter_1'))
            return (killed and client.call('PUBSUB', 'NUMPAT') and
                    client.call('GET', 'counters:v1:1') == b'2')

        lag = Migration(server).dual_until(carried_over, '--rescan', '1')['lag']
        self.assertTrue(lag['notified'])
        self.assertLess(lag['passes'], 20)

    def test_a_connection_that_is_cut_while_it_subscribes_is_made_again(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', '1')
        with Cutting(server.path) as cutting:
            server.url = 'unix://' + cutting.path
            out = Migration(server).dual_until(lambda: client.call('PUBSUB', 'NUMPAT'),
                                               '--rescan', '1')
        self.assertTrue(cutting.cut)
        self.assertTrue(out['lag']['notified'])

    def test_a_plan_that_was_changed_is_refused(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', '1')
        Migration(server).run('apply')
        changed = Migration(server, [family('counter_{id}', 'string', 'counters:v2:{id}')])
        self.assertIn('changed', changed.run('apply', expect=3))

    def test_a_plan_is_made_of_a_running_server(self):
        server, client = self.serve()
        fill(client, 600, random.Random(5))
        path = os.path.join(server.folder, 'made.json')
        done = subprocess.run([harness.WEIR, 'migrate', 'plan', server.url, '--plan', path,
                               '--json'], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(path, encoding='utf-8') as file:
            plan = json.load(file)
        self.assertEqual(plan['source'], server.url)
        self.assertGreaterEqual(len(plan['families']), 5)
        status = subprocess.run([harness.WEIR, 'migrate', 'apply', '--plan', path, '--json'],
                                capture_output=True, text=True, timeout=120)
        self.assertEqual(status.returncode, 0, status.stdout[-2000:] + status.stderr)

    def test_large_elements_stop_nothing(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', '1')
        client.call('EVAL', "for i = 1, 480 do redis.call('RPUSH', 'list_1', "
                    "string.rep('x', 150000) .. i) end", '0')
        client.call('EVAL', "for i = 1, 3000 do redis.call('HSET', 'hash_1', 'f' .. i, i) end "
                    "redis.call('HSET', 'hash_1', 'large', string.rep('x', 17 * 1048576))", '0')
        migration = Migration(server)
        out = migration.run('apply')
        self.assertEqual((out['copied'], out['written']), (2, 2))
        hashes = next(f for f in out['families'] if f['match'] == 'hash_{id}')
        self.assertEqual(hashes['reasons'], {'large': 1})
        self.assertEqual(client.call('LLEN', 'queues:v1:list:1'), 480)
        self.assertEqual(len(client.call('LINDEX', 'queues:v1:list:1', '-1')), 150003)
        self.assertTrue(migration.run('verify')['holds'])
        migration.run('finish')
        self.assertEqual(client.call('EXISTS', 'list_1', 'hash_1'), 1)
        migration.run('rollback')
        self.assertEqual(len(client.call('LINDEX', 'list_1', '0')), 150001)

    def test_a_batch_of_large_strings_takes_little_memory(self):
        server, client = self.serve()
        client.call('EVAL', "for i = 1, 120 do redis.call('SET', 'counter_' .. i, "
                    "string.rep(tostring(i) .. 'x', 1000000 / (#tostring(i) + 1))) end", '0')
        process = subprocess.Popen(Migration(server).words('apply'), stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(len(names_of(client)), 240)
        if not harness.SANITIZED:
            self.assertLess(usage.ru_maxrss, 120 << 10)


if __name__ == '__main__':
    harness.main()
