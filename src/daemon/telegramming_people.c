/* People, rules and preferences between memory and segment RSS. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "daemon/telegramming_impl.h"
#include "os/secret.h"

/* ---- hooks of people.h ---- */

static enum status on_random(void *ctx, void *bytes, size_t n)
{
	struct err err = { 0 };
	(void)ctx;
	return secret_random(bytes, n, &err);
}

/* Codes are random and short-lived: their digest needs no secret of its own. */
static enum status on_digest(void *ctx, struct str text, uint8_t out[PEOPLE_DIGEST_BYTES])
{
	static_assert((int)PEOPLE_DIGEST_BYTES == (int)SECRET_MAC_BYTES, "one fits the other");
	(void)ctx;
	return secret_mac(STR("weir pairing"), text, out);
}

static struct str user_of(int64_t user_id, char out[24])
{
	int n = snprintf(out, 24, "%lld", (long long)user_id);
	return str_make(out, (size_t)n);
}

static void on_session(void *ctx, enum status status)
{
	(void)ctx;
	if (status && status != STATUS_NOT_FOUND)
		log_line(LOG_DEBUG, "telegram", "a session was not written: %s",
			 status_text(status));
}

/* He has no alerts and no session any more; what he prefers stays. */
static void let_go(struct telegramming *telegramming, const struct person *person)
{
	char owner[BOT_OWNER_BYTES], user[24];
	rules_remove_owner(telegramming->rules, bot_owner(person->id, owner));
	telegramming->session_s[person->slot] = 0;
	enum status status =
	    session_store_end(telegramming->sessions, user_of(person->id, user), on_session, NULL);
	if (status)
		on_session(NULL, status);
}

static void on_person(void *ctx, const struct person *person, bool gone)
{
	struct telegramming *telegramming = ctx;
	if (person->stored)
		people_store_mark(telegramming->store, PEOPLE_STORE_PERSON, person->id);
	if (gone || person->state == PERSON_BLOCKED)
		let_go(telegramming, person);
	if (gone)
		telegramming->seated[person->slot] = 0;
	telegramming_menu(telegramming, person);
}

struct people_hooks telegramming_people_hooks(struct telegramming *telegramming)
{
	return (struct people_hooks){ on_random, on_digest, on_person, telegramming };
}

/* ---- hooks of rules.h ---- */

static void on_fire(void *ctx, const struct rule_view *rule, struct str message)
{
	struct telegramming *telegramming = ctx;
	char id[16], symbol[RULE_SUBJECT_MAX + 1];
	bool of_market = rule_metric_row(rule->spec.metric)->scope != RULE_TERMINAL;
	int n = snprintf(id, sizeof id, "%u", rule->id);
	snprintf(symbol, sizeof symbol, "%s", of_market ? rule->spec.subject : "");
	log_line(LOG_INFO, "rules", "%s: rule %u: %.*s", rule->owner, rule->id, STR_ARG(message));
	if (str_eq(str_of(rule->owner), STR("local"))) {
		daemon_tell_rule(telegramming->config.daemon, rule->id, message);
		return;
	}
	bot_rule_fired(telegramming->bot, str_of(rule->owner), str_make(id, (size_t)n),
		       str_of(symbol), message, telegramming_now(telegramming));
}

static void on_rule(void *ctx, uint32_t id)
{
	struct telegramming *telegramming = ctx;
	people_store_mark(telegramming->store, PEOPLE_STORE_RULE, id);
}

struct rules_hooks telegramming_rules_hooks(struct telegramming *telegramming)
{
	return (struct rules_hooks){ on_fire, on_rule, telegramming };
}

/* ---- hooks of people_store.h ---- */

static bool on_pack(void *ctx, enum people_store_kind kind, int64_t id, struct buf *out)
{
	struct telegramming *telegramming = ctx;
	if (kind == PEOPLE_STORE_RULE)
		return rule_pack(telegramming->rules, (uint32_t)id, out);
	const struct person *person = people_find(telegramming->people, id);
	if (!person || !person->stored)
		return false;
	people_pack(person, out);
	return true;
}

static bool mark_people(struct telegramming *telegramming)
{
	uint32_t slot = 0;
	const struct person *person;
	while ((person = people_next(telegramming->people, &slot)))
		if (person->stored)
			people_store_mark(telegramming->store, PEOPLE_STORE_PERSON, person->id);
	return true;
}

