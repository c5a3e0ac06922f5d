#include "feed/account_sign.h"

#include <stdio.h>

#include "base/check.h"
#include "os/secret.h"

enum { MAC_HEX = 2 * SECRET_MAC_BYTES + 1, HEADER_MAX = 256 };

/* ---- keys ---- */

static bool is_key(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f)
			return false;
	return text.len > 0 && text.len <= ACCOUNT_KEY_MAX;
}

enum status account_key_make(struct str key, struct str secret, struct account_key *out,
			     struct err *err)
{
	bool has_key = is_key(key);
	if (!has_key || !is_key(secret))
		return err_set(err, STATUS_INVALID,
			       "the %s is not 1 to %d printable characters without blanks",
			       has_key ? "secret" : "key", ACCOUNT_KEY_MAX);
	*out = (struct account_key){ "", "" };
	memcpy(out->key, key.ptr, key.len);
	memcpy(out->secret, secret.ptr, secret.len);
	return STATUS_OK;
}

/* `name = value`, or an empty line; false: neither. */
static bool read_line(struct str line, struct str *key, struct str *secret)
{
	struct str name;
	line = str_trim(line);
	if (!line.len || line.ptr[0] == '#')
		return true;
	struct str rest = line;
	if (!str_split(&rest, '=', &name) || !rest.ptr)
		return false;
	name = str_trim(name);
	struct str *out = str_eq(name, STR("key"))      ? key
			  : str_eq(name, STR("secret")) ? secret
							: NULL;
	if (!out || out->ptr)
		return false;
	*out = str_trim(rest);
	return true;
}

enum status account_key_parse(struct str text, struct account_key *key, struct err *err)
{
	struct str line, rest = text, key_text = { 0 }, secret_text = { 0 };
	unsigned number = 0;
	while (rest.ptr && str_split(&rest, '\n', &line)) {
		number++;
		if (!read_line(line, &key_text, &secret_text))
			return err_set(err, STATUS_INVALID,
				       "line %u is not `key = …` or `secret = …`, each once",
				       number);
	}
	return account_key_make(key_text, secret_text, key, err);
}

enum status account_key_read(const char *path, struct account_key *key, struct err *err)
{
	struct buf text;
	buf_init(&text, ACCOUNT_KEY_FILE_MAX + 1);
	enum status status = secret_read_file(path, ACCOUNT_KEY_FILE_MAX, &text, err);
	if (!status && (status = account_key_parse(buf_str(&text), key, err)))
		err_wrap(err, status, "%s", path);
	secret_wipe(&text);
	return status;
}

void account_key_wipe(struct account_key *key) { explicit_bzero(key, sizeof *key); }

/* So many characters of the word's beginning stand in the text here. */
static size_t common(const char *word, const char *text)
{
	size_t n = 0;
	while (word[n] && word[n] == text[n])
		n++;
	return n;
}

/* The word, and also its beginning: a text that was cut may end amid it. */
static void redact(const char *word, char *text)
{
	size_t len = strlen(word), telling = len < 6 ? len : 6;
	for (char *at = text; telling && *at; at++) {
		size_t n = common(word, at);
		if (n >= telling)
			memset(at, '*', n);
	}
}

void account_key_redact(const struct account_key *key, char *text)
{
	redact(key->secret, text);
	redact(key->key, text);
}

/* ---- requests ---- */

void account_query_put(struct buf *query, struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') || strchr("-_.~", c ? c : ' ');
		if (plain)
			buf_char(query, (char)c);
		else
			buf_printf(query, "%%%02X", c);
	}
}

static enum status sign(const struct account_key *key, struct str payload, char hex[MAC_HEX])
{
	uint8_t mac[SECRET_MAC_BYTES];
	enum status status = secret_mac(str_of(key->secret), payload, mac);
	if (!status)
		secret_print_hex(mac, sizeof mac, hex);
	explicit_bzero(mac, sizeof mac);
	return status;
}

