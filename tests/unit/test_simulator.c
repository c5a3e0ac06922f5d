/* The market simulator: the same seed is the same world, told in any portions and
 * from any start; frames say what the truth says, to the decoder and the market. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/crc32c.h"
#include "codec/decoder.h"
#include "feed/sim_source.h"
#include "feed/simulator.h"
#include "market/markets.h"

enum { HOUR_MS = 3600000 };

static const int64_t start_ms = 1723161255123;
static const int64_t midnight_ms = 1723161600000;
static const char *const symbols[] = { "BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT" };

static struct simulator_config config_of(uint64_t seed)
{
	return (struct simulator_config){ .seed = seed,
					  .symbols = symbols,
					  .n_symbols = ARRAY_LEN(symbols),
					  .start_ms = start_ms };
}

static struct simulator *make(const struct simulator_config *config)
{
	struct simulator *sim;
	assert_int_equal(simulator_create(config, &sim), STATUS_OK);
	return sim;
}

/* Everything that was said, as a checksum and a count. */
struct digest {
	uint32_t crc;
	uint64_t frames;
	int64_t first_ms, last_ms, from_ms;
	bool ordered;
};

static void digest_frame(void *ctx, enum venue venue, enum kind kind, struct str frame,
			 int64_t t_ms)
{
	struct digest *digest = ctx;
	char head[2] = { (char)venue, (char)kind };
	if (t_ms < digest->from_ms)
		return;
	digest->crc = crc32c(digest->crc, head, sizeof head);
	digest->crc = crc32c(digest->crc, frame.ptr, frame.len);
	digest->ordered = (!digest->frames || digest->ordered) && t_ms >= digest->last_ms;
	if (!digest->frames++)
		digest->first_ms = t_ms;
	digest->last_ms = t_ms;
}

static struct digest digest_of(const struct simulator_config *config, int64_t until_ms,
			       size_t slice, int64_t from_ms)
{
	struct digest digest = { .from_ms = from_ms };
	struct simulator_sink sink = { .frame = digest_frame, .ctx = &digest };
	struct simulator *sim = make(config);
	while (simulator_advance(sim, until_ms, slice, &sink) >= slice)
		;
	simulator_destroy(sim);
	return digest;
}

static const struct simulator_faults nasty = {
	.duplicate = 20000, .delay = 20000, .drop = 5000, .malformed = 10000, .unknown = 10000
};

static void test_the_same_seed_gives_the_same_bytes_in_any_portions(void **state)
{
	(void)state;
	struct simulator_config config = config_of(5);
	config.full = true;
	config.faults = nasty;
	struct digest whole = digest_of(&config, start_ms + 300000, SIZE_MAX / 2, 0);
	assert_true(whole.frames > 5000);
	assert_true(whole.ordered);
	assert_in_range(whole.first_ms, start_ms, start_ms + 5000);
	assert_true(whole.last_ms < start_ms + 300000);
	for (size_t slice = 1; slice < 5000; slice = slice * 17 + 2) {
		struct digest parts = digest_of(&config, start_ms + 300000, slice, 0);
		assert_int_equal(parts.crc, whole.crc);
		assert_int_equal(parts.frames, whole.frames);
	}
	config.seed = 6;
	assert_int_not_equal(digest_of(&config, start_ms + 300000, 100, 0).crc, whole.crc);
}

static void test_time_in_small_steps_gives_the_same_bytes(void **state)
{
	(void)state;
	struct simulator_config config = config_of(5);
	config.faults = nasty;
	struct digest whole = digest_of(&config, start_ms + 60000, SIZE_MAX / 2, 0), parts = { 0 };
	struct simulator_sink sink = { .frame = digest_frame, .ctx = &parts };
	struct simulator *sim = make(&config);
	for (int64_t ms = start_ms; ms <= start_ms + 60000; ms += 1 + ms % 37)
		simulator_advance(sim, ms, SIZE_MAX / 2, &sink);
	simulator_advance(sim, start_ms + 60000, SIZE_MAX / 2, &sink);
	assert_int_equal(parts.crc, whole.crc);
	simulator_destroy(sim);
}

