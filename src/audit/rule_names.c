#include "audit/rules_impl.h"

#include <ctype.h>
#include <stdlib.h>

#include "audit/bytes.h"
#include "base/check.h"

enum { NAME_BYTES_MAX = 512, GLOB_LETTERS_MIN = 3 };

static uint64_t mixed(uint64_t a, uint64_t b)
{
	uint64_t x = (a ^ b) * 0x9e3779b97f4a7c15U;
	return x ^ x >> 29;
}

/* ---- one name in two databases -------------------------------------------------------- */

static uint64_t typed(uint64_t name, enum audit_type type)
{
	return mixed(name, 1 + (uint64_t)type);
}

static enum status add_once(struct digests *set, uint64_t digest)
{
	return digests_count(set, digest) ? STATUS_OK : digests_add(set, digest);
}

/* Only names of other databases than the first key's are kept: a Redis of one database costs
 * nothing, and a name with two types has one of them here. Each is kept by itself (what most
 * keys are asked for, and are not) and with its type, once however often: the mark of having
 * come twice is for collisions alone. */
enum status rule_names_learn(struct audit_rules *rules, struct audit_record *record)
{
	if (rules->first_db == INT32_MIN)
		rules->first_db = record->db;
	if (record->db == rules->first_db || !audit_rules_on(rules, FINDING_collision))
		return STATUS_OK;
	uint64_t name = audit_digest(record->name);
	enum status status = add_once(&rules->others, name);
	return status ? status : add_once(&rules->others, typed(name, record->type));
}

/* The name of `record` with a type other than its own, in a database that is not the first:
 * bits of the types; `mark` makes them known to have a namesake in the first. */
static bool has_namesake(struct audit_rules *rules, const struct audit_record *record, bool mark)
{
	bool found = false;
	uint64_t name = audit_digest(record->name);
	if (!digests_count(&rules->others, name))
		return false;
	for (enum audit_type type = 0; type < AUDIT_TYPES; type++) {
		uint64_t other = typed(name, type);
		if (type == record->type || !digests_count(&rules->others, other))
			continue;
		found = true;
		enum status status = mark ? digests_add(&rules->others, other) : STATUS_OK;
		CHECK(status == STATUS_OK); /* it is there: only its mark is set */
	}
	return found;
}

/* A collection whose name is a queue's and a word more: what it says of the queue. */
static const struct str beside_words[] = {
	STR("processing"), STR("inprogress"), STR("inflight"),     STR("working"),
	STR("wip"),        STR("active"),     STR("intermediate"), STR("unacked"),
	STR("stalled"),    STR("dead"),       STR("deadletter"),   STR("deadletters"),
	STR("dlq"),        STR("failed"),     STR("retry"),        { NULL, 0 }
};

/* What is beside `mail:wait` is named `mail:active`. */
static const struct str waiting_words[] = { STR("wait"),  STR("waiting"), STR("pending"),
					    STR("ready"), STR("queued"),  STR("todo"),
					    { NULL, 0 } };

static bool is_word_of(struct str word, const struct str *words)
{
	char letters[16];
	struct str plain = { letters, 0 };
	for (size_t i = 0; i < word.len; i++) {
		char c = byte_alnum_lower(word.ptr[i]);
		if (!c)
			continue;
		if (plain.len == sizeof letters)
			return false;
		letters[plain.len++] = c;
	}
	for (; words->ptr; words++)
		if (str_eq(plain, *words))
			return true;
	return false;
}

/* No queue has this name. Celery's hash of what is in work is for all queues of a database. */
static const struct str EVERY_QUEUE = { "", 0 };

static uint64_t queue_digest(int db, struct str name)
{
	return mixed(audit_digest(name), (uint64_t)(uint32_t)db + 1);
}

static bool is_separator(const struct audit_rules *rules, char c)
{
	return rules->separates[(unsigned char)c];
}

/* The next way to part the name, from *from on, where one side is such a word: the other is
 * the queue's name. */
static bool names_queue(const struct audit_rules *rules, struct str name, const struct str *words,
			size_t *from, struct str *queue)
{
	for (size_t at = *from; at + 1 < name.len; at++) {
		if (!is_separator(rules, name.ptr[at]))
			continue;
		struct str front = str_make(name.ptr, at), behind = str_skip(name, at + 1);
		*from = at + 1;
		bool last = is_word_of(behind, words), first = is_word_of(front, words);
		if (!last && !first)
			continue;
		*queue = last ? front : behind;
		return true;
	}
	return false;
}

