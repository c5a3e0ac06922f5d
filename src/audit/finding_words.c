#include "audit/rules_impl.h"

#include <ctype.h>

#include "audit/report_words.h"
#include "base/check.h"

enum { PATTERN_SHOWN = 72, NAME_ROOM = 200 };

static const int64_t DAY_S = 86400;

/* What is being written, and of what. */
struct wording {
	const struct audit_rules *rules;
	const struct tally *tally;
	const struct audit_family *family; /* NULL: of several */
	const char *key;                   /* an example, as a shell takes it */
	struct buf what;
	char to[AUDIT_TEXT_BYTES / 2]; /* {to} of the fix */
	struct buf aim;
	const char *seconds, *by;
};

static const char *pattern_of(const struct wording *w)
{
	return w->family ? w->family->pattern : "further families";
}

static void put_count(struct wording *w, int64_t n, const char *one, const char *many)
{
	report_count(&w->what, n);
	buf_printf(&w->what, " %s", n == 1 ? one : many);
}

/* "4,000 strings of {symbol}_{tf}" */
static void put_subject(struct wording *w, const char *one, const char *many)
{
	put_count(w, w->tally->count, one, many);
	const char *pattern = pattern_of(w);
	int shown = strlen(pattern) > PATTERN_SHOWN ? PATTERN_SHOWN : (int)strlen(pattern);
	buf_printf(&w->what, " of %.*s%s", shown, pattern, pattern[shown] ? "…" : "");
}

/* "has" of one, "have" of many. */
static void put_verb(struct wording *w, const char *one, const char *many)
{
	buf_printf(&w->what, " %s", w->tally->count == 1 ? one : many);
}

static void put_bytes(struct wording *w)
{
	buf_printf(&w->what, ": ");
	report_bytes(&w->what, w->tally->bytes);
}

/* Where names of a use live (docs: versioned namespaces). */
static const char *namespace_of(enum audit_use use)
{
	switch (use) {
	case AUDIT_USE_counter: return "counters";
	case AUDIT_USE_lock: return "locks";
	case AUDIT_USE_rate_limit: return "limits";
	case AUDIT_USE_flag: return "flags";
	case AUDIT_USE_cache: return "cache";
	case AUDIT_USE_queue: return "queues";
	case AUDIT_USE_session: return "sessions";
	case AUDIT_USE_time_series: return "indicators";
	case AUDIT_USE_record: return "trades";
	case AUDIT_USE_config: return "config";
	case AUDIT_USE_large: return "market";
	default: return "data";
	}
}

/* A pattern is no name, and stands in a command without quotes: what a shell would act upon is
 * written as \xHH. */
static void put_pattern_char(struct buf *out, char c)
{
	if (strchr("\"'`$!;|&<>()*?~#", c))
		buf_printf(out, "\\x%02x", (unsigned char)c);
	else
		buf_char(out, c);
}

static void put_pattern(struct buf *out, const char *pattern)
{
	for (size_t i = 0; pattern[i] && i < PATTERN_SHOWN; i++)
		put_pattern_char(out, pattern[i]);
}

/* The pattern behind a namespace and a version, colons around what varies in it. */
static void put_new_name(struct wording *w)
{
	const char *pattern = w->family->pattern;
	buf_printf(&w->aim, "%s:v1:", namespace_of(w->family->use));
	for (const char *p = pattern; *p; p++) {
		bool beside = p[1] == '{' || (p > pattern && p[-1] == '}');
		bool parts = beside && w->rules->separates[(unsigned char)*p];
		put_pattern_char(&w->aim, parts ? ':' : *p);
	}
}

/* What a shell and redis-cli take as it stands. */
static bool is_plain(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!isalnum((unsigned char)text.ptr[i]) && !strchr(":_-./@,+", text.ptr[i]))
			return false;
	return text.len > 0;
}

/* What a shell would take for more than a text is quoted, as redis-cli reads it; what a shell acts
 * upon between quotes too is written as \xHH, like the bytes that audit_name_print escapes. */
static void put_quoted(struct buf *out, struct str text, const char *behind)
{
	if (is_plain(text)) {
		buf_printf(out, "%.*s%s", STR_ARG(text), behind);
		return;
	}
	buf_char(out, '"');
	for (size_t i = 0; i < text.len; i++)
		if (strchr("\"$`!", text.ptr[i]))
			buf_printf(out, "\\x%02x", (unsigned char)text.ptr[i]);
		else
			buf_char(out, text.ptr[i]);
	buf_printf(out, "%s\"", behind);
}

