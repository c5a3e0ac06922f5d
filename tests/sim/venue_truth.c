#include "venue_truth.h"

#include <stdlib.h>

#include "base/check.h"
#include "feed/simulator_path.h"

enum { MINUTE_MS_TRUTH = 60000 };

/* Touched now: the process's memory is not to grow while time passes. */
static void *make_room(size_t count, size_t size)
{
	void *room = malloc(count * size);
	CHECK(room);
	memset(room, 0, count * size);
	return room;
}

static int64_t lots(struct truth *truth)
{
	int64_t lot = truth->config.places_qty >= 3 ? 10 : 1; /* some digits stay 0 */
	int64_t size = 1 + (int64_t)rng_below(&truth->rng, 400);
	if (rng_below(&truth->rng, 50) == 0)
		size *= 40;
	return rng_below(&truth->rng, 20) ? size * lot : size * lot + (lot > 1);
}

static void walk(struct truth *truth)
{
	int64_t step = truth->config.price / 20000 + 1;
	truth->price += ((int64_t)rng_below(&truth->rng, 3) - 1) * step;
	if (truth->price < truth->config.price / 2)
		truth->price = truth->config.price / 2;
}

static void minute_trade(struct truth_minute *m, const struct truth_trade *trade)
{
	i128 quote = (i128)trade->price * trade->qty;
	if (trade->block) {
		m->block += trade->qty;
		m->block_quote += quote;
		return;
	}
	bool first = !m->n_buy && !m->n_sell;
	m->open = first ? trade->price : m->open;
	m->high = first || trade->price > m->high ? trade->price : m->high;
	m->low = first || trade->price < m->low ? trade->price : m->low;
	m->close = trade->price;
	*(trade->side == SIDE_BUY ? &m->buy : &m->sell) += trade->qty;
	*(trade->side == SIDE_BUY ? &m->buy_quote : &m->sell_quote) += quote;
	*(trade->side == SIDE_BUY ? &m->n_buy : &m->n_sell) += 1;
}

static struct truth_minute *next_minute(struct truth *truth)
{
	CHECK(truth->n_minutes < truth->minutes_room);
	struct truth_minute *m = &truth->minutes[truth->n_minutes++];
	*m = (struct truth_minute){ .open = truth->price,
				    .high = truth->price,
				    .low = truth->price,
				    .close = truth->price,
				    .first = truth->n_trades };
	return m;
}

/* Minutes of the past hold trades that nobody will ever ask for by id. */
static void make_past(struct truth *truth)
{
	for (size_t i = 0; i < TRUTH_PAST_MINUTES; i++) {
		struct truth_minute *m = next_minute(truth);
		for (size_t n = rng_below(&truth->rng, 4); n > 0; n--) {
			struct truth_trade trade = { 0, truth->price, lots(truth),
						     (uint8_t)rng_below(&truth->rng, 2), false };
			minute_trade(m, &trade);
			walk(truth);
		}
	}
}

static int64_t gap_ms(struct truth *truth)
{
	int64_t mean = truth->config.gap_ms;
	if (rng_below(&truth->rng, 4) == 0)
		return (int64_t)rng_below(&truth->rng, 30); /* they come in bursts */
	return (int64_t)rng_below(&truth->rng, (uint64_t)mean * 8 / 3 + 1);
}

void truth_init(struct truth *truth, const struct truth_config *config)
{
	CHECK(config->start_ms % MINUTE_MS_TRUTH == 0);
	*truth = (struct truth){ .config = *config, .price = config->price };
	rng_init(&truth->rng, config->seed);
	sim_label_init(&truth->label, &truth->config.id, config->places_price, config->places_qty);
	truth->room = (size_t)(config->span_ms / config->gap_ms * 3 / 2 + 10000);
	truth->minutes_room = TRUTH_PAST_MINUTES + (size_t)(config->span_ms / MINUTE_MS_TRUTH) + 2;
	truth->trades = make_room(truth->room, sizeof *truth->trades);
	truth->minutes = make_room(truth->minutes_room, sizeof *truth->minutes);
	truth->minutes_ms = config->start_ms - (int64_t)TRUTH_PAST_MINUTES * MINUTE_MS_TRUTH;
	truth->first_id = 1000000 + (int64_t)(config->seed % 1000);
	truth->next_ms = config->start_ms + gap_ms(truth);
	make_past(truth);
}

void truth_deinit(struct truth *truth)
{
	free(truth->trades);
	free(truth->minutes);
}

static void reach_minute(struct truth *truth, int64_t t_ms)
{
	size_t want = (size_t)((t_ms - truth->minutes_ms) / MINUTE_MS_TRUTH) + 1;
	while (truth->n_minutes < want)
		next_minute(truth);
}

static void make_trade(struct truth *truth)
{
	CHECK(truth->n_trades < truth->room);
	reach_minute(truth, truth->next_ms);
	struct truth_minute *m = &truth->minutes[truth->n_minutes - 1];
	struct truth_trade *trade = &truth->trades[truth->n_trades++];
	walk(truth);
	*trade = (struct truth_trade){ truth->next_ms, truth->price, lots(truth),
				       (uint8_t)rng_below(&truth->rng, 2),
				       rng_below(&truth->rng, 1000000) < truth->config.blocks_ppm };
	m->count++;
	minute_trade(m, trade);
	truth->next_ms += gap_ms(truth);
}

void truth_advance(struct truth *truth, int64_t now_ms)
{
	while (!truth->halted && truth->next_ms <= now_ms)
		make_trade(truth);
	if (truth->next_ms <= now_ms)
		truth->next_ms = now_ms + 1;
	reach_minute(truth, now_ms);
}

void truth_halt(struct truth *truth, bool halted) { truth->halted = halted; }

const struct truth_minute *truth_minute(const struct truth *truth, int64_t minute_ms)
{
	int64_t at = (minute_ms - truth->minutes_ms) / MINUTE_MS_TRUTH;
	bool there = minute_ms >= truth->minutes_ms && at < (int64_t)truth->n_minutes;
	return there ? &truth->minutes[at] : NULL;
}

int64_t truth_id(const struct truth *truth, size_t index)
{
	return truth->first_id + (int64_t)index;
}

size_t truth_index(const struct truth *truth, int64_t id)
{
	bool there = id >= truth->first_id && id - truth->first_id < (int64_t)truth->n_trades;
	return there ? (size_t)(id - truth->first_id) : SIZE_MAX;
}

void truth_print(const struct truth *truth, size_t index, struct sim_print *out)
{
	const struct truth_trade *trade = &truth->trades[index];
	uint64_t key = truth->config.seed;
	CHECK(index < truth->n_trades);
	*out = (struct sim_print){ .t_ms = trade->t_ms,
				   .id = truth_id(truth, index),
				   .seq = truth_id(truth, index),
				   .price = trade->price,
				   .qty = trade->qty,
				   .sell = trade->side == SIDE_SELL,
				   .uuid = { sim_hash(key, 1, index), sim_hash(key, 2, index) } };
}

void truth_exec_id(const struct truth *truth, size_t index, struct buf *out)
{
	static const char key[] = "\"i\":\"";
	char frame[SIM_FRAME_BYTES];
	struct sim_print print;
	truth_print(truth, index, &print);
	size_t len = sim_frame_trade(frame, &truth->label, &print, 1);
	const char *from = memmem(frame, len, key, sizeof key - 1);
	CHECK(from);
	from += sizeof key - 1;
	buf_put(out, from, strcspn(from, "\""));
}
