/* answer.h - the questions that are answered, one file each. Internal to ask/.
 *
 * Each works its facts out once, puts the page's body between title and footer,
 * and, where `json` is not NULL, the members of "data". */
#pragma once

#include "ask/scene.h"

typedef void answer_print(const struct scene *scene, struct page *page, struct json_out *json);

void price_answer(const struct scene *scene, struct page *page, struct json_out *json);
void volume_answer(const struct scene *scene, struct page *page, struct json_out *json);
void cvd_answer(const struct scene *scene, struct page *page, struct json_out *json);
void momentum_answer(const struct scene *scene, struct page *page, struct json_out *json);
void flow_answer(const struct scene *scene, struct page *page, struct json_out *json);

/* Minutes that /volume looks at: 50 closed bars and the open one. */
int32_t volume_minutes(const struct scene *scene);

/* Characters of a page that market parts may fill, so that what follows fits. */
enum { PARTS_CHARS = 3000 };
