#include "serve/kept.h"

void kept_init(struct kept *kept)
{
	*kept = (struct kept){ .found = 0 };
	for (size_t i = 0; i < KEPT_ROOM; i++)
		buf_init(&kept->answers[i].text, KEPT_ANSWER_MAX);
}

void kept_deinit(struct kept *kept)
{
	for (size_t i = 0; i < KEPT_ROOM; i++)
		buf_deinit(&kept->answers[i].text);
}

static struct kept_answer *place_of(struct kept *kept, struct str question, int format)
{
	return &kept->answers[(str_hash(question) + (uint64_t)format) % KEPT_ROOM];
}

const struct kept_answer *kept_find(struct kept *kept, struct str question, int format,
				    int64_t now_ns)
{
	const struct kept_answer *answer = place_of(kept, question, format);
	if (now_ns < answer->until_ns && answer->format == format &&
	    str_eq(question, str_make(answer->question, answer->question_len))) {
		kept->found++;
		return answer;
	}
	kept->made++;
	return NULL;
}

void kept_put(struct kept *kept, struct str question, int format, int64_t now_ns, int outcome,
	      struct str text)
{
	struct kept_answer *answer = place_of(kept, question, format);
	answer->until_ns = 0;
	if (question.len > KEPT_QUESTION_MAX)
		return;
	buf_clear(&answer->text);
	buf_str_put(&answer->text, text);
	if (answer->text.overflow)
		return;
	memcpy(answer->question, question.ptr, question.len);
	answer->question_len = question.len;
	answer->format = format;
	answer->outcome = outcome;
	answer->until_ns = now_ns + KEPT_MS * INT64_C(1000000);
}

void kept_forget(struct kept *kept)
{
	for (size_t i = 0; i < KEPT_ROOM; i++)
		kept->answers[i].until_ns = 0;
}
