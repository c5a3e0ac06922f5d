// The one C++ file: simdjson's DOM behind json.h. No exception leaves it: every
// call below is of simdjson's error-code kind, and allocation is nothrow.
#include "codec/json.h"

#include <simdjson.h>

#include <cstring>
#include <new>
#include <type_traits>

namespace dom = simdjson::dom;

// A json_value is a dom::element in C's clothes, and an iterator the same.
static_assert(sizeof(json_value) == sizeof(dom::element));
static_assert(sizeof(json_value) == sizeof(dom::array::iterator));
static_assert(std::is_trivially_copyable_v<dom::element>);
static_assert(std::is_trivially_copyable_v<dom::array::iterator>);

struct json {
	dom::parser parser;
	simdjson::ondemand::parser raw;
	explicit json(size_t bytes_max) : parser(bytes_max), raw(bytes_max) {}
};

template <typename To, typename From> static To reclothe(const From &from)
{
	To to;
	std::memcpy(static_cast<void *>(&to), &from, sizeof to);
	return to;
}

static dom::element element_of(json_value value) { return reclothe<dom::element>(value); }

extern "C" struct json *json_create(size_t bytes_max)
{
	struct json *json = new (std::nothrow) struct json(bytes_max);
	if (!json)
		return nullptr;
	// Its document too: else that is made anew for each text longer than all before.
	if (json->parser.allocate(bytes_max, JSON_DEPTH_MAX) ||
	    json->parser.doc.allocate(bytes_max) || json->raw.allocate(bytes_max, JSON_DEPTH_MAX)) {
		delete json;
		return nullptr;
	}
	return json;
}

extern "C" void json_destroy(struct json *json) { delete json; }

static const char *reason_of(simdjson::error_code error)
{
	switch (error) {
	case simdjson::CAPACITY: return "longer than 1 MiB";
	case simdjson::DEPTH_ERROR: return "nested deeper than 32";
	case simdjson::UTF8_ERROR: return "not UTF-8";
	case simdjson::EMPTY: return "empty";
	case simdjson::NUMBER_ERROR:
	case simdjson::NUMBER_OUT_OF_RANGE: return "a number is malformed or out of range";
	case simdjson::STRING_ERROR:
	case simdjson::UNCLOSED_STRING:
	case simdjson::UNESCAPED_CHARS: return "a string is malformed";
	default: return "not JSON";
	}
}

extern "C" const char *json_parse(struct json *json, struct str text, struct json_value *root)
{
	dom::element element;
	simdjson::error_code error =
	    json->parser.parse(reinterpret_cast<const uint8_t *>(text.ptr), text.len, false)
		.get(element);
	if (error)
		return reason_of(error);
	*root = reclothe<json_value>(element);
	return nullptr;
}

extern "C" enum status json_raw_member(struct json *json, struct str text, struct str key,
				       struct str *raw)
{
	namespace od = simdjson::ondemand;
	od::document document;
	od::value member;
	std::string_view slice;
	simdjson::padded_string_view padded(text.ptr, text.len,
					    text.len + simdjson::SIMDJSON_PADDING);
	if (json->raw.iterate(padded).get(document) ||
	    document.find_field_unordered(std::string_view(key.ptr, key.len)).get(member))
		return STATUS_NOT_FOUND;
	od::json_type type;
	if (member.type().get(type))
		return STATUS_FORMAT;
	if (type == od::json_type::object) {
		od::object object;
		if (member.get_object().get(object) || object.raw_json().get(slice))
			return STATUS_FORMAT;
	} else if (type == od::json_type::array) {
		od::array array;
		if (member.get_array().get(array) || array.raw_json().get(slice))
			return STATUS_FORMAT;
	} else {
		return STATUS_FORMAT;
	}
	*raw = str_make(slice.data(), slice.size());
	return STATUS_OK;
}

extern "C" enum json_type json_type(struct json_value value)
{
	switch (element_of(value).type()) {
	case dom::element_type::ARRAY: return JSON_ARRAY;
	case dom::element_type::OBJECT: return JSON_OBJECT;
	case dom::element_type::INT64: return JSON_INTEGER;
	case dom::element_type::UINT64:
	case dom::element_type::DOUBLE: return JSON_NUMBER;
	case dom::element_type::STRING: return JSON_STRING;
	case dom::element_type::BOOL: return JSON_BOOL;
	default: return JSON_NULL;
	}
}

extern "C" bool json_as_string(struct json_value value, struct str *out)
{
	std::string_view text;
	if (element_of(value).get_string().get(text))
		return false;
	*out = str_make(text.data(), text.size());
	return true;
}

extern "C" bool json_as_integer(struct json_value value, int64_t *out)
{
	return !element_of(value).get_int64().get(*out);
}

extern "C" bool json_as_bool(struct json_value value, bool *out)
{
	return !element_of(value).get_bool().get(*out);
}

extern "C" bool json_get(struct json_value object, struct str key, struct json_value *out)
{
	dom::object members;
	dom::element found;
	if (element_of(object).get_object().get(members) ||
	    members.at_key(std::string_view(key.ptr, key.len)).get(found))
		return false;
	*out = reclothe<json_value>(found);
	return true;
}

extern "C" bool json_as_array(struct json_value value, struct json_iter *out)
{
	dom::array array;
	if (element_of(value).get_array().get(array))
		return false;
	out->next = reclothe<json_value>(array.begin());
	out->end = reclothe<json_value>(array.end());
	return true;
}

extern "C" bool json_next(struct json_iter *iter, struct json_value *out)
{
	if (iter->next.index == iter->end.index)
		return false;
	auto at = reclothe<dom::array::iterator>(iter->next);
	*out = reclothe<json_value>(*at);
	++at;
	iter->next = reclothe<json_value>(at);
	return true;
}
