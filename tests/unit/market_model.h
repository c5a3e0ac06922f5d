/* market_model.h - a market computed the long way, for tests: every trade is kept and
 * every answer is a walk over all of them. Trades are made in order of id and time
 * and delivered with delays, twice, late, or not at all. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "market/market.h"

enum { MODEL_SCALE = 6 /* of prices and quantities of the model */ };

struct model_trade {
	int64_t t_ms, arrival_ms;
	int64_t price, qty; /* × 10^MODEL_SCALE */
	int32_t id;         /* its place + base_id */
	uint8_t side;
	bool dropped; /* not delivered until repaired */
	bool taken;   /* delivered once */
	bool counted; /* in its minute */
};

struct model {
	struct rng rng;
	size_t n;
	struct model_trade *trades; /* in order of id and time */
	uint32_t *order;            /* of delivery */
	int64_t newest_ms;
	uint64_t n_late, n_duplicates, n_taken;
};

enum { MODEL_BASE_ID = 1000000 };

struct model_shape {
	uint64_t seed;
	size_t n;
	int64_t step_ms;  /* mean distance */
	int64_t delay_ms; /* delivered up to so much later */
	int percent_late; /* delivered up to 20 s later */
	int percent_dropped;
};

static struct model *model_sorting;

static int model_by_arrival(const void *a, const void *b)
{
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	int64_t x = model_sorting->trades[i].arrival_ms, y = model_sorting->trades[j].arrival_ms;
	return x != y ? (x > y) - (x < y) : (i > j) - (i < j);
}

static int64_t model_step(struct model *model, int64_t mean)
{
	uint64_t kind = rng_below(&model->rng, 1000);
	if (kind == 0)
		return (int64_t)rng_below(&model->rng, 5 * 3600 * 1000); /* hours without trades */
	if (kind < 20)
		return (int64_t)rng_below(&model->rng, 10 * 60 * 1000);
	return (int64_t)rng_below(&model->rng, (uint64_t)(2 * mean));
}

/* Digits behind the point vary, so that the market's scales rise on the way. */
static int64_t model_number(struct model *model, int64_t whole)
{
	static const int64_t grains[] = { 1000000, 100000, 10000, 10000, 1000, 100 };
	int64_t grain = grains[rng_below(&model->rng, 5 + (rng_below(&model->rng, 500) == 0))];
	int64_t value = (int64_t)rng_below(&model->rng, (uint64_t)whole * 1000000) + 1000000;
	return value / grain * grain;
}

static void model_make(struct model *model, const struct model_shape *shape)
{
	*model = (struct model){ .n = shape->n };
	rng_init(&model->rng, shape->seed);
	model->trades = calloc(shape->n, sizeof *model->trades);
	model->order = calloc(shape->n, sizeof *model->order);
	assert_non_null(model->trades);
	assert_non_null(model->order);
	int64_t t_ms = 1723161240123;
	for (size_t i = 0; i < shape->n; i++) {
		struct model_trade *trade = &model->trades[i];
		t_ms += model_step(model, shape->step_ms);
		bool late = (int)rng_below(&model->rng, 100) < shape->percent_late;
		trade->t_ms = t_ms;
		trade->arrival_ms =
		    t_ms +
		    (int64_t)rng_below(&model->rng, late ? 20000 : (uint64_t)shape->delay_ms + 1);
		trade->price = model_number(model, 3000);
		trade->qty = model_number(model, 50);
		trade->id = (int32_t)i + MODEL_BASE_ID;
		trade->side = (uint8_t)rng_below(&model->rng, 2);
		trade->dropped = (int)rng_below(&model->rng, 100) < shape->percent_dropped;
		model->order[i] = (uint32_t)i;
	}
	model_sorting = model;
	qsort(model->order, model->n, sizeof *model->order, model_by_arrival);
}

static void model_free(struct model *model)
{
	free(model->trades);
	free(model->order);
}

/* What the market has to say to the trade, by the rules alone. */
static enum market_taken model_take(struct model *model, size_t i, bool repair)
{
	struct model_trade *trade = &model->trades[i];
	if (trade->taken) {
		model->n_duplicates++;
		return MARKET_DUPLICATE;
	}
	trade->taken = true;
	model->n_taken++;
	int64_t oldest = model->newest_ms / MINUTE_MS - (MARKET_MINUTES - 1);
	bool late = model->newest_ms - trade->t_ms > MARKET_LATE_MS &&
		    !(repair && trade->t_ms / MINUTE_MS >= oldest);
	trade->counted = !late;
	model->n_late += late;
	if (trade->t_ms > model->newest_ms)
		model->newest_ms = trade->t_ms;
	return late ? MARKET_LATE : MARKET_NEW;
}

static struct decimal model_decimal(int64_t value)
{
	struct decimal d = { value, MODEL_SCALE };
	while (d.scale > 0 && d.mantissa % 10 == 0) {
		d.mantissa /= 10;
		d.scale--;
	}
	return d;
}

/* The trade as the venue's event; text holds the id where ids are not ordered. */
static struct event_trade model_event(const struct model *model, size_t i, bool ordered,
				      char text[40])
{
	const struct model_trade *trade = &model->trades[i];
	int len = snprintf(text, 40, "%08x-5a1e-4d3c-8b7a-%012x", (unsigned)trade->id * 2654435761u,
			   (unsigned)trade->id);
	return (struct event_trade){
		.id = str_make(text, (size_t)len),
		.ordered_id = ordered ? trade->id : -1,
		.seq = trade->id / 3,
		.price = model_decimal(trade->price),
		.qty = model_decimal(trade->qty),
		.side = trade->side,
	};
}

struct model_sums {
	i128 buy, sell, buy_quote, sell_quote; /* × 10^MODEL_SCALE, quote 10^(2 MODEL_SCALE) */
	uint64_t n_buy, n_sell;
	int64_t open, high, low, close;
	int32_t id_first, id_last;
};

/* Over the trades of minutes [from, to]: the counted ones, or all that ever were. */
static struct model_sums model_sum(const struct model *model, int64_t from, int64_t to, bool all)
{
	struct model_sums sums = { 0 };
	for (size_t i = 0; i < model->n; i++) {
		const struct model_trade *trade = &model->trades[i];
		int64_t minute = trade->t_ms / MINUTE_MS;
		if (minute < from || minute > to || !(all || trade->counted))
			continue;
		bool buy = trade->side == SIDE_BUY;
		*(buy ? &sums.buy : &sums.sell) += trade->qty;
		*(buy ? &sums.buy_quote : &sums.sell_quote) += (i128)trade->qty * trade->price;
		*(buy ? &sums.n_buy : &sums.n_sell) += 1;
		if (!sums.id_first) {
			sums.open = sums.low = trade->price;
			sums.id_first = trade->id;
		}
		sums.high = trade->price > sums.high ? trade->price : sums.high;
		sums.low = trade->price < sums.low ? trade->price : sums.low;
		sums.close = trade->price;
		sums.id_last = trade->id;
	}
	return sums;
}

static i128 model_up(i128 value, int32_t scale, int32_t to)
{
	for (; scale < to; scale++)
		value *= 10;
	return value;
}
