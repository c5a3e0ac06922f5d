#include "scenario.h"

#include "base/check.h"

enum { WORDS_MAX = 16, SYMBOLS_MAX = 16, ALL_FEEDS = VENUE_COUNT * KIND_COUNT };

struct scenario {
	struct world_config config;
	char symbol_text[SYMBOLS_MAX][SYMBOL_MAX + 1];
	const char *symbols[SYMBOLS_MAX];
	uint64_t round, rounds;
	struct world *world; /* from the first `at` on */
	struct err *err;
	struct str words[WORDS_MAX];
	size_t n_words;
	struct str line;
};

static enum status bad(struct scenario *s, const char *what)
{
	return err_set(s->err, STATUS_USAGE, "%s: %.*s", what, STR_ARG(s->line));
}

static bool word_is(const struct scenario *s, size_t index, const char *text)
{
	return index < s->n_words && str_eq(s->words[index], str_of(text));
}

static void split(struct scenario *s, struct str line)
{
	struct str word;
	s->n_words = 0;
	while (s->n_words < WORDS_MAX && line.len && str_split(&line, ' ', &word))
		if (word.len)
			s->words[s->n_words++] = word;
}

static bool parse_number(struct str text, int64_t *out)
{
	return str_to_i64(text, out) == STATUS_OK;
}

static bool parse_duration(struct str text, int64_t *ns)
{
	static const struct {
		const char *unit;
		int64_t ns;
	} units[] = { { "us", 1000 },
		      { "ms", 1000000 },
		      { "s", 1000000000 },
		      { "m", 60000000000 },
		      { "h", 3600000000000 } };
	size_t digits = text.len && text.ptr[0] == '-';
	while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
		digits++;
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (str_eq(str_skip(text, digits), str_of(units[i].unit)) &&
		    parse_number(str_make(text.ptr, digits), ns)) {
			*ns *= units[i].ns;
			return true;
		}
	return false;
}

/* ---- before the first `at` ---- */

static enum status set_symbols(struct scenario *s)
{
	struct str rest = s->words[1], one;
	size_t n = 0;
	while (n < SYMBOLS_MAX && str_split(&rest, ',', &one)) {
		if (str_copy(one, s->symbol_text[n], sizeof s->symbol_text[n]))
			return bad(s, "a symbol is too long");
		s->symbols[n] = s->symbol_text[n];
		n++;
	}
	s->config.simulator.n_symbols = n;
	return STATUS_OK;
}

static bool pair(struct str word, struct str *key, struct str *value)
{
	size_t at = str_find_char(word, '=');
	*key = str_make(word.ptr, at);
	*value = str_skip(word, at + 1);
	return at < word.len;
}

static enum status set_faults(struct scenario *s)
{
	struct simulator_faults *f = &s->config.simulator.faults;
	const struct {
		const char *name;
		uint32_t *place;
	} rows[] = { { "duplicate", &f->duplicate },
		     { "delay", &f->delay },
		     { "drop", &f->drop },
		     { "malformed", &f->malformed },
		     { "unknown", &f->unknown } };
	for (size_t i = 1; i < s->n_words; i++) {
		struct str key, value;
		int64_t ppm;
		size_t row = 0;
		if (!pair(s->words[i], &key, &value) || !parse_number(value, &ppm))
			return bad(s, "faults wants NAME=PPM");
		while (row < ARRAY_LEN(rows) && !str_eq(key, str_of(rows[row].name)))
			row++;
		if (row == ARRAY_LEN(rows))
			return bad(s, "no such fault");
		*rows[row].place = (uint32_t)ppm;
	}
	return STATUS_OK;
}

static enum status set_redis(struct scenario *s)
{
	struct fake_redis_config *c = &s->config.redis;
	for (size_t i = 1; i < s->n_words; i++) {
		struct str key, value;
		int64_t n = 0;
		if (!pair(s->words[i], &key, &value))
			return bad(s, "redis wants NAME=VALUE");
		bool duration = parse_duration(value, &n);
		if (str_eq(key, STR("sync")))
			c->sync = str_eq(value, STR("always")) ? FAKE_ALWAYS : FAKE_EVERYSEC;
		else if (duration && str_eq(key, STR("latency")))
			c->latency_ns = n;
		else if (duration && str_eq(key, STR("spacing")))
			c->spacing_ns = n;
		else if (duration && str_eq(key, STR("timeout")))
			c->timeout_ns = n;
		else if (duration && str_eq(key, STR("reconnect")))
			c->reconnect_ns = n;
		else if (parse_number(value, &n) && str_eq(key, STR("maxmemory")))
			c->maxmemory = (size_t)n;
		else if (parse_number(value, &n) && str_eq(key, STR("pending")))
			c->pending_limit = (size_t)n;
		else
			return bad(s, "no such setting");
	}
	return STATUS_OK;
}

