/* json_second.c - the only file that includes jansson, whose names are ours too. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "json_second.h"

#include <jansson.h>

/*
 * The program's json_string() and json_equal() stand before jansson's of the same names. Neither
 * is called by reading or writing.
 */
enum json_second json_second(struct span text, char **rewritten)
{
	enum json_error_code code;
	json_error_t error;
	json_t *root = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL,
				  &error);

	*rewritten = NULL;
	if (root) {
		*rewritten = json_dumps(root, JSON_COMPACT | JSON_ENCODE_ANY);
		json_decref(root);
		return SECOND_ACCEPTS;
	}
	code = json_error_code(&error);
	/* An integer past 64 bits, or a number past doubles. */
	if (code == json_error_numeric_overflow)
		return SECOND_LIMIT;
	if (code == json_error_null_byte_in_key || code == json_error_out_of_memory)
		return SECOND_LIMIT;
	return SECOND_REFUSES;
}
