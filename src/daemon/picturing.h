/* picturing.h - pictures of answers, drawn by a worker beside the loop.
 *
 *   ask: facts are taken now (picture_take, < 1 ms) → worker draws → fn, on the loop
 *
 * At most PICTURING_WAITING pictures wait or are being drawn, about 100 KiB each; one more
 * is FULL and counted. A picture asked for while the same one waits, with the same second's
 * facts, shares its drawing (the bound counts drawings; each has PICTURING_SHARED askers at
 * most). The worker's thread starts with the first picture. Loop thread. */
#pragma once

#include "base/hist.h"
#include "os/loop.h"
#include "picture/picture.h"

enum { PICTURING_WAITING = 32, PICTURING_SHARED = 64 };

struct picturing;

/* png lives during the call; "" unless OK: NO_MEMORY. */
typedef void (*picturing_fn)(void *ctx, enum status status, struct str png);

struct picturing_config {
	struct loop *loop;
	const struct ask_world *world; /* outlives it */
};

struct picturing_counts {
	uint64_t asked, drawn, shared;
	uint64_t none;   /* there is no picture of the question */
	uint64_t full;   /* refused at the bound */
	uint64_t failed; /* NO_MEMORY */
};

struct picturing *picturing_create(const struct picturing_config *config); /* NULL: no memory */
/* OK: fn runs once, later. NOT_FOUND: there is no picture of it (picturing_why); FULL;
 * NO_MEMORY; UNAVAILABLE: no thread. Then fn does not run. */
MUST_CHECK enum status picturing_ask(struct picturing *picturing, struct str question,
				     enum picture_theme theme, picturing_fn fn, void *ctx);
/* Why there is none, as one line without its end; INVALID: the question is not understood,
 * else NOT_FOUND. */
enum status picturing_why(const struct picturing *picturing, struct str question, struct buf *out);
/* At once, on the caller's thread: where no loop turns. */
MUST_CHECK enum status picturing_draw(struct picturing *picturing, struct str question,
				      enum picture_theme theme, struct buf *png);
const struct picturing_counts *picturing_counts(const struct picturing *picturing);
/* ns of its thread that each drawing took. */
const struct hist *picturing_took(const struct picturing *picturing);
/* Every picture asked for is told first; then fn(ctx), perhaps at once, and it is freed. */
void picturing_close(struct picturing *picturing, void (*fn)(void *ctx), void *ctx);
