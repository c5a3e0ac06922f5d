#include "def/timeframes.h"

#include "base/check.h"

static const struct {
	const char *text;
	int32_t minutes;
} timeframes[] = {
	{ "5m", 5 },   { "15m", 15 }, { "30m", 30 },  { "1h", 60 },   { "2h", 120 },
	{ "4h", 240 }, { "6h", 360 }, { "12h", 720 }, { "1d", 1440 },
};

int32_t timeframe_minutes(struct str word)
{
	for (size_t i = 0; i < ARRAY_LEN(timeframes); i++)
		if (str_eq(str_of(timeframes[i].text), word))
			return timeframes[i].minutes;
	return 0;
}

const char *timeframe_text(int32_t minutes)
{
	for (size_t i = 0; i < ARRAY_LEN(timeframes); i++)
		if (timeframes[i].minutes == minutes)
			return timeframes[i].text;
	CHECK(!"a timeframe of the table");
	return "";
}
