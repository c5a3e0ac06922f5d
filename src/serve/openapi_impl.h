/* openapi_impl.h - what the files of openapi.h share. Not for anybody else. */
#pragma once

#include "base/json_out.h"
#include "serve/openapi.h"

/* {"$ref":…} */
void openapi_put_ref(struct json_out *json, const char *key, const char *schema);
/* "schemas":{…} */
void openapi_put_schemas(struct json_out *json);
