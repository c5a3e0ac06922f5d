/* influx_url.h - the parts of http[s]://[USER:PASSWORD@]HOST[:PORT]/DATABASE, ready for use.
 * USER, PASSWORD and DATABASE may be percent-encoded. Pure. */
#pragma once

#include "base/str.h"

enum { INFLUX_URL_BYTES = 600, INFLUX_NAME_BYTES = 128 };

struct influx_url {
	char root[INFLUX_URL_BYTES];      /* "http://host:8086" */
	char database[INFLUX_NAME_BYTES]; /* as it is called: no ", \ or control character */
	char login[INFLUX_URL_BYTES];     /* "Basic dXNlcjpwYXNz"; "" none */
};

MUST_CHECK enum status influx_url_read(struct str text, struct influx_url *out);
/* Bytes that are not letters, digits, - . _ become %XX. */
struct buf;
void influx_put_encoded(struct buf *out, struct str text);
