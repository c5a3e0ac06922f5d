#include "migrate/plan_make.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "def/findings.h"
#include "migrate/arena.h"
#include "migrate/digest.h"

enum { TARGET_TRIES = 9, TTL_HOUR = 3600, TTL_DAY = 86400 };

struct maker {
	const struct plan_make *wishes;
	struct plan_made *made;
	struct migrate_family *families;
	size_t count;
	struct arena texts;
	bool failed;
};

/* One family as the audit tells it. */
struct seen {
	struct str pattern;
	enum audit_type type;
	enum audit_use use;
	enum audit_belongs belongs;
	const char *evidence;
	int64_t keys, no_ttl, json_flat, json;
};

static const char *keep(struct maker *maker, struct str text)
{
	char *copy = arena_take(&maker->texts, text.len + 1);
	if (!copy) {
		maker->failed = true;
		return "";
	}
	if (text.len)
		memcpy(copy, text.ptr, text.len);
	copy[text.len] = 0;
	return copy;
}

/* ---- what it becomes ---- */

static bool has_text(struct str pattern, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (struct str at = pattern; at.len; at = str_skip(at, 1))
			if (at.len >= strlen(words[i]) &&
			    str_eq_nocase(str_make(at.ptr, strlen(words[i])), str_of(words[i])))
				return true;
	return false;
}

static const char *namespace_of(const struct seen *seen)
{
	static const char *const market[] = { "kline", "candle", "ohlc",  "ticker",
					      "price", "book",   "depth", "market" };
	static const char *const by_use[AUDIT_USES] = {
		[AUDIT_USE_counter] = "counters", [AUDIT_USE_flag] = "cache",
		[AUDIT_USE_lock] = "locks",       [AUDIT_USE_rate_limit] = "counters",
		[AUDIT_USE_cache] = "cache",      [AUDIT_USE_queue] = "queues",
		[AUDIT_USE_session] = "sessions", [AUDIT_USE_time_series] = "indicators",
		[AUDIT_USE_record] = "trades",    [AUDIT_USE_large] = "market",
		[AUDIT_USE_config] = NULL,        [AUDIT_USE_unknown] = NULL,
	};
	if (seen->use == AUDIT_USE_time_series &&
	    has_text(seen->pattern, market, ARRAY_LEN(market)))
		return "market";
	return by_use[seen->use];
}

/* Constant text, then a separator: it has a namespace. */
static bool is_namespaced(struct str pattern)
{
	size_t n = 0;
	while (n < pattern.len && !memchr("{_-./|:", pattern.ptr[n], 7))
		n++;
	return n > 0 && n < pattern.len && pattern.ptr[n] == ':';
}

/* Its own place, else DuckDB, which holds all of them, where that is told. */
static enum migrate_sink sink_of(const struct maker *maker, const struct seen *seen)
{
	static const enum migrate_sink by_place[AUDIT_BELONGINGS] = {
		[AUDIT_BELONGS_influxdb] = MIGRATE_INFLUX,
		[AUDIT_BELONGS_clickhouse] = MIGRATE_CLICKHOUSE,
		[AUDIT_BELONGS_postgresql] = MIGRATE_POSTGRES,
		[AUDIT_BELONGS_duckdb] = MIGRATE_DUCKDB,
	};
	const char *const *urls = maker->wishes->sink_urls;
	enum migrate_sink sink = by_place[seen->belongs];
	if (sink != MIGRATE_REDIS && !urls[sink])
		sink = MIGRATE_DUCKDB;
	return sink != MIGRATE_REDIS && urls[sink] ? sink : MIGRATE_REDIS;
}

static enum migrate_form form_of(const struct seen *seen)
{
	if (seen->belongs != AUDIT_BELONGS_reshaped)
		return MIGRATE_SAME;
	if (seen->type == AUDIT_STRING && seen->json_flat > 0 &&
	    seen->json_flat * 10 >= seen->json * 9)
		return MIGRATE_HASH;
	if (seen->type == AUDIT_LIST && seen->use == AUDIT_USE_queue)
		return MIGRATE_STREAM;
	return seen->type == AUDIT_STRING && seen->use == AUDIT_USE_large ? MIGRATE_PACKED
									  : MIGRATE_SAME;
}

static int64_t ttl_of(const struct seen *seen)
{
	if (!seen->no_ttl)
		return 0;
	switch (seen->use) {
	case AUDIT_USE_cache:
	case AUDIT_USE_rate_limit: return TTL_HOUR;
	case AUDIT_USE_flag:
	case AUDIT_USE_session: return TTL_DAY;
	default: return 0;
	}
}

