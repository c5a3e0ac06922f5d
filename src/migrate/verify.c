/* Reads everything anew and compares; writes nothing. */
#include "migrate/migrate_impl.h"

static const char *said(enum decide_action action)
{
	static const char *const texts[DECIDE_ACTIONS] = {
		[DECIDE_COPY] = "the new key is not there",
		[DECIDE_REPLACE] = "the old key was changed since it was copied",
		[DECIDE_REVERSE] = "the new key was changed since",
		[DECIDE_EXPIRY] = "the two expire at different times",
		[DECIDE_UNMAKE] = "the old key was deleted, the new one is there",
		[DECIDE_CONFLICT] = "both were changed, the name is taken, or the old key is gone",
		[DECIDE_RETURNED] = "it was removed, and somebody wrote it again",
		[DECIDE_LOST] = "it is gone before its time, and nobody told why; the "
				"backup has it",
	};
	return texts[action];
}

static void check(struct step *step, struct step_key *key)
{
	step_decide_one(step, key);
	if (said(key->action))
		migrate_line(step->migrate, "%.*s: %s", STR_ARG(key->printed), said(key->action));
	switch (key->action) {
	case DECIDE_NOTHING:
		if (digest_eq(key->made, key->new_key.digest)) {
			step_count(step, key);
			break;
		}
		migrate_line(step->migrate, "%.*s: the new key is not what the old one becomes",
			     STR_ARG(key->printed));
		step_count_behind(step, key);
		break;
	case DECIDE_COPY:
	case DECIDE_REPLACE:
	case DECIDE_EXPIRY:
	case DECIDE_REVERSE:
	case DECIDE_UNMAKE: step_count_behind(step, key); break;
	default: step_count(step, key); break;
	}
}

static enum status verify_batch(struct migrate *migrate, struct step *step, struct err *err)
{
	enum status status = step_sort_out(step, err);
	if (!status && step->count)
		status = step_read(step, SOURCE_CONTENT, 0, err);
	for (size_t i = 0; !status && i < step->count; i++)
		if (!step_is_big(&step->keys[i]))
			check(step, &step->keys[i]);
	for (size_t i = 0; !status && i < step->count; i++) {
		struct step_key *key = &step->keys[i];
		if (!step_is_big(key))
			continue;
		status = step_big_read(migrate, key, err);
		if (!status)
			check(step, key);
	}
	return status;
}

enum status verify_pass(struct migrate *migrate, struct err *err)
{
	migrate_clear_counts(migrate);
	migrate->checking = true;
	enum status status = migrate_pass(migrate, "verify", true, verify_batch, err);
	migrate->checking = false;
	return status;
}

enum status migrate_verify(struct migrate *migrate, struct err *err)
{
	return verify_pass(migrate, err);
}
