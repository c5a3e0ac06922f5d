/* People, the bot, and Telegram. */
#include "base/check.h"
#include "daemon/metrics_print.h"
#include "daemon/telegramming.h"

struct figure_row {
	const char *label;
	uint64_t value;
};

static void put_rows(struct buf *out, enum metric metric, const struct figure_row *rows,
		     size_t count)
{
	metric_head(out, metric);
	for (size_t i = 0; i < count; i++) {
		const struct str label = str_of(rows[i].label);
		metric_sample(out, metric, &label, 1, rows[i].value);
	}
}

static void put_people(const struct people_counts *counts, struct buf *out)
{
	const struct figure_row rows[] = { { "active", counts->active },
					   { "waiting", counts->waiting },
					   { "blocked", counts->blocked } };
	put_rows(out, METRIC_people, rows, ARRAY_LEN(rows));
	metrics_put(out, METRIC_people_wrong_codes, counts->wrong_codes + counts->wrong_confirms);
}

static void put_unheard(const struct bot_counts *counts, struct buf *out)
{
	const struct figure_row rows[] = {
		{ "stranger", counts->strangers },
		{ "blocked", counts->blocked },
		{ "waiting", counts->waiting },
		{ "group", counts->foreign_groups },
		{ "old", counts->old },
		{ "edited", counts->edited },
		{ "forwarded", counts->forwarded },
		{ "bot", counts->bots },
		{ "other_bot", counts->other_bots },
		{ "rate", counts->slowed },
	};
	put_rows(out, METRIC_bot_unheard, rows, ARRAY_LEN(rows));
}

static void put_bot(const struct bot_counts *counts, struct buf *out)
{
	metrics_put(out, METRIC_bot_updates, counts->updates);
	metrics_put(out, METRIC_bot_commands, counts->commands);
	metrics_put(out, METRIC_bot_buttons, counts->buttons);
	metrics_put(out, METRIC_bot_answers, counts->answers);
	metrics_put(out, METRIC_bot_refusals, counts->refusals + counts->unknown_commands);
	put_unheard(counts, out);
	metrics_put(out, METRIC_bot_pictures, counts->pictures);
	metrics_put(out, METRIC_bot_pictures_failed,
		    counts->pictures_failed + counts->pictures_refused);
	metrics_put(out, METRIC_bot_alerts, counts->alerts_told);
	metrics_put(out, METRIC_bot_alerts_lost, counts->alerts_untold + counts->held_lost);
	metrics_put(out, METRIC_bot_halts, counts->halts);
	metrics_put(out, METRIC_bot_halts_refused, counts->halts_refused);
	metrics_put(out, METRIC_bot_unsent, counts->unsent);
}

static void put_rules(const struct rules_counts *counts, struct buf *out)
{
	metrics_put(out, METRIC_rules, counts->rules);
	metrics_put(out, METRIC_rules_fired, counts->fired);
	metrics_put(out, METRIC_rules_suppressed, counts->suppressed);
	metrics_put(out, METRIC_rules_refused, counts->refused);
}

static void put_ends(const struct telegram_counts *counts, struct buf *out)
{
	const struct figure_row rows[] = {
		{ "sent", counts->sent },
		{ "displaced", counts->ended[TELEGRAM_END_DISPLACED] },
		{ "expired", counts->ended[TELEGRAM_END_EXPIRED] },
		{ "blocked", counts->ended[TELEGRAM_END_BLOCKED] },
		{ "gone", counts->ended[TELEGRAM_END_GONE] },
		{ "invalid", counts->ended[TELEGRAM_END_INVALID] },
		{ "given_up", counts->ended[TELEGRAM_END_GIVEN_UP] },
		{ "full", counts->full },
		{ "coalesced", counts->coalesced },
	};
	put_rows(out, METRIC_telegram_messages, rows, ARRAY_LEN(rows));
}

static void put_telegram(const struct telegramming_facts *facts, struct buf *out)
{
	const struct telegram_counts *counts = &facts->counts;
	metrics_put(out, METRIC_telegram_up, facts->view.state == TELEGRAM_OK);
	metrics_put(out, METRIC_telegram_waiting, facts->view.waiting);
	metric_head(out, METRIC_telegram_oldest);
	metric_sample_real(out, METRIC_telegram_oldest, NULL, 0,
			   (double)(facts->view.oldest_ns / 1000000) / 1000);
	metrics_put(out, METRIC_telegram_polls, counts->polls);
	metrics_put(out, METRIC_telegram_updates, counts->updates);
	metrics_put(out, METRIC_telegram_duplicates, counts->duplicates);
	metrics_put(out, METRIC_telegram_malformed, counts->malformed);
	put_ends(counts, out);
	metrics_put(out, METRIC_telegram_limited, counts->limited);
	metrics_put(out, METRIC_telegram_retries, counts->retries);
	metrics_put(out, METRIC_telegram_conflicts, counts->conflicts);
	metrics_put(out, METRIC_telegram_late_confirms, facts->late_confirms);
	metrics_put(out, METRIC_telegram_failures, counts->failures + counts->refused);
}

void metrics_telegram_print(struct daemon *daemon, struct buf *out)
{
	struct telegramming *telegramming = daemon_telegramming(daemon);
	if (!telegramming)
		return;
	const struct telegramming_facts facts = telegramming_facts(telegramming);
	const struct people_counts people = people_counts(telegramming_people(telegramming));
	const struct bot_counts bot = bot_counts(telegramming_bot(telegramming));
	const struct rules_counts rules = rules_counts(telegramming_rules(telegramming));
	put_people(&people, out);
	put_rules(&rules, out);
	metrics_put(out, METRIC_people_store_failed, facts.stored.failed);
	metrics_put(out, METRIC_people_store_marked, facts.stored.marked);
	if (!facts.on)
		return;
	put_bot(&bot, out);
	put_telegram(&facts, out);
}