/* Rare: the only list of rules is a sorted copy of all. */
static bool mark_rules(struct telegramming *telegramming)
{
	size_t n = rules_counts(telegramming->rules).rules;
	struct rule_view *views = malloc((n + 1) * sizeof *views);
	if (!views)
		return false;
	n = rules_board(telegramming->rules, STR(""), views, n, NULL);
	for (size_t i = 0; i < n; i++)
		people_store_mark(telegramming->store, PEOPLE_STORE_RULE, views[i].id);
	free(views);
	return true;
}

static bool on_mark_all(void *ctx, enum people_store_kind kind)
{
	return kind == PEOPLE_STORE_PERSON ? mark_people(ctx) : mark_rules(ctx);
}

/* Whose it is, in words. */
static int64_t owner_of(struct telegramming *telegramming, enum people_store_kind kind, int64_t id)
{
	struct rule_view rule;
	if (kind == PEOPLE_STORE_PERSON)
		return id;
	if (!rules_find(telegramming->rules, STR(""), (uint32_t)id, &rule))
		return 0;
	return bot_owner_id(str_of(rule.owner));
}

static void on_unsaved(void *ctx, enum people_store_kind kind, int64_t id, enum status status)
{
	struct telegramming *telegramming = ctx;
	char text[256];
	struct buf html = buf_over(text, sizeof text);
	const char *what = kind == PEOPLE_STORE_RULE ? "rule" : "person";
	log_line(LOG_WARN, "telegram", "%s %lld is not stored yet: %s", what, (long long)id,
		 status_text(status));
	if (kind == PEOPLE_STORE_RULE)
		buf_printf(&html,
			   "Your alert %lld could not be stored: %s. It holds, and weir goes "
			   "on trying.",
			   (long long)id, status_text(status));
	else
		buf_printf(&html,
			   "What changed about you could not be stored: %s. It holds, and "
			   "weir goes on trying.",
			   status_text(status));
	bot_tell(telegramming->bot, owner_of(telegramming, kind, id), buf_str(&html),
		 telegramming_now(telegramming));
}

static void on_restored(void *ctx, enum people_store_kind kind, struct str id, struct str text)
{
	struct telegramming *telegramming = ctx;
	struct err err = { 0 };
	enum status status = kind == PEOPLE_STORE_RULE
				 ? rules_restore(telegramming->rules, text, &err)
				 : people_unpack(telegramming->people, id, text);
	if (!status)
		return;
	people_store_damaged(telegramming->store);
	log_line(LOG_WARN, "telegram", "%s %.*s of segment rss is left out: %s",
		 kind == PEOPLE_STORE_RULE ? "rule" : "person", (int)(id.len < 32 ? id.len : 32),
		 id.ptr, err.text[0] ? err.text : status_text(status));
}

struct people_store_hooks telegramming_store_hooks(struct telegramming *telegramming)
{
	return (struct people_store_hooks){ on_pack, on_mark_all, on_unsaved, on_restored,
					    telegramming };
}

/* ---- preferences ---- */

struct reading {
	struct telegramming *telegramming;
	int64_t user_id;
	struct preferences kept; /* to be written behind what others wrote */
};

static struct preferences preferences_of(const struct session_fields *fields)
{
	struct preferences preferences = preferences_default();
	for (enum preference which = 0; which < PREFERENCES; which++)
		for (size_t i = 0; i < fields->count; i++)
			if (str_eq(fields->names[i], str_of(preference_field(which)))) {
				/* What cannot be read is as if it were not there. */
				enum status status =
				    preference_read(&preferences, which, fields->values[i]);
				(void)status;
			}
	return preferences;
}

/* fields: NULL where none are stored. What he has changed meanwhile is newer. */
static void take_preferences(struct telegramming *telegramming, int64_t user_id,
			     const struct session_fields *fields)
{
	const struct person *person = people_find(telegramming->people, user_id);
	if (!person || telegramming->seated[person->slot] == user_id)
		return;
	telegramming->seated[person->slot] = user_id;
	if (fields) {
		const struct preferences preferences = preferences_of(fields);
		bot_restore_preferences(telegramming->bot, user_id, &preferences);
	}
}

static void on_read(void *ctx, enum status status, const struct session_fields *fields)
{
	struct reading *reading = ctx;
	struct telegramming *telegramming = reading->telegramming;
	if (!status || status == STATUS_NOT_FOUND) {
		take_preferences(telegramming, reading->user_id, status ? NULL : fields);
	} else {
		log_line(LOG_WARN, "telegram", "preferences of %lld were not read: %s",
			 (long long)reading->user_id, status_text(status));
	}
	free(reading);
	telegramming->reading--;
	telegramming_read_preferences(telegramming);
}

