#!/usr/bin/env python3
"""Neither the segment of results nor the spill file has room (a tmpfs without any left):
weir says so, refuses new signals and acknowledges nothing that it cannot keep; with room
for the spill file alone it goes on, and in the end each result is archived once."""
import os

import harness
import test_archive_faults
import test_memory
from test_signals import OPEN


class SpillDisk(test_memory.Memory):
    mount, fill = test_archive_faults.Disk.mount, test_archive_faults.Disk.fill
    test_every_segment_is_filled_and_emptied = None

    def unanswered(self):
        return sum(len(expert.waiting) for expert in self.experts)

    def refusal(self):
        status, text = self.http('POST', '/api/v1/signals', {'id': 'more', 'to': 't1', **OPEN})
        return text if status == 503 else None

    def test_spill_file_has_no_room(self):
        folder = os.path.join(self.state, 'spill')
        self.mount(folder, '4m')
        sent = self.begin_with_signals()
        filler = test_memory.Filler(self.redis('rtrs'))
        filler.fill_all()
        ballast = self.fill(folder, 0)
        for expert in self.experts:
            expert.opened.set()

        def stuck():
            filler.fill_all()
            return 'new signals are refused until results can be kept' in self.read_log()
        self.wait_for('it says so', stuck)
        self.assertIn('ResultsStuck rtrs', self.read_log())
        self.assertIn('No space left', self.read_log())
        self.assertIn('disk', self.wait_for('new signals are refused', self.refusal))
        self.assertGreater(self.metric('weir_results_spill_failed_total'), 0)
        self.assertGreater(self.unanswered(), 0)

        os.unlink(ballast)
        self.wait_for('all are acknowledged', lambda: filler.fill_all() or not self.unanswered())
        self.wait_for('it says so', lambda: 'results are kept again: new signals are taken'
                      in self.read_log())
        self.assertGreater(self.metric('weir_results_spilled_bytes'), 0)
        filler.remove()
        sql = "SELECT signal_id AS id, instance FROM trade_results WHERE status = 'done'"
        self.wait_for('every result is archived, once', lambda: sorted(
            (row['id'], row['instance']) for row in self.query(sql)) == sorted(sent), 40)
        self.wait_for('the alert ends', lambda: 'alert ended ResultsStuck rtrs' in self.read_log())
        self.check_ledger()
        self.stop()


if __name__ == '__main__':
    harness.main()
