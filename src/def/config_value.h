/* config_value.h - one setting's text to its value and back, by its row, and what a
 * struct config is made of. Used by config.c and config_read.c alone. Pure. */
#pragma once

#include "def/config.h"

/* number for BOOL INT SIZE DURATION NUMBER ENUM; text for ENUM LIST PATH URL ADDRESS, normalised.
 */
struct config_value {
	int64_t number;
	struct str text; /* in storage: do not copy */
	char storage[CONFIG_VALUE_BYTES + 1];
};

struct config_slot {
	struct config_value value;
	struct config_origin origin;
};

struct config {
	char file_name[256];
	struct config_slot slots[CONFIG_COUNT];
};

/* INVALID: *why says it, starting with the text in quotes ("'65536' is not
 * 0..65535"). */
MUST_CHECK enum status config_value_parse(const struct config_row *row, struct str text,
					  struct config_value *out, struct buf *why);
/* The number in the shortest spelling: "512mb", "10s", "yes". */
void config_value_print(struct buf *buf, const struct config_row *row, int64_t number);
/* FORMAT: not HOST:PORT with a numeric host (IPv6 in brackets). */
MUST_CHECK enum status config_address_split(struct str text, char host[64], uint16_t *port);
/* Where in a URL the password is; false when it has none. */
bool config_url_password(struct str url, size_t *from, size_t *to);
