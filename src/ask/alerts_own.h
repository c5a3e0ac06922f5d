/* alerts_own.h - /alerts add, edit, del …: the alerts that people keep for themselves, and
 * the asker's board. Internal to ask/. */
#pragma once

#include "ask/ask.h"
#include "ask/asked.h"
#include "base/json_out.h"
#include "ask/page.h"
#include "rules/rules.h"

/* What follows /alerts is a verb other than list. */
bool alerts_own_asked(const struct asked *asked);
enum ask_outcome alerts_own_answer(const struct ask_world *world, const struct ask_request *request,
				   const struct asked *asked, struct buf *out);
/* The asker's board, for /alerts. Nothing where no rules are kept. */
void alerts_own_print(const struct ask_world *world, const struct ask_request *request,
		      const struct asked *asked, struct page *page);
void alerts_own_json(const struct ask_world *world, const struct ask_request *request,
		     const struct asked *asked, struct json_out *json);
/* Who keeps what is set: the asker, or "local". */
struct str alerts_own_keeper(const struct ask_request *request);
/* A rule: as it is written; with all that is known of it (and its owner); an object. */
void alerts_own_print_condition(const struct rule_spec *spec, struct page *page);
void alerts_own_print_view(const struct rule_view *view, bool owner, struct page *page);
void alerts_own_json_view(const struct rule_view *view, struct json_out *json);