static void test_a_later_start_continues_the_same_world(void **state)
{
	(void)state;
	struct simulator_config config = config_of(7);
	config.full = true;
	int64_t until_ms = start_ms + HOUR_MS;
	for (int i = 0; i < 8; i++) {
		int64_t later_ms = start_ms + 1234567 + i * 277777;
		config.start_ms = start_ms;
		struct digest all = digest_of(&config, until_ms, SIZE_MAX / 2, later_ms);
		config.start_ms = later_ms;
		struct digest late = digest_of(&config, until_ms, SIZE_MAX / 2, later_ms);
		assert_int_equal(all.frames, late.frames);
		assert_int_equal(all.crc, late.crc);
	}
}

/* ---- what the frames say ---- */

struct reader {
	struct decoder *decoders[4];
	struct event *events;
	struct simulator_trade told[16];
	size_t n_told;
	uint64_t seen[EVENT_COUNT];
	uint64_t trades, repeats;
	int64_t last_id[SIMULATOR_MARKETS_MAX], last_qty[SIMULATOR_MARKETS_MAX];
	struct simulator *sim;
	bool faults;
	double low, high; /* BTC */
};

static size_t index_of(const struct reader *reader, const struct market_id *id)
{
	for (size_t i = 0; i < simulator_markets(reader->sim); i++)
		if (market_id_eq(simulator_market(reader->sim, i), id))
			return i;
	fail_msg("no such market");
	return 0;
}

static void reader_told(void *ctx, const struct simulator_trade *trade)
{
	struct reader *reader = ctx;
	size_t i = index_of(reader, trade->market);
	if (!reader->faults && reader->last_id[i])
		assert_int_equal(trade->id, reader->last_id[i] + 1);
	reader->last_id[i] = trade->id;
	reader->repeats += trade->qty == reader->last_qty[i];
	reader->last_qty[i] = trade->qty;
	if (trade->fate != SIM_DROPPED)
		reader->told[reader->n_told++] = *trade;
	assert_true(reader->n_told < ARRAY_LEN(reader->told));
}

static void assert_decimal(struct decimal got, int64_t mantissa, int32_t scale)
{
	int64_t same;
	assert_int_equal(decimal_rescale(got, scale, &same), STATUS_OK);
	assert_int_equal(same, mantissa);
}

static void assert_trade(struct reader *reader, const struct event *event,
			 const struct simulator_trade *told)
{
	assert_true(str_eq(event->symbol, str_of(told->market->symbol)));
	assert_int_equal(event->t_ms, told->t_ms);
	assert_decimal(event->trade.price, told->price, told->price_scale);
	assert_decimal(event->trade.qty, told->qty, told->qty_scale);
	assert_int_equal(event->trade.side, told->sell ? SIDE_SELL : SIDE_BUY);
	if (told->market->venue == VENUE_BINANCE)
		assert_int_equal(event->trade.ordered_id, told->id);
	else
		assert_int_equal(event->trade.seq, told->seq);
	double price = decimal_to_double(told->price, told->price_scale);
	if (event->symbol.ptr[0] == 'B' && event->symbol.ptr[1] == 'T') {
		reader->low = price < reader->low ? price : reader->low;
		reader->high = price > reader->high ? price : reader->high;
	}
}

static void reader_frame(void *ctx, enum venue venue, enum kind kind, struct str frame,
			 int64_t t_ms)
{
	struct reader *reader = ctx;
	size_t n = decoder_decode(reader->decoders[venue * 2 + kind], frame, reader->events),
	       at = 0;
	(void)t_ms;
	for (size_t i = 0; i < n; i++) {
		const struct event *event = &reader->events[i];
		reader->seen[event->type]++;
		if (event->type == EVENT_TRADE) {
			assert_true(at < reader->n_told);
			assert_trade(reader, event, &reader->told[at++]);
			reader->trades++;
		}
	}
	assert_int_equal(at, reader->n_told);
	reader->n_told = 0;
}

