#include "notify/channel.h"

#include <stdio.h>

void channel_note(struct channel_facts *facts, enum status status, const struct http_answer *answer,
		  const char *why)
{
	facts->bad = channel_judge(status, answer) != CHANNEL_TAKEN;
	if (!facts->bad)
		facts->why[0] = 0;
	else if (status)
		snprintf(facts->why, sizeof facts->why, "%s", why);
	else
		snprintf(facts->why, sizeof facts->why, "HTTP %d%s", answer->code,
			 answer->code / 100 == 3 ? ": redirects are not followed" : "");
}
