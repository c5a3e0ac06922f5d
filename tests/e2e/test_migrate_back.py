#!/usr/bin/env python3
"""weir migrate finish and rollback: what is removed can come back, and what is newer stays."""
import json
import os
import shutil
import signal
import struct
import subprocess
import time

import harness
from migrating import Migration, MigrateTest, halt, names_of, pipeline, state_of, wait_until


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def forge_dump(path, value):
    """Another value in a backup whose own sums are right: the server finds it out."""
    with open(path, 'rb') as file:
        data = file.read()
    out, at = data[:24], 24
    while at < len(data):
        length = struct.unpack_from('<I', data, at)[0]
        record = data[at + 8:at + 8 + length].replace(value, value[::-1])
        out += data[at:at + 4] + struct.pack('<I', crc32c(data[at:at + 4] + record)) + record
        at += 8 + length
    with open(path, 'wb') as file:
        file.write(out)


class Back(MigrateTest):
    def test_an_older_work_folder_does_not_take_what_finish_left(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', '7')
        migration = Migration(server)
        migration.run('apply')
        work = migration.plan + '.work'
        shutil.copytree(work, work + '.old')
        migration.run('finish')
        shutil.rmtree(work)
        os.rename(work + '.old', work)
        migration.run('apply', expect=1)
        migration.run('verify', expect=1)
        self.assertEqual(client.call('GET', 'counters:v1:1'), b'7')

    def test_rollback_keeps_newer_data_under_a_name_that_should_have_expired(self):
        life, lived = 500, False
        while not lived:  # both must outlive finish
            life *= 2
            server, client = self.serve()
            client.call('SET', 'counter_1', '7', 'PX', life)
            client.call('SET', 'counter_2', '8', 'PX', life)
            ends = client.call('PEXPIRETIME', 'counter_2')
            migration = Migration(server)
            migration.run('finish')
            lived = client.call('SET', 'counters:v1:1', 'NEWER', 'XX') and client.call(
                'PERSIST', 'counters:v1:2')
        wait_until(lambda: time.time() * 1000 > ends)
        self.assertEqual(migration.run('rollback', expect=1)['kept'], 2)
        self.assertEqual(client.call('GET', 'counters:v1:1'), b'NEWER')
        self.assertEqual(client.call('GET', 'counters:v1:2'), b'8')

    def test_an_expiry_that_was_taken_away_while_finish_ran_is_not_lost(self):
        count = 2000
        for _ in range(10):
            server, client = self.serve()
            pipeline(client, [('SET', f'counter_{i}', i, 'EX', 600) for i in range(count)])
            migration = Migration(server)
            migration.run('apply')
            finish = subprocess.Popen(migration.words('finish'), stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)
            while client.call('DBSIZE') == 2 * count and finish.poll() is None:
                pass
            if finish.returncode is None:
                halt(finish)
            kept = client.call('EVAL', "local o={} for i=0,1999 do if redis.call('PERSIST',"
                               "'counter_'..i)==1 then o[#o+1]=i end end return o", 0)
            finish.send_signal(signal.SIGCONT)
            finish.wait(60)
            if kept:
                break
        self.assertGreater(len(kept), 0)
        ends = pipeline(client, [('TTL', f'counters:v1:{i}') for i in kept])
        there = pipeline(client, [('EXISTS', f'counter_{i}') for i in kept])
        lost = [i for i, end, old in zip(kept, ends, there) if end != -1 and not old]
        self.assertEqual(lost, [])
        migration.run('finish')
        ends = pipeline(client, [('TTL', f'counters:v1:{i}') for i in kept])
        self.assertEqual(set(ends), {-1})

    def test_what_cannot_be_restored_keeps_its_new_form(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', 'seven-and-more')
        migration = Migration(server)
        migration.run('finish')
        forge_dump(migration.plan + '.work/backup', b'seven-and-more')
        self.assertEqual(migration.run('rollback', expect=1)['kept'], 1)
        self.assertEqual(names_of(client), {b'counters:v1:1'})

    def test_a_writer_that_comes_back_after_finish_is_told(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', '7')
        migration = Migration(server)
        migration.run('finish')
        client.call('INCR', 'counter_1')
        out = migration.run('verify', expect=1)
        self.assertEqual(out['returned'], 1)
        out = migration.run('rollback', expect=1)
        self.assertEqual((out['kept'], client.call('GET', 'counter_1')), (1, b'1'))
        migration.run('rollback', '--force')
        self.assertEqual(client.call('GET', 'counter_1'), b'7')

    def test_rows_move_into_duckdb_and_old_keys_come_back(self):
        server, client = self.serve()
        for i in range(500):
            client.call('SET', f'trade_{i}', json.dumps({'id': i, 'symbol': 'BTCUSDT',
                                                         'price': 1.5, 'note': 'x'}))
        before = state_of(client, names_of(client))
        families = [dict(match='trade_{id}', type='same', sink='duckdb', table='records',
                         **{'from': 'string'})]
        migration = Migration(server, families)
        with open(migration.plan, encoding='utf-8') as file:
            plan = json.load(file)
        plan['sinks'] = {'duckdb': os.path.join(server.folder, 'moved.duckdb')}
        with open(migration.plan, 'w', encoding='utf-8') as file:
            json.dump(plan, file)
        out = migration.run('apply')
        self.assertEqual((out['copied'], out['written']), (500, 500))
        client.call('SET', 'trade_7', '{"id": 7, "price": 2}')
        migration.run('verify', expect=1)
        self.assertEqual(migration.run('dual', '--for', '1')['written'], 1)
        before.update(state_of(client, [b'trade_7']))
        migration.run('finish')
        self.assertEqual(names_of(client), set())
        migration.run('rollback')
        self.assertEqual(state_of(client, names_of(client)), before)

    def test_status_leaves_a_damaged_backup_as_it_is(self):
        server, client = self.serve()
        for i in range(3):
            client.call('SET', f'counter_{i}', chr(97 + i) * 1000000)
        migration = Migration(server)
        migration.run('apply')
        path = migration.plan + '.work/backup'
        with open(path, 'rb') as file:
            whole = file.read()
        with open(path, 'wb') as file:
            file.write(whole[:-5])
        migration.run('status')
        migration.run('verify')
        self.assertEqual(os.path.getsize(path), len(whole) - 5)


if __name__ == '__main__':
    harness.main()
