/* answer.h - the questions that are answered, one file each. Internal to ask/.
 *
 * Each works its facts out once, puts the page's body between title and footer,
 * and, where `json` is not NULL, the members of "data". */
#pragma once

#include "ask/scene.h"

typedef void answer_print(const struct scene *scene, struct page *page, struct json_out *json);
/* " · open interest 31 s old": put behind the footer's time. */
typedef void answer_ages(const struct scene *scene, struct page *page);

void price_answer(const struct scene *scene, struct page *page, struct json_out *json);
void volume_answer(const struct scene *scene, struct page *page, struct json_out *json);
void cvd_answer(const struct scene *scene, struct page *page, struct json_out *json);
void momentum_answer(const struct scene *scene, struct page *page, struct json_out *json);
void flow_answer(const struct scene *scene, struct page *page, struct json_out *json);
void analysis_answer(const struct scene *scene, struct page *page, struct json_out *json);
void oi_answer(const struct scene *scene, struct page *page, struct json_out *json);
void funding_answer(const struct scene *scene, struct page *page, struct json_out *json);
void liquidations_answer(const struct scene *scene, struct page *page, struct json_out *json);
void top_answer(const struct scene *scene, struct page *page, struct json_out *json);

void oi_ages(const struct scene *scene, struct page *page);
void funding_ages(const struct scene *scene, struct page *page);
void liquidations_ages(const struct scene *scene, struct page *page);

/* The markets of /top10 that are quoted in dollars, the largest first: at most TOP_MAX. */
enum { TOP_MAX = 10 };
size_t top_markets(const struct markets *markets, const struct asked *asked,
		   struct market *out[TOP_MAX]);

/* Whose liquidations are counted up to when: the wall's time or, in a replay, the newest
 * event of all. */
int64_t liquidations_until_ms(const struct scene *scene);

/* "n/a" where the level is not known: what is not known is not "NONE". */
struct spike;
const char *spike_word(const struct spike *spike);
/* Minutes that /volume looks at: 50 closed bars and the open one. */
int32_t volume_minutes(const struct scene *scene);

/* Characters of a page that market parts may fill, so that what follows fits. */
enum { PARTS_CHARS = 3000 };
