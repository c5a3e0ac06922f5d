/* parts.h - texts in Telegram's HTML, cut into parts that it takes.
 *
 * Telegram bounds a message by what is seen of it: its HTML parsed, counted in UTF-16 units
 * (Bot API, "Formatting options", "entities"). A part ends at a line end; where a line is
 * longer than a part, at a blank; else between characters, never inside a tag or an entity.
 * What is open at a cut is closed there and opened again, with its attributes, in the next part.
 * Line ends at a cut and parts with nothing to see are dropped; nothing else is.
 *
 * Known tags: b strong i em u ins s strike del a code pre blockquote span tg-spoiler tg-emoji.
 * Keeps slices of the text. Pure. Any thread. */
#pragma once

#include "base/buf.h"

enum { PARTS_DEPTH = 8 };

struct parts {
	struct str rest;
	struct str open[PARTS_DEPTH]; /* "<a href=…>", outermost first */
	size_t depth;
};

/* Known tags only, each closed in turn, not deeper than PARTS_DEPTH. */
bool parts_are_html(struct str text);
/* Of a text that parts_are_html. */
void parts_init(struct parts *parts, struct str html);
/* Appends a part with at most units_max (at least 2) visible units. False: there is no more,
 * and nothing was appended. */
bool parts_next(struct parts *parts, size_t units_max, struct buf *out);
/* Whether parts_next has more. */
bool parts_more(const struct parts *parts);
/* What is seen of it, without tags. */
void parts_plain(struct str html, struct buf *out);
/* Visible UTF-16 units of it. */
size_t parts_units(struct str html);
