/* pictures.h - what weir draws, from pictures.def. Any thread. */
#pragma once

#include "base/str.h"

enum picture_kind {
#define PICTURE(id, name, title) PICTURE_##id,
#include "def/pictures.def"
#undef PICTURE
	PICTURE_COUNT,
	PICTURE_NONE = PICTURE_COUNT,
};

struct picture_row {
	const char *name;  /* "cvd" */
	const char *title; /* "price over CVD" */
};

const struct picture_row *picture_row(enum picture_kind kind);
enum picture_kind picture_find(struct str name); /* PICTURE_NONE: there is none */