/* ---- names ---- */

/* {symbol}_{symbol} → {symbol}_{symbol2} */
static const char *distinct_parts(struct maker *maker, struct str pattern)
{
	char storage[PATTERN_BYTES_MAX * 2];
	struct buf out = buf_over(storage, sizeof storage);
	struct str names[PATTERN_PARTS_MAX];
	size_t n_names = 0;
	for (struct str rest = pattern; rest.len;) {
		size_t open = str_find_char(rest, '{'), end = str_find_char(rest, '}');
		buf_put(&out, rest.ptr, open);
		if (open == rest.len || end <= open || n_names == PATTERN_PARTS_MAX)
			break;
		struct str name = str_make(rest.ptr + open + 1, end - open - 1);
		int before = 1;
		for (size_t i = 0; i < n_names; i++)
			before += str_eq(names[i], name);
		names[n_names++] = name;
		buf_printf(&out, before > 1 ? "{%.*s%d}" : "{%.*s}", STR_ARG(name), before);
		rest = str_skip(rest, end + 1);
	}
	return keep(maker, buf_str(&out));
}

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* Words in lower case and parts, with `:` between them. */
static void put_parts(struct buf *out, struct str pattern, struct str namespace)
{
	bool inside = false, first = true;
	for (size_t i = 0; i < pattern.len; i++) {
		char c = pattern.ptr[i];
		size_t end = i;
		if (c == '{') {
			end = i + str_find_char(str_skip(pattern, i), '}') + 1;
			buf_printf(out, ":%.*s", (int)(end - i), pattern.ptr + i);
			i = end - 1;
			inside = false;
			first = false;
			continue;
		}
		if (!is_word(c)) {
			inside = false;
			continue;
		}
		while (end < pattern.len && is_word(pattern.ptr[end]))
			end++;
		struct str word = str_make(pattern.ptr + i, end - i);
		bool repeats = first && str_eq_nocase(word, namespace);
		if (!inside && !repeats)
			buf_char(out, ':');
		for (size_t j = 0; j < word.len && !repeats; j++) {
			char letter = word.ptr[j];
			buf_char(out,
				 letter >= 'A' && letter <= 'Z' ? (char)(letter | 0x20) : letter);
		}
		first = false;
		i = end - 1;
	}
}

static const char *target_of(struct maker *maker, const char *match, const char *namespace,
			     int number)
{
	char storage[PATTERN_BYTES_MAX * 2];
	struct buf out = buf_over(storage, sizeof storage);
	buf_printf(&out, "%s:v1", namespace);
	put_parts(&out, str_of(match), str_of(namespace));
	if (number > 1)
		buf_printf(&out, ":%d", number);
	return out.overflow || out.len >= PATTERN_BYTES_MAX ? "" : keep(maker, buf_str(&out));
}

/* ---- beside the others ---- */

static bool apart(struct str a, struct str b)
{
	return pattern_relate(a, b, NULL) == PATTERN_APART;
}

/* Its target is nobody's target, and no source. */
static bool target_free(const struct maker *maker, const struct migrate_family *family)
{
	char own_storage[PATTERN_BYTES_MAX * 2], storage[PATTERN_BYTES_MAX * 2];
	struct buf own = buf_over(own_storage, sizeof own_storage);
	if (!plan_file_makes_keys(family))
		return true;
	plan_file_put_target(&own, family);
	if (!family->to[0] || !apart(buf_str(&own), str_of(family->match)))
		return false;
	for (size_t i = 0; i < maker->count; i++) {
		const struct migrate_family *other = &maker->families[i];
		struct buf target = buf_over(storage, sizeof storage);
		if (!apart(buf_str(&own), str_of(other->match)))
			return false;
		if (!plan_file_makes_keys(other))
			continue;
		plan_file_put_target(&target, other);
		if (!apart(buf_str(&own), buf_str(&target)) ||
		    !apart(buf_str(&target), str_of(family->match)))
			return false;
	}
	return true;
}

/* Where it must stand: before the first that covers it. count + 1: two have the same names. */
static size_t place_of(const struct maker *maker, const struct migrate_family *family)
{
	size_t place = maker->count;
	for (size_t i = maker->count; i-- > 0;) {
		const char *other = maker->families[i].match;
		enum pattern_relation relation =
		    pattern_relate(str_of(other), str_of(family->match), NULL);
		if (relation == PATTERN_ALIKE || relation == PATTERN_CROSS)
			return maker->count + 1;
		if (relation == PATTERN_COVERS)
			place = i;
	}
	for (size_t i = place; i < maker->count; i++)
		if (pattern_relate(str_of(maker->families[i].match), str_of(family->match), NULL) ==
		    PATTERN_COVERED)
			return maker->count + 1; /* it would hide one behind it */
	return place;
}

