/* closed_stage.h - an account store with an archive that confirms when the test says so, and
 * what stands in trades:closed. Include after cmocka.h. */
#pragma once

#include "codec/closed.h"
#include "unit/account_stage.h"

enum { CLOSED_ASKED = 8192, CLOSED_FOUND = 16384 };

struct closed_asked {
	char instance[INSTANCE_NAME_MAX + 1];
	uint64_t position;
};

/* What was asked for, in the order of asking. */
static struct closed_asked closed_asked[CLOSED_ASKED];
static size_t closed_asked_count;

static inline void closed_on_found(void *ctx, struct str instance, uint64_t position)
{
	(void)ctx;
	assert_true(closed_asked_count < CLOSED_ASKED);
	struct closed_asked *asked = &closed_asked[closed_asked_count++];
	assert_int_equal(str_copy(instance, asked->instance, sizeof asked->instance), STATUS_OK);
	asked->position = position;
}

static inline void closed_with_archive(struct accounts *t)
{
	closed_asked_count = 0;
	account_store_with_archive(t->store, closed_on_found, t);
}

static inline bool closed_was_asked(const char *instance, uint64_t position)
{
	for (size_t i = 0; i < closed_asked_count; i++)
		if (closed_asked[i].position == position &&
		    strcmp(closed_asked[i].instance, instance) == 0)
			return true;
	return false;
}

static inline struct trade_sum closed_sum(uint64_t position, int64_t closed_us)
{
	struct trade_sum sum = { .position = (int64_t)position,
				 .login = 90000000,
				 .side = position % 2 ? TRADE_SELL : TRADE_BUY,
				 .volume_in = 10000000,
				 .volume_out = 10000000,
				 .value_in = (i128)10000000 * 108512000,
				 .value_out = (i128)10000000 * 108614000,
				 .commission = -70000000,
				 .pnl = 1020000000 + (int64_t)position,
				 .opened_us = closed_us - 60000000,
				 .closed_us = closed_us,
				 .deals = 2 };
	strcpy(sum.server, "FPMarketsSC-Live");
	strcpy(sum.symbol, "EURUSD");
	return sum;
}

static inline void closed_confirm(struct accounts *t, const char *instance, uint64_t position)
{
	struct trade_sum sum = closed_sum(position, stage_wall_ms(&t->stage) * 1000);
	account_store_archived(t->store, str_of(instance), position, &sum);
}

static inline void closed_confirm_all(struct accounts *t)
{
	for (size_t i = 0; i < closed_asked_count; i++)
		closed_confirm(t, closed_asked[i].instance, closed_asked[i].position);
	closed_asked_count = 0;
}

/* ---- what the stream holds ---- */

struct closed_found {
	size_t entries, count, bytes;
	size_t repeated; /* a position more than once: the last one is kept */
	struct closed_trade trades[CLOSED_FOUND];
};

static inline void closed_add(struct closed_found *found, const struct closed_trade *trade)
{
	for (size_t i = 0; i < found->count; i++)
		if (found->trades[i].position == trade->position) {
			found->trades[i] = *trade;
			found->repeated++;
			return;
		}
	assert_true(found->count < CLOSED_FOUND);
	found->trades[found->count++] = *trade;
}

static inline struct closed_found *closed_read_stream(struct accounts *t, const char *instance)
{
	static struct closed_found found;
	static struct closed_trade trades[CLOSED_CHUNK_TRADES];
	struct closed_account account;
	struct key key;
	uint32_t count;
	struct redis_reply *reply =
	    STAGE_PEEK(&t->stage, STR("XRANGE"), key_trades_closed(&key, str_of(instance)),
		       STR("-"), STR("+"));
	found.entries = reply->count;
	found.count = found.bytes = found.repeated = 0;
	for (size_t i = 0; i < reply->count; i++) {
		struct str chunk = reply->items[i].items[1].items[1].text;
		found.bytes += chunk.len;
		if (closed_read(chunk, &account, trades, &count) != STATUS_OK)
			continue; /* another's */
		for (uint32_t k = 0; k < count; k++)
			closed_add(&found, &trades[k]);
	}
	fake_reply_free(reply);
	return &found;
}

static inline const struct closed_trade *closed_find(const struct closed_found *found,
						     uint64_t position)
{
	for (size_t i = 0; i < found->count; i++)
		if ((uint64_t)found->trades[i].position == position)
			return &found->trades[i];
	return NULL;
}

/* ---- frames and results ---- */

static inline void closed_open(struct accounts *t, uint32_t slot, uint64_t position)
{
	char line[256];
	snprintf(line, sizeof line,
		 "o 0 ev=new tk=%llu id=%llu sym=EURUSD sd=buy vol=0.10 po=1.08512 pc=1.08514 "
		 "sl=1.08200 tp=0.00000 sw=0.00 pl=0.20 mg=0 sv=1784046190000",
		 (unsigned long long)position, (unsigned long long)position);
	accounts_position(t, slot, line);
}

static inline void closed_close(struct accounts *t, uint32_t slot, uint64_t position)
{
	char line[64];
	snprintf(line, sizeof line, "o 0 ev=del tk=%llu", (unsigned long long)position);
	accounts_position(t, slot, line);
}

static inline void closed_result(struct accounts *t, uint32_t slot, const char *line)
{
	static struct result result;
	const struct instance *instance = stage_instance(&t->stage, slot);
	const struct result_owner owner = { str_of(instance->identity.id), str_of(instance->server),
					    instance->login };
	assert_int_equal(
	    result_of_frame(&result, accounts_frame(line), &owner, stage_wall_ms(&t->stage)),
	    STATUS_OK);
	account_store_result(t->store, instance, &result);
}
