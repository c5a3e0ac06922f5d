#include "audit/uses.h"

#include <stdlib.h>

#include "audit/code.h"
#include "audit/names_terms.h"
#include "audit/pattern.h"
#include "base/buf.h"
#include "base/check.h"

enum {
	USE_FIRST = 15,
	USE_CODE = 100, /* what the code does with it outweighs any name */
	NAME_ROWS_MAX = 32,
	REASONS = 8,
};

/* One row of words; `bit` of it is in the table of words. */
struct use_name {
	enum audit_use use;
	int points;
	const char *words;
	bool last;
};

static const struct use_name names[] = {
#define USE_NAME(use, points, words) { AUDIT_USE_##use, points, words, false },
#define USE_LAST(use, points, words) { AUDIT_USE_##use, points, words, true },
#define USE_SIGN(...)
#include "audit/uses.def"
};

_Static_assert(ARRAY_LEN(names) <= NAME_ROWS_MAX, "each row of words has a bit");

struct use_view {
	const struct audit_family *family;
	const struct family_more *more;
	uint32_t kinds, named; /* bits of kinds; of uses that a word of the name speaks for */
	int64_t ttl, bytes, length;
};

struct scores {
	int points[AUDIT_USES];
	struct {
		enum audit_use use;
		char text[NAME_TERM_BYTES + 24];
	} reasons[REASONS * 4];
	size_t n;
};

static void speak(struct scores *scores, enum audit_use use, int points, struct str text, bool word)
{
	scores->points[use] += points;
	if (scores->n == ARRAY_LEN(scores->reasons))
		return;
	char *at = scores->reasons[scores->n].text;
	struct buf out = buf_over(at, sizeof scores->reasons[0].text - 1);
	buf_str_put(&out, word ? STR("`") : STR(""));
	buf_str_put(&out, text);
	buf_str_put(&out, word ? STR("` in its name") : STR(""));
	at[out.len] = 0;
	scores->reasons[scores->n++].use = use;
}

/* ---- words of the name ---- */

static void score_term(const struct name_words *table, const struct name_term *term, bool first,
		       bool last, struct use_view *view, struct scores *scores)
{
	uint32_t bits = name_words_find(table, str_make(term->text, term->len));
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!(bits & 1U << i) || names[i].last != last)
			continue;
		if (names[i].points < 0) {
			scores->points[names[i].use] += names[i].points;
			continue;
		}
		view->named |= 1U << names[i].use;
		speak(scores, names[i].use, names[i].points + (first ? USE_FIRST : 0),
		      str_make(term->text, term->len), true);
	}
}

static void score_names(const struct name_words *table, struct use_view *view,
			struct scores *scores)
{
	struct name_terms terms = name_terms_of(view->more->skeleton);
	struct name_term term;
	bool any = false;
	for (; name_term_next(&terms, &term); any = true)
		score_term(table, &term, !any, false, view, scores);
	if (any)
		score_term(table, &term, false, true, view, scores);
}

/* ---- signs ---- */

static int64_t share(int64_t part, int64_t whole) { return whole ? part * 100 / whole : 0; }

static int64_t share_of_fact(const struct use_view *view, uint32_t fact)
{
	size_t bit = 0;
	while (!(fact >> bit & 1))
		bit++;
	return share(view->more->facts[bit], view->more->read);
}