/* A word of the pattern, alone or as several: not the order in border. */
static bool has_word(struct str pattern, const char *const *words, size_t count)
{
	for (size_t i = 0; i < pattern.len;) {
		size_t end = i;
		while (end < pattern.len && is_word(pattern.ptr[end]))
			end++;
		struct str word = str_make(pattern.ptr + i, end - i);
		if (word.len && (word.ptr[word.len - 1] | 0x20) == 's')
			word.len--;
		for (size_t j = 0; j < count; j++)
			if (str_eq_nocase(word, str_of(words[j])))
				return true;
		i = end + 1;
	}
	return false;
}

static const char *table_of(const struct seen *seen, enum migrate_sink sink)
{
	static const char *const trades[] = { "trade", "order", "position", "deal" };
	if (sink == MIGRATE_INFLUX ||
	    (seen->use == AUDIT_USE_time_series && seen->type != AUDIT_SET))
		return "indicator_data";
	return seen->use == AUDIT_USE_record && has_word(seen->pattern, trades, ARRAY_LEN(trades))
		   ? "trades"
		   : "records"; /* which holds anything whole */
}

static void put_sink(struct maker *maker, const struct seen *seen, struct migrate_family *family)
{
	static const struct migrate_field tags[] = { { "symbol", "{symbol}" },
						     { "timeframe", "{tf}" } };
	struct migrate_field *own = arena_take(&maker->texts, sizeof tags);
	family->table = table_of(seen, family->sink);
	if (!own)
		return;
	for (size_t i = 0; i < ARRAY_LEN(tags); i++)
		if (strstr(family->match, tags[i].from))
			own[family->n_tags++] = tags[i];
	family->tags = own;
}

static const char *rule_of(struct maker *maker, const struct seen *seen)
{
	char storage[400];
	struct buf out = buf_over(storage, sizeof storage);
	buf_printf(&out, "%s: %s; belongs in %s", audit_use_text(seen->use), seen->evidence,
		   audit_belongs_text(seen->belongs));
	return keep(maker, out.overflow ? STR("") : buf_str(&out));
}

static struct migrate_family make_family(struct maker *maker, const struct seen *seen)
{
	const char *namespace = namespace_of(seen);
	struct migrate_family family = {
		.match = distinct_parts(maker, seen->pattern),
		.to = "",
		.rule = rule_of(maker, seen),
		.from = seen->type,
		.form = form_of(seen),
		.sink = sink_of(maker, seen),
		.ttl_s = ttl_of(seen),
	};
	bool stays = family.sink == MIGRATE_REDIS && family.form == MIGRATE_SAME &&
		     is_namespaced(seen->pattern) && !family.ttl_s;
	if (!namespace || stays || seen->belongs == AUDIT_BELONGS_nowhere)
		family.form = MIGRATE_SKIP;
	if (family.form == MIGRATE_SKIP)
		family.sink = MIGRATE_REDIS;
	if (family.sink != MIGRATE_REDIS)
		put_sink(maker, seen, &family);
	for (int number = 1; plan_file_makes_keys(&family) && number <= TARGET_TRIES; number++) {
		family.to = target_of(maker, family.match, namespace, number);
		if (target_free(maker, &family))
			return family;
	}
	if (plan_file_makes_keys(&family)) {
		family.form = MIGRATE_SKIP;
		family.to = "";
	}
	return family;
}

static void add_family(struct maker *maker, const struct seen *seen)
{
	struct migrate_family family = { 0 };
	bool good = maker->count < PLAN_MAKE_MAX && seen->type < AUDIT_MODULE &&
		    !str_eq(seen->pattern, STR("{other}")) &&
		    seen->pattern.len < PATTERN_BYTES_MAX / 2;
	if (good) {
		family = make_family(maker, seen);
		good = pattern_check(str_of(family.match), NULL) == STATUS_OK &&
		       target_free(maker, &family);
	}
	size_t place = good ? place_of(maker, &family) : SIZE_MAX;
	if (!good || place > maker->count) {
		maker->made->left_out++;
		maker->made->left_out_keys += seen->keys;
		return;
	}
	memmove(&maker->families[place + 1], &maker->families[place],
		(maker->count - place) * sizeof *maker->families);
	maker->families[place] = family;
	maker->count++;
	maker->made->families++;
	maker->made->keys += seen->keys;
	maker->made->by_form[family.form]++;
	maker->made->by_sink[family.sink]++;
}

