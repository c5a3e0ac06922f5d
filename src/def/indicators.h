/* indicators.h - the table of indicators, from indicators.def. Any thread. */
#pragma once

#include <stddef.h>

enum indicator {
#define INDICATOR(id, field, title, function, output, convention) INDICATOR_##id,
#include "def/indicators.def"
	INDICATOR_COUNT
};

/* Whose definitions the figures follow, where they differ (market/ta.h says how). */
enum ta_convention {
	TA_WILDER, /* market.md 3.1 */
	TA_TALIB,  /* TA-Lib's defaults */
};

struct indicator_row {
	const char *id, *field, *title, *convention;
};

const struct indicator_row *indicator_row(enum indicator indicator);
/* The text to print beside figures worked out by that convention; never NULL. */
const char *indicator_convention(enum indicator indicator, enum ta_convention convention);
