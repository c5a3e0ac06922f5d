/* openapi.h - def/routes.def as an OpenAPI 3.0 document. Any thread. */
#pragma once

#include "base/buf.h"

void openapi_print(struct buf *out);