/* ---- the audit ---- */

static int64_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static struct str text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return str_of(text ? text : "");
}

static enum status take_families(struct maker *maker, const json_t *list, struct err *err)
{
	size_t index;
	json_t *item;
	json_array_foreach((json_t *)list, index, item)
	{
		const json_t *values = json_object_get(item, "values");
		struct seen seen = {
			.pattern = text_of(item, "pattern"),
			.type = audit_type_find(text_of(item, "type")),
			.use = audit_use_find(text_of(item, "use")),
			.belongs = audit_belongs_find(text_of(item, "belongs")),
			.evidence = text_of(item, "evidence").ptr,
			.keys = number_of(item, "keys"),
			.no_ttl = number_of(item, "no_ttl"),
			.json = number_of(values, "json"),
			.json_flat = number_of(values, "json_flat"),
		};
		if (!seen.pattern.len || seen.use == AUDIT_USES || seen.belongs == AUDIT_BELONGINGS)
			return err_set(err, STATUS_FORMAT, "family %zu of the audit is none",
				       index + 1);
		add_family(maker, &seen);
	}
	return maker->failed ? err_set(err, STATUS_NO_MEMORY, "no memory") : STATUS_OK;
}

static void print_plan(struct maker *maker, const json_t *root, struct str audit, struct buf *out)
{
	static const int zero[] = { 0 };
	char digest[33], url[600];
	struct buf source = buf_over(url, sizeof url - 1);
	struct digest sum = digest_of(audit);
	struct str given =
	    maker->wishes->source.len ? maker->wishes->source : text_of(root, "source");
	bool is_url = str_starts(given, STR("redis://")) || str_starts(given, STR("unix://"));
	snprintf(digest, sizeof digest, "%016llx%016llx", (unsigned long long)sum.a,
		 (unsigned long long)sum.b);
	given.len = str_find_char(given, ',') < given.len ? str_find_char(given, ',') : given.len;
	plan_file_put_source(&source, is_url ? given : STR("redis://127.0.0.1:6379"));
	url[source.len] = 0;
	struct migrate_plan plan = { .source = url,
				     .audit = digest,
				     .families = maker->families,
				     .n_families = maker->count };
	bool told = maker->wishes->n_databases > 0;
	plan.n_databases = told ? maker->wishes->n_databases : 1;
	memcpy(plan.databases, told ? maker->wishes->databases : zero,
	       plan.n_databases * sizeof plan.databases[0]);
	memcpy(plan.sink_urls, maker->wishes->sink_urls, sizeof plan.sink_urls);
	plan_file_print(out, &plan);
}

static enum status make(struct maker *maker, struct str audit, struct buf *out, struct err *err)
{
	json_error_t fault;
	json_t *root = json_loadb(audit.ptr ? audit.ptr : "", audit.len, 0, &fault);
	const json_t *families = json_object_get(root, "families");
	enum status status = STATUS_OK;
	if (!json_is_array(families))
		status = err_set(err, STATUS_FORMAT, "it is no audit: no families (%s)",
				 root ? "other JSON" : fault.text);
	if (!status)
		status = take_families(maker, families, err);
	if (!status && !maker->count)
		status =
		    err_set(err, STATUS_FORMAT, "the audit has no family that a plan could hold");
	if (!status)
		print_plan(maker, root, audit, out);
	json_decref(root);
	return status;
}

enum status plan_file_make(struct str audit, const struct plan_make *wishes, struct buf *out,
			   struct plan_made *made, struct err *err)
{
	struct maker maker = { .wishes = wishes, .made = made };
	struct migrate_plan *proof;
	CHECK(wishes->n_databases <= MIGRATE_DATABASES_MAX);
	*made = (struct plan_made){ 0 };
	maker.families = calloc(PLAN_MAKE_MAX + 1, sizeof *maker.families);
	enum status status = maker.families ? make(&maker, audit, out, err)
					    : err_set(err, STATUS_NO_MEMORY, "no memory");
	if (!status && out->overflow)
		status = err_set(err, STATUS_FULL, "the plan is too long");
	if (!status) {
		status = plan_file_parse(buf_str(out), &proof, err);
		if (!status)
			plan_file_destroy(proof);
	}
	arena_deinit(&maker.texts);
	free(maker.families);
	return status;
}
