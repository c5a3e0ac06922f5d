/* What a sink said when a key was moved may be long ago: somebody dropped its table, or wrote over
 * its rows. So each key is moved again right before it goes, which makes the same rows, and goes
 * only when they were read back. What changes behind that is found under WATCH. */
#include "migrate/migrate_impl.h"

/* Those of sinks first; how many they are. */
static size_t part(struct step *step)
{
	size_t before = 0;
	for (size_t i = 0; i < step->count; i++) {
		struct step_key key = step->keys[i];
		if (migrate_family_of(step->migrate, &key)->sink == MIGRATE_REDIS)
			continue;
		step->keys[i] = step->keys[before];
		step->keys[before++] = key;
	}
	return before;
}

static bool is_as_moved(const struct migrate *migrate, const struct step_key *key)
{
	return key->old_key.there &&
	       digest_eq(key->old_key.digest, keybook_at(migrate->book, key->entry)->source);
}

static enum status give_all(struct step *step, bool *confirmed, struct err *err)
{
	struct migrate *migrate = step->migrate;
	enum status status = step_read(step, SOURCE_CONTENT, 0, err);
	for (size_t i = 0; !status && i < step->count; i++)
		status =
		    step_big_digest(migrate, step->keys[i].old_name, &step->keys[i].old_key, err);
	for (size_t i = 0; !status && i < step->count; i++)
		if (is_as_moved(migrate, &step->keys[i]))
			status = step_sink_give(step, &step->keys[i], &confirmed[i], err);
	enum status ended = step_sink_settle(migrate, status ? NULL : err);
	return status ? status : ended;
}

/* A sink that is away is not asked for the next thousand keys. */
static enum status keep_confirmed(struct step *step, size_t n_sinks, const bool *confirmed,
				  struct err *err)
{
	struct migrate *migrate = step->migrate;
	size_t kept = 0;
	for (size_t i = 0; i < step->count; i++) {
		const struct step_key *key = &step->keys[i];
		bool stays = i < n_sinks && key->old_key.there && !confirmed[i];
		if (stays && is_as_moved(migrate, key) &&
		    keybook_at(migrate->book, key->entry)->state != BOOK_skipped)
			return err_set(err, STATUS_UNAVAILABLE,
				       "%s did not say that it has the rows of %.*s: nothing more "
				       "is removed",
				       migrate_sink_text(migrate_family_of(migrate, key)->sink),
				       STR_ARG(key->printed));
		if (stays)
			migrate_line(migrate, "kept: %.*s", STR_ARG(key->printed));
		else
			step->keys[kept++] = *key;
	}
	step->count = kept;
	return STATUS_OK;
}

enum status step_confirm(struct step *step, struct err *err)
{
	bool confirmed[STEP_KEYS] = { false };
	struct step sinks = *step;
	sinks.count = part(step);
	if (!sinks.count)
		return STATUS_OK;
	enum status status = give_all(&sinks, confirmed, err);
	return status ? status : keep_confirmed(step, sinks.count, confirmed, err);
}
