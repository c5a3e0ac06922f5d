/* result.h - one entry of trade_results (def/results.def; contracts.md).
 *
 * Made of a terminal's R or D frame, or by weir itself (expired, refused, failed). Texts
 * are slices of what it was made of and of its own storage: do not copy a result, and use
 * it before the frame's line goes. Pure; one thread. */
#pragma once

#include "codec/mfp.h"

enum result_field {
#define RESULT(id, unit, meaning) RESULT_##id,
#include "def/results.def"
#undef RESULT
	RESULT_FIELDS
};

enum { RESULT_STORAGE = 1536, RESULT_RID_MAX = 191 };

struct result {
	struct str fields[RESULT_FIELDS]; /* len 0: absent */
	uint64_t rid_hash;                /* str_hash of fields[RESULT_rid] */
	bool final;                       /* done fail exp refused; not part, unk, nor a deal's */
	uint64_t deal;                    /* ticket; 0 none */
	int64_t server_ms;                /* 0 unknown */
	struct buf text;
	char storage[RESULT_STORAGE];
};

/* Whose result: the account the terminal is logged in to. */
struct result_owner {
	struct str instance, server;
	int64_t login;
};

const char *result_field_name(enum result_field field);
/* frame: R (rid SID-INSTANCE-N, N the deal ticket, 0 for a final one without, u for unk,
 * p for a part that names no deal) or D (rid deal:SERVER:LOGIN:TICKET, st done, rq the
 * level that was hit). Text fields are unescaped. FORMAT: the rid does not fit. The
 * producer's id is not in a frame: who knows it sets fields[RESULT_id]. */
MUST_CHECK enum status result_of_frame(struct result *result, const struct mfp_frame *frame,
				       const struct result_owner *owner, int64_t now_ms);
/* weir's own. st: "exp" "refused" "fail" "unk"; why: one word or a field's name; tries: how
 * often it was sent (0: it never was at a terminal, which tells an exp of weir's from one
 * of a terminal's); instance (at most 64 bytes) empty: rid SID--0; of an unk u stands for
 * the 0. */
void result_of_weir(struct result *result, uint64_t sid, struct str id, struct str instance,
		    const char *st, struct str why, uint32_t tries, int64_t now_ms);