static bool read_one(struct telegramming *telegramming, const struct person *person)
{
	char user[24];
	struct reading *reading = calloc(1, sizeof *reading);
	if (!reading)
		return false;
	*reading = (struct reading){ .telegramming = telegramming, .user_id = person->id };
	if (session_store_get(telegramming->sessions, SESSION_PREFERENCE, user_of(person->id, user),
			      on_read, reading)) {
		free(reading);
		return false;
	}
	telegramming->reading++;
	return true;
}

void telegramming_read_preferences(struct telegramming *telegramming)
{
	const struct person *person;
	if (telegramming->draining)
		return;
	while (telegramming->reading < PREFERENCE_WAVE &&
	       (person = people_next(telegramming->people, &telegramming->next_slot)))
		if (telegramming->seated[person->slot] != person->id &&
		    !read_one(telegramming, person))
			log_line(LOG_WARN, "telegram", "preferences of %lld were not read",
				 (long long)person->id);
	if (!telegramming->reading)
		telegramming_open(telegramming);
}

/* ---- writing them ---- */

static void end_keep(struct reading *reading, enum status status)
{
	struct telegramming *telegramming = reading->telegramming;
	int64_t user_id = reading->user_id;
	free(reading);
	telegramming->keeping--;
	if (telegramming->draining)
		telegramming_end_drain(telegramming);
	else
		bot_kept(telegramming->bot, user_id, status, telegramming_now(telegramming));
}

static void on_kept(void *ctx, enum status status) { end_keep(ctx, status); }

static bool is_ours(struct str name)
{
	for (enum preference which = 0; which < PREFERENCES; which++)
		if (str_eq(name, str_of(preference_field(which))))
			return true;
	return str_eq(name, STR("ut"));
}

static void put_ours(const struct preferences *preferences, struct buf *text,
		     struct session_fields *fields)
{
	for (enum preference which = 0; which < PREFERENCES; which++) {
		size_t from = text->len;
		preference_print(preferences, which, text);
		if (text->len == from || fields->count == SESSION_FIELDS_MAX)
			continue;
		fields->names[fields->count] = str_of(preference_field(which));
		fields->values[fields->count++] = str_make(text->ptr + from, text->len - from);
	}
}

/* What others keep beside them stays. */
static void on_others(void *ctx, enum status status, const struct session_fields *others)
{
	struct reading *reading = ctx;
	char storage[PREFERENCES * PREFERENCES_FIELD_MAX], user[24];
	struct buf text = buf_over(storage, sizeof storage);
	struct session_fields fields = { .count = 0 };
	if (status && status != STATUS_NOT_FOUND) {
		end_keep(reading, status);
		return;
	}
	for (size_t i = 0; !status && i < others->count; i++) {
		if (is_ours(others->names[i]))
			continue;
		fields.names[fields.count] = others->names[i];
		fields.values[fields.count++] = others->values[i];
	}
	put_ours(&reading->kept, &text, &fields);
	status = session_store_put(reading->telegramming->sessions, SESSION_PREFERENCE,
				   user_of(reading->user_id, user), &fields, on_kept, reading);
	if (status)
		end_keep(reading, status);
}

void telegramming_keep(void *ctx, int64_t user_id, const struct preferences *preferences)
{
	struct telegramming *telegramming = ctx;
	const struct person *person = people_find(telegramming->people, user_id);
	struct reading *reading = calloc(1, sizeof *reading);
	char user[24];
	enum status status = STATUS_NO_MEMORY;
	if (person)
		telegramming->seated[person->slot] = user_id;
	if (reading) {
		*reading = (struct reading){ telegramming, user_id, *preferences };
		status = session_store_get(telegramming->sessions, SESSION_PREFERENCE,
					   user_of(user_id, user), on_others, reading);
	}
	if (!status) {
		telegramming->keeping++;
		return;
	}
	free(reading);
	bot_kept(telegramming->bot, user_id, status, telegramming_now(telegramming));
}

/* ---- sessions ---- */

/* Once in a while: a session says that he is there, not what he asks. */
void telegramming_seen(void *ctx, int64_t user_id)
{
	struct telegramming *telegramming = ctx;
	const struct person *person = people_find(telegramming->people, user_id);
	int64_t now_s = loop_now_ns(telegramming->loop) / 1000000000;
	char user[24];
	const struct session_fields fields = { { STR("dev") }, { STR("telegram") }, 1 };
	if (!person || (telegramming->session_s[person->slot] &&
			now_s - telegramming->session_s[person->slot] < SESSION_RENEW_S))
		return;
	telegramming->session_s[person->slot] = now_s;
	enum status status = session_store_put(telegramming->sessions, SESSION_SESSION,
					       user_of(user_id, user), &fields, on_session, NULL);
	if (status)
		on_session(NULL, status);
}