/* An example's name as a hash and a field: `a:b:7` is field 7 of one of the hashes `a:b:…`. */
static void put_bucket(struct wording *w)
{
	const char *name = w->tally->examples[0], *last = name;
	bool strong = false; /* what _ and - join is one part, where there is another separator */
	for (const char *p = name + 1; *p && p[1]; p++) {
		bool parts = strchr(":/|.", *p) != NULL;
		if (parts || (!strong && w->rules->separates[(unsigned char)*p]))
			last = p;
		strong |= parts;
	}
	buf_printf(&w->aim, "HSET ");
	if (last > name)
		put_quoted(&w->aim, str_make(name, (size_t)(last - name)), ":{bucket}");
	else
		buf_printf(&w->aim, "{bucket}");
	buf_char(&w->aim, ' ');
	put_quoted(&w->aim, str_of(last > name ? last + 1 : name), "");
	buf_printf(&w->aim, " {value}: 100 fields a hash");
}

static const char *seconds_of(enum audit_use use)
{
	switch (use) {
	case AUDIT_USE_rate_limit: return "60";
	case AUDIT_USE_flag: return "300";
	case AUDIT_USE_session: return "86400";
	default: return "3600";
	}
}

static void word_no_ttl(struct wording *w)
{
	put_subject(w, "key", "keys");
	if (w->tally->part[0] && w->family)
		buf_printf(&w->what, " (%s) never expire", audit_use_text(w->family->use));
	else
		buf_printf(&w->what, " never expire, while others of them do");
	put_bytes(w);
	if (w->family && w->family->grown_keys != INT64_MIN && w->family->grown_keys > 0) {
		buf_printf(&w->what, "; the family grew by ");
		put_count(w, w->family->grown_keys, "key", "keys");
	}
}

static void word_dead(struct wording *w)
{
	const struct tally *tally = w->tally;
	put_subject(w, "key", "keys");
	if (tally->part[0])
		buf_printf(&w->what, ", idle for over %lld days (at most %lld)",
			   (long long)w->rules->limits.dead_days, (long long)(tally->most / DAY_S));
	if (tally->part[1])
		buf_printf(&w->what, ", which the code writes and never reads");
	put_bytes(w);
	const struct audit_totals *totals = w->rules->scene.totals;
	if (totals && totals->bytes > 0) {
		buf_printf(&w->what, ", ");
		report_share(&w->what, tally->bytes, totals->bytes);
		buf_printf(&w->what, " of all memory");
	}
}

static void word_naming(struct wording *w)
{
	put_subject(w, "key", "keys");
	bool twin = w->tally->part[1] && w->family->twin >= 0;
	if (twin) {
		const char *other = w->rules->scene.families[w->family->twin].pattern;
		put_verb(w, "names", "name");
		buf_printf(&w->what, " what %.*s names", PATTERN_SHOWN, other);
		put_pattern(&w->aim, other);
	} else {
		put_verb(w, "has", "have");
		buf_printf(&w->what, " no namespace and no version");
		put_new_name(w);
	}
}

static void word_collision(struct wording *w)
{
	put_subject(w, "key", "keys");
	if (w->tally->part[0]) {
		put_verb(w, "is", "are");
		buf_printf(&w->what, " no %s as the others are", audit_type_text(w->family->type));
	} else {
		put_verb(w, "has", "have");
		buf_printf(&w->what, " another type in another database");
	}
	put_new_name(w);
	buf_printf(&w->aim, ":{type}");
}

static void word_json_string(struct wording *w)
{
	const struct tally *tally = w->tally;
	enum audit_belongs belongs = w->family->belongs;
	put_subject(w, "string", "strings");
	put_verb(w, "holds JSON: ", "hold JSON: ");
	report_count(&w->what, tally->part[0]);
	buf_printf(&w->what, " flat, ");
	report_count(&w->what, tally->part[1]);
	buf_printf(&w->what, " nested or arrays, of up to ");
	put_count(w, tally->most, "member", "members");
	put_bytes(w);
	if (tally->part[0])
		buf_printf(&w->aim, "HSET %s {field} {value} …, where smaller or queried by field",
			   w->key);
	else if (belongs == AUDIT_BELONGS_redis || belongs == AUDIT_BELONGS_reshaped)
		buf_printf(&w->aim, "compress it, or keep what is queried in fields of a hash");
	else
		buf_printf(&w->aim, "compress it, or move it to %s", audit_belongs_text(belongs));
}

