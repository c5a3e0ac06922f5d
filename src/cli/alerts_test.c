/* A file of rules over a recording, or over the tape of the state directory.
 *
 * First everything is gone through once, so that the markets that words mean are known as they
 * are in the end; then anew, market by market of the tape, with the rules. They run without
 * cooldown and cap, whose sense is in the order of all markets: both are taken into account
 * afterwards, which comes to the same, since the edge of a level is used up either way. */
#include "cli/alerts_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "cli/cli.h"
#include "cli/tape_walk.h"
#include "daemon/config_file.h"
#include "feed/recording_source.h"
#include "os/files.h"
#include "rules/rules.h"

enum {
	RULES_READ_MAX = 1000,
	FILE_BYTES_MAX = 1 << 20,
	FIRES_MAX = 1000000,
	STEP_MS = 50,
	SLICE = 4096,
	PATHS_MAX = 64,
	OUT_LIMIT = 64 << 20,
	TIME_BYTES = 32,
};
#define DAY_MS INT64_C(86400000)

struct test_rule {
	char text[RULE_TEXT_MAX + 1];
	struct rule_spec spec;
	bool has_market, possible;
	struct market_id market;
	uint32_t id; /* in the run */
	uint32_t told;
};

struct test_fire {
	int64_t ms;
	uint32_t rule;
	char message[RULE_MESSAGE_MAX + 1];
};

struct test {
	const struct args *args;
	struct segment_visit *visit; /* of the tape */
	struct trade *trades;        /* a chunk of it */
	size_t n_rules, n_fires, fires_cap;
	struct test_rule rules[RULES_READ_MAX];
	struct test_fire *fires;
	/* of the pass that runs */
	struct markets *markets;
	struct rules *engine; /* NULL: the first pass */
	struct market *market;
	int64_t now_ms;
	uint64_t damaged, lost;
};

/* ---- what happens ---- */

static void step(struct test *test, int64_t t_ms)
{
	if (t_ms < test->now_ms + STEP_MS)
		return;
	test->now_ms = t_ms;
	liquidations_step(markets_liquidations(test->markets), t_ms);
	if (test->engine)
		rules_step(test->engine, t_ms);
}

static void on_trade(void *ctx, struct market *market, const struct trade *trade)
{
	struct test *test = ctx;
	step(test, trade->t_ms);
	if (test->engine)
		rules_trade(test->engine, market, trade);
}

static void on_liquidation(void *ctx, const struct liquidation *liquidation)
{
	struct test *test = ctx;
	step(test, liquidation->t_ms);
	if (test->engine)
		rules_liquidation(test->engine, liquidation);
}

static void on_cascade(void *ctx, const struct cascade *cascade)
{
	struct test *test = ctx;
	if (test->engine)
		rules_cascade(test->engine, cascade);
}

static void on_fire(void *ctx, const struct rule_view *rule, struct str message)
{
	struct test *test = ctx;
	uint32_t at = 0;
	while (at < test->n_rules && test->rules[at].id != rule->id)
		at++;
	if (test->n_fires == test->fires_cap && test->fires_cap < FIRES_MAX) {
		size_t cap = test->fires_cap ? 2 * test->fires_cap : 1024;
		struct test_fire *grown = realloc(test->fires, cap * sizeof *grown);
		if (grown) {
			test->fires = grown;
			test->fires_cap = cap;
		}
	}
	if (test->n_fires == test->fires_cap) {
		test->lost++;
		return;
	}
	struct test_fire *fire = &test->fires[test->n_fires++];
	*fire = (struct test_fire){ .ms = test->now_ms, .rule = at };
	memcpy(fire->message, message.ptr, message.len);
}

/* ---- passes ---- */

static enum status begin_pass(struct test *test, struct err *err)
{
	const struct market_config config = { .whale_quote = 500000 };
	const struct liquidations_hooks hooks = { on_liquidation, on_cascade, test };
	test->markets = markets_create(&config);
	test->now_ms = 0;
	if (!test->markets)
		return err_set(err, STATUS_NO_MEMORY, "no memory for the markets");
	liquidations_set_hooks(markets_liquidations(test->markets), &hooks);
	return STATUS_OK;
}

