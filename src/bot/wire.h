/* wire.h - what people send and what they are sent, in weir's own shapes: between the bot
 * (policy, bot.h) and who carries it (telegram/telegram.h). No JSON, no HTTP here. */
#pragma once

#include "base/str.h"

enum {
	BOT_TEXT_MAX = 4096,    /* visible characters of a message; longer texts go in parts */
	BOT_CAPTION_MAX = 1024, /* under a picture */
	BOT_DATA_MAX = 64,      /* bytes of a button's data */
	BOT_ROWS_MAX = 6,
	BOT_BUTTONS_MAX = 8, /* of a row */
	BOT_PHOTO_MAX = 1 << 20,
};

enum bot_update_kind { BOT_UPDATE_MESSAGE, BOT_UPDATE_BUTTON };

/* Texts live during the call. What is no message or button of a person is never told. */
struct bot_update {
	enum bot_update_kind kind;
	int64_t update_id;
	int64_t chat_id, user_id;
	int64_t thread_id;  /* a topic of the group; 0 none */
	int64_t message_id; /* of the message; of the one the button stands under */
	int64_t date_s;     /* of the message */
	bool group, edited, forwarded, from_bot;
	bool has_photo;       /* a button's: its message is a picture with a caption */
	struct str text;      /* a button's: its data */
	struct str name;      /* of the person, for people */
	struct str button_id; /* answered with BOT_OUT_NOTICE */
};

enum bot_out_kind {
	BOT_OUT_TEXT,    /* a new message */
	BOT_OUT_PHOTO,   /* a new picture; text is its caption */
	BOT_OUT_EDIT,    /* message_id gets this text and these buttons */
	BOT_OUT_REPHOTO, /* message_id gets this picture, caption and buttons */
	BOT_OUT_TYPING,
	BOT_OUT_NOTICE, /* a button was pressed: button_id; text may be empty */
};

struct bot_button {
	struct str text, data; /* data at most BOT_DATA_MAX bytes; it is what comes back */
};

struct bot_row {
	struct bot_button buttons[BOT_BUTTONS_MAX];
	size_t count;
};

/* Copied by who takes it. */
struct bot_out {
	enum bot_out_kind kind;
	int64_t chat_id, thread_id, message_id;
	bool group;       /* the chat is one: other limits */
	bool alert;       /* goes before answers */
	bool silent;      /* no sound */
	struct str text;  /* HTML of Telegram's subset (page.h) */
	struct str photo; /* PNG */
	struct str button_id;
	const struct bot_row *rows;
	size_t row_count;
	struct str coalesce; /* not empty: takes the place of one with the same that waits still */
	uint64_t tag;        /* comes back with its end; 0: nobody waits for it */
};