static enum status learn_beside(struct audit_rules *rules, const struct audit_record *record)
{
	struct str queue;
	size_t from = 1;
	enum status status = STATUS_OK;
	if (record->type == AUDIT_HASH && str_eq(record->name, STR("unacked")))
		return digests_add(&rules->beside, queue_digest(record->db, EVERY_QUEUE));
	if (record->type != AUDIT_LIST && record->type != AUDIT_STREAM &&
	    record->type != AUDIT_SET && record->type != AUDIT_ZSET)
		return STATUS_OK;
	while (!status && names_queue(rules, record->name, beside_words, &from, &queue))
		status = digests_add(&rules->beside, queue_digest(record->db, queue));
	return status;
}

enum status rule_names_gather(struct audit_rules *rules, const struct audit_record *record)
{
	if (record->db == rules->first_db && !digests_empty(&rules->others))
		(void)has_namesake(rules, record, true);
	return audit_rules_on(rules, FINDING_queue_loss) ? learn_beside(rules, record) : STATUS_OK;
}

bool rule_names_two_types(struct audit_rules *rules, const struct audit_record *record)
{
	if (digests_empty(&rules->others))
		return false;
	if (record->db != rules->first_db &&
	    digests_count(&rules->others, typed(audit_digest(record->name), record->type)) > 1)
		return true;
	return has_namesake(rules, record, false);
}

static bool has_beside(const struct audit_rules *rules, int db, struct str queue)
{
	return digests_count(&rules->beside, queue_digest(db, queue)) > 0;
}

bool rule_names_loses(const struct audit_rules *rules, const struct audit_record *record)
{
	struct str queue;
	size_t from = 1;
	if (names_queue(rules, record->name, beside_words, &from, &queue))
		return false;
	if (has_beside(rules, record->db, EVERY_QUEUE) ||
	    has_beside(rules, record->db, record->name))
		return false;
	for (from = 1; names_queue(rules, record->name, waiting_words, &from, &queue);)
		if (has_beside(rules, record->db, queue))
			return false;
	return true;
}

/* ---- what the code does with a family ------------------------------------------------- */

/* `pattern` is text and {placeholders}, each of which stands for one byte or more. */
static bool matches(const char *pattern, const char *name)
{
	const char *retry = NULL, *from = NULL;
	while (*name) {
		if (*pattern == '{') {
			const char *end = strchr(pattern, '}');
			if (end) {
				pattern = retry = end + 1;
				from = ++name;
				continue;
			}
		}
		if (*pattern && *pattern == *name) {
			pattern++;
			name++;
			continue;
		}
		if (!retry)
			return false;
		pattern = retry;
		name = ++from;
	}
	return !*pattern;
}

/* "{}" is any name, so it says nothing of one. */
static bool says_something(const char *pattern)
{
	size_t letters = 0;
	bool inside = false;
	for (; *pattern; pattern++) {
		if (*pattern == '{' || *pattern == '}')
			inside = *pattern == '{';
		else
			letters += !inside && isalnum((unsigned char)*pattern);
	}
	return letters >= GLOB_LETTERS_MIN;
}

static bool matches_all(const char *pattern, const struct audit_family *family)
{
	for (size_t i = 0; i < AUDIT_EXAMPLES && family->examples[i]; i++)
		if (!matches(pattern, family->examples[i]))
			return false;
	return family->examples[0] != NULL;
}

static bool is_unread(const struct code_summary *code, const struct audit_family *family)
{
	bool written = false;
	for (size_t i = 0; i < code->n_keys; i++) {
		const struct code_key *key = &code->keys[i];
		if (!key->n_writers && !key->n_readers)
			continue;
		if (!says_something(key->pattern) || !matches_all(key->pattern, family))
			continue;
		if (key->n_readers)
			return false;
		written = true;
	}
	return written;
}

/* A list of sessions by user: a family other than the sessions that is named by both. */
static bool is_session_index(const struct audit_family *family)
{
	bool session = strcasestr(family->pattern, "session") != NULL;
	bool user = strcasestr(family->pattern, "user") != NULL;
	return session && user && (family->type == AUDIT_SET || family->type == AUDIT_ZSET);
}

enum status rule_names_settle(struct audit_rules *rules)
{
	const struct audit_rules_scene *scene = &rules->scene;
	rules->unread = calloc(scene->n_families + 1, sizeof *rules->unread);
	if (!rules->unread)
		return STATUS_NO_MEMORY;
	const struct code_summary *code = scene->code ? code_summary(scene->code) : NULL;
	for (size_t i = 0; i < scene->n_families; i++) {
		const struct audit_family *family = &scene->families[i];
		if (code)
			rules->unread[i] = is_unread(code, family);
		rules->session_index |= is_session_index(family);
	}
	return STATUS_OK;
}
