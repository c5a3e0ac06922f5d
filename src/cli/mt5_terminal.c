#include "cli/mt5_terminal.h"

#include "base/check.h"
#include "os/files.h"
#include "os/secret.h"

enum { FILE_BYTES = 16 * 1024 };

/* ---- values ---- */

static bool is_plain(struct str text, const char *also)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		bool letter =
		    (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!letter && (!c || !strchr(also, c)))
			return false;
	}
	return text.len >= 1 && text.len <= 64;
}

enum status mt5_terminal_check(const struct mt5_terminal *terminal, struct err *err)
{
	if (!is_plain(terminal->id, "._-"))
		return err_set(err, STATUS_INVALID, "the id is not 1 to 64 of A-Z a-z 0-9 . _ -");
	if (terminal->host_name.len && !is_plain(terminal->host_name, "._-"))
		return err_set(err, STATUS_INVALID, "--host is not 1 to 64 of A-Z a-z 0-9 . _ -");
	if (!is_plain(terminal->weir, ".:-"))
		return err_set(err, STATUS_INVALID, "--connect: that is no address");
	if (terminal->port == 443)
		return err_set(err, STATUS_INVALID,
			       "--connect: a terminal speaks TLS of its own on port 443");
	if (terminal->server.len && !is_plain(terminal->server, " ._-&()"))
		return err_set(err, STATUS_INVALID, "--server is no server's name");
	if ((terminal->login > 0) != (terminal->server.len > 0))
		return err_set(err, STATUS_INVALID, "--login and --server belong together");
	if (!is_plain(terminal->symbol, "._-#@&$+!/"))
		return err_set(err, STATUS_INVALID, "--symbol is no symbol's name");
	return STATUS_OK;
}

/* ---- contents, with LF; the ends of lines come with writing ---- */

static void put_inputs(struct buf *out, const struct mt5_terminal *terminal)
{
	buf_printf(out, "WeirHost=%.*s\n", STR_ARG(terminal->weir));
	buf_printf(out, "WeirPort=%u\n", (unsigned)terminal->port);
	buf_printf(out, "InstanceId=%.*s\n", STR_ARG(terminal->id));
	buf_printf(out, "Token=%.*s\n", STR_ARG(terminal->token));
	buf_printf(out, "HostName=%.*s\n", STR_ARG(terminal->host_name));
	buf_printf(out, "TlsThumbprint=\n");
	buf_printf(out, "TrimSymbols=true\n");
}

static void put_set(struct buf *out, const struct mt5_terminal *terminal)
{
	buf_printf(out, "; inputs of the expert WeirExpert, for %.*s; they hold its token\n",
		   STR_ARG(terminal->id));
	put_inputs(out, terminal);
}

static void put_ini(struct buf *out, const struct mt5_terminal *terminal)
{
	buf_printf(out,
		   "; start-up configuration of %.*s: terminal64.exe /portable "
		   "/profile:weir /config:weir.ini\n",
		   STR_ARG(terminal->id));
	buf_printf(out, "[Common]\n");
	if (terminal->login)
		buf_printf(out, "Login=%lld\nServer=%.*s\n", (long long)terminal->login,
			   STR_ARG(terminal->server));
	buf_printf(out,
		   "; the password that was typed once is kept, no certificate is asked for\n"
		   "KeepPrivate=1\nCertInstall=0\nNewsEnable=0\n"
		   "\n"
		   "[Charts]\n"
		   "; one chart, with the expert\n"
		   "ProfileLast=weir\nMaxBars=5000\nPrintColor=0\nSaveDeleted=0\n"
		   "\n"
		   "[Experts]\n"
		   "; the Algo Trading button on; no DLL; a change of account or profile does\n"
		   "; not switch trading off\n"
		   "AllowLiveTrading=1\nAllowDllImport=0\nEnabled=1\nAccount=0\nProfile=0\n"
		   "\n"
		   "[Events]\n"
		   "Enable=0\n"
		   "\n"
		   "[StartUp]\n"
		   "; no Expert= here: the profile has it, and a second one would follow\n"
		   "ShutdownTerminal=0\n");
}

static void put_chart(struct buf *out, const struct mt5_terminal *terminal)
{
	buf_printf(out, "<chart>\nid=1\nsymbol=%.*s\n", STR_ARG(terminal->symbol));
	buf_printf(out, "period_type=0\nperiod_size=1\nscale=1\nmode=2\nfore=0\ngrid=0\nvolume=0\n"
			"scroll=0\nshift=0\nticker=0\nohlc=0\none_click=0\none_click_btn=0\n"
			"bidline=0\naskline=0\nlastline=0\ndays=0\ndescriptions=0\ntradelines=0\n"
			"tradehistory=0\nwindow_left=0\nwindow_top=0\nwindow_right=160\n"
			"window_bottom=120\nwindow_type=2\nfloating=0\nwindows_total=1\n"
			"\n"
			"<expert>\nname=WeirExpert\npath=Experts\\weir\\WeirExpert.ex5\n"
			"expertmode=1\n"
			"<inputs>\n");
	put_inputs(out, terminal);
	buf_printf(out, "</inputs>\n</expert>\n"
			"\n"
			"<window>\nheight=100.000000\nobjects=0\n"
			"\n"
			"<indicator>\nname=Main\npath=\napply=1\nshow_data=0\nscale_inherit=0\n"
			"scale_line=0\nscale_fix_min=0\nscale_fix_max=0\nexpertmode=0\n"
			"fixed_height=-1\n</indicator>\n"
			"</window>\n</chart>\n");
}