static enum status run_recording(struct test *test, struct err *err)
{
	const struct ingest_hooks hooks = { .on_trade = on_trade, .ctx = test };
	const char *paths[PATHS_MAX];
	struct recording_options options = { .paths = paths };
	struct recording_source *source = NULL;
	int64_t due_ns;
	for (size_t i = 0; i < args_count(test->args, FLAG_replay) && i < PATHS_MAX; i++)
		paths[options.n_paths++] = args_at(test->args, FLAG_replay, i).ptr;
	options.has_as = args_source(test->args, FLAG_as, &options.venue, &options.kind);
	struct ingest *ingest = ingest_create(test->markets, &hooks);
	if (!ingest)
		return err_set(err, STATUS_NO_MEMORY, "no memory to read the recording");
	enum status status = recording_source_open(&options, &source, err);
	enum recording_state state = RECORDING_MORE;
	while (!status && state == RECORDING_MORE)
		state = recording_source_step(source, ingest, 0, SLICE, &due_ns, err);
	if (!status && state == RECORDING_FAILED)
		status = err->status;
	recording_source_close(source);
	ingest_destroy(ingest);
	return status;
}

/* At the market's scales, which are those of the chunk or finer. */
static void raise_trade(const struct market *market, const struct tape_info *info,
			struct trade *trade)
{
	int32_t price_scale, qty_scale;
	market_scales(market, &price_scale, &qty_scale);
	trade->price *= decimal_pow10(price_scale - info->price_scale);
	trade->qty *= decimal_pow10(qty_scale - info->qty_scale);
}

static bool take_chunk(void *ctx, struct str chunk, bool open)
{
	struct test *test = ctx;
	struct tape_info info;
	(void)open;
	if (tape_read(chunk, &info, test->trades)) {
		test->damaged++;
		return true;
	}
	for (uint32_t i = 0; i < info.count; i++) {
		struct trade trade = test->trades[i];
		enum market_taken taken =
		    market_restore_trade(test->market, &trade, info.price_scale, info.qty_scale);
		if (taken != MARKET_NEW && taken != MARKET_LATE)
			continue;
		raise_trade(test->market, &info, &trade);
		on_trade(test, test->market, &trade);
	}
	return true;
}

static bool is_watched(const struct test *test, const struct market_id *id)
{
	struct str base, other, quote;
	market_id_assets(id, &base, &quote);
	for (size_t i = 0; i < test->n_rules; i++) {
		const struct test_rule *rule = &test->rules[i];
		market_id_assets(&rule->market, &other, &quote);
		if (rule->has_market ? market_id_eq(&rule->market, id) : str_eq(base, other))
			return true;
	}
	return false;
}

static enum status run_tape(struct test *test, struct err *err)
{
	static struct market_id ids[MARKETS_MAX];
	size_t count = 0;
	enum status status = tape_markets(test->visit, ids, MARKETS_MAX, &count, err);
	for (size_t i = 0; !status && i < count; i++) {
		if (test->engine && !is_watched(test, &ids[i]))
			continue;
		test->market = markets_get(test->markets, (enum venue)ids[i].venue,
					   (enum kind)ids[i].kind, str_of(ids[i].symbol));
		if (!test->market)
			return err_set(err, STATUS_NO_MEMORY, "no memory for the markets");
		test->now_ms = 0;
		status = tape_walk(test->visit, &ids[i], take_chunk, test, err);
	}
	return status;
}

static enum status run(struct test *test, struct err *err)
{
	return test->visit ? run_tape(test, err) : run_recording(test, err);
}

/* ---- the rules ---- */

static bool tape_tells(enum rule_metric metric)
{
	return metric == RULE_price || metric == RULE_delta || metric == RULE_volume ||
	       metric == RULE_whale;
}

static struct rules *new_engine(struct test *test)
{
	const struct rules_config config = { .owner_max = RULES_READ_MAX,
					     .owner_day_max = UINT32_MAX,
					     .stale_ms = RULES_STALE_MS };
	const struct rules_hooks hooks = { .on_fire = on_fire, .ctx = test };
	return rules_create(test->markets, &config, &hooks);
}

/* What each rule means, now that everything is known. */
static enum status choose(struct test *test, struct err *err)
{
	struct rules *chooser = new_engine(test);
	enum status status = chooser ? STATUS_OK : STATUS_NO_MEMORY;
	for (size_t i = 0; !status && i < test->n_rules; i++) {
		struct test_rule *rule = &test->rules[i];
		struct rule_view view;
		uint32_t id;
		rule->possible = rule->spec.metric != RULE_terminal &&
				 (!test->visit || tape_tells(rule->spec.metric));
		status = rules_add(chooser, STR("test"), &rule->spec, &id, err);
		if (status) {
			err_wrap(err, status, "'%s'", rule->text);
			break;
		}
		CHECK(rules_find(chooser, STR(""), id, &view));
		rule->has_market = view.has_market;
		rule->market = view.market;
	}
	rules_destroy(chooser);
	return status;
}