static enum status set(struct scenario *s)
{
	int64_t n = 0;
	if (word_is(s, 0, "symbols") && s->n_words == 2)
		return set_symbols(s);
	if (word_is(s, 0, "faults"))
		return set_faults(s);
	if (word_is(s, 0, "redis"))
		return set_redis(s);
	if (word_is(s, 0, "full")) {
		s->config.simulator.full = true;
		return STATUS_OK;
	}
	if (word_is(s, 0, "flush") && s->n_words == 2 && parse_duration(s->words[1], &n)) {
		s->config.flush_ns = n;
		return STATUS_OK;
	}
	if (s->n_words != 2 || !parse_number(s->words[1], &n) || n < 0)
		return bad(s, "not understood");
	if (word_is(s, 0, "seed"))
		s->config.simulator.seed = (uint64_t)n + s->round;
	else if (word_is(s, 0, "seeds"))
		s->rounds = (uint64_t)n;
	else if (word_is(s, 0, "rate"))
		s->config.simulator.trades_per_second = (uint32_t)n;
	else if (word_is(s, 0, "start"))
		s->config.simulator.start_ms = n;
	else
		return bad(s, "not understood");
	return STATUS_OK;
}

/* ---- actions; the words begin at words[2] ---- */

/* A restart must change nothing: what the memory held, the server gives back. */
static enum status restart(struct scenario *s)
{
	world_keep_minutes(s->world);
	if (!world_weir_stop(s->world))
		return bad(s, "could not be drained");
	world_feed_refuse(s->world, true); /* nothing new until it is compared */
	world_weir_start(s->world);
	int64_t end_ns = world_now_ns(s->world) + 20000000000;
	while (!world_weir_up(s->world) && world_now_ns(s->world) < end_ns)
		world_run_to(s->world, world_now_ns(s->world) + 1000000);
	enum status status = world_compare_minutes(s->world, s->err);
	world_feed_refuse(s->world, false);
	return status;
}

static enum status do_weir(struct scenario *s)
{
	if (word_is(s, 3, "start"))
		world_weir_start(s->world);
	else if (word_is(s, 3, "kill"))
		world_weir_kill(s->world);
	else if (word_is(s, 3, "stop"))
		return world_weir_stop(s->world) ? STATUS_OK : bad(s, "could not be drained");
	else if (word_is(s, 3, "restart"))
		return restart(s);
	else
		return bad(s, "weir: start, kill, stop, restart");
	return STATUS_OK;
}

static enum status do_redis_number(struct scenario *s)
{
	int64_t n;
	struct fake_redis *redis = world_redis(s->world);
	if (word_is(s, 3, "cut") && s->n_words == 6 && parse_number(s->words[4], &n) && n > 0)
		fake_redis_cut(redis, (uint64_t)n,
			       word_is(s, 5, "after") ? FAKE_CUT_AFTER : FAKE_CUT_BEFORE);
	else if (word_is(s, 3, "latency") && s->n_words == 5 && parse_duration(s->words[4], &n))
		fake_redis_set_latency(redis, n);
	else
		return bad(s, "redis: no such action");
	return STATUS_OK;
}

static enum status do_redis(struct scenario *s)
{
	static const char *const faults[] = {
		[FAKE_HEALTHY] = "healthy",   [FAKE_OOM] = "oom",
		[FAKE_READONLY] = "readonly", [FAKE_MISCONF] = "misconf",
		[FAKE_LOADING] = "loading",   [FAKE_NOPERM] = "noperm",
	};
	struct fake_redis *redis = world_redis(s->world);
	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		if (word_is(s, 3, faults[i])) {
			fake_redis_fault(redis, (enum fake_fault)i);
			return STATUS_OK;
		}
	if (word_is(s, 3, "kill"))
		fake_redis_kill(redis);
	else if (word_is(s, 3, "start"))
		fake_redis_start(redis);
	else if (word_is(s, 3, "hang") || word_is(s, 3, "wake"))
		fake_redis_hang(redis, word_is(s, 3, "hang"));
	else if (word_is(s, 3, "break"))
		fake_redis_break(redis);
	else
		return do_redis_number(s);
	return STATUS_OK;
}

