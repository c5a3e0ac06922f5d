/* http_server_head.h - the meaning of a request's head; http_server_parse.c only. */
#pragma once

#include "os/http_server_parse.h"

/* parser->head is whole. Sets all that follows from it, the state that reads its body (or
 * AT_END) too. NULL: it is right. Else why not, with parser->code where that is not 400. */
const char *http_head_read(struct http_parser *parser);
bool http_is_field_value(struct str text);
int http_hex_digit(char c); /* 0..15, or -1 */