static enum status add_rules(struct test *test, struct err *err)
{
	enum status status = STATUS_OK;
	for (size_t i = 0; !status && i < test->n_rules; i++) {
		struct test_rule *rule = &test->rules[i];
		struct rule_spec spec = rule->spec;
		struct buf subject = buf_over(spec.subject, RULE_SUBJECT_MAX);
		if (!rule->possible)
			continue;
		if (rule->has_market) {
			memset(spec.subject, 0, sizeof spec.subject);
			market_id_print(&subject, &rule->market);
		}
		spec.once = false;
		spec.cooldown_ms = 0;
		spec.cap = UINT32_MAX;
		status = rules_add(test->engine, STR("test"), &spec, &rule->id, err);
	}
	return status;
}

/* Every market that a rule may mean is there from the start. */
static enum status second_pass(struct test *test, struct err *err)
{
	struct markets *known = test->markets;
	enum status status = begin_pass(test, err);
	for (size_t i = 0; !status && i < markets_count(known); i++) {
		const struct market_id *id = market_id(markets_at(known, i));
		if (!markets_get(test->markets, (enum venue)id->venue, (enum kind)id->kind,
				 str_of(id->symbol)))
			status = err_set(err, STATUS_NO_MEMORY, "no memory for the markets");
	}
	markets_destroy(known);
	if (!status)
		test->engine = new_engine(test);
	if (!status && !test->engine)
		status = err_set(err, STATUS_NO_MEMORY, "no memory for the rules");
	if (!status)
		status = add_rules(test, err);
	return status ? status : run(test, err);
}

static enum status read_rules(struct test *test, struct str text, struct err *err)
{
	struct str line;
	size_t number = 0;
	while (str_split(&text, '\n', &line)) {
		number++;
		line = str_trim(line);
		if (!line.len || line.ptr[0] == '#')
			continue;
		if (test->n_rules == RULES_READ_MAX)
			return err_set(err, STATUS_FULL, "line %zu: at most %d rules", number,
				       RULES_READ_MAX);
		struct test_rule *rule = &test->rules[test->n_rules++];
		if (rule_parse(line, &rule->spec, err))
			return err_wrap(err, STATUS_FORMAT, "line %zu", number);
		memcpy(rule->text, line.ptr, line.len);
	}
	return test->n_rules ? STATUS_OK : err_set(err, STATUS_FORMAT, "no rule is in it");
}

/* ---- what is told of it ---- */

static int by_rule_and_time(const void *a, const void *b)
{
	const struct test_fire *x = a, *y = b;
	if (x->rule != y->rule)
		return x->rule < y->rule ? -1 : 1;
	return x->ms < y->ms ? -1 : x->ms > y->ms;
}

/* Keeps what would have been told. */
static void thin(struct test *test)
{
	size_t kept = 0;
	int64_t last_ms = 0, day = 0;
	uint32_t today = 0;
	for (size_t i = 0; i < test->n_fires; i++) {
		const struct test_fire *fire = &test->fires[i];
		struct test_rule *rule = &test->rules[fire->rule];
		if (!rule->told || fire->ms / DAY_MS != day)
			today = 0;
		day = fire->ms / DAY_MS;
		bool soon = rule->told && fire->ms - last_ms < rule->spec.cooldown_ms;
		if (soon || today >= rule->spec.cap || (rule->spec.once && rule->told))
			continue;
		last_ms = fire->ms;
		today++;
		rule->told++;
		test->fires[kept++] = *fire;
	}
	test->n_fires = kept;
}

static void put_time(char out[TIME_BYTES], int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm utc;
	gmtime_r(&seconds, &utc);
	strftime(out, TIME_BYTES, "%Y-%m-%d %H:%M:%SZ", &utc);
}

