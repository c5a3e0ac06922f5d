#!/usr/bin/env python3
"""No restart loosens the limit on the loss of a day: what a terminal lost counts wherever its
result is when weir is killed: in the archive file, in trade_results and not archived, in the
spill file."""
import os
import signal
import time

import harness
import terminal
import test_signals

CRASH = os.path.join(os.path.dirname(harness.WEIR), 'tests', 'weir_crash')


class DayLoss(test_signals.SignalTest):
    terminals = 1
    limits = '[limits]\nmax_day_loss = 100\n'

    def setUp(self):
        super().setUp()
        self.write_config(f'[fleet]\ntokens_file = {self.tokens_path}\n{self.limits}')

    def start_as(self, weir, **env):
        harness.WEIR, was = weir, harness.WEIR
        try:
            self.start(env=env)
        finally:
            harness.WEIR = was

    def trade(self, name, **fields):
        sid = self.send(id=name, to='t1', **{**test_signals.OPEN, **fields})
        return self.wait_for(f'the end of {name}', lambda: next(
            (row for key, rows in self.finals(sid).items() for row in rows), None), 40)

    def expect_refused(self, name):
        end = self.trade(name)
        self.assertEqual((end['st'], end.get('why')), ('refused', 'limit_loss'), end)

    def expect_loss(self, expert):
        """Two orders that lose 60 each: the next one is refused."""
        for number in range(2):
            expert.profit = '-60.00'
            self.assertEqual(self.trade(f'loss-{number}')['st'], 'done')

    def test_a_loss_that_is_archived(self):
        self.start()
        self.expect_loss(self.expert(1))
        self.expect_refused('before')
        self.wait_for('it is archived', lambda: self.query(
            "SELECT count(*) AS n FROM trade_results WHERE status = 'done'") == [{'n': 2}])
        self.kill()
        self.start()
        self.expect_refused('after')
        self.stop()

    def lose_and_die_before_it_is_archived(self):
        """Results lie in the stream, recorded, and the archive has none of them."""
        self.start()
        expert = self.expert(1)
        self.wait_state('t1', 'RUNNING')
        self.stop()
        self.start_as(CRASH, CRASH_AT='read:1')
        expert.profit = '-120.00'
        try:
            self.send(id='loss', to='t1', **test_signals.OPEN)
        except OSError:
            pass
        self.assertEqual(self.child.wait(60), -signal.SIGKILL, self.read_log()[-2000:])
        self.child.stdout.close()
        self.assertEqual(list(expert.orders.values()), [1])

    def test_a_loss_that_lies_in_the_stream(self):
        self.lose_and_die_before_it_is_archived()
        self.start()
        self.expect_refused('after')
        self.check_ledger()
        self.stop()

    def test_a_loss_that_lies_in_the_stream_and_there_is_no_archive(self):
        self.settings = '[market]\nfeed = off\n[archive]\nduckdb =\n'
        self.write_config(f'[fleet]\ntokens_file = {self.tokens_path}\n{self.limits}')
        self.start()
        self.expect_loss(self.expert(1))
        self.kill()
        self.start()
        self.expect_refused('after')
        self.stop()

    def test_a_loss_that_lies_in_the_spill_file(self):
        self.start()
        expert = self.expert(1)
        self.wait_state('t1', 'RUNNING')
        with self.redis('rtrs') as rtrs:
            rtrs.call('CONFIG', 'SET', 'min-replicas-to-write', '1')  # -NOREPLICAS
        expert.profit = '-120.00'
        self.send(id='loss', to='t1', **test_signals.OPEN)
        self.wait_for('it is spilled', lambda: self.metric(
            'weir_results_spilled_total') >= 1 and not expert.waiting, 30)
        self.kill()
        with self.redis('rtrs') as rtrs:
            self.assertEqual(rtrs.call('CONFIG', 'GET', 'min-replicas-to-write')[1], b'1')
            rtrs.call('CONFIG', 'SET', 'min-replicas-to-write', '0')
        self.start()
        self.expect_refused('after')
        self.stop()

    def lose_thousands_into_the_spill_file(self):
        """More than one batch of the replay, and more than a page of the stream."""
        deals = 3000
        self.start()
        one = terminal.Terminal(self.port('fleet'), 't1', self.tokens['t1'], 1001)
        one.run()
        self.wait_state('t1', 'RUNNING')
        for number in range(250):  # recorded, each in an entry of its own
            self.put_deal(one, number)
            while int(one.wait('K', 30)[2]['up']) <= number:
                pass
        with self.redis('rtrs') as rtrs:
            rtrs.call('CONFIG', 'SET', 'min-replicas-to-write', '1')  # -NOREPLICAS
        for number in range(250, deals):
            self.put_deal(one, number)
            while number % 250 == 249 and int(one.wait('K', 60)[2]['up']) <= number:
                pass
        self.assertGreaterEqual(self.metric('weir_results_spilled_total'), 1)
        self.kill()
        one.close()
        with self.redis('rtrs') as rtrs:
            rtrs.call('CONFIG', 'SET', 'min-replicas-to-write', '0')

    def put_deal(self, one, number):
        one.reliable('D', deal=1000 + number, ord=1000 + number, pos=7, sym='EURUSD', sd='sell',
                     en='out', vol='0.10', px='1.08514', pl='-0.05',
                     sv=int(time.time() * 1000) + 7200000, cm='x' * 40)

    def test_thousands_of_losses_that_lie_in_the_spill_file(self):
        self.lose_thousands_into_the_spill_file()
        self.start()
        self.expert(1)
        self.expect_refused('after')
        self.stop()

    def test_thousands_of_losses_and_there_is_no_archive(self):
        self.settings = '[market]\nfeed = off\n[archive]\nduckdb =\n'
        self.write_config(f'[fleet]\ntokens_file = {self.tokens_path}\n{self.limits}')
        self.test_thousands_of_losses_that_lie_in_the_spill_file()


if __name__ == '__main__':
    harness.side_by_side(__file__, [DayLoss])