static enum status do_feed(struct scenario *s)
{
	enum venue venue = VENUE_BINANCE;
	enum kind kind = KIND_SPOT;
	bool all = word_is(s, 4, "all"), stale = word_is(s, 3, "stale");
	if (word_is(s, 3, "refuse") || word_is(s, 3, "accept")) {
		world_feed_refuse(s->world, word_is(s, 3, "refuse"));
		return STATUS_OK;
	}
	if ((!stale && !word_is(s, 3, "break")) || s->n_words != 5 ||
	    (!all && market_id_parse_source(s->words[4], &venue, &kind)))
		return bad(s, "feed: stale|break VENUE:KIND|all, refuse, accept");
	for (int i = 0; i < ALL_FEEDS; i++) {
		enum venue v = (enum venue)(i / KIND_COUNT);
		enum kind k = (enum kind)(i % KIND_COUNT);
		if (!all && (v != venue || k != kind))
			continue;
		if (stale)
			world_feed_stale(s->world, v, k);
		else
			world_feed_break(s->world, v, k);
	}
	return STATUS_OK;
}

static enum status do_say(struct scenario *s)
{
	enum venue venue;
	enum kind kind;
	if (s->n_words < 5 || market_id_parse_source(s->words[3], &venue, &kind))
		return bad(s, "say wants VENUE:KIND FRAME");
	const char *frame = s->words[4].ptr;
	world_feed_say(s->world, venue, kind,
		       str_make(frame, (size_t)(s->line.ptr + s->line.len - frame)));
	return STATUS_OK;
}

static enum status do_clock(struct scenario *s)
{
	int64_t ns;
	if (!word_is(s, 3, "jump") || s->n_words != 5 || !parse_duration(s->words[4], &ns))
		return bad(s, "clock jump wants a duration");
	world_jump_wall(s->world, ns);
	return STATUS_OK;
}

static enum status do_allow(struct scenario *s)
{
	int64_t ns, now_ns = world_now_ns(s->world);
	if (s->n_words != 4 || !parse_duration(s->words[3], &ns))
		return bad(s, "allow-loss wants a duration");
	oracle_allow_loss(world_oracle(s->world), now_ns - ns, now_ns);
	return STATUS_OK;
}

/* ---- expectations ---- */

static enum status expect_bad(struct scenario *s)
{
	const struct simulator_truth *truth = world_truth(s->world);
	uint64_t malformed = 0, unknown = 0;
	for (int i = 0; i < ALL_FEEDS; i++) {
		const struct ingest_counts *counts =
		    ingest_counts(world_ingest(s->world), (enum venue)(i / KIND_COUNT),
				  (enum kind)(i % KIND_COUNT));
		malformed += counts->malformed;
		unknown += counts->unknown;
	}
	if (malformed == truth->malformed && unknown == truth->unknown)
		return STATUS_OK;
	return err_set(s->err, STATUS_INVALID, "malformed %llu, unknown %llu; truth %llu, %llu",
		       (unsigned long long)malformed, (unsigned long long)unknown,
		       (unsigned long long)truth->malformed, (unsigned long long)truth->unknown);
}

static enum status figure_of(struct scenario *s, int64_t *out)
{
	struct world *world = s->world;
	const struct market_store_counts *store =
	    world_store(world) ? market_store_counts(world_store(world)) : NULL;
	size_t partial = 0, complete = 0;
	if (word_is(s, 3, "trades"))
		*out = (int64_t)oracle_delivered(world_oracle(world));
	else if (word_is(s, 3, "lost"))
		*out = (int64_t)fake_redis_counts(world_redis(world)).lost_commands;
	else if (store && word_is(s, 3, "dropped"))
		*out = (int64_t)store->dropped_chunks;
	else if (store && word_is(s, 3, "damaged"))
		*out = (int64_t)store->damaged_entries;
	else if (store && word_is(s, 3, "failed"))
		*out = (int64_t)store->failed;
	else if (store && (word_is(s, 3, "partial") || word_is(s, 3, "complete"))) {
		enum status status = oracle_check_minutes(world_oracle(world), world_markets(world),
							  &partial, &complete, s->err);
		*out = (int64_t)(word_is(s, 3, "partial") ? partial : complete);
		return status;
	} else {
		return bad(s, "no such figure");
	}
	return STATUS_OK;
}