static void put_text(const struct test *test, struct buf *out)
{
	size_t at = 0;
	for (uint32_t i = 0; i < test->n_rules; i++) {
		const struct test_rule *rule = &test->rules[i];
		buf_printf(out, "%s", rule->text);
		if (rule->has_market) {
			buf_printf(out, " (");
			market_id_print(out, &rule->market);
			buf_char(out, ')');
		}
		if (rule->possible)
			buf_printf(out, ": %u time%s\n", rule->told, rule->told == 1 ? "" : "s");
		else if (rule->spec.metric == RULE_terminal)
			buf_printf(out, ": terminals are in no recording\n");
		else
			buf_printf(out, ": the tape holds trades alone, use --replay RECORDING\n");
		for (; at < test->n_fires && test->fires[at].rule == i; at++) {
			char when[TIME_BYTES];
			put_time(when, test->fires[at].ms);
			buf_printf(out, "  %s  %s\n", when, test->fires[at].message);
		}
	}
}

static void put_json(const struct test *test, struct buf *out)
{
	size_t at = 0;
	buf_printf(out, "{\"rules\":[");
	for (uint32_t i = 0; i < test->n_rules; i++) {
		const struct test_rule *rule = &test->rules[i];
		bool first = true;
		buf_printf(out, "%s{\"rule\":", i ? "," : "");
		buf_json_str(out, str_of(rule->text));
		buf_printf(out, ",\"market\":%s", rule->has_market ? "\"" : "null");
		if (rule->has_market) {
			market_id_print(out, &rule->market);
			buf_char(out, '"');
		}
		buf_printf(out, ",\"possible\":%s,\"told\":%u,\"times\":[",
			   rule->possible ? "true" : "false", rule->told);
		for (; at < test->n_fires && test->fires[at].rule == i; at++, first = false) {
			buf_printf(out, "%s{\"ms\":%lld,\"message\":", first ? "" : ",",
				   (long long)test->fires[at].ms);
			buf_json_str(out, str_of(test->fires[at].message));
			buf_char(out, '}');
		}
		buf_printf(out, "]}");
	}
	buf_printf(out, "]}\n");
}

static int put(struct test *test)
{
	struct buf out;
	qsort(test->fires, test->n_fires, sizeof *test->fires, by_rule_and_time);
	thin(test);
	buf_init(&out, OUT_LIMIT);
	if (args_has(test->args, FLAG_json))
		put_json(test, &out);
	else
		put_text(test, &out);
	if (test->lost && !args_has(test->args, FLAG_json))
		buf_printf(&out, "%llu more crossings are left out: there are too many\n",
			   (unsigned long long)test->lost);
	int exit_status = cli_print(test->args, &out);
	buf_deinit(&out);
	return exit_status;
}

/* ---- the command ---- */

static enum status open_tape(struct test *test, struct config **config, struct err *err)
{
	if (args_has(test->args, FLAG_replay))
		return STATUS_OK;
	test->trades = malloc(TAPE_CHUNK_TRADES * sizeof *test->trades);
	if (!test->trades)
		return err_set(err, STATUS_NO_MEMORY, "no memory for the tape");
	enum status status = config_file_load(cli_config_path(test->args), config, NULL, err);
	return status ? status
		      : segment_visit_open(args_str(test->args, FLAG_state).ptr, *config,
					   SEGMENT_RMS, &test->visit, err);
}

static enum status read_file(struct test *test, struct err *err)
{
	const char *path = test->args->operands[0];
	struct buf text;
	buf_init(&text, FILE_BYTES_MAX);
	enum status status = files_read(path, FILE_BYTES_MAX, &text, err);
	if (!status && (status = read_rules(test, buf_str(&text), err)))
		err_wrap(err, status, "%s", path);
	buf_deinit(&text);
	return status;
}

int alerts_test(const struct args *args)
{
	struct err err = { 0 };
	struct config *config = NULL;
	struct test *test = calloc(1, sizeof *test);
	int exit_status;
	CHECK(test);
	test->args = args;
	enum status status = read_file(test, &err);
	if (!status)
		status = open_tape(test, &config, &err);
	if (!status)
		status = begin_pass(test, &err);
	if (!status)
		status = run(test, &err);
	if (!status)
		status = choose(test, &err);
	if (!status)
		status = second_pass(test, &err);
	exit_status = status ? cli_fail(args, &err) : put(test);
	rules_destroy(test->engine);
	markets_destroy(test->markets);
	segment_visit_close(test->visit);
	config_destroy(config);
	free(test->trades);
	free(test->fires);
	free(test);
	return exit_status;
}