static struct reader *reader_create(struct simulator *sim)
{
	struct reader *reader = calloc(1, sizeof *reader);
	reader->events = calloc(EVENTS_PER_FRAME, sizeof *reader->events);
	for (size_t i = 0; i < 4; i++)
		reader->decoders[i] =
		    decoder_create((enum venue)(i / 2), (enum kind)(i % 2), DECODE_AUTO);
	reader->low = 1e9;
	reader->sim = sim;
	return reader;
}

static void reader_destroy(struct reader *reader)
{
	for (size_t i = 0; i < 4; i++)
		decoder_destroy(reader->decoders[i]);
	free(reader->events);
	free(reader);
}

static void test_frames_say_what_the_truth_says(void **state)
{
	(void)state;
	struct simulator_config config = config_of(3);
	config.full = true;
	struct simulator *sim = make(&config);
	struct reader *reader = reader_create(sim);
	struct simulator_sink sink = { reader_frame, reader_told, reader };
	simulator_advance(sim, start_ms + HOUR_MS, SIZE_MAX / 2, &sink);
	assert_int_equal(reader->trades, simulator_truth(sim)->trades);
	assert_true(reader->trades > 40000);
	assert_int_equal(reader->seen[EVENT_UNKNOWN], 0);
	assert_int_equal(reader->seen[EVENT_MALFORMED], 0);
	assert_int_equal(reader->seen[EVENT_ACK], 0);
	static const enum event_type wanted[] = { EVENT_BOOK,    EVENT_DEPTH, EVENT_MARK,
						  EVENT_FUNDING, EVENT_OI,    EVENT_LIQUIDATION };
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		if (!reader->seen[wanted[i]])
			fail_msg("no event of type %s", event_type_text(wanted[i]));
	reader_destroy(reader);
	simulator_destroy(sim);
}

static void test_prices_and_sizes_look_like_a_market(void **state)
{
	(void)state;
	struct simulator_config config = config_of(11);
	config.start_ms = midnight_ms;
	config.trades_per_second = 3;
	struct simulator *sim = make(&config);
	struct reader *reader = reader_create(sim);
	struct simulator_sink sink = { reader_frame, reader_told, reader };
	simulator_advance(sim, midnight_ms + 24 * HOUR_MS, SIZE_MAX / 2, &sink);
	/* exactly, but each of 20 markets rounds its day down */
	assert_in_range(simulator_truth(sim)->trades, 3 * 86400 - 20, 3 * 86400);
	double swing = (reader->high - reader->low) / 65000;
	assert_true(reader->low > 40000 && reader->high < 100000);
	assert_true(swing > 0.005 && swing < 0.3);
	assert_in_range(reader->repeats * 100 / reader->trades, 3, 40);
	reader_destroy(reader);
	simulator_destroy(sim);
}

/* ---- faults ---- */

struct taker {
	struct reader *reader;
	struct markets *markets;
};

static void taker_frame(void *ctx, enum venue venue, enum kind kind, struct str frame, int64_t t_ms)
{
	struct taker *taker = ctx;
	struct trade trade;
	(void)t_ms;
	struct reader *reader = taker->reader;
	size_t n = decoder_decode(reader->decoders[venue * 2 + kind], frame, reader->events);
	for (size_t i = 0; i < n; i++) {
		const struct event *event = &reader->events[i];
		reader->seen[event->type]++;
		if (event->type == EVENT_TRADE)
			market_take_trade(markets_get(taker->markets, venue, kind, event->symbol),
					  &event->trade, event->t_ms, &trade);
	}
}

