#include "store/tape_read.h"

bool tape_entry_read(const struct redis_reply *entry, struct stream_id *id, struct str *chunk)
{
	if (entry->type != REDIS_ARRAY || entry->count != 2 || entry->items[1].count < 2 ||
	    stream_id_parse(entry->items[0].text, id))
		return false;
	*chunk = entry->items[1].items[1].text;
	return true;
}
