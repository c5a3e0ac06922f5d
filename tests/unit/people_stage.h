/* people_stage.h - people with unpredictable bytes that a test predicts: random bytes count
 * up, and the digest is a plain hash. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "people/people.h"

#define SECOND  INT64_C(1000000000)
#define WALL_MS INT64_C(1723161600000)

struct people_stage {
	struct people *people;
	uint8_t next_random;
	enum status random_status;
	int64_t changed[64]; /* ids told, newest last */
	bool gone[64];
	size_t changes;
};

static inline enum status stage_random(void *ctx, void *bytes, size_t n)
{
	struct people_stage *stage = ctx;
	for (size_t i = 0; i < n; i++)
		((uint8_t *)bytes)[i] = stage->next_random++;
	return stage->random_status;
}

static inline enum status stage_digest(void *ctx, struct str text, uint8_t out[PEOPLE_DIGEST_BYTES])
{
	uint64_t hash = str_hash(text);
	(void)ctx;
	for (size_t i = 0; i < PEOPLE_DIGEST_BYTES; i++)
		out[i] = (uint8_t)(hash >> (i % 8 * 8));
	return STATUS_OK;
}

static inline void stage_changed(void *ctx, const struct person *person, bool gone)
{
	struct people_stage *stage = ctx;
	stage->changed[stage->changes % 64] = person->id;
	stage->gone[stage->changes++ % 64] = gone;
}

static inline void people_stage_begin(struct people_stage *stage)
{
	const struct people_hooks hooks = { stage_random, stage_digest, stage_changed, stage };
	*stage = (struct people_stage){ 0 };
	stage->people = people_create(&hooks);
	assert_non_null(stage->people);
}

static inline void people_stage_end(struct people_stage *stage) { people_destroy(stage->people); }

/* Makes a code and follows its link. */
static inline const struct person *people_stage_pair(struct people_stage *stage, int64_t id,
						     const char *name)
{
	char code[PEOPLE_CODE_BYTES + 1];
	const struct person *person;
	assert_int_equal(people_make_code(stage->people, SECOND, code), STATUS_OK);
	assert_int_equal(people_pair(stage->people, id, str_of(name), str_of(code), 2 * SECOND,
				     WALL_MS, &person),
			 STATUS_OK);
	return person;
}