static void add_header(struct account_signed *out, const char *name, struct str value)
{
	CHECK(out->request.n_headers < HTTP_REQUEST_HEADERS);
	out->request.headers[out->request.n_headers++] =
	    (struct http_header){ str_of(name), value };
}

static struct buf begin(const struct account_unsigned *in, struct account_signed *out)
{
	struct buf url = buf_over(out->storage, sizeof out->storage);
	out->request = (struct http_request){ .method = "GET" };
	buf_str_put(&url, in->base_url);
	buf_str_put(&url, in->path);
	if (in->query.len || in->venue == VENUE_BINANCE)
		buf_char(&url, '?');
	buf_str_put(&url, in->query);
	return url;
}

static enum status sign_binance(const struct account_unsigned *in, const struct account_key *key,
				struct account_signed *out)
{
	char hex[MAC_HEX];
	struct buf url = begin(in, out);
	size_t from = url.len - in->query.len;
	buf_printf(&url, "%srecvWindow=%d&timestamp=%lld", in->query.len ? "&" : "",
		   ACCOUNT_WINDOW_MS, (long long)in->timestamp_ms);
	if (url.overflow)
		return STATUS_RANGE;
	enum status status = sign(key, str_skip(buf_str(&url), from), hex);
	if (status)
		return status;
	buf_printf(&url, "&signature=%s", hex);
	if (url.overflow)
		return STATUS_RANGE;
	out->request.url = buf_str(&url);
	add_header(out, "X-MBX-APIKEY", str_of(key->key));
	return STATUS_OK;
}

/* What was put behind the URL. */
static struct str put_text(struct buf *url, const char *text)
{
	size_t from = url->len;
	buf_str_put(url, str_of(text));
	return str_make(url->ptr + from, url->len - from);
}

static enum status sign_bybit(const struct account_unsigned *in, const struct account_key *key,
			      struct account_signed *out)
{
	char payload[ACCOUNT_QUERY_MAX + ACCOUNT_KEY_MAX + 64], hex[MAC_HEX], number[24];
	struct buf text = buf_over(payload, sizeof payload), url = begin(in, out);
	struct str whole = buf_str(&url);
	buf_printf(&text, "%lld%s%d", (long long)in->timestamp_ms, key->key, ACCOUNT_WINDOW_MS);
	buf_str_put(&text, in->query);
	enum status status = text.overflow ? STATUS_RANGE : sign(key, buf_str(&text), hex);
	explicit_bzero(payload, sizeof payload);
	if (status)
		return status;
	out->request.url = whole;
	add_header(out, "X-BAPI-API-KEY", str_of(key->key));
	snprintf(number, sizeof number, "%lld", (long long)in->timestamp_ms);
	add_header(out, "X-BAPI-TIMESTAMP", put_text(&url, number));
	snprintf(number, sizeof number, "%d", ACCOUNT_WINDOW_MS);
	add_header(out, "X-BAPI-RECV-WINDOW", put_text(&url, number));
	add_header(out, "X-BAPI-SIGN", put_text(&url, hex));
	return url.overflow ? STATUS_RANGE : STATUS_OK;
}

enum status account_sign(const struct account_unsigned *in, const struct account_key *key,
			 struct account_signed *out)
{
	CHECK(in->venue < VENUE_COUNT);
	if (in->query.len > ACCOUNT_QUERY_MAX)
		return STATUS_RANGE;
	return in->venue == VENUE_BINANCE ? sign_binance(in, key, out) : sign_bybit(in, key, out);
}

enum status account_ask_plain(const struct account_unsigned *in, struct account_signed *out)
{
	struct buf url = buf_over(out->storage, sizeof out->storage);
	out->request = (struct http_request){ .method = "GET" };
	buf_str_put(&url, in->base_url);
	buf_str_put(&url, in->path);
	out->request.url = buf_str(&url);
	return url.overflow ? STATUS_RANGE : STATUS_OK;
}

void account_signed_wipe(struct account_signed *signed_request)
{
	explicit_bzero(signed_request, sizeof *signed_request);
}
