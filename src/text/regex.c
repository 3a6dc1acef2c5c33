/* regex.c - PCRE2 behind one door: opened when the first pattern comes, counted while it runs. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "text/regex.h"

#include <dlfcn.h>
#include <stddef.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "text/ecma.h"

/* What is called in the library. Looked up for each pattern: no state is left between patterns. */
struct engine {
	pcre2_compile_context *(*context_create)(pcre2_general_context *);
	void (*context_free)(pcre2_compile_context *);
	int (*set_nesting)(pcre2_compile_context *, uint32_t);
	pcre2_code *(*compile)(PCRE2_SPTR, PCRE2_SIZE, uint32_t, int *, PCRE2_SIZE *,
			       pcre2_compile_context *);
	void (*code_free)(pcre2_code *);
	int (*error_text)(int, PCRE2_UCHAR *, PCRE2_SIZE);
	pcre2_match_context *(*match_context_create)(pcre2_general_context *);
	void (*match_context_free)(pcre2_match_context *);
	int (*set_callout)(pcre2_match_context *, int (*)(pcre2_callout_block *, void *), void *);
	int (*set_depth)(pcre2_match_context *, uint32_t);
	int (*set_heap)(pcre2_match_context *, uint32_t);
	pcre2_match_data *(*data_create)(uint32_t, pcre2_general_context *);
	void (*data_free)(pcre2_match_data *);
	int (*match)(const pcre2_code *, PCRE2_SPTR, PCRE2_SIZE, PCRE2_SIZE, uint32_t, pcre2_match_data *,
		     pcre2_match_context *);
};

static const struct {
	const char *name;
	size_t offset;
} engine_calls[] = {
	{ "pcre2_compile_context_create_8", offsetof(struct engine, context_create) },
	{ "pcre2_compile_context_free_8", offsetof(struct engine, context_free) },
	{ "pcre2_set_parens_nest_limit_8", offsetof(struct engine, set_nesting) },
	{ "pcre2_compile_8", offsetof(struct engine, compile) },
	{ "pcre2_code_free_8", offsetof(struct engine, code_free) },
	{ "pcre2_get_error_message_8", offsetof(struct engine, error_text) },
	{ "pcre2_match_context_create_8", offsetof(struct engine, match_context_create) },
	{ "pcre2_match_context_free_8", offsetof(struct engine, match_context_free) },
	{ "pcre2_set_callout_8", offsetof(struct engine, set_callout) },
	{ "pcre2_set_depth_limit_8", offsetof(struct engine, set_depth) },
	{ "pcre2_set_heap_limit_8", offsetof(struct engine, set_heap) },
	{ "pcre2_match_data_create_8", offsetof(struct engine, data_create) },
	{ "pcre2_match_data_free_8", offsetof(struct engine, data_free) },
	{ "pcre2_match_8", offsetof(struct engine, match) },
};

struct regex {
	struct engine engine;
	pcre2_code *code;
};

/* The library stays: a confined process could not open it a second time. */
static int engine_open(struct engine *engine, struct err *err)
{
	void *library = dlopen("libpcre2-8.so.0", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

	if (!library)
		return err_set(err, ERR_MISSING, "PCRE2 is needed for patterns and cannot be opened: %s",
			       dlerror());
	for (size_t i = 0; i < COUNT(engine_calls); i++) {
		void *address = dlsym(library, engine_calls[i].name);

		if (!address) {
			(void)dlclose(library);
			return err_set(err, ERR_MISSING, "PCRE2 lacks %s", engine_calls[i].name);
		}
		memcpy((char *)engine + engine_calls[i].offset, &address, sizeof(address));
	}
	(void)dlclose(library);
	return 0;
}

int regex_preload(struct err *err)
{
	struct engine engine;

	return engine_open(&engine, err);
}

static int code_compile(struct regex *regex, struct span source, struct span pattern, struct err *err)
{
	const uint32_t options = PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_DOLLAR_ENDONLY |
				 PCRE2_ALLOW_EMPTY_CLASS | PCRE2_MATCH_UNSET_BACKREF | PCRE2_AUTO_CALLOUT;
	const struct engine *engine = &regex->engine;
	pcre2_compile_context *context = engine->context_create(NULL);
	PCRE2_UCHAR text[160] = "";
	PCRE2_SIZE offset = 0;
	int code = 0;

	if (!context)
		return err_set(err, ERR_NOMEM, "no memory for a pattern");
	engine->set_nesting(context, REGEX_NESTING);
	regex->code = engine->compile((PCRE2_SPTR)source.p, source.n, options, &code, &offset, context);
	engine->context_free(context);
	if (regex->code)
		return 0;
	engine->error_text(code, text, sizeof(text));
	return err_set(err, ERR_FORMAT, "the pattern \"%.*s\" cannot be used: %s",
		       SPAN_ARG(ecma_shown(pattern)), (const char *)text);
}

int regex_compile(struct span pattern, struct regex **out, struct err *err)
{
	CLEANUP(buf_release) struct buf source = BUF_INIT((size_t)REGEX_PATTERN_BYTES * 64);
	struct regex *regex;

	if (pattern.n > REGEX_PATTERN_BYTES)
		return err_set(err, ERR_LIMIT, "a pattern is longer than %d bytes", REGEX_PATTERN_BYTES);
	if (ecma_translate(pattern, &source, err) < 0)
		return -1;
	regex = calloc(1, sizeof(*regex));
	if (!regex)
		return err_set(err, ERR_NOMEM, "no memory for a pattern");
	if (engine_open(&regex->engine, err) < 0 ||
	    code_compile(regex, buf_span(&source), pattern, err) < 0) {
		free(regex);
		return -1;
	}
	*out = regex;
	return 0;
}

struct regex *regex_free(struct regex *regex)
{
	if (regex)
		regex->engine.code_free(regex->code);
	free(regex);
	return NULL;
}

/*
 * Called before each item of the pattern is tried. An item may read all the text that is left (a
 * repeat of one character does), so the price grows with it. PCRE2's own match limit starts anew
 * at every position of the text and would bound nothing.
 */
static int count_step(pcre2_callout_block *block, void *data)
{
	uint64_t *budget = data;
	uint64_t price = 1 + (block->subject_length - block->current_position) / 32;

	if (*budget < price) {
		*budget = 0;
		return PCRE2_ERROR_MATCHLIMIT;
	}
	*budget -= price;
	return 0;
}

enum regex_verdict regex_match(const struct regex *regex, struct span text, uint64_t *budget)
{
	const struct engine *engine = &regex->engine;
	pcre2_match_context *context = engine->match_context_create(NULL);
	pcre2_match_data *data = engine->data_create(1, NULL);
	uint64_t price = 8 + text.n / 32;
	int result = PCRE2_ERROR_NOMEMORY;

	if (context && data && *budget >= price) {
		*budget -= price;
		engine->set_callout(context, count_step, budget);
		engine->set_depth(context, REGEX_DEPTH);
		engine->set_heap(context, REGEX_HEAP_KIB);
		result = engine->match(regex->code, (PCRE2_SPTR)(text.n ? text.p : ""), text.n, 0,
				       PCRE2_NO_UTF_CHECK, data, context);
	}
	engine->data_free(data);
	engine->match_context_free(context);
	if (result >= 0)
		return REGEX_YES;
	return result == PCRE2_ERROR_NOMATCH ? REGEX_NO : REGEX_LIMIT;
}
