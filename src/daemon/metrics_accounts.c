/* Exchange accounts: whether they answer, how old their answers are, what failed. */
#include "daemon/accounting.h"
#include "daemon/daemon_impl.h"
#include "daemon/metrics_print.h"

typedef uint64_t (*account_value)(const struct accounting *accounting, uint32_t slot);

static uint64_t is_up(const struct accounting *accounting, uint32_t slot)
{
	return accounts_at(accounting_accounts(accounting), slot)->state == ACCOUNT_UP;
}

static uint64_t requests_of(const struct accounting *accounting, uint32_t slot)
{
	return accounting_link_counts(accounting, slot)->requests;
}

static uint64_t left_out_of(const struct accounting *accounting, uint32_t slot)
{
	return accounts_at(accounting_accounts(accounting), slot)->left_out;
}

static void put_each(const struct accounting *accounting, enum metric metric, account_value value,
		     struct buf *out)
{
	const struct accounts *accounts = accounting_accounts(accounting);
	metric_head(out, metric);
	for (uint32_t slot = 0; slot < accounts_count(accounts); slot++) {
		const struct str label = str_of(accounts_at(accounts, slot)->name);
		metric_sample(out, metric, &label, 1, value(accounting, slot));
	}
}

static void put_ages(const struct accounts *accounts, int64_t wall_ms, struct buf *out)
{
	metric_head(out, METRIC_account_age);
	for (uint32_t slot = 0; slot < accounts_count(accounts); slot++) {
		const struct account *account = accounts_at(accounts, slot);
		for (enum account_answer answer = 0; answer < ACCOUNT_ANSWERS; answer++) {
			const struct str labels[] = { str_of(account->name),
						      str_of(account_answer_text(answer)) };
			int64_t age_ms = wall_ms - account->said_ms[answer];
			if (account->said_ms[answer])
				metric_sample(out, METRIC_account_age, labels, 2,
					      age_ms > 0 ? (uint64_t)age_ms / 1000 : 0);
		}
	}
}

static void put_faults(const struct accounts *accounts, struct buf *out)
{
	metric_head(out, METRIC_account_faults);
	for (uint32_t slot = 0; slot < accounts_count(accounts); slot++) {
		const struct account *account = accounts_at(accounts, slot);
		for (enum account_state state = ACCOUNT_UP + 1; state < ACCOUNT_STATES; state++) {
			const struct str labels[] = { str_of(account->name),
						      str_of(account_state_text(state)) };
			if (account->faults[state])
				metric_sample(out, METRIC_account_faults, labels, 2,
					      account->faults[state]);
		}
	}
}

void metrics_accounts_print(struct daemon *daemon, struct buf *out)
{
	const struct accounting *accounting = daemon->accounting;
	if (!accounting)
		return;
	const struct accounts *accounts = accounting_accounts(accounting);
	struct accounting_counts counts = accounting_counts(accounting);
	if (accounts_count(accounts)) {
		put_each(accounting, METRIC_account_up, is_up, out);
		put_each(accounting, METRIC_account_requests, requests_of, out);
		put_each(accounting, METRIC_account_left_out, left_out_of, out);
		put_ages(accounts, loop_wall_ns(daemon->loop) / 1000000, out);
		put_faults(accounts, out);
	}
	metrics_put(out, METRIC_equity_samples, counts.samples);
	metrics_put(out, METRIC_equity_skipped, counts.skipped);
	metrics_put(out, METRIC_equity_failed, counts.store.failed);
}