static void put_order(struct buf *out, const struct mt5_terminal *terminal)
{
	(void)terminal;
	buf_printf(out, "chart01.chr\n");
}

/* The exit code passes through: 75 means that weir asked for a restart. */
static void put_cmd(struct buf *out, const struct mt5_terminal *terminal)
{
	buf_printf(
	    out,
	    "@echo off\n"
	    "rem Starts the terminal of %.*s. With `clean`: with the chart as it was made.\n",
	    STR_ARG(terminal->id));
	buf_printf(out, "cd /d \"%%~dp0\"\n"
			"if \"%%1\"==\"clean\" copy /y weir\\chart01.chr "
			"MQL5\\Profiles\\Charts\\weir\\chart01.chr >nul\n"
			"start \"\" /wait terminal64.exe /portable /profile:weir "
			"\"/config:%%~dp0weir.ini\"\n"
			"exit /b %%errorlevel%%\n");
}

static void put_sh(struct buf *out, const struct mt5_terminal *terminal)
{
	buf_printf(out,
		   "#!/bin/sh\n"
		   "# Starts the terminal of %.*s under Wine. With `clean`: with the chart as "
		   "it was made.\n",
		   STR_ARG(terminal->id));
	buf_printf(out, "cd \"$(dirname \"$0\")\" || exit 3\n"
			"if [ \"$1\" = clean ]; then\n"
			"\tcp weir/chart01.chr MQL5/Profiles/Charts/weir/chart01.chr || exit 3\n"
			"fi\n"
			"exec \"${WINE:-wine}\" \"$PWD/terminal64.exe\" /portable /profile:weir "
			"\"/config:$(winepath -w \"$PWD/weir.ini\")\"\n");
}

/* ---- files ---- */

enum form { FORM_UNIX, FORM_DOS, FORM_UTF16 };

/* The terminal writes its charts as UTF-16, little end first, with a mark. */
static void put_char(struct buf *out, enum form form, char c)
{
	if (form != FORM_UNIX && c == '\n')
		put_char(out, form, '\r');
	buf_char(out, c);
	if (form == FORM_UTF16)
		buf_char(out, '\0');
}

static void convert(struct buf *out, enum form form, struct str text)
{
	if (form == FORM_UTF16)
		buf_put(out, "\xff\xfe", 2);
	for (size_t i = 0; i < text.len; i++)
		put_char(out, form, text.ptr[i]);
}

struct output {
	const char *name;
	mode_t mode;
	enum form form;
	void (*put)(struct buf *out, const struct mt5_terminal *terminal);
};

static const struct output outputs[] = {
	{ "weir.ini", 0600, FORM_DOS, put_ini },
	{ "weir-start.cmd", 0700, FORM_DOS, put_cmd },
	{ "weir-start.sh", 0700, FORM_UNIX, put_sh },
	{ "MQL5/Presets/weir.set", 0600, FORM_DOS, put_set },
	{ "MQL5/Profiles/Charts/weir/chart01.chr", 0600, FORM_UTF16, put_chart },
	{ "MQL5/Profiles/Charts/weir/order.wnd", 0600, FORM_UTF16, put_order },
	{ "weir/chart01.chr", 0600, FORM_UTF16, put_chart },
};

static enum status write_one(const char *dir, const struct output *output,
			     const struct mt5_terminal *terminal, struct err *err)
{
	char path[PATH_BYTES_MAX], text_storage[FILE_BYTES], out_storage[3 * FILE_BYTES];
	struct buf text = buf_over(text_storage, sizeof text_storage);
	struct buf out = buf_over(out_storage, sizeof out_storage);
	enum status status = path_format(path, err, "%s/%s", dir, output->name);
	if (status)
		return status;
	output->put(&text, terminal);
	convert(&out, output->form, buf_str(&text));
	CHECK(!text.overflow && !out.overflow); /* every value is at most 64 bytes */
	status = files_write_atomic(path, buf_str(&out), output->mode, err);
	explicit_bzero(text_storage, sizeof text_storage);
	explicit_bzero(out_storage, sizeof out_storage);
	return status;
}

enum status mt5_terminal_write(const char *dir, const struct mt5_terminal *terminal,
			       struct err *err)
{
	static const char *const folders[] = { "", "/weir", "/MQL5/Presets",
					       "/MQL5/Profiles/Charts/weir", "/MQL5/Experts/weir" };
	char path[PATH_BYTES_MAX];
	enum status status = STATUS_OK;
	for (size_t i = 0; !status && i < ARRAY_LEN(folders); i++) {
		status = path_format(path, err, "%s%s", dir, folders[i]);
		if (!status)
			status = files_make_folder(path, 0700, err);
	}
	for (size_t i = 0; !status && i < ARRAY_LEN(outputs); i++)
		status = write_one(dir, &outputs[i], terminal, err);
	return status;
}
