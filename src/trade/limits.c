#include "trade/limits.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/decimal.h"
#include "trade/limits_impl.h"

static const struct {
	enum config_id id;
	int64_t one; /* what 1 is in 10^-8, of a setting's value */
} numbers[LIMITS_NUMBERS] = {
	[LIMIT_VOLUME] = { CONFIG_limits_max_volume, 100 },
	[LIMIT_POSITIONS] = { CONFIG_limits_max_positions, 1 },
	[LIMIT_TOTAL_VOLUME] = { CONFIG_limits_max_total_volume, 100 },
	[LIMIT_DAY_LOSS] = { CONFIG_limits_max_day_loss, 100 },
};

_Static_assert(CONFIG_NUMBER_ONE * 100 == 100000000, "settings count in 10^-6");

/* ---- made ---- */

struct limits *limits_create(uint32_t slots, const struct limits_hooks *hooks)
{
	struct limits *limits = calloc(1, sizeof *limits);
	if (!limits)
		return NULL;
	limits->hooks = *hooks;
	limits->slots = slots;
	limits->accounts_mask = 1;
	while (limits->accounts_mask + 1 < (size_t)slots * 4)
		limits->accounts_mask = limits->accounts_mask * 2 + 1;
	limits->scopes = calloc(LIMITS_SCOPES_MAX, sizeof limits->scopes[0]);
	limits->held = calloc(slots, sizeof limits->held[0]);
	limits->settling = calloc(LIMITS_SETTLING_MAX, sizeof limits->settling[0]);
	limits->accounts = calloc(limits->accounts_mask + 1, sizeof limits->accounts[0]);
	limits->deals = calloc(LIMITS_DEALS_MAX, sizeof limits->deals[0]);
	limits->deals_table = calloc(2 * LIMITS_DEALS_MAX, sizeof limits->deals_table[0]);
	limits->group = calloc(slots, sizeof limits->group[0]);
	if (!limits->scopes || !limits->held || !limits->settling || !limits->accounts ||
	    !limits->deals || !limits->deals_table || !limits->group) {
		limits_destroy(limits);
		return NULL;
	}
	return limits;
}

void limits_destroy(struct limits *limits)
{
	if (!limits)
		return;
	free(limits->scopes);
	free(limits->held);
	free(limits->settling);
	free(limits->accounts);
	free(limits->deals);
	free(limits->deals_table);
	free(limits->group);
	buf_deinit(&limits->text);
	free(limits);
}

/* ---- the settings ---- */

static struct str keep(struct limits *limits, struct str list)
{
	size_t from = limits->text.len;
	buf_str_put(&limits->text, list);
	return str_make(limits->text.ptr + from, limits->text.len - from);
}

static void take_open(struct limits *limits, struct limits_scope *scope,
		      const struct config_open *open)
{
	if (open->like == CONFIG_limits_symbols) {
		scope->named |= 1U << LIMITS_NUMBERS;
		scope->symbols = keep(limits, open->text);
	}
	for (int limit = 0; limit < LIMITS_NUMBERS; limit++)
		if (open->like == numbers[limit].id) {
			scope->named |= 1U << limit;
			scope->numbers[limit] = open->number * numbers[limit].one;
		}
}

static void take_scopes(struct limits *limits, const struct config *config)
{
	const struct str prefix = STR("limits.");
	struct limits_scope *scope = NULL;
	for (size_t i = 0; i < config_open_count(config); i++) {
		const struct config_open *open = config_open_at(config, i);
		if (!str_starts(open->section, prefix)) {
			scope = NULL;
		} else if (open->key.len) {
			if (scope)
				take_open(limits, scope, open);
		} else if (limits->scope_count == LIMITS_SCOPES_MAX) {
			limits->counts.scopes_lost++;
			scope = NULL;
		} else {
			scope = &limits->scopes[limits->scope_count++];
			*scope = (struct limits_scope){ 0 };
			enum status status = str_copy(str_skip(open->section, prefix.len),
						      scope->name, sizeof scope->name);
			CHECK(status == STATUS_OK); /* config.h bounds it */
		}
	}
}

