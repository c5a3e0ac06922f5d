/* names_impl.h - struct names, for names.c and names_families.c. */
#pragma once

#include "audit/names.h"
#include "audit/names_store.h"

enum { NAMES_TEMPLATES_MAX = 64 };

struct name_template {
	uint32_t places; /* bit i: part i is a value */
	uint8_t parts;
	enum name_kind kind;
};

struct names {
	struct name_lexer lexer;
	struct name_store raw;     /* as learned, pressed from time to time */
	struct name_store settled; /* after names_settle */
	uint32_t *settled_of;      /* [shape of raw] → of settled */
	uint32_t *ids;             /* [id that was told] → shape of raw; settled: → family */
	size_t n_ids, ids_cap;
	uint64_t soon[NAMES_SOON]; /* hashes of names to come: a ring */
	unsigned n_soon;
	int presses;
	bool full; /* no press makes room any more */
	uint64_t lost;
	struct name_template templates[NAMES_TEMPLATES_MAX];
	size_t n_templates;
	struct name_family *families;
	size_t n_families;
	uint32_t *family_of; /* [shape of settled] */
	char *patterns;      /* the families' texts */
};

/* A shape of the store that the name fits as one of the templates says; 0: none. */
size_t names_template(const struct names *names, const struct name_store *store,
		      const struct name_lexed *lexed);
/* From settled. */
MUST_CHECK enum status names_families_make(struct names *names, size_t families_max);
void names_families_free(struct names *names);