static void word_duplicate(struct wording *w)
{
	int64_t whole = w->tally->part[0], fields = w->tally->part[1];
	put_subject(w, "string", "strings");
	put_verb(w, "repeats", "repeat");
	if (whole)
		buf_printf(&w->what, " another's whole value");
	if (whole && fields) {
		buf_printf(&w->what, " (");
		report_count(&w->what, whole);
		buf_printf(&w->what, ") or");
	}
	if (fields)
		buf_printf(&w->what, " a field of another's JSON");
	put_bytes(w);
	uint32_t bits = w->rules->groups.sample_bits;
	if (bits && whole)
		buf_printf(&w->what, " (of a sample: 1 in %lld values)", 1LL << bits);
}

static void word_wrong_type(struct wording *w)
{
	const struct tally *tally = w->tally;
	if (tally->part[0]) {
		put_subject(w, "set", "sets");
		put_verb(w, "carries", "carry");
		buf_printf(&w->what, " an order in the members");
		buf_printf(&w->aim, "ZADD %s {rank} {member}", w->key);
	} else if (tally->part[1]) {
		put_subject(w, "list", "lists");
		put_verb(w, "holds", "hold");
		buf_printf(&w->what, " identifiers, none twice");
		buf_printf(&w->aim, "SADD %s {member}", w->key);
	} else {
		put_subject(w, "zset", "zsets");
		put_verb(w, "has", "have");
		buf_printf(&w->what, " times as members: what happened then has no place");
		buf_printf(&w->aim, "ZADD %s {time} {what happened}, or XADD", w->key);
	}
	put_bytes(w);
}

/* What ends the growth of the type, where it is written to. */
static void put_end(struct wording *w)
{
	long long most = w->rules->limits.unbounded_items;
	if (w->tally->part[3]) {
		buf_printf(&w->aim, "XAUTOCLAIM %s {group} {consumer} 60000 0", w->key);
		return;
	}
	switch (w->family->type) {
	case AUDIT_LIST:
		buf_printf(&w->aim, "LTRIM %s -%lld -1 at its writer", w->key, most);
		return;
	case AUDIT_ZSET:
		buf_printf(&w->aim, "ZREMRANGEBYRANK %s 0 -%lld at its writer", w->key, most + 1);
		return;
	case AUDIT_STREAM:
		buf_printf(&w->aim, "XADD %s MAXLEN ~ %lld … at its writer", w->key, most);
		return;
	default: buf_printf(&w->aim, "one %s:{day} a day, with EXPIRE", w->key); return;
	}
}

static void word_unbounded(struct wording *w)
{
	const struct tally *tally = w->tally;
	put_subject(w, "key", "keys");
	const char *const texts[] = { "under a constant name without end",
				      "grown since the last audit", "never trimmed",
				      "with entries that a consumer left behind" };
	const char *between = ": ";
	for (size_t i = 0; i < TALLY_PARTS; i++) {
		if (!tally->part[i])
			continue;
		buf_printf(&w->what, "%s", between);
		report_count(&w->what, tally->part[i]);
		buf_printf(&w->what, " %s", texts[i]);
		between = ", ";
	}
	buf_printf(&w->what, "; up to ");
	put_count(w, tally->most, "element", "elements");
	put_bytes(w);
	put_end(w);
}

static void word_big(struct wording *w)
{
	enum audit_type type = w->family ? w->family->type : AUDIT_STRING;
	put_subject(w, "key", "keys");
	put_verb(w, "is", "are");
	buf_printf(&w->what, " too large, up to ");
	if (type == AUDIT_STRING)
		report_bytes(&w->what, w->tally->most);
	else
		put_count(w, w->tally->most, "element", "elements");
	put_bytes(w);
	bool by_time = type == AUDIT_LIST || type == AUDIT_ZSET || type == AUDIT_STREAM;
	w->by = by_time                ? "day"
		: type == AUDIT_STRING ? "part: one key for each symbol, timeframe or day"
				       : "the first byte of a digest of the field or member";
}

static void word_encoding(struct wording *w)
{
	const struct tally *tally = w->tally;
	if (tally->part[0]) {
		put_subject(w, "key", "keys");
		put_verb(w, "is a table", "are tables");
		buf_printf(&w->what, " because of a value of up to ");
		put_count(w, tally->most, "byte", "bytes");
		buf_printf(&w->aim, "SET %s:{field} {the long value}, its name in the field",
			   w->key);
	} else {
		put_subject(w, "small string", "small strings");
		buf_printf(&w->what, " would fit in hashes");
		put_bucket(w);
	}
	put_bytes(w);
}

