/* verdict.h - what an answer of the Bot API means for who asked.
 *
 * Answers are {"ok":true,"result":…} or {"ok":false,"error_code":N,"description":"…",
 * "parameters":{"retry_after":S}} (Bot API, "Making requests", ResponseParameters). What an
 * error is about is only in its description, whose wording is not promised: verdict.def has
 * the words looked for; without them the code decides. Pure. Any thread. */
#pragma once

#include "base/buf.h"

enum verdict {
	VERDICT_DONE,
	VERDICT_SAME,     /* an edit that changes nothing */
	VERDICT_PLAIN,    /* its HTML is not understood */
	VERDICT_CAPTION,  /* the message to edit is a picture: its caption is what can be edited */
	VERDICT_LIMITED,  /* 429 */
	VERDICT_AGAIN,    /* 5xx, no answer, no JSON: nobody knows whether it was done */
	VERDICT_BLOCKED,  /* this chat takes nothing from the bot */
	VERDICT_GONE,     /* the message, the topic or the button press is no more */
	VERDICT_INVALID,  /* this request is not taken */
	VERDICT_TOKEN,    /* 401, 404 */
	VERDICT_CONFLICT, /* 409 */
};

enum { VERDICT_WHY_BYTES = 160, VERDICT_RETRY_S = 5, VERDICT_RETRY_S_MAX = 86400 };

struct verdict_told {
	enum verdict verdict;
	int64_t message_id; /* DONE: of a result that has one; else 0 */
	int64_t retry_s; /* LIMITED: 1..VERDICT_RETRY_S_MAX; VERDICT_RETRY_S when it says nothing */
	char why[VERDICT_WHY_BYTES]; /* one line, cut; "" when DONE. Words of the other side */
};

/* status and code: of the HTTP request; body counts when status is OK. */
void verdict_read(enum status status, int code, struct str body, struct verdict_told *out);
/* username of getMe's answer into name, "" when there is none. */
void verdict_name(struct str body, char *name, size_t size);
