#include "audit/rules_impl.h"

#include <stdlib.h>

#include "base/check.h"

static const int64_t LITTLE = 16 << 10, MUCH = 1 << 20;

/* What a finding of a rule is, beside its words. */
struct manner {
	bool goes;      /* its keys can go: nothing is left of them */
	bool shrinks;   /* what is left is known key by key */
	bool by_bytes;  /* worse the more memory it is about, milder where it is little */
	bool by_family; /* what the family is for decides, which is a judgement */
};

static struct manner manner_of(enum finding_rule rule)
{
	switch (rule) {
	case FINDING_dead: return (struct manner){ .goes = true, .by_bytes = true };
	case FINDING_duplicate: return (struct manner){ .goes = true, .by_bytes = true };
	case FINDING_compress: return (struct manner){ .shrinks = true, .by_bytes = true };
	case FINDING_json_string:
	case FINDING_encoding: return (struct manner){ .by_bytes = true };
	case FINDING_no_ttl:
	case FINDING_cache: return (struct manner){ .by_bytes = true, .by_family = true };
	case FINDING_expiry_risk:
	case FINDING_queue_loss: return (struct manner){ .by_family = true };
	default: return (struct manner){ 0 };
	}
}

static enum severity milder(enum severity severity)
{
	return severity > SEVERITY_INFO ? severity - 1 : severity;
}

static enum severity worse(enum severity severity)
{
	return severity < SEVERITY_HIGH ? severity + 1 : severity;
}

/* The table's, made worse by a fifth of all memory, milder by a few kilobytes, and by what
 * each rule says below. */
static enum severity severity_of(const struct audit_rules *rules, const struct tally *tally)
{
	enum severity severity = finding_row(tally->rule)->severity;
	int64_t all = rules->scene.totals ? rules->scene.totals->bytes : 0;
	if (manner_of(tally->rule).by_bytes) {
		if (tally->bytes >= MUCH && tally->bytes >= all / 5)
			return worse(severity);
		return tally->bytes < LITTLE ? milder(severity) : severity;
	}
	if (tally->rule == FINDING_session && !tally->part[0])
		return milder(severity);
	if (tally->rule == FINDING_collision && !tally->part[0])
		return milder(severity);
	bool begun = tally->part[2] == tally->count; /* streams, none of them trimmed */
	if (tally->rule == FINDING_unbounded && begun &&
	    tally->most <= rules->limits.unbounded_items)
		return milder(severity);
	return severity;
}

static enum audit_confidence confidence_of(const struct tally *tally)
{
	struct manner manner = manner_of(tally->rule);
	if (manner.shrinks)
		return AUDIT_ESTIMATED;
	return manner.by_family || tally->likely ? AUDIT_LIKELY : AUDIT_CERTAIN;
}

int64_t audit_rules_left_out(const struct audit_rules *rules) { return rules->findings_left_out; }

struct audit_finding *findings_add(struct audit_rules *rules)
{
	if (rules->n_findings == AUDIT_FINDINGS_MAX) {
		rules->findings_left_out++;
		return NULL;
	}
	if (rules->n_findings == rules->findings_room) {
		size_t room = rules->findings_room ? rules->findings_room * 2 : 64;
		struct audit_finding *findings = realloc(rules->findings, room * sizeof *findings);
		if (!findings) {
			rules->trouble = STATUS_NO_MEMORY;
			return NULL;
		}
		rules->findings = findings;
		rules->findings_room = room;
	}
	struct audit_finding *finding = &rules->findings[rules->n_findings++];
	*finding = (struct audit_finding){ .family = -1, .bytes_now = -1, .bytes_after = -1 };
	return finding;
}

static void settle(const struct audit_rules *rules, const struct tally *tally,
		   struct audit_finding *finding)
{
	struct manner manner = manner_of(tally->rule);
	finding->rule = tally->rule;
	finding->severity = severity_of(rules, tally);
	finding->confidence = confidence_of(tally);
	finding->family = tally->family;
	finding->count = tally->count;
	finding->bytes_now = tally->bytes;
	if (manner.goes)
		finding->bytes_after = tally->bytes - tally->worth;
	else if (manner.shrinks)
		finding->bytes_after = tally->bytes - tally->worth + tally->after;
	finding->n_examples = tally->n_examples;
	for (size_t i = 0; i < tally->n_examples; i++)
		finding->examples[i] = tally->examples[i];
	finding_words(rules, tally, finding);
}

enum status findings_of_tallies(struct audit_rules *rules)
{
	for (size_t i = 0; i < rules->n_tallies && !rules->trouble; i++) {
		struct audit_finding *finding = findings_add(rules);
		if (finding)
			settle(rules, &rules->tallies[i], finding);
	}
	return rules->trouble;
}

static int compare(int64_t a, int64_t b) { return (a > b) - (a < b); }

static int by_weight(const void *left, const void *right)
{
	const struct audit_finding *a = left, *b = right;
	int diff = compare(b->severity, a->severity);
	diff = diff ? diff : compare(b->bytes_now, a->bytes_now);
	diff = diff ? diff : compare(b->count, a->count);
	diff = diff ? diff : compare(a->rule, b->rule);
	return diff ? diff : compare(a->family, b->family);
}

void findings_sort(struct audit_rules *rules)
{
	if (rules->n_findings)
		qsort(rules->findings, rules->n_findings, sizeof *rules->findings, by_weight);
}

/* The value of the variable that `at` ("{name}…") names; NULL: none does. */
static const char *value_of(const char *at, const char *const *vars, size_t *len)
{
	const char *end = strchr(at, '}');
	if (!end)
		return NULL;
	*len = (size_t)(end - at) + 1;
	for (; *vars; vars += 2)
		if (strlen(vars[0]) == *len - 2 && memcmp(vars[0], at + 1, *len - 2) == 0)
			return vars[1];
	return NULL;
}

void findings_fill(char out[AUDIT_TEXT_BYTES], const char *template, const char *const *vars)
{
	struct buf buf = buf_over(out, AUDIT_TEXT_BYTES - 1);
	while (*template) {
		size_t len;
		const char *value = *template == '{' ? value_of(template, vars, &len) : NULL;
		if (!value) {
			buf_char(&buf, *template ++);
			continue;
		}
		buf_str_put(&buf, str_of(value));
		template += len;
	}
	out[buf.len] = 0;
}

const char *audit_confidence_text(enum audit_confidence confidence)
{
	static const char *const texts[] = { "certain", "measured", "likely", "estimated" };
	CHECK((size_t)confidence < ARRAY_LEN(texts));
	return texts[confidence];
}