static void test_a_market_counts_what_was_done_to_it(void **state)
{
	(void)state;
	struct simulator_config config = config_of(13);
	struct market_config market_config = { .whale_quote = 500000, .simulated = true };
	struct market_counts sum = { 0 };
	config.faults = nasty;
	struct simulator *sim = make(&config);
	struct taker taker = { reader_create(sim), markets_create(&market_config) };
	struct simulator_sink sink = { .frame = taker_frame, .ctx = &taker };
	simulator_advance(sim, start_ms + HOUR_MS, SIZE_MAX / 2, &sink);
	for (size_t i = 0; i < markets_count(taker.markets); i++) {
		const struct market_counts *counts = market_counts(markets_at(taker.markets, i));
		sum.trades += counts->trades;
		sum.duplicates += counts->duplicates;
		sum.late += counts->late;
		sum.gaps += counts->gaps;
		sum.refused += counts->refused;
	}
	const struct simulator_truth *truth = simulator_truth(sim);
	assert_true(truth->duplicates > 100 && truth->late > 100 && truth->dropped > 50);
	assert_true(truth->malformed > 100 && truth->unknown > 100 && truth->gaps > 100);
	assert_int_equal(sum.trades, truth->trades);
	assert_int_equal(sum.duplicates, truth->duplicates);
	assert_int_equal(sum.late, truth->late);
	assert_int_equal(sum.gaps, truth->gaps);
	assert_int_equal(sum.refused, 0);
	assert_int_equal(taker.reader->seen[EVENT_MALFORMED], truth->malformed);
	assert_int_equal(taker.reader->seen[EVENT_UNKNOWN], truth->unknown);
	markets_destroy(taker.markets);
	reader_destroy(taker.reader);
	simulator_destroy(sim);
}

/* ---- resume and bad configurations ---- */

static int64_t first_id(struct simulator *sim)
{
	struct reader *reader = reader_create(sim);
	struct simulator_sink sink = { reader_frame, reader_told, reader };
	reader->faults = true;
	while (!reader->last_id[1]) { /* binance:perp:BTCUSDT */
		size_t n = simulator_advance(sim, INT64_MAX / 2, 1, &sink);
		assert_true(n > 0);
	}
	int64_t id = reader->last_id[1];
	reader_destroy(reader);
	return id;
}

static int64_t resumed(int64_t last_id)
{
	struct simulator_config config = config_of(5);
	struct simulator *sim = make(&config);
	assert_int_equal(simulator_resume(sim, simulator_market(sim, 1), last_id), STATUS_OK);
	int64_t id = first_id(sim);
	simulator_destroy(sim);
	return id;
}

static void test_ids_go_on_above_those_a_state_holds(void **state)
{
	(void)state;
	int64_t natural = resumed(0);
	assert_int_equal(resumed(natural - 1), natural);
	assert_int_equal(resumed(natural - 1000), natural);
	assert_int_equal(resumed(natural), natural + 1);
	assert_int_equal(resumed(natural + 123456), natural + 123457);
	struct simulator_config config = config_of(5);
	struct simulator *sim = make(&config);
	struct market_id other = *simulator_market(sim, 0);
	other.symbol[0] = 'Z';
	assert_int_equal(simulator_resume(sim, &other, 5), STATUS_NOT_FOUND);
	simulator_destroy(sim);
}

static void test_a_bad_configuration_is_refused(void **state)
{
	(void)state;
	struct simulator *sim = NULL;
	const char *const bad[] = { "BTC USDT" };
	struct simulator_config config = config_of(1);
	config.symbols = bad;
	config.n_symbols = 1;
	assert_int_equal(simulator_create(&config, &sim), STATUS_INVALID);
	config = config_of(1);
	config.n_symbols = 0;
	assert_int_equal(simulator_create(&config, &sim), STATUS_INVALID);
	config.n_symbols = SIMULATOR_MARKETS_MAX / 4 + 1;
	assert_int_equal(simulator_create(&config, &sim), STATUS_INVALID);
	config = config_of(1);
	config.start_ms = 0;
	assert_int_equal(simulator_create(&config, &sim), STATUS_INVALID);
	config = config_of(1);
	config.trades_per_second = SIMULATOR_RATE_MAX + 1;
	assert_int_equal(simulator_create(&config, &sim), STATUS_INVALID);
	assert_null(sim);
}

