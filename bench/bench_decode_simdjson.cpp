// On-demand lives in simdjson's header and is built for the target of the
// compilation: bench/CMakeLists.txt gives this file AVX2, or simdjson would be
// measured with its fallback.
#include "bench_decode_simdjson.h"

#include <simdjson.h>

#include <string>

namespace od = simdjson::ondemand;

struct bench_simdjson {
	od::parser ondemand;
	simdjson::dom::parser dom;
};

extern "C" struct bench_simdjson *bench_simdjson_create(void)
{
#if defined(__AVX2__)
	if (!__builtin_cpu_supports("avx2"))
		return nullptr;
#endif
	auto *simdjson = new bench_simdjson;
	if (simdjson->ondemand.allocate(1 << 20) || simdjson->dom.allocate(1 << 20)) {
		delete simdjson;
		return nullptr;
	}
	return simdjson;
}

extern "C" void bench_simdjson_destroy(struct bench_simdjson *simdjson) { delete simdjson; }

#define TEXT_OF(name) #name
#define TEXT(name)    TEXT_OF(name)

extern "C" const char *bench_simdjson_kernels(void)
{
	static const std::string names = simdjson::get_active_implementation()->name() + " + " +
					 TEXT(SIMDJSON_BUILTIN_IMPLEMENTATION);
	return names.c_str();
}

static simdjson::padded_string_view view_of(struct str frame)
{
	return simdjson::padded_string_view(frame.ptr, frame.len,
					    frame.len + simdjson::SIMDJSON_PADDING);
}

template <typename Value> static bool walk(Value &&value, size_t &bytes)
{
	od::json_type type;
	if (value.type().get(type))
		return false;
	if (type == od::json_type::object) {
		od::object object;
		if (value.get_object().get(object))
			return false;
		for (auto field : object) {
			od::raw_json_string key;
			od::value member;
			if (field.key().get(key) || field.value().get(member) ||
			    !walk(member, bytes))
				return false;
		}
		return true;
	}
	if (type == od::json_type::array) {
		od::array array;
		if (value.get_array().get(array))
			return false;
		for (auto element : array) {
			od::value inner;
			if (element.get(inner) || !walk(inner, bytes))
				return false;
		}
		return true;
	}
	std::string_view token = value.raw_json_token();
	bytes += token.size();
	return true;
}

extern "C" size_t bench_simdjson_walk(struct bench_simdjson *simdjson, struct str frame)
{
	od::document document;
	od::object root;
	size_t bytes = 0;
	if (simdjson->ondemand.iterate(view_of(frame)).get(document) ||
	    document.get_object().get(root))
		return 0;
	for (auto field : root) {
		od::raw_json_string key;
		od::value member;
		if (field.key().get(key) || field.value().get(member) || !walk(member, bytes))
			return 0;
	}
	return bytes;
}

extern "C" bool bench_simdjson_parse(struct bench_simdjson *simdjson, struct str frame)
{
	simdjson::dom::element root;
	return !simdjson->dom.parse(reinterpret_cast<const uint8_t *>(frame.ptr), frame.len, false)
		    .get(root);
}

static bool read_decimal(od::object &data, const char *key, const char *end,
			 struct bench_decimal *out)
{
	od::raw_json_string raw;
	return !data.find_field(key).get_raw_json_string().get(raw) &&
	       bench_decimal_read(raw.raw(), end, out);
}

extern "C" bool bench_simdjson_trade(struct bench_simdjson *simdjson, struct str frame,
				     struct bench_trade *out)
{
	od::document document;
	od::object data;
	std::string_view symbol;
	const char *end = frame.ptr + frame.len;
	if (simdjson->ondemand.iterate(view_of(frame)).get(document) ||
	    document.find_field("data").get_object().get(data) ||
	    data.find_field("E").get_int64().get(out->event_ms) ||
	    data.find_field("T").get_int64().get(out->t_ms) ||
	    data.find_field("s").get_string().get(symbol) ||
	    data.find_field("t").get_int64().get(out->id) ||
	    !read_decimal(data, "p", end, &out->price) ||
	    !read_decimal(data, "q", end, &out->qty) ||
	    data.find_field("m").get_bool().get(out->buyer_made))
		return false;
	out->symbol = str_make(symbol.data(), symbol.size());
	return true;
}