static void word_expiry_risk(struct wording *w)
{
	put_subject(w, "key", "keys");
	buf_printf(&w->what, " (%s) will expire, and nobody else has what is in them",
		   w->family ? audit_use_text(w->family->use) : "record");
	put_bytes(w);
}

static void word_compress(struct wording *w)
{
	put_subject(w, "string", "strings");
	buf_printf(&w->what, ", of up to ");
	report_bytes(&w->what, w->tally->most);
	buf_printf(&w->what, ", that zstd makes half as long or shorter");
	put_bytes(w);
}

static void word_queue_loss(struct wording *w)
{
	put_subject(w, "queue", "queues");
	put_verb(w, "has", "have");
	buf_printf(&w->what,
		   " no processing list and no dead letters: what is popped is gone, up to ");
	put_count(w, w->tally->most, "entry waits", "entries wait");
}

static void word_cache(struct wording *w)
{
	put_subject(w, "key", "keys");
	buf_printf(&w->what, " (cache) without TTL: nothing makes %s fresh",
		   w->tally->count == 1 ? "it" : "them");
	put_bytes(w);
}

static void word_session(struct wording *w)
{
	const struct tally *tally = w->tally;
	put_subject(w, "session", "sessions");
	if (tally->part[0]) {
		buf_printf(&w->what, "; ");
		report_count(&w->what, tally->part[0]);
		buf_printf(&w->what, " with a secret in plain text");
	}
	if (tally->part[1]) {
		buf_printf(&w->what, "; ");
		report_count(&w->what, tally->part[1]);
		buf_printf(&w->what, " without TTL");
	}
	if (!w->rules->session_index)
		buf_printf(&w->what, "; no index by user: a user's sessions cannot be ended");
}

static void word_it(struct wording *w)
{
	switch (w->tally->rule) {
	case FINDING_no_ttl: word_no_ttl(w); return;
	case FINDING_dead: word_dead(w); return;
	case FINDING_naming: word_naming(w); return;
	case FINDING_collision: word_collision(w); return;
	case FINDING_json_string: word_json_string(w); return;
	case FINDING_duplicate: word_duplicate(w); return;
	case FINDING_wrong_type: word_wrong_type(w); return;
	case FINDING_unbounded: word_unbounded(w); return;
	case FINDING_big: word_big(w); return;
	case FINDING_encoding: word_encoding(w); return;
	case FINDING_expiry_risk: word_expiry_risk(w); return;
	case FINDING_compress: word_compress(w); return;
	case FINDING_queue_loss: word_queue_loss(w); return;
	case FINDING_cache: word_cache(w); return;
	default: word_session(w); return;
	}
}

static void quote(char out[NAME_ROOM], const char *name)
{
	struct buf buf = buf_over(out, NAME_ROOM - 1);
	put_quoted(&buf, str_of(name), "");
	if (buf.overflow) {
		buf_clear(&buf);
		buf_printf(&buf, "{key}");
	}
	out[buf.len] = 0;
}

void finding_words(const struct audit_rules *rules, const struct tally *tally,
		   struct audit_finding *finding)
{
	static const struct audit_family others = { .pattern = "further families", .twin = -1 };
	char key[NAME_ROOM], keep[NAME_ROOM], what[AUDIT_TEXT_BYTES];
	struct wording w = { .rules = rules, .tally = tally, .family = &others };
	if (tally->family >= 0)
		w.family = &rules->scene.families[tally->family];
	w.what = buf_over(what, sizeof what - 1);
	w.aim = buf_over(w.to, sizeof w.to - 1);
	w.seconds = seconds_of(w.family->use);
	w.by = "part";
	quote(key, tally->n_examples ? tally->examples[0] : "{key}");
	quote(keep, tally->keep ? tally->keep : "{the first}");
	w.key = key;
	word_it(&w);
	what[w.what.len] = 0;
	w.to[w.aim.len] = 0;
	const char *const vars[] = { "key", key,  "seconds", w.seconds,
				     "to",  w.to, "keep",    keep,
				     "by",  w.by, "belongs", audit_belongs_text(w.family->belongs),
				     NULL };
	const struct finding_row *row = finding_row(tally->rule);
	memcpy(finding->what, what, sizeof what);
	findings_fill(finding->fix, row->fix, vars);
	findings_fill(finding->undo, row->undo, vars);
}
