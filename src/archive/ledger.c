/* The sums, and what is wrong with them. */
#include "archive/ledger.h"

#include <stdio.h>

#include "archive/ledger_impl.h"
#include "base/check.h"
#include "codec/entries.h"

const char *ledger_end_name(enum delivery_bucket bucket)
{
	static const char *const names[DELIVERY_BUCKETS] = {
		[DELIVERY_REFUSED] = "ended.refused",
		[DELIVERY_EXPIRED_UNDELIVERED] = "ended.expired_undelivered",
		[DELIVERY_DONE] = "ended.done",
		[DELIVERY_FAILED] = "ended.failed",
		[DELIVERY_EXPIRED_AT_TERMINAL] = "ended.expired_at_terminal",
		[DELIVERY_UNKNOWN] = "ended.unknown",
	};
	CHECK((unsigned)bucket < DELIVERY_BUCKETS);
	return names[bucket];
}

void ledger_fault(struct ledger *ledger, const char *format, ...)
{
	va_list args;
	if (ledger->fault[0])
		return;
	va_start(args, format);
	vsnprintf(ledger->fault, sizeof ledger->fault, format, args);
	va_end(args);
}

/* ---- sums ---- */

/* An end of an earlier run whose row is on its way counts as in flight until the row tells
 * which it was. */
static void sum_deliveries(struct ledger *ledger, const struct ledger_counted *counted,
			   const struct deliveries_counts *now)
{
	int64_t ended[DELIVERY_BUCKETS];
	for (int i = 0; i < DELIVERY_BUCKETS; i++)
		ended[i] = counted->ended[i] + now->ended[i];
	ledger->deliveries.waiting = now->waiting;
	ledger->deliveries.refused = ended[DELIVERY_REFUSED];
	ledger->deliveries.expired_undelivered = ended[DELIVERY_EXPIRED_UNDELIVERED];
	ledger->deliveries.in_flight = (int64_t)now->in_flight + ended[DELIVERY_RECORDED];
	ledger->deliveries.done = ended[DELIVERY_DONE];
	ledger->deliveries.failed = ended[DELIVERY_FAILED];
	ledger->deliveries.expired_at_terminal = ended[DELIVERY_EXPIRED_AT_TERMINAL];
	ledger->deliveries.unknown = ended[DELIVERY_UNKNOWN];
	/* From the rows, and what is not one yet: the ways to end are counted apart. */
	int64_t received = counted->signal_rows + now->waiting + now->in_flight;
	for (int i = 0; i < DELIVERY_BUCKETS; i++)
		received += now->ended[i];
	ledger->deliveries.received = received;
	ledger->deliveries.delivered = received - ledger->deliveries.waiting -
				       ledger->deliveries.refused -
				       ledger->deliveries.expired_undelivered;
	ledger->signals.received = counted->signals;
}

/* The most that is in the stream still: what was ever packed, all of it in what is left. */
static int64_t held_at_most(const struct results_counts *now)
{
	uint64_t room = now->length * (ENTRIES_ROWS_MAX - 1);
	return (int64_t)(now->length + (now->beyond < room ? now->beyond : room));
}

/* Unread results are those added and not read, but no more than the stream still holds. */
static void sum_results(struct ledger *ledger, const struct ledger_counted *counted,
			const struct results_counts *now)
{
	int64_t taken = counted->read + counted->lost;
	int64_t added = (int64_t)now->added > taken ? (int64_t)now->added : taken;
	int64_t unread = added - taken, held = held_at_most(now);
	ledger->results.total = added - counted->known;
	ledger->results.waiting = unread < held ? unread : held;
	ledger->results.retrying = counted->retrying;
	ledger->results.archived = counted->rows;
	ledger->results.dead = counted->dead + counted->dropped;
}

void ledger_sum(struct ledger *ledger, const struct ledger_counted *counted,
		const struct deliveries_counts *deliveries, const struct results_counts *results)
{
	sum_deliveries(ledger, counted, deliveries);
	sum_results(ledger, counted, results);
	ledger->archive.archived = counted->rows;
	ledger->archive.shipped = counted->shipped < 0 ? 0 : counted->shipped;
	ledger->archive.to_ship = counted->rows - ledger->archive.shipped;
}

/* ---- checks ---- */

static void same(struct ledger *ledger, const char *left, int64_t a, const char *right, int64_t b)
{
	if (a != b)
		ledger_fault(ledger, "%s is %lld, and %s is %lld", left, (long long)a, right,
			     (long long)b);
}

