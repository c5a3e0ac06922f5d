/* rules_stage.h - markets and rules of people for the tests of rules/, and what was told. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "rules/rules.h"

#define STAGE_MS INT64_C(1784073600000) /* a UTC midnight */

enum { STAGE_TOLD_MAX = 65536 };

struct stage_told {
	uint32_t id;
	int64_t ms;
};

struct stage {
	struct markets *markets;
	struct rules *rules;
	int64_t now_ms, next_id;
	size_t n_told, n_changed;
	uint32_t changed; /* the last one */
	char message[RULE_MESSAGE_MAX + 1];
	struct stage_told told[STAGE_TOLD_MAX];
};

static inline void stage_fire(void *ctx, const struct rule_view *rule, struct str message)
{
	struct stage *stage = ctx;
	assert_true(message.len > 0 && message.len <= RULE_MESSAGE_MAX);
	assert_true(stage->n_told < STAGE_TOLD_MAX);
	stage->told[stage->n_told++] = (struct stage_told){ rule->id, stage->now_ms };
	memcpy(stage->message, message.ptr, message.len);
	stage->message[message.len] = 0;
}

static inline void stage_change(void *ctx, uint32_t id)
{
	struct stage *stage = ctx;
	stage->n_changed++;
	stage->changed = id;
}

static inline struct rules *stage_rules(struct stage *stage, const struct rules_config *config)
{
	const struct rules_hooks hooks = { stage_fire, stage_change, stage };
	struct rules *rules = rules_create(stage->markets, config, &hooks);
	assert_non_null(rules);
	rules_step(rules, stage->now_ms);
	return rules;
}

static inline struct stage *stage_create(void)
{
	const struct market_config config = { .whale_quote = 500000 };
	const struct rules_config rules = rules_config_default();
	struct stage *stage = calloc(1, sizeof *stage);
	assert_non_null(stage);
	stage->markets = markets_create(&config);
	stage->now_ms = STAGE_MS;
	stage->next_id = 1;
	stage->rules = stage_rules(stage, &rules);
	return stage;
}

static inline void stage_destroy(struct stage *stage)
{
	rules_destroy(stage->rules);
	markets_destroy(stage->markets);
	free(stage);
}

static inline void stage_at(struct stage *stage, int64_t ms)
{
	stage->now_ms = ms;
	rules_step(stage->rules, ms);
}

/* A trade at the stage's time; prices and quantities as text. */
static inline void stage_trade(struct stage *stage, const char *name, const char *price,
			       const char *qty, enum side side)
{
	struct market_id id;
	char text[24];
	int64_t number = stage->next_id++;
	struct event_trade event = { .ordered_id = -1, .side = (uint8_t)side };
	struct trade trade;
	assert_int_equal(market_id_parse(str_of(name), &id), STATUS_OK);
	snprintf(text, sizeof text, "t-%lld", (long long)number);
	event.id = str_of(text);
	if (id.venue == VENUE_BINANCE)
		event.ordered_id = number;
	struct market *market = markets_get(stage->markets, (enum venue)id.venue,
					    (enum kind)id.kind, str_of(id.symbol));
	assert_int_equal(decimal_parse(str_of(price), &event.price), STATUS_OK);
	assert_int_equal(decimal_parse(str_of(qty), &event.qty), STATUS_OK);
	assert_true(market_take_trade(market, &event, stage->now_ms, &trade) <= MARKET_LATE);
	rules_trade(stage->rules, market, &trade);
}

#define PERP "binance:perp:BTCUSDT"
#define SPOT "binance:spot:BTCUSDT"

/* A second later, at that price. */
static inline void stage_price(struct stage *stage, const char *price)
{
	stage_at(stage, stage->now_ms + 1000);
	stage_trade(stage, PERP, price, "1", SIDE_BUY);
}

static inline uint32_t stage_add(struct stage *stage, const char *owner, const char *text)
{
	struct rule_spec spec;
	struct err err = { 0 };
	uint32_t id = 0;
	if (rule_parse(str_of(text), &spec, &err) ||
	    rules_add(stage->rules, str_of(owner), &spec, &id, &err))
		fail_msg("%s: %s", text, err.text);
	return id;
}

static inline const char *stage_refuses(struct stage *stage, const char *owner, const char *text,
					enum status wanted)
{
	static struct err err;
	struct rule_spec spec;
	uint32_t id = 0;
	assert_int_equal(rule_parse(str_of(text), &spec, &err), STATUS_OK);
	assert_int_equal(rules_add(stage->rules, str_of(owner), &spec, &id, &err), wanted);
	return err.text;
}

static inline struct rule_view stage_view(const struct stage *stage, uint32_t id)
{
	struct rule_view view;
	assert_true(rules_find(stage->rules, STR(""), id, &view));
	return view;
}
