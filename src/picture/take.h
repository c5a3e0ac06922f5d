/* take.h - what the takers of facts share. Internal to picture/.
 *
 *   picture.c       which picture, its head and foot   take_bars.c  price, CVD, delta, volume
 *   take_rates.c    open interest, funding, liquidations   take_equity.c  equity */
#pragma once

#include "ask/scene.h"
#include "picture/picture.h"

/* A scene and the slots that its picture shows. */
struct take {
	struct scene scene;
	struct asked asked;
	const struct scene_market *lead; /* whose price is shown */
	int32_t minutes;                 /* of a slot */
	int64_t first, last;             /* slots, by unix time / length */
	struct picture_facts *facts;
};

/* The slots up to the one of end_ms: at most `most`, none before the first minute held of
 * any market, but always TAKE_SLOTS_LEAST. */
enum { TAKE_SLOTS_LEAST = 4 };
void take_slots(struct take *take, int32_t minutes, int64_t end_ms, int32_t most);
/* The slot's place; false: it is not shown. */
bool take_slot(const struct take *take, int64_t t_ms, size_t *slot);
/* The next panel, cleared: its name as by printf. */
struct picture_panel *take_panel(struct picture_facts *facts, enum picture_form form,
				 uint32_t share, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Whole characters of it, and the zero. */
void take_text(char *dst, size_t size, struct str text);
/* The sums as a panel's series, at one scale; those that are bad or not `known` (NULL: all
 * are) are left out, and slots with them. */
void take_sums(struct picture_panel *panel, size_t series, const struct sum *sums,
	       const bool *known, size_t n);
/* The price of the lead: candles, or its closes as a line. */
void take_price(struct take *take, enum picture_form form, uint32_t share);

void take_cvd(struct take *take);
void take_delta(struct take *take);
void take_oi(struct take *take);
void take_liquidations(struct take *take);
MUST_CHECK enum status take_equity(const struct ask_world *world, const struct asked *asked,
				   int64_t now_ms, struct picture_facts *facts);
