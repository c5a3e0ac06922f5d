/* config_value.h - one setting's text to its value and back, by its row, and what a
 * struct config is made of. Used by config*.c alone. Pure. */
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
	struct config_open *open;
	size_t open_count, open_room;
	struct buf open_text; /* what they point into: reserved at once, never moved */
};

/* config_open.c. Room for the texts of open sections of a file of so many bytes. */
MUST_CHECK enum status config_open_reserve(struct config *config, size_t file_bytes);
void config_open_deinit(struct config *config);
bool config_open_has_kind(struct str section); /* by its prefix */
/* INVALID: *why says it. */
MUST_CHECK enum status config_open_section(struct config *config, struct str section, uint32_t line,
					   struct buf *why);
/* A key of the newest section. INVALID; *at_value: it is the value that is at fault. */
MUST_CHECK enum status config_open_key(struct config *config, struct str key, struct str value,
				       uint32_t line, struct buf *why, bool *at_value);
/* The first key, of one that needs a new start, that `other` says differently or not at
 * all; NULL: none. */
const struct config_open *config_open_fixed(const struct config *config,
					    const struct config *other);
/* A text as the reader takes it back: in quotes where it needs them. */
void config_print_text(struct buf *buf, struct str text);

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