/* Room for all of it at once, so that it never moves. */
static enum status reserve(struct limits *limits, const struct config *config)
{
	struct buf text;
	size_t bytes = 1 + config_str(config, CONFIG_limits_symbols).len;
	for (size_t i = 0; i < config_open_count(config); i++)
		bytes += config_open_at(config, i)->text.len;
	buf_init(&text, 2 * CONFIG_FILE_BYTES);
	if (!buf_reserve(&text, bytes))
		return STATUS_NO_MEMORY;
	buf_deinit(&limits->text);
	limits->text = text;
	return STATUS_OK;
}

enum status limits_configure(struct limits *limits, const struct config *config)
{
	enum status status = reserve(limits, config);
	if (status)
		return status;
	limits->general = (struct limits_scope){ 0 };
	limits->scope_count = 0;
	for (int limit = 0; limit < LIMITS_NUMBERS; limit++)
		limits->general.numbers[limit] =
		    config_i64(config, numbers[limit].id) * numbers[limit].one;
	limits->general.symbols = keep(limits, config_str(config, CONFIG_limits_symbols));
	take_scopes(limits, config);
	return STATUS_OK;
}

static const struct limits_scope *scope_named(const struct limits *limits, struct str kind,
					      struct str name)
{
	for (size_t i = 0; i < limits->scope_count; i++) {
		struct str scope = str_of(limits->scopes[i].name);
		if (str_starts(scope, kind) && str_eq(str_skip(scope, kind.len), name))
			return &limits->scopes[i];
	}
	return NULL;
}

/* ---- what is open ---- */

static struct limits_settling *settling_at(const struct limits *limits, size_t index)
{
	return &limits->settling[(limits->settling_at + index) % LIMITS_SETTLING_MAX];
}

/* What the terminal shows by now, or will not show any more. */
static void settle_done(struct limits *limits)
{
	while (limits->settling_count > 0) {
		struct limits_settling *oldest = settling_at(limits, 0);
		if (oldest->slot != UINT32_MAX && oldest->until_ms > limits->now_ms)
			break;
		limits->settling_at = (limits->settling_at + 1) % LIMITS_SETTLING_MAX;
		limits->settling_count--;
	}
}

static void add_settling(struct limits *limits, uint32_t slot, struct limits_open *sum)
{
	const struct limits_hooks *hooks = &limits->hooks;
	for (size_t i = 0; i < limits->settling_count; i++) {
		struct limits_settling *settling = settling_at(limits, i);
		if (settling->slot != slot)
			continue;
		if (hooks->shows(hooks->ctx, slot, settling->position)) {
			settling->slot = UINT32_MAX;
			continue;
		}
		sum->positions++;
		sum->volume += settling->volume;
	}
}

static void add_terminal(struct limits *limits, uint32_t slot, enum limits_stage stage,
			 struct limits_open *sum)
{
	const struct limits_hooks *hooks = &limits->hooks;
	const struct limits_held *held = &limits->held[slot];
	struct limits_open open = { 0 };
	struct str server;
	int64_t login;
	hooks->open(hooks->ctx, slot, &open);
	hooks->account(hooks->ctx, slot, &server, &login);
	sum->positions += open.positions + held->count[LIMITS_SENDING];
	sum->volume += open.volume + held->volume[LIMITS_SENDING];
	sum->profit += open.profit + limits_day(limits, server, login);
	if (stage == LIMITS_TAKING) {
		sum->positions += held->count[LIMITS_TAKING];
		sum->volume += held->volume[LIMITS_TAKING];
	}
	add_settling(limits, slot, sum);
}

/* ---- checks ---- */

static bool lists(struct str list, struct str symbol)
{
	struct str word;
	while (str_split(&list, ',', &word))
		if (str_eq(word, symbol))
			return true;
	return false;
}

static const char *check_sum(const int64_t most[LIMITS_NUMBERS], const struct limits_open *sum,
			     int64_t volume)
{
	if (most[LIMIT_POSITIONS] && sum->positions + 1 > most[LIMIT_POSITIONS])
		return "limit_positions";
	if (most[LIMIT_TOTAL_VOLUME] && sum->volume + volume > most[LIMIT_TOTAL_VOLUME])
		return "limit_total_volume";
	if (most[LIMIT_DAY_LOSS] && -sum->profit >= most[LIMIT_DAY_LOSS])
		return "limit_loss";
	return NULL;
}

static const char *check_one(const struct limits_scope *scope, const struct limits_ask *ask)
{
	int64_t most = scope->numbers[LIMIT_VOLUME];
	if (scope->symbols.len && !lists(scope->symbols, ask->symbol))
		return "limit_symbol";
	return most && ask->volume > most ? "limit_volume" : NULL;
}