static enum status expect_figure(struct scenario *s)
{
	int64_t want, got = 0;
	if (s->n_words != 6 || s->words[4].len != 1 || !parse_number(s->words[5], &want))
		return bad(s, "expect wants WHAT OP N");
	enum status status = figure_of(s, &got);
	if (status)
		return status;
	char op = s->words[4].ptr[0];
	bool holds = op == '=' ? got == want : op == '<' ? got < want : op == '>' && got > want;
	return holds ? STATUS_OK
		     : err_set(s->err, STATUS_INVALID, "expected %.*s %c %lld, it is %lld",
			       STR_ARG(s->words[3]), op, (long long)want, (long long)got);
}

static enum status do_expect(struct scenario *s)
{
	struct world *world = s->world;
	struct oracle *oracle = world_oracle(world);
	size_t partial, complete;
	if (word_is(s, 3, "up") || word_is(s, 3, "down"))
		return world_weir_up(world) == word_is(s, 3, "up") ? STATUS_OK
								   : bad(s, "it is not");
	if (word_is(s, 3, "tape"))
		return oracle_check_tape(oracle, world_redis(world), world_presumed(world), s->err);
	if (s->n_words == 4 && !world_weir_up(world))
		return bad(s, "weir is not up");
	if (word_is(s, 3, "minutes"))
		return oracle_check_minutes(oracle, world_markets(world), &partial, &complete,
					    s->err);
	if (word_is(s, 3, "delivered"))
		return oracle_check_delivered(oracle, world_markets(world), s->err);
	if (word_is(s, 3, "counts"))
		return oracle_check_counts(oracle, world_markets(world), s->err);
	if (word_is(s, 3, "bad"))
		return expect_bad(s);
	return expect_figure(s);
}

static enum status act(struct scenario *s)
{
	static const struct {
		const char *name;
		enum status (*run)(struct scenario *s);
	} actions[] = { { "weir", do_weir },    { "redis", do_redis }, { "feed", do_feed },
			{ "say", do_say },      { "clock", do_clock }, { "allow-loss", do_allow },
			{ "expect", do_expect } };
	int64_t at_ns;
	if (s->n_words < 3 || !parse_duration(s->words[1], &at_ns))
		return bad(s, "at wants a time and an action");
	if (!s->world)
		s->world = world_create(&s->config);
	world_run_to(s->world, at_ns);
	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if (word_is(s, 2, actions[i].name))
			return actions[i].run(s);
	return bad(s, "no such action");
}

static void defaults(struct scenario *s, uint64_t round)
{
	static const char *const symbols[] = { "BTCUSDT", "ETHUSDT" };
	s->round = round;
	s->rounds = 1;
	s->symbols[0] = symbols[0];
	s->symbols[1] = symbols[1];
	s->config.simulator = (struct simulator_config){
		.seed = 1 + round,
		.symbols = s->symbols,
		.n_symbols = 2,
		.start_ms = 1723162230000,
		.trades_per_second = 40,
	};
	s->config.redis = (struct fake_redis_config){
		.sync = FAKE_EVERYSEC,
		.latency_ns = 500000,
		.spacing_ns = 3000,
		.timeout_ns = 1000000000,
		.reconnect_ns = 100000000,
		.pending_limit = 64 << 20,
	};
	s->config.flush_ns = 1000000000;
}

enum status scenario_run(struct str text, uint64_t round, uint64_t *rounds, struct err *err)
{
	struct scenario s = { .err = err };
	enum status status = STATUS_OK;
	size_t number = 0;
	defaults(&s, round);
	while (!status && str_split(&text, '\n', &s.line)) {
		number++;
		s.line = str_trim(s.line);
		if (!s.line.len || s.line.ptr[0] == '#')
			continue;
		split(&s, s.line);
		status = word_is(&s, 0, "at") ? act(&s)
			 : s.world            ? bad(&s, "only `at` from here on")
					      : set(&s);
		if (status)
			err_wrap(err, status, "line %zu, seed %llu", number,
				 (unsigned long long)s.config.simulator.seed);
	}
	world_destroy(s.world);
	*rounds = s.rounds;
	return status;
}
