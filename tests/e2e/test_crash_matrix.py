#!/usr/bin/env python3
"""The crash matrix of fleet.md 3.4: an order on its way is struck at each point, and whatever
strikes it there is exactly one position and exactly one final result.

                      the socket      the terminal     weir
  after G before Y    here, S 1       here, S 1, E     here, W signal_sent
  after Y before order  here, S 1     here, S 1, E     here
  after order before R  here, S 1     here, S 1, E     here
  R sent, not read      here, S 1     here, S 1, E     here (weir never read it)
  R read, before K      here          here             W result_put, W signal_done
  signal taken, no G        -              -           W signal_add; trouble of deliveries: D

  here  below: real servers, a scripted terminal with a journal and a broker of its own, one of
        them for each cell
  S     sim/test_sim_crash.c, in the simulated world; 1: one_position_and_one_result_…, with
        own deals, partial fills, lost answers and chance besides
  E     mt5/test_crash.c: the expert's own source, killed at each of these points
  W     test_signals.py: weir kills itself at that crash point, three times, under load
  D     unit/test_deliveries_trouble.c, test_deliveries_routing.c, test_deliveries_proof.c"""
import os
import signal
import time

import harness
import terminal
import test_signals

POINTS = ('G', 'Y', 'order', 'R', 'K')
FAULTS = ('socket', 'reload', 'weir')
# Before K with weir's own end is where weir kills itself: test_signals.py.
CELLS = [(point, fault) for point in POINTS for fault in FAULTS if (point, fault) != ('K', 'weir')]


class Struck(OSError):
    """The connection is gone, and with it whatever was being done."""


class Expert(terminal.Expert):
    """Struck once, at its cell. What it knows after that is what the real one knows: the
    journal (a file) and the broker; after a socket's end also what was not acknowledged."""

    def __init__(self, *args, cell, held, **how):
        super().__init__(*args, **how)
        self.cell, self.struck, self.held = cell, False, held
        self.journal = {}  # sid → what was asked
        self.at_point, self.go = terminal.threading.Event(), terminal.threading.Event()

    def at(self, connection, point):
        """Whether it happens here."""
        if self.struck or point != self.cell[0]:
            return
        self.struck = True
        self.at_point.set()
        fault = self.cell[1]
        if fault == 'weir':
            self.held.wait(60)  # until weir is dead
            return
        if fault == 'reload':
            self.epoch, self.seq, self.waiting = int(time.time() * 1000), 0, []
        connection.socket.shutdown(terminal.socket.SHUT_RDWR)
        raise Struck(point)

    def take(self, connection, seq, fields):
        sid = fields['sid']
        if sid in self.results:
            self.down = max(self.down, seq)
            self.reliable(connection, 'Y', dn=seq, sid=sid, st='dup')
            self.reliable(connection, 'R', **self.results[sid])
            return
        self.at(connection, 'G')
        self.journal[sid] = fields
        self.down = max(self.down, seq)
        self.reliable(connection, 'Y', dn=seq, sid=sid, st='rx')
        self.at(connection, 'Y')
        self.finish(connection, sid)

    def finish(self, connection, sid):
        if sid not in self.orders:  # the broker knows no order with this magic
            self.ticket += 1
            self.orders[sid] = 1
            self.at(connection, 'order')
        elif self.orders[sid] != 1:
            raise AssertionError(f'{sid} has {self.orders[sid]} positions')
        fields = self.journal[sid]
        self.results[sid] = {
            'sid': sid, 'st': 'done', 'rc': 10009, 'ord': self.ticket, 'deal': self.ticket,
            'pos': self.ticket, 'sym': fields['sym'], 'sd': fields['sd'], 'vol': fields['vol'],
            'rq': '1.08512', 'px': '1.08514', 'slp': '2.0', 'com': '-0.35', 'swp': '0.00',
            'fee': '0.00', 'pl': '0.00', 'sv': int(time.time() * 1000) + 7200000, 'ex': 1,
            'try': 1}
        if self.cell == ('R', 'weir') and not self.struck:
            self.at_point.set()
            self.go.wait(60)  # weir stands still by now
        self.reliable(connection, 'R', **self.results[sid])
        self.at(connection, 'R')
        if self.cell[0] == 'K' and not self.struck:
            while connection.read()[0] != 'K':  # it is recorded; that is not known here
                pass
            self.at(connection, 'K')

    def resumed(self, connection):
        told = {fields['sid'] for _, verb, fields in self.waiting if verb == 'R'}
        for sid in self.journal:
            if sid not in self.results:
                self.finish(connection, sid)
            elif sid not in told:
                self.reliable(connection, 'R', **self.results[sid])


class Matrix(test_signals.SignalTest):
    terminals = len(CELLS)

    def begin_cells(self):
        self.held = terminal.threading.Event()
        for number, cell in enumerate(CELLS, 1):
            name = f't{number}'
            expert = Expert(lambda: self.port('fleet'), name, self.tokens[name], 1000 + number,
                            cell=cell, held=self.held)
            self.experts.append(expert)
            expert.start()
        for name in self.names:
            self.wait_state(name, 'RUNNING')

    def strike_weir(self):
        """Those that wait for its end are at their points; one is about to send its result."""
        late = self.experts[CELLS.index(('R', 'weir'))]
        for expert in self.experts:
            self.assertTrue(expert.at_point.wait(30), expert.cell)
        os.kill(self.child.pid, signal.SIGSTOP)
        late.go.set()
        self.wait_for('its result is sent', lambda: late.struck)
        self.kill()
        self.held.set()

    def test_each_cell(self):
        self.start()
        self.begin_cells()
        sids = {cell: self.send(id='-'.join(cell), to=f't{number}', **test_signals.OPEN)
                for number, cell in enumerate(CELLS, 1)}
        self.strike_weir()
        self.start()
        self.wait_for('all signals are done', lambda: not self.entries('rtss', 'trade_signals'), 60)
        self.check_ledger()  # which waits until what has come is archived
        finals = self.query("SELECT CAST(sid AS VARCHAR) AS sid, instance, status, "
                            "count(*) AS n FROM trade_results WHERE status IN ('done', 'fail', "
                            "'exp', 'refused') GROUP BY ALL")
        ends = self.query('SELECT signal_id, status FROM signals')
        self.assertEqual(len(ends), len(CELLS))
        for number, cell in enumerate(CELLS, 1):
            with self.subTest(cell):
                sid, expert = str(sids[cell]), self.experts[number - 1]
                self.assertTrue(expert.struck)
                self.assertEqual(expert.orders, {sid: 1})
                self.assertEqual([row for row in finals if row['sid'] == sid],
                                 [{'sid': sid, 'instance': f't{number}', 'status': 'done', 'n': 1}])
                self.assertIn({'signal_id': '-'.join(cell), 'status': 'done'}, ends)
        self.stop()


if __name__ == '__main__':
    harness.side_by_side(__file__, [Matrix])
