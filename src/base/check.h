/* check.h - assertions that stay on in release.
 *
 * CHECK states what must be true of our own code, never of input. It prints one
 * line and aborts; tests replace the handler to prove a contract. */
#pragma once

#define CHECK(expr)                                                                                \
	(__builtin_expect(!(expr), 0) ? check_failed(#expr, __FILE__, __LINE__) : (void)0)

/* Called on failure; must not return. A test may longjmp out of it. */
typedef void (*check_handler)(const char *expr, const char *file, int line);

void check_failed(const char *expr, const char *file, int line) __attribute__((noreturn));
void check_set_handler(check_handler handler);

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
