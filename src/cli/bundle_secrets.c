#include "cli/bundle_secrets.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "def/config_value.h"
#include "os/files.h"
#include "os/secret.h"

enum { TEXT_BYTES = 8 << 20, FILE_BYTES = 4 << 20 };

/* Places in text first: it moves while it grows. */
static void add(struct bundle_secrets *secrets, struct str secret)
{
	if (secret.len < REDACT_KNOWN_LEAST)
		return;
	if (secrets->count == secrets->room) {
		size_t room = secrets->room ? 2 * secrets->room : 64;
		struct str *more = room <= BUNDLE_SECRETS_MAX
				       ? realloc(secrets->known, room * sizeof *more)
				       : NULL;
		secrets->is_full = !more;
		if (!more)
			return;
		secrets->known = more;
		secrets->room = room;
	}
	secrets->known[secrets->count++] = str_make(NULL, secret.len);
	buf_str_put(&secrets->text, secret);
}

static void point_known(struct bundle_secrets *secrets)
{
	const char *at = secrets->text.ptr;
	secrets->is_full = secrets->is_full || secrets->text.overflow;
	for (size_t i = 0; i < secrets->count && !secrets->is_full; i++) {
		secrets->known[i].ptr = at;
		at += secrets->known[i].len;
	}
}

static bool next_word(struct str *line, struct str *word)
{
	size_t n = 0;
	*line = str_trim(*line);
	while (n < line->len && line->ptr[n] != ' ' && line->ptr[n] != '\t')
		n++;
	*word = str_make(line->ptr, n);
	*line = str_skip(*line, n);
	return n > 0;
}

/* A tokens file has the token in the second word of a line, run/users in the third; of other
 * files every word counts, and what stands behind =. */
static size_t place_in_line(const struct doctor_secret *file)
{
	if (strstr(file->setting, "tokens"))
		return 2;
	return strstr(file->setting, "passwords") ? 3 : 0;
}

static void add_line(struct bundle_secrets *secrets, struct str line, size_t place)
{
	struct str word;
	for (size_t at = 1; next_word(&line, &word) && word.ptr[0] != '#'; at++) {
		if (place && at != place)
			continue;
		size_t equals = str_find_char(word, '=');
		add(secrets, word); /* base64 ends in = */
		if (equals + 1 < word.len)
			add(secrets, str_skip(word, equals + 1));
	}
}

static void add_file(struct bundle_secrets *secrets, const struct doctor_secret *file)
{
	struct buf text;
	struct str rest, line;
	buf_init(&text, FILE_BYTES + 1);
	if (file->file.is_plain && !files_read(file->path, FILE_BYTES, &text, NULL)) {
		rest = buf_str(&text);
		while (rest.len && str_split(&rest, '\n', &line))
			add_line(secrets, line, place_in_line(file));
	}
	secret_wipe(&text);
}

/* USER:PASSWORD@ of a URL that is no secret as a whole. */
static void add_password(struct bundle_secrets *secrets, struct str url)
{
	size_t from, to;
	if (config_url_password(url, &from, &to))
		add(secrets, str_make(url.ptr + from, to - from));
}

static void add_settings(struct bundle_secrets *secrets, const struct config *config)
{
	for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
		enum config_type type = config_row(id)->type;
		if (type != CONFIG_URL && type != CONFIG_PATH)
			continue;
		struct str value = config_str(config, id);
		if (config_is_secret(id))
			add(secrets, value);
		if (type == CONFIG_URL)
			add_password(secrets, value);
	}
	for (size_t i = 0; i < config_open_count(config); i++) {
		const struct config_open *open = config_open_at(config, i);
		if (open->like != CONFIG_COUNT && config_row(open->like)->type == CONFIG_URL)
			add_password(secrets, open->text);
	}
}

static void add_environment(struct bundle_secrets *secrets)
{
	for (char **at = environ; *at; at++) {
		struct str entry = str_of(*at);
		size_t equals = str_find_char(entry, '=');
		if (redact_is_secret_name(str_make(entry.ptr, equals)) ||
		    str_starts(entry, STR("WEIR_EXCHANGE_")))
			add(secrets, str_skip(entry, equals + 1));
	}
}

void bundle_secrets_read(const struct config *config, const struct doctor_facts *facts,
			 struct bundle_secrets *secrets)
{
	*secrets = (struct bundle_secrets){ 0 };
	buf_init(&secrets->text, TEXT_BYTES);
	for (size_t i = 0; i < facts->secret_count; i++)
		add_file(secrets, &facts->secrets[i]);
	if (config)
		add_settings(secrets, config);
	add_environment(secrets);
	point_known(secrets);
}

void bundle_secrets_wipe(struct bundle_secrets *secrets)
{
	secret_wipe(&secrets->text);
	free(secrets->known);
	*secrets = (struct bundle_secrets){ 0 };
}
