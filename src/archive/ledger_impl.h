/* ledger_impl.h - shared by ledger*.c only. */
#pragma once

#include "archive/ledger.h"

/* Of the archive file, in one moment. */
struct ledger_counted {
	int64_t ended[DELIVERY_BUCKETS];
	int64_t read, lost, known, retrying, dead, dropped; /* counters of results.h */
	int64_t rows, gone;                                 /* of trade_results */
	int64_t shipped;                                    /* of them; -1: no sink */
	int64_t signal_rows, signals_gone, signals;         /* signals: distinct sids */
	/* deep: what the rows say */
	int64_t result_ids, result_rows;
	int64_t deliveries, delivery_rows;
	int64_t rows_ended[DELIVERY_BUCKETS];
	int64_t retry_rows, letters;
	int64_t ends_missing, ends_many; /* ended deliveries with no, with several results */
};

/* ledger->fault is set with the first thing that is wrong. */
void ledger_sum(struct ledger *ledger, const struct ledger_counted *counted,
		const struct deliveries_counts *deliveries, const struct results_counts *results);
void ledger_check(struct ledger *ledger, const struct ledger_counted *counted);
void ledger_fault(struct ledger *ledger, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
