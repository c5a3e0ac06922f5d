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

/* Leaves in step->count how many it dealt with. */
static enum status give_part(struct step *step, bool *confirmed, struct err *err)
{
	struct migrate *migrate = step->migrate;
	enum status status = step_read(step, SOURCE_CONTENT | SOURCE_BOUNDED, 0, err);
	if (status)
		return status;
	step->count = step_count_read(step);
	for (size_t i = 0; !status && i < step->count; i++)
		status = step_big_look(migrate, &step->keys[i], step->keys[i].old_name,
				       &step->keys[i].old_key, err);
	for (size_t i = 0; !status && i < step->count; i++)
		if (step_sink_is_as_moved(migrate, &step->keys[i]))
			status = step_sink_give(step, &step->keys[i], &confirmed[i], err);
	return status;
}

/* As much at a time as memory is meant for. */
static enum status give_all(struct step *step, bool *confirmed, struct err *err)
{
	struct step part = *step;
	enum status status = STATUS_OK;
	while (!status && part.count) {
		size_t left = part.count;
		status = give_part(&part, confirmed, err);
		part.keys += part.count;
		confirmed += part.count;
		part.count = left - part.count;
	}
	enum status ended = step_sink_settle(step->migrate, status ? NULL : err);
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
		if (stays && step_sink_is_as_moved(migrate, key) &&
		    keybook_at(migrate->book, key->entry)->state != BOOK_skipped)
			return err_set(err, STATUS_UNAVAILABLE,
				       "%s did not say that it has the rows of %.*s: nothing more "
				       "is removed",
				       migrate_sink_text(migrate_family_of(migrate, key)->sink),
				       STR_ARG(key->printed));
		if (stays)
			migrate_line(migrate, "kept: %.*s is not as it was moved",
				     STR_ARG(key->printed));
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
