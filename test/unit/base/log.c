/* log.c - one event, one line: nothing a peer says begins a second one. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "tap.h"
#include "json/tape.h"

static struct buf text = BUF_INIT((size_t)1 << 20);

static struct span written(const struct log *log)
{
	struct err err = ERR_INIT;

	buf_clear(&text);
	if (lseek(log->fd, 0, SEEK_SET) != 0 || file_read_fd(log->fd, "the log", &text, &err) < 0 ||
	    ftruncate(log->fd, 0) != 0 || lseek(log->fd, 0, SEEK_SET) != 0)
		return S("unreadable");
	return buf_span(&text);
}

static void dropped(struct log *log)
{
	log->level = LOG_WARN;
	log_note(log, LOG_INFO, "a.b", "Quiet.");
	is_span(written(log), S(""), "less than the level is dropped");
	log_note(NULL, LOG_ERROR, "a.b", "Nobody listens.");
	log->level = LOG_DEBUG;
}

static void one_line(struct log *log)
{
	struct span line;

	log_event(log, LOG_WARN, "a.b", "It happened.",
		  LF("evil", S("x\nerror worker c.d: forged\x1b[2J\x7f\"\\")), LFS("plain", "files"),
		  LFN("n", -3));
	line = written(log);
	is_span(
	    line,
	    S("warn  test a.b: It happened.  evil=\"x\\u000aerror worker c.d: forged\\u001b[2J\\u007f\\\"\\\\\" "
	      "plain=files n=-3\n"),
	    "control characters are escaped, plain values are not quoted");
	log_event(log, LOG_INFO, "a.b", "Empty.", LFS("v", ""), LFS("eq", "a=b"));
	ok(span_contains(written(log), S("v=\"\" eq=\"a=b\"")), "what could be misread is quoted");
}

static void add_point(struct buf *out, uint32_t point)
{
	if (point >= 0x800)
		buf_add_char(out, (char)(0xE0 | point >> 12));
	buf_add_char(out, (char)(point >= 0x800 ? 0x80 | (point >> 6 & 0x3F) : 0xC0 | point >> 6));
	buf_add_char(out, (char)(0x80 | (point & 0x3F)));
}

static void both_forms(struct log *log, struct span value, const char *want)
{
	for (int form = 0; form < 2; form++) {
		log->json = form == 1;
		log_event(log, LOG_WARN, "a.b", "It happened.", LF("v", value));
		ok(span_contains(written(log), span_str(want)), "%s: %s", form ? "JSON" : "text", want);
	}
	log->json = false;
}

/* What a terminal or a reader of lines obeys, though it is not ASCII. */
static void unshowable(struct log *log)
{
	static const uint32_t points[] = { 0x80,   0x85,   0x9B,   0x9F,   0x61C,  0x200E, 0x200F, 0x2028,
					   0x2029, 0x202A, 0x202E, 0x2066, 0x2069, 0xFEFF, 0xD800 };
	static const char *const broken[] = { "a\x9Bz", "a\xC2z", "a\xC0\xAFz", "a\xFFz", "a\xE2\x80" };
	CLEANUP(buf_release) struct buf value = BUF_INIT(64);
	char want[32];

	for (size_t i = 0; i < COUNT(points); i++) {
		buf_clear(&value);
		buf_add_char(&value, 'a');
		add_point(&value, points[i]);
		buf_add_char(&value, 'b');
		(void)snprintf(want, sizeof(want), "\"a\\u%04x", points[i] == 0xD800 ? 0xFFFD : points[i]);
		both_forms(log, buf_span(&value), want);
	}
	for (size_t i = 0; i < COUNT(broken); i++)
		both_forms(log, span_str(broken[i]), "\"a\\ufffd");
	both_forms(log, S("a\xC2\xA0\xE9\x96\x80"), "\"a\xC2\xA0\xE9\x96\x80\"");
}

