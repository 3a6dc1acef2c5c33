/* suite.c - tests: JSONTestSuite, each file of it, and our word on what it leaves open. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <stdlib.h>

#include "base/file.h"
#include "json/tape.h"

#include "exact.h"
#include "tap.h"

#define MAX_BYTES ((size_t)4 << 20)
#define FOLDER "/../shared/data/json-test-suite/test_parsing"

struct decision {
	const char *name;
	bool accept;
};

/*
 * Files where we decide. Numbers stay text, so none is too large. Text that is not UTF-8, or that
 * two readers would decode differently, is refused, and so is what is nested too deeply. Two files
 * that the suite wants accepted have an object with one name twice: we refuse those on purpose.
 */
static const struct decision decisions[] = {
	{ "i_number_double_huge_neg_exp.json", true },
	{ "i_number_huge_exp.json", true },
	{ "i_number_neg_int_huge_exp.json", true },
	{ "i_number_pos_double_huge_exp.json", true },
	{ "i_number_real_neg_overflow.json", true },
	{ "i_number_real_pos_overflow.json", true },
	{ "i_number_real_underflow.json", true },
	{ "i_number_too_big_neg_int.json", true },
	{ "i_number_too_big_pos_int.json", true },
	{ "i_number_very_big_negative_int.json", true },
	{ "i_object_key_lone_2nd_surrogate.json", false },
	{ "i_string_1st_surrogate_but_2nd_missing.json", false },
	{ "i_string_1st_valid_surrogate_2nd_invalid.json", false },
	{ "i_string_UTF-16LE_with_BOM.json", false },
	{ "i_string_UTF-8_invalid_sequence.json", false },
	{ "i_string_UTF8_surrogate_U+D800.json", false },
	{ "i_string_incomplete_surrogate_and_escape_valid.json", false },
	{ "i_string_incomplete_surrogate_pair.json", false },
	{ "i_string_incomplete_surrogates_escape_valid.json", false },
	{ "i_string_invalid_lonely_surrogate.json", false },
	{ "i_string_invalid_surrogate.json", false },
	{ "i_string_invalid_utf-8.json", false },
	{ "i_string_inverted_surrogates_U+1D11E.json", false },
	{ "i_string_iso_latin_1.json", false },
	{ "i_string_lone_second_surrogate.json", false },
	{ "i_string_lone_utf8_continuation_byte.json", false },
	{ "i_string_not_in_unicode_range.json", false },
	{ "i_string_overlong_sequence_2_bytes.json", false },
	{ "i_string_overlong_sequence_6_bytes.json", false },
	{ "i_string_overlong_sequence_6_bytes_null.json", false },
	{ "i_string_truncated-utf-8.json", false },
	{ "i_string_utf16BE_no_BOM.json", false },
	{ "i_string_utf16LE_no_BOM.json", false },
	{ "i_structure_500_nested_arrays.json", false },
	{ "i_structure_UTF-8_BOM_empty_object.json", false },
	{ "y_object_duplicated_key.json", false },
	{ "y_object_duplicated_key_and_value.json", false },
};

/* 1: accept, 0: refuse, -1: nobody has decided. */
static int expectation(const char *name)
{
	for (size_t i = 0; i < COUNT(decisions); i++) {
		if (strcmp(name, decisions[i].name) == 0)
			return decisions[i].accept;
	}
	if (name[0] == 'y' || name[0] == 'n')
		return name[0] == 'y';
	return -1;
}

static bool read_whole(const char *folder, const char *name, struct buf *out)
{
	CLEANUP(buf_release) struct buf path = BUF_INIT(4096);
	struct err err = ERR_INIT;
	const char *text;

	buf_addf(&path, "%s/%s", folder, name);
	text = buf_cstr(&path);
	return text && file_read(text, out, &err) == 0;
}

static void test_file(const char *folder, const char *name)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(MAX_BYTES);
	CLEANUP(json_release) struct json wide = { .n = 0 }, plain = { .n = 0 };
	CLEANUP(freep) char *copy = NULL;
	int want = expectation(name);
	bool a, b;

	if (!read_whole(folder, name, &text)) {
		ok(false, "%s is read", name);
		return;
	}
	copy = exact_copy(buf_span(&text));
	a = json_parse(&wide, span_of(copy, text.n), MAX_BYTES);
	b = json_parse_scalar(&plain, span_of(copy, text.n), MAX_BYTES);
	ok(want >= 0 && a == (want == 1), "%s: %s", name, a ? "accepted" : json_reason_text(wide.reason));
	ok(a == b && wide.reason == plain.reason && wide.reason_off == plain.reason_off && wide.n == plain.n,
	   "%s: the same without SSE2", name);
}

int main(void)
{
	CLEANUP(buf_release) struct buf path = BUF_INIT(4096);
	const char *root = getenv("KANMON_SOURCE_ROOT"), *folder;
	struct dirent *entry;
	size_t seen = 0;
	DIR *dir;

	buf_addf(&path, "%s" FOLDER, root ? root : ".");
	folder = buf_cstr(&path);
	dir = folder ? opendir(folder) : NULL;
	if (!dir) {
		printf("1..0 # SKIP the folder of JSONTestSuite is not there: %s\n", folder ? folder : "?");
		return 0;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (!span_ends(span_str(entry->d_name), S(".json")))
			continue;
		test_file(folder, entry->d_name);
		seen++;
	}
	(void)closedir(dir);
	ok(seen > 300, "%zu files were there", seen);
	return tap_done();
}
