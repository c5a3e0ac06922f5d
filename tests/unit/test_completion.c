/* What shells complete by, and the manual pages: every command and flag of the tables is in each,
 * and nothing in them is beyond what their readers take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/check.h"
#include "cli/completion.h"
#include "cli/man.h"

enum { TEXT_BYTES = 1 << 20 };

static char *text_of(struct buf *out)
{
	assert_false(out->overflow);
	buf_char(out, 0);
	return out->ptr;
}

static void every_shell_knows_every_command_and_flag(void **state)
{
	static const struct {
		const char *shell, *before, *behind; /* a flag */
	} shells[] = { { "bash", "--", "" }, { "zsh", "*--", "[" }, { "fish", "-l ", " " } };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
		struct buf out;
		char word[80];
		buf_init(&out, TEXT_BYTES);
		assert_int_equal(completion_print(&out, str_of(shells[i].shell)), STATUS_OK);
		char *text = text_of(&out);
		for (enum command command = 0; command < COMMAND_THERE; command++) {
			struct str first = command_first_word(command);
			snprintf(word, sizeof word, "%.*s", STR_ARG(first));
			assert_non_null(strstr(text, word));
		}
		for (enum flag flag = 0; flag < FLAG_COUNT; flag++) {
			if (!flag_row(flag)->name[1])
				continue;
			snprintf(word, sizeof word, "%s%s%s", shells[i].before,
				 flag_row(flag)->name, shells[i].behind);
			assert_non_null(strstr(text, word));
		}
		buf_deinit(&out);
	}
	struct buf out;
	buf_init(&out, TEXT_BYTES);
	assert_int_equal(completion_print(&out, STR("csh")), STATUS_NOT_FOUND);
	assert_int_equal(out.len, 0);
}

static void a_command_offers_its_own_flags_alone(void **state)
{
	struct buf out;
	(void)state;
	buf_init(&out, TEXT_BYTES);
	assert_int_equal(completion_print(&out, STR("bash")), STATUS_OK);
	char *text = text_of(&out);
	assert_non_null(strstr(text, "\t'check')\n\t\tflags='--help --format --state'\n"
				     "\t\twords='ready ledger memory'\n"));
	assert_non_null(strstr(text, "\t\t--pane) flags= places= words='overview fleet markets "
				     "segments ledger alerts' ;;\n"));
	assert_non_null(strstr(text, "\t\t--state) flags= places= words='' places=-d ;;\n"));
	buf_deinit(&out);
}

static void is_page(char *text)
{
	bool line_begins = true;
	for (char *c = text; *c; c++) {
		assert_true((unsigned char)*c < 0x80);
		if (line_begins && *c == '\'')
			fail_msg("a line begins with a quote: %.40s", c);
		line_begins = *c == '\n';
	}
	assert_non_null(strstr(text, ".TH WEIR"));
	assert_non_null(strstr(text, ".SH NAME\nweir"));
	char *examples = strstr(text, ".SH EXAMPLES\n"), *synopsis = strstr(text, ".SH SYNOPSIS\n");
	assert_true(examples && synopsis && examples < synopsis);
}

static void every_command_has_a_page(void **state)
{
	(void)state;
	for (enum command command = 0; command < COMMAND_THERE; command++) {
		struct buf out;
		buf_init(&out, TEXT_BYTES);
		man_print_command(&out, command);
		char *text = text_of(&out);
		is_page(text);
		for (enum flag flag = 0; flag < FLAG_COUNT; flag++) {
			char word[80];
			size_t len = 0;
			if (!command_uses(command, flag) || !flag_row(flag)->name[1])
				continue;
			for (const char *c = flag_row(flag)->name; *c; c++) {
				if (*c == '-')
					word[len++] = '\\';
				word[len++] = *c;
			}
			word[len] = 0;
			assert_non_null(strstr(text, word));
		}
		buf_deinit(&out);
	}
}

static void the_first_page_names_them_all(void **state)
{
	struct buf out, name;
	(void)state;
	buf_init(&out, TEXT_BYTES);
	buf_init(&name, 128);
	man_print_main(&out);
	char *text = text_of(&out);
	is_page(text);
	assert_non_null(strstr(text, "\\fBsignal trace\\fR\n"));
	assert_non_null(strstr(text, "\\fBweir\\-signal\\-trace\\fR(1)"));
	assert_non_null(strstr(text, ".SH EXIT STATUS\n"));
	man_print_name(&name, COMMAND_signal_trace);
	assert_string_equal(text_of(&name), "weir-signal-trace.1");
	buf_deinit(&out);
	buf_deinit(&name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_shell_knows_every_command_and_flag),
		cmocka_unit_test(a_command_offers_its_own_flags_alone),
		cmocka_unit_test(every_command_has_a_page),
		cmocka_unit_test(the_first_page_names_them_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
