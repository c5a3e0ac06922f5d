#include "def/indicators.h"

#include "base/check.h"

static const struct indicator_row rows[] = {
#define INDICATOR(id, field, title, function, output, convention) { #id, field, title, convention },
#include "def/indicators.def"
};

static const char *const talib[INDICATOR_COUNT] = {
#define INDICATOR_TALIB(id, convention) [INDICATOR_##id] = convention,
#include "def/indicators.def"
};

const struct indicator_row *indicator_row(enum indicator indicator)
{
	CHECK((unsigned)indicator < INDICATOR_COUNT);
	return &rows[indicator];
}

const char *indicator_convention(enum indicator indicator, enum ta_convention convention)
{
	const struct indicator_row *row = indicator_row(indicator);
	return convention == TA_TALIB && talib[indicator] ? talib[indicator] : row->convention;
}