static void long_json(struct log *log)
{
	static char large[9999];
	struct log_field many[40];
	struct json json = { 0 };
	struct span line;

	log->json = true;
	memset(large, '\n', sizeof(large));
	log_event(log, LOG_INFO, "a.b", "Longer.", LF("a", span_of(large, 9999)),
		  LF("b", span_of(large, 9999)), LF("c", span_of(large, 9999)), LF("d", span_of(large, 9999)),
		  LFS("last", "here"));
	line = written(log);
	ok(line.n <= 16384 && span_find(line, '\n') == line.n - 1, "long values leave one line");
	ok(json_parse(&json, span_first(line, line.n ? line.n - 1 : 0), 16384) &&
	       json_string_is(&json, json_get(&json, 0, S("last")), S("here")),
	   "that is JSON to its end");
	json_release(&json);
	for (size_t i = 0; i + 3 <= sizeof(large); i += 3)
		memcpy(large + i, "\xE9\x96\x80", 3);
	for (size_t n = 1020; n < 1030; n++) {
		log_event(log, LOG_INFO, "a.b", "Cut.", LF("a", span_of(large + 3, n * 3)));
		line = written(log);
		ok(json_parse(&json, span_first(line, line.n - 1), 16384),
		   "a value is cut between characters");
		json_release(&json);
	}
	for (size_t i = 0; i < COUNT(many); i++)
		many[i] = LF("c", span_of(large, 9999));
	log_write(log, LOG_INFO, "a.b", "Many.", many, COUNT(many));
	line = written(log);
	ok(line.n <= 16384 && span_ends(line, S("\"}\n")), "fields that have no room are left out whole");
	log->json = false;
}

static void json_lines(struct log *log)
{
	struct json json = { 0 };
	struct span line;

	log->json = true;
	log_event(log, LOG_ERROR, "a.b", "A \"text\".", LF("v", S("\x01\n\"\\")), LFN("n", 7));
	line = written(log);
	ok(span_ends(line, S("}\n")) && span_find(line, '\n') == line.n - 1, "one line");
	ok(json_parse(&json, span_first(line, line.n - 1), line.n), "which is JSON");
	ok(json_string_is(&json, json_get(&json, 0, S("v")), S("\x01\n\"\\")), "that says what was said");
	ok(json_string_is(&json, json_get(&json, 0, S("level")), S("error")) &&
	       json_string_is(&json, json_get(&json, 0, S("role")), S("test")) &&
	       json_string_is(&json, json_get(&json, 0, S("event")), S("a.b")),
	   "and who, what, how bad");
	json_release(&json);
	log->json = false;
}

static void long_values(struct log *log)
{
	static char large[200000];
	struct span line;

	memset(large, 'x', sizeof(large));
	log_event(log, LOG_INFO, "a.b", "Long.", LF("v", span_of(large, sizeof(large))), LFS("after", "yes"));
	line = written(log);
	ok(line.n < 2000 && span_ends(line, S(" after=yes\n")), "a long value is cut, what follows is not");
	memset(large, '\n', sizeof(large));
	log_event(log, LOG_INFO, "a.b", "Longer.", LF("a", span_of(large, 9999)),
		  LF("b", span_of(large, 9999)), LF("c", span_of(large, 9999)),
		  LF("d", span_of(large, 9999)));
	line = written(log);
	ok(line.n <= 16384 && span_find(line, '\n') == line.n - 1, "a line too long is cut and still ends");
}

static void brake(void)
{
	struct log_brake b = { 0 };
	uint32_t missed;
	unsigned passed = 0;

	for (int i = 0; i < 10; i++)
		passed += log_brake_pass(&b, 5000, 3, &missed);
	is_int(passed, 3, "so many in a second");
	ok(log_brake_pass(&b, 6000, 3, &missed) && missed == 7,
	   "the next second says how many were left out");
	ok(log_brake_pass(&b, 6100, 3, &missed) && missed == 0, "once");
}

static void dates(void)
{
	static const struct {
		uint64_t ms;
		const char *text;
	} known[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ 951782399999, "2000-02-28T23:59:59.999Z" },
		{ 951782400000, "2000-02-29T00:00:00.000Z" },
		{ 951868800000, "2000-03-01T00:00:00.000Z" },
		{ 1709164800001, "2024-02-29T00:00:00.001Z" },
		{ 1795252055123, "2026-11-21T09:07:35.123Z" },
		{ 4107542400000, "2100-03-01T00:00:00.000Z" },
		{ 253402300799999, "9999-12-31T23:59:59.999Z" },
	};
	struct buf out = BUF_INIT(64);

	for (size_t i = 0; i < COUNT(known); i++) {
		buf_clear(&out);
		clock_add_rfc3339(&out, known[i].ms);
		is_span(buf_span(&out), span_str(known[i].text), "%s", known[i].text);
	}
	buf_release(&out);
	ok(clock_wall_ms() > 1700000000000, "the wall clock counts from 1970");
	ok(clock_mono_us() <= clock_mono_us(), "the other one only grows");
}

int main(void)
{
	struct log log = { .fd = memfd_create("log", MFD_CLOEXEC), .role = "test", .level = LOG_DEBUG };

	dropped(&log);
	one_line(&log);
	unshowable(&log);
	json_lines(&log);
	long_json(&log);
	long_values(&log);
	brake();
	dates();
	buf_release(&text);
	(void)close(log.fd);
	return tap_done();
}