static bool sums(const struct limits_scope *scope)
{
	return scope->numbers[LIMIT_POSITIONS] || scope->numbers[LIMIT_TOTAL_VOLUME] ||
	       scope->numbers[LIMIT_DAY_LOSS];
}

/* [limits], with what the account's own section replaces. */
static struct limits_scope account_scope(const struct limits *limits, uint32_t slot)
{
	char storage[LIMITS_NAME_MAX + 32];
	struct buf name = buf_over(storage, sizeof storage);
	struct limits_scope scope = limits->general;
	struct str server;
	int64_t login;
	limits->hooks.account(limits->hooks.ctx, slot, &server, &login);
	buf_i64(&name, login);
	buf_char(&name, '@');
	buf_str_put(&name, server);
	const struct limits_scope *own = scope_named(limits, STR("account:"), buf_str(&name));
	for (int limit = 0; own && limit < LIMITS_NUMBERS; limit++)
		if (own->named & 1U << limit)
			scope.numbers[limit] = own->numbers[limit];
	if (own && own->named & 1U << LIMITS_NUMBERS)
		scope.symbols = own->symbols;
	return scope;
}

static const char *check_account(struct limits *limits, const struct limits_ask *ask,
				 enum limits_stage stage)
{
	struct limits_scope scope = account_scope(limits, ask->slot);
	struct limits_open sum = { 0 };
	const char *why = check_one(&scope, ask);
	if (why || !sums(&scope))
		return why;
	add_terminal(limits, ask->slot, stage, &sum);
	return check_sum(scope.numbers, &sum, ask->volume);
}

static const char *check_group(struct limits *limits, const struct limits_scope *scope,
			       const struct limits_ask *ask, struct str name,
			       enum limits_stage stage)
{
	const struct limits_hooks *hooks = &limits->hooks;
	struct limits_open sum = { 0 };
	const char *why = check_one(scope, ask);
	if (why || !sums(scope))
		return why;
	size_t count = hooks->group(hooks->ctx, name, limits->group, limits->slots);
	for (size_t i = 0; i < count && i < limits->slots; i++)
		add_terminal(limits, limits->group[i], stage, &sum);
	return check_sum(scope->numbers, &sum, ask->volume);
}

const char *limits_check(struct limits *limits, const struct limits_ask *ask,
			 enum limits_stage stage)
{
	CHECK(ask->slot < limits->slots);
	settle_done(limits);
	const char *why = check_account(limits, ask, stage);
	for (size_t i = 0; !why && i < ask->group_count; i++) {
		const struct limits_scope *scope =
		    scope_named(limits, STR("group:"), ask->groups[i]);
		if (scope)
			why = check_group(limits, scope, ask, ask->groups[i], stage);
	}
	limits->counts.refused += why != NULL;
	return why;
}

/* ---- what is on its way ---- */

void limits_hold(struct limits *limits, uint32_t slot, enum limits_stage at, int64_t volume, int by)
{
	CHECK(slot < limits->slots);
	struct limits_held *held = &limits->held[slot];
	held->count[at] += by;
	held->volume[at] += by * volume;
	CHECK(held->count[at] >= 0);
}

void limits_settle(struct limits *limits, uint32_t slot, uint64_t position, int64_t volume)
{
	settle_done(limits);
	if (limits->settling_count == LIMITS_SETTLING_MAX) {
		limits->settling_at = (limits->settling_at + 1) % LIMITS_SETTLING_MAX;
		limits->settling_count--;
		limits->counts.settled_early++;
	}
	*settling_at(limits, limits->settling_count++) =
	    (struct limits_settling){ slot, position, volume, limits->now_ms + LIMITS_SETTLE_MS };
}

void limits_forget(struct limits *limits, uint32_t slot)
{
	for (size_t i = 0; i < limits->settling_count; i++)
		if (settling_at(limits, i)->slot == slot)
			settling_at(limits, i)->slot = UINT32_MAX;
}

void limits_step(struct limits *limits, int64_t now_ms)
{
	limits->now_ms = now_ms;
	limits_day_begin(limits);
}

struct limits_counts limits_counts(const struct limits *limits)
{
	struct limits_counts counts = limits->counts;
	counts.settling = (uint32_t)limits->settling_count;
	return counts;
}