static void check_sums(struct ledger *ledger)
{
	same(ledger, "deliveries received", ledger->deliveries.received,
	     "waiting + refused + expired_undelivered + delivered",
	     ledger->deliveries.waiting + ledger->deliveries.refused +
		 ledger->deliveries.expired_undelivered + ledger->deliveries.delivered);
	same(ledger, "delivered", ledger->deliveries.delivered,
	     "in_flight + done + failed + expired_at_terminal + unknown",
	     ledger->deliveries.in_flight + ledger->deliveries.done + ledger->deliveries.failed +
		 ledger->deliveries.expired_at_terminal + ledger->deliveries.unknown);
	same(ledger, "results total", ledger->results.total, "waiting + retrying + archived + dead",
	     ledger->results.waiting + ledger->results.retrying + ledger->results.archived +
		 ledger->results.dead);
	if (ledger->archive.to_ship < 0)
		ledger_fault(ledger, "%lld of %lld archived results are shipped",
			     (long long)ledger->archive.shipped,
			     (long long)ledger->archive.archived);
}

/* Retention takes rows of all kinds: then what is left is a bound. */
static void check_ends(struct ledger *ledger, const struct ledger_counted *counted)
{
	for (int i = 0; i < DELIVERY_RECORDED; i++) {
		int64_t rows = counted->rows_ended[i], ended = counted->ended[i];
		if (rows > ended || (!counted->signals_gone && rows != ended))
			ledger_fault(ledger, "%s is %lld, and %lld rows of signals say so",
				     ledger_end_name((enum delivery_bucket)i), (long long)ended,
				     (long long)rows);
	}
	same(ledger, "rows of signals", counted->delivery_rows, "written less too old",
	     counted->signal_rows - counted->signals_gone);
	same(ledger, "rows of signals", counted->delivery_rows, "deliveries in them",
	     counted->deliveries);
	if (counted->ends_many)
		ledger_fault(ledger, "%lld ended deliveries have several final results",
			     (long long)counted->ends_many);
	if (counted->ends_missing >
	    ledger->results.waiting + ledger->results.retrying + ledger->results.dead)
		ledger_fault(ledger, "%lld ended deliveries have no final result",
			     (long long)counted->ends_missing);
}

static void check_rows(struct ledger *ledger, const struct ledger_counted *counted)
{
	same(ledger, "rows of trade_results", counted->result_rows, "result ids in them",
	     counted->result_ids);
	same(ledger, "rows of trade_results", counted->result_rows, "archived less too old",
	     counted->rows - counted->gone);
	same(ledger, "results retrying", counted->retrying, "rows of retries", counted->retry_rows);
	same(ledger, "dead results", counted->dead, "dead letters of trade_results",
	     counted->letters);
	check_ends(ledger, counted);
}

void ledger_check(struct ledger *ledger, const struct ledger_counted *counted)
{
	check_sums(ledger);
	if (ledger->deep)
		check_rows(ledger, counted);
	ledger->balanced = !ledger->fault[0];
}

/* ---- print ---- */

struct figure {
	const char *name;
	int64_t value;
};

static void put(struct buf *out, const char *group, const struct figure *figures, size_t count)
{
	buf_printf(out, ",\"%s\":{", group);
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "%s\"%s\":%lld", i ? "," : "", figures[i].name,
			   (long long)figures[i].value);
	buf_char(out, '}');
}

void ledger_print(struct buf *out, const struct ledger *ledger)
{
	const struct figure signals[] = { { "received", ledger->signals.received } };
	const struct figure deliveries[] = {
		{ "received", ledger->deliveries.received },
		{ "waiting", ledger->deliveries.waiting },
		{ "refused", ledger->deliveries.refused },
		{ "expired_undelivered", ledger->deliveries.expired_undelivered },
		{ "delivered", ledger->deliveries.delivered },
		{ "in_flight", ledger->deliveries.in_flight },
		{ "done", ledger->deliveries.done },
		{ "failed", ledger->deliveries.failed },
		{ "expired_at_terminal", ledger->deliveries.expired_at_terminal },
		{ "unknown", ledger->deliveries.unknown },
	};
	const struct figure results[] = {
		{ "total", ledger->results.total },       { "waiting", ledger->results.waiting },
		{ "retrying", ledger->results.retrying }, { "archived", ledger->results.archived },
		{ "dead", ledger->results.dead },
	};
	const struct figure archive[] = {
		{ "archived", ledger->archive.archived },
		{ "shipped", ledger->archive.shipped },
		{ "to_ship", ledger->archive.to_ship },
	};
	buf_printf(out, "{\"balanced\":%s", ledger->balanced ? "true" : "false");
	if (ledger->fault[0]) {
		buf_printf(out, ",\"fault\":");
		buf_json_str(out, str_of(ledger->fault));
	}
	put(out, "signals", signals, ARRAY_LEN(signals));
	put(out, "deliveries", deliveries, ARRAY_LEN(deliveries));
	put(out, "results", results, ARRAY_LEN(results));
	put(out, "archive", archive, ARRAY_LEN(archive));
	buf_printf(out, "}\n");
}
