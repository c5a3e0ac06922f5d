#!/usr/bin/env python3
"""weir migrate while others write: names that are taken, keys that old or new code changes,
deletes or lets expire."""
import json
import random
import signal
import subprocess

import harness
from migrating import FAMILIES, Migration, MigrateTest, family, fill, halt, names_of, wait_until


class Changes(MigrateTest):
    def test_json_that_would_not_come_back_stays_with_its_reason(self):
        server, client = self.serve()
        fill(client, 400, random.Random(3))
        migration = Migration(server)
        out = migration.run('apply')
        nested = next(f for f in out['families'] if f['match'] == 'nested_{id}')
        self.assertEqual(nested['copied'], 0)
        for reason in ('nested', 'null', 'number', 'not_object', 'big_integer', 'twice',
                       'looks_else'):
            self.assertGreater(nested['reasons'].get(reason, 0), 0, reason)

    def test_a_name_that_is_taken_is_a_conflict_and_is_left_alone(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', '1')
        client.call('SET', 'counters:v1:1', 'somebody')
        migration = Migration(server)
        out = migration.run('apply', expect=1)
        self.assertEqual(out['conflicts'], 1)
        self.assertEqual(client.call('GET', 'counters:v1:1'), b'somebody')
        migration.run('finish', expect=1)
        self.assertEqual(client.call('GET', 'counter_1'), b'1')

    def test_two_keys_that_make_one_target_are_a_conflict(self):
        server, client = self.serve()
        client.call('SET', 'BTC.x', '1')
        client.call('SET', 'btc.x', '2')
        migration = Migration(server, [family('{symbol}.x', 'string', 'cache:v1:{symbol:lower}')])
        out = migration.run('apply', expect=1)
        self.assertEqual((out['copied'], out['conflicts']), (1, 1))

    def test_what_new_code_changed_is_never_lost(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', '1')
        client.call('SET', 'BTCUSDT_1m_1', '{"rsi": 1.5}')
        families = [dict(f) for f in FAMILIES]
        migration = Migration(server, families)
        migration.run('apply')
        client.call('INCR', 'counters:v1:1')
        out = migration.run('apply', expect=1)
        self.assertEqual(out['conflicts'], 1)
        self.assertEqual(client.call('GET', 'counters:v1:1'), b'2')
        self.assertEqual(client.call('GET', 'counter_1'), b'1')
        migration.run('apply', '--force')
        self.assertEqual(client.call('GET', 'counters:v1:1'), b'1')

    def test_where_new_code_leads_old_keys_follow(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', '1')
        client.call('SET', 'BTCUSDT_1m_1', '{"rsi": 1.5}')
        families = [dict(f) for f in FAMILIES if f['type'] != 'stream']
        Migration(server, families).run('apply')
        for one in families:
            one['lead'] = 'new'  # new code is there now: the plan may say so on the way
        migration = Migration(server, families)
        client.call('INCR', 'counters:v1:1')
        client.call('HSET', 'indicators:v1:BTCUSDT:1m:1', 'rsi', '2.5')
        migration.dual_until(lambda: client.call('GET', 'counter_1') == b'2' and
                             json.loads(client.call('GET', 'BTCUSDT_1m_1')) == {'rsi': 2.5})
        migration.run('verify')

    def test_a_key_deleted_by_its_writer_goes_and_one_that_expired_is_counted(self):
        server, client = self.serve()
        for i in range(5):
            client.call('SET', f'counter_{i}', i)
        migration, life = Migration(server), 1000
        while not client.call('EXISTS', 'locks:v1:1'):  # it must outlive apply
            life *= 2
            client.call('SET', 'lock_1', 'x', 'PX', life)
            migration.run('apply')
        self.assertEqual(client.call('PEXPIRETIME', 'lock_1'),
                         client.call('PEXPIRETIME', 'locks:v1:1'))
        client.call('CONFIG', 'SET', 'notify-keyspace-events', 'KA')

        def deleted():
            if client.call('PUBSUB', 'NUMPAT'):
                client.call('DEL', 'counter_3')
            return not client.call('EXISTS', 'counters:v1:3')

        out = migration.dual_until(deleted)
        self.assertGreater(out['deleted'], 0, out)
        self.assertEqual(out['conflicts'], 0, out)
        wait_until(lambda: not client.call('EXISTS', 'lock_1'))
        out = migration.run('verify')
        self.assertEqual((out['expired'], out['source']), (1, 5))
        migration.run('rollback')
        self.assertEqual(names_of(client), {b'counter_%d' % i for i in (0, 1, 2, 4)})

    def test_a_key_that_is_gone_and_nobody_told_keeps_its_new_form_and_comes_back(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', '7')
        migration = Migration(server)
        migration.run('apply')
        client.call('DEL', 'counter_1')
        self.assertEqual(migration.run('apply', expect=1)['conflicts'], 1)
        migration.run('verify', expect=1)
        self.assertEqual(names_of(client), {b'counters:v1:1'})
        migration.run('rollback')
        self.assertEqual(names_of(client), {b'counter_1'})
        self.assertEqual(client.call('GET', 'counter_1'), b'7')

    def test_what_only_the_new_form_has_is_not_replaced_by_an_older_backup(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', '7')
        migration = Migration(server)
        migration.run('apply')
        client.call('INCR', 'counter_1')
        migration.run('apply')
        client.call('DEL', 'counter_1')
        self.assertEqual(migration.run('rollback', expect=1)['kept'], 1)
        self.assertEqual(client.call('GET', 'counters:v1:1'), b'8')
        migration.run('apply', '--force')  # a person says that it was deleted
        self.assertEqual(names_of(client), set())

    def test_a_server_that_was_emptied_is_no_deletion_by_writers(self):
        server, client = self.serve()
        for i in range(5):
            client.call('SET', f'counter_{i}', '7')
        migration = Migration(server)
        migration.run('apply')
        client.call('FLUSHALL')
        self.assertEqual(migration.run('apply')['missing'], 5)
        self.assertEqual(migration.run('verify', expect=1)['missing'], 5)
        self.assertEqual(migration.run('rollback')['restored'], 5)
        self.assertEqual(names_of(client), {b'counter_%d' % i for i in range(5)})

    def test_a_key_that_is_the_same_by_chance_stays_somebodys(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', '7')
        client.call('SET', 'counters:v1:1', '7')
        migration = Migration(server)
        self.assertEqual(migration.run('apply', expect=1)['conflicts'], 1)
        migration.run('rollback')
        self.assertEqual(names_of(client), {b'counter_1', b'counters:v1:1'})

    def test_an_expiry_of_a_leading_new_key_is_carried_over_once(self):
        server, client = self.serve()
        migration = Migration(server, [dict(family('counter_{id}', 'string', 'counters:v1:{id}'),
                                            ttl=3600, lead='new')])
        client.call('SET', 'counter_1', '7', 'EX', 1000)
        client.call('SET', 'counter_2', '8')
        migration.run('apply')
        client.call('EXPIRE', 'counters:v1:1', 2000)
        client.call('SET', 'counters:v1:2', '9', 'KEEPTTL')
        migration.run('apply')
        self.assertEqual(client.call('PEXPIRETIME', 'counter_1'),
                         client.call('PEXPIRETIME', 'counters:v1:1'))
        self.assertEqual(client.call('GET', 'counter_2'), b'9')
        self.assertEqual(client.call('TTL', 'counter_2'), -1)
        self.assertEqual(migration.run('apply')['written'], 0)

    def test_what_changes_while_a_large_key_is_read_is_read_again(self):
        server, client = self.serve()
        for at in range(0, 20000, 500):
            words = [word for j in range(at, at + 500) for word in (f'f{j}', 'v' * 20)]
            client.call('HSET', 'hash_1', *words)
        client.call('EXPIRE', 'hash_1', 1000)
        migration = Migration(server)
        migration.run('apply')
        halted = False
        for expiry in range(2000, 2020):
            client.call('EXPIRE', 'hash_1', expiry)
            client.call('CONFIG', 'RESETSTAT')
            apply = subprocess.Popen(migration.words('apply'), stdout=subprocess.DEVNULL)
            wait_until(lambda: apply.poll() is not None or
                       b'cmdstat_hscan' in client.call('INFO', 'commandstats'))
            halted = apply.returncode is None and halt(apply) and client.call(
                'PEXPIRETIME', 'market:v1:hash:1') != client.call('PEXPIRETIME', 'hash_1')
            client.call('EXPIRE', 'hash_1', 3000)
            apply.send_signal(signal.SIGCONT)
            self.assertEqual(apply.wait(60), 0)
            if halted:
                break
        self.assertTrue(halted)
        self.assertEqual(client.call('PEXPIRETIME', 'market:v1:hash:1'),
                         client.call('PEXPIRETIME', 'hash_1'))


if __name__ == '__main__':
    harness.main()