static void score_signs(const struct use_view *view, struct scores *scores)
{
	const struct audit_family *family = view->family;
	const struct family_more *more = view->more;
	int64_t ttl = view->ttl, bytes = view->bytes, length = view->length;
#define type(name)    (family->type == AUDIT_##name)
#define kind(name)    ((view->kinds & 1U << NAME_##name) != 0)
#define named(use)    ((view->named & 1U << AUDIT_USE_##use) != 0)
#define percent(fact) share_of_fact(view, FACT_##fact)
#define USE_NAME(use, points, words)
#define USE_LAST(use, points, words)
#define USE_SIGN(use, points, condition, text)                                                     \
	if (condition)                                                                             \
		speak(scores, AUDIT_USE_##use, points, STR(text), false);
#include "audit/uses.def"
#undef type
#undef kind
#undef named
#undef percent
}

static void score_code(const struct code *code, const struct use_view *view, struct scores *scores)
{
	const struct code_summary *summary = code ? code_summary(code) : NULL;
	for (size_t i = 0; summary && i < summary->n_keys; i++) {
		const struct code_key *key = &summary->keys[i];
		struct str pattern = str_of(key->pattern);
		if (key->use == AUDIT_USE_unknown || !pattern_says(pattern) ||
		    !pattern_fits(pattern, str_of(view->family->pattern)))
			continue;
		speak(scores, key->use, USE_CODE, STR("its code says so"), false);
		return;
	}
}

/* ---- the verdict ---- */

static void put_evidence(struct audit_family *family, const struct scores *scores)
{
	struct buf out = buf_over(family->evidence, AUDIT_EVIDENCE_BYTES - 1);
	for (size_t i = 0; i < scores->n; i++) {
		const char *text = scores->reasons[i].text;
		if (scores->reasons[i].use != family->use || out.len + strlen(text) + 2 > out.cap)
			continue;
		buf_printf(&out, "%s%s", out.len ? "; " : "", text);
	}
	family->evidence[out.len] = 0;
}

static bool is_candles(const struct use_view *view)
{
	return share_of_fact(view, FACT_FIELDS_CANDLE) >= 50;
}

/* Points of many times under one key, or one key for each time: a history, not what is now. */
static bool is_history(const struct use_view *view)
{
	const struct audit_family *family = view->family;
	return family->type == AUDIT_ZSET || family->type == AUDIT_LIST ||
	       family->type == AUDIT_STREAM || view->bytes >= 4 << 10 ||
	       view->kinds & (1U << NAME_DATE | 1U << NAME_TIME);
}

static enum audit_belongs belongs_by_size(const struct use_view *view)
{
	return view->bytes >= 64 << 10 || view->family->type == AUDIT_STRING
		   ? AUDIT_BELONGS_duckdb
		   : AUDIT_BELONGS_reshaped;
}

static bool is_packed(const struct audit_family *family)
{
	return family->json_flat * 2 >= family->keys;
}

static bool is_forgotten(const struct audit_family *family)
{
	return family->idle[AUDIT_IDLE_BANDS - 1] * 10 >= family->keys * 9 &&
	       family->no_ttl * 2 >= family->keys;
}

static enum audit_belongs belongs(const struct use_view *view)
{
	const struct audit_family *family = view->family;
	switch (family->use) {
	case AUDIT_USE_queue:
		return family->type == AUDIT_STREAM ? AUDIT_BELONGS_redis : AUDIT_BELONGS_reshaped;
	case AUDIT_USE_cache:
		return view->bytes >= 100 << 10 ? AUDIT_BELONGS_reshaped : AUDIT_BELONGS_redis;
	case AUDIT_USE_session:
		return is_packed(family) ? AUDIT_BELONGS_reshaped : AUDIT_BELONGS_redis;
	case AUDIT_USE_time_series:
		if (!is_history(view))
			return AUDIT_BELONGS_reshaped;
		return is_candles(view) ? AUDIT_BELONGS_clickhouse : AUDIT_BELONGS_influxdb;
	case AUDIT_USE_record: return AUDIT_BELONGS_postgresql;
	case AUDIT_USE_large:
		return is_candles(view) ? AUDIT_BELONGS_clickhouse : belongs_by_size(view);
	case AUDIT_USE_unknown:
		return is_forgotten(family) ? AUDIT_BELONGS_nowhere : AUDIT_BELONGS_redis;
	default: return AUDIT_BELONGS_redis;
	}
}

static uint32_t kinds_of(struct str skeleton)
{
	struct name_part part;
	uint32_t kinds = 0;
	while (name_part_next(&skeleton, &part))
		kinds |= 1U << part.kind;
	/* Small numbers are ids too, there are only few of them yet. */
	return kinds & 1U << NAME_SMALL ? kinds | 1U << NAME_ID : kinds;
}

static void find_use(const struct name_words *table, const struct code *code,
		     struct audit_family *family, const struct family_more *more)
{
	struct use_view view = { .family = family, .more = more };
	struct scores scores = { .n = 0 };
	int64_t strings = family->by_type[AUDIT_STRING];
	view.kinds = kinds_of(more->skeleton);
	view.ttl = share(family->keys - family->no_ttl, family->keys);
	view.bytes = family->keys ? family->bytes / family->keys : 0;
	view.length = strings ? family->values_bytes / strings : 0;
	score_names(table, &view, &scores);
	score_signs(&view, &scores);
	score_code(code, &view, &scores);
	family->use = AUDIT_USE_unknown;
	for (size_t use = 0, most = USES_LEAST - 1; use < AUDIT_USES; use++)
		if (scores.points[use] > (int)most) {
			most = (size_t)scores.points[use];
			family->use = (enum audit_use)use;
		}
	put_evidence(family, &scores);
	family->belongs = belongs(&view);
}

enum status uses_find(struct audit_family *list, const struct family_more *more, size_t n,
		      const struct code *code)
{
	struct name_words *table = calloc(1, sizeof *table);
	if (!table)
		return STATUS_NO_MEMORY;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		name_words_add(table, names[i].words, 1U << i);
	for (size_t i = 0; i < n; i++)
		find_use(table, code, &list[i], &more[i]);
	free(table);
	return STATUS_OK;
}