/* ---- the source ---- */

struct fake {
	struct clock_port clock;
	struct timers *timers;
	int64_t now_ns; /* monotonic; wall is start + this */
	struct sim_source *source;
	struct fake_client {
		struct fake *fake;
		struct ws_client *client;
		uint64_t opened, messages, closed;
		int code;
	} clients[4];
	uint64_t most; /* messages in one turn */
	bool live;
};

static int64_t fake_monotonic(void *ctx) { return ((struct fake *)ctx)->now_ns; }
static int64_t fake_wall(void *ctx)
{
	return (start_ms + HOUR_MS) * 1000000 + ((struct fake *)ctx)->now_ns;
}
static void on_live(void *ctx) { ((struct fake *)ctx)->live = true; }
static void on_open(void *ctx) { ((struct fake_client *)ctx)->opened++; }
static void on_close(void *ctx, int code, struct str reason)
{
	struct fake_client *client = ctx;
	(void)reason;
	client->closed++;
	client->code = code;
}

static void on_message(void *ctx, struct str message, int64_t received_ns)
{
	struct fake_client *client = ctx;
	client->messages++;
	assert_true(received_ns > 0 && message.len > 20);
}

static void turn(struct fake *fake, int64_t ns)
{
	uint64_t before = 0, after = 0;
	for (size_t i = 0; i < 4; i++)
		before += fake->clients[i].messages;
	fake->now_ns += ns;
	timers_run(fake->timers, fake->now_ns, 100);
	for (size_t i = 0; i < 4; i++)
		after += fake->clients[i].messages;
	if (after - before > fake->most)
		fake->most = after - before;
}

static void fake_open(struct fake *fake, size_t i)
{
	struct ws_events events = { on_open, on_message, on_close, &fake->clients[i] };
	fake->clients[i].client =
	    sim_source_client(fake->source, (enum venue)(i / 2), (enum kind)(i % 2));
	assert_int_equal(fake->clients[i].client->ops->open(fake->clients[i].client, "", &events),
			 STATUS_OK);
	assert_int_equal(fake->clients[i].opened, 0);
}

static void fake_init(struct fake *fake)
{
	struct sim_source_options options = { .simulator = config_of(5),
					      .on_live = on_live,
					      .ctx = fake };
	*fake = (struct fake){ .timers = timers_create(4), .now_ns = 1 };
	fake->clock = (struct clock_port){ fake_monotonic, fake_wall, fake };
	options.simulator.full = true;
	assert_int_equal(sim_source_create(&options, fake->timers, &fake->clock, &fake->source),
			 STATUS_OK);
}

static void fake_deinit(struct fake *fake)
{
	sim_source_destroy(fake->source);
	timers_destroy(fake->timers);
}

static void test_a_source_says_the_history_in_short_turns_then_goes_live(void **state)
{
	(void)state;
	struct fake fake;
	fake_init(&fake);
	for (size_t i = 0; i < 4; i++)
		fake_open(&fake, i);
	for (int i = 0; i < 1000 && !fake.live; i++)
		turn(&fake, 3000000); /* neither short nor long: slices keep their size */
	assert_true(fake.live && sim_source_live(fake.source));
	assert_in_range(fake.most, 1, 1200);
	uint64_t messages = fake.clients[1].messages;
	assert_true(messages > 5000);
	for (int i = 0; i < 200; i++)
		turn(&fake, SIM_SOURCE_PACE_NS);
	assert_in_range(fake.clients[1].messages - messages, 50, 2000);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(fake.clients[i].opened, 1);
	fake_deinit(&fake);
}

static void test_slices_shrink_when_turns_are_long(void **state)
{
	(void)state;
	struct fake fake;
	fake_init(&fake);
	fake_open(&fake, 0);
	fake_open(&fake, 1);
	fake_open(&fake, 2);
	fake_open(&fake, 3);
	for (int i = 0; i < 20; i++)
		turn(&fake, 20000000);
	fake.most = 0;
	for (int i = 0; i < 20; i++)
		turn(&fake, 20000000);
	assert_in_range(fake.most, 100, 200);
	for (int i = 0; i < 10; i++)
		turn(&fake, 1000000);
	assert_true(fake.most > 400);
	fake_deinit(&fake);
}

static void test_a_paused_client_holds_the_source_and_nothing_is_lost(void **state)
{
	(void)state;
	struct fake fake;
	fake_init(&fake);
	for (size_t i = 0; i < 4; i++)
		fake_open(&fake, i);
	turn(&fake, 3000000);
	struct ws_client *client = fake.clients[2].client;
	client->ops->pause(client, true);
	turn(&fake, 3000000);
	uint64_t messages = fake.clients[1].messages;
	for (int i = 0; i < 50; i++)
		turn(&fake, 3000000);
	assert_int_equal(fake.clients[1].messages, messages);
	client->ops->pause(client, false);
	for (int i = 0; i < 2000 && !fake.live; i++)
		turn(&fake, 3000000);
	uint64_t all = 0;
	for (size_t i = 0; i < 4; i++)
		all += fake.clients[i].messages;
	assert_int_equal(all, simulator_truth(sim_source_simulator(fake.source))->frames);
	fake_deinit(&fake);
}

static void test_a_client_closes_later_and_opens_again(void **state)
{
	(void)state;
	struct fake fake;
	fake_init(&fake);
	fake_open(&fake, 0);
	struct ws_client *client = fake.clients[0].client;
	struct ws_events none = { 0 };
	assert_int_equal(client->ops->open(client, "", &none), STATUS_IN_USE);
	turn(&fake, 3000000);
	assert_int_equal(client->ops->send(client, STR("{}")), STATUS_OK);
	client->ops->close(client);
	assert_int_equal(fake.clients[0].closed, 0);
	turn(&fake, 3000000);
	assert_int_equal(fake.clients[0].closed, 1);
	assert_int_equal(fake.clients[0].code, 1000);
	assert_int_equal(client->ops->send(client, STR("{}")), STATUS_CLOSED);
	uint64_t messages = fake.clients[0].messages;
	turn(&fake, 3000000);
	assert_int_equal(fake.clients[0].messages, messages);
	fake.clients[0].opened = 0;
	fake_open(&fake, 0);
	turn(&fake, 3000000);
	turn(&fake, 3000000);
	assert_int_equal(fake.clients[0].opened, 1);
	assert_true(fake.clients[0].messages > messages);
	fake_deinit(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_same_seed_gives_the_same_bytes_in_any_portions),
		cmocka_unit_test(test_time_in_small_steps_gives_the_same_bytes),
		cmocka_unit_test(test_a_later_start_continues_the_same_world),
		cmocka_unit_test(test_frames_say_what_the_truth_says),
		cmocka_unit_test(test_prices_and_sizes_look_like_a_market),
		cmocka_unit_test(test_a_market_counts_what_was_done_to_it),
		cmocka_unit_test(test_ids_go_on_above_those_a_state_holds),
		cmocka_unit_test(test_a_bad_configuration_is_refused),
		cmocka_unit_test(test_a_source_says_the_history_in_short_turns_then_goes_live),
		cmocka_unit_test(test_slices_shrink_when_turns_are_long),
		cmocka_unit_test(test_a_paused_client_holds_the_source_and_nothing_is_lost),
		cmocka_unit_test(test_a_client_closes_later_and_opens_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
