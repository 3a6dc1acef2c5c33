/* definition.c - what the manager may say a server is. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "jail/definition.h"

#include "tap.h"

struct words {
	const char *name, *cwd;
	struct span argv[4], env[4]; /* up to the first with p == NULL */
};

static void put_list(struct wire_out *out, const struct span *list)
{
	uint64_t n = 0;

	while (n < 4 && list[n].p)
		n++;
	wire_put_u64(out, n);
	for (uint64_t i = 0; i < n; i++)
		wire_put_span(out, list[i]);
}

static void write_words(struct wire_out *out, const struct words *words)
{
	wire_begin(out, LAUNCH_DEFINE, 1);
	wire_put_span(out, span_str(words->name));
	wire_put_span(out, span_str(words->cwd));
	put_list(out, words->argv);
	put_list(out, words->env);
}

static struct wire_in opened(const struct wire_out *out)
{
	return (struct wire_in){ .kind = LAUNCH_DEFINE, .rest = span_skip(buf_span(&out->bytes), 8) };
}

static const struct {
	const char *why;
	struct words words;
} refused[] = {
	{ "no name", { "", "", { SPAN("sh") }, { SPAN("A=b") } } },
	{ "no command", { "s", "", { { 0 } }, { SPAN("A=b") } } },
	{ "an empty program", { "s", "", { SPAN("") }, { SPAN("A=b") } } },
	{ "a NUL in an argument", { "s", "", { SPAN("sh"), SPAN("a\0b") }, { SPAN("A=b") } } },
	{ "an entry without =", { "s", "", { SPAN("sh") }, { SPAN("A") } } },
	{ "an entry without a name", { "s", "", { SPAN("sh") }, { SPAN("=b") } } },
	{ "a NUL in an entry", { "s", "", { SPAN("sh") }, { SPAN("A=b\0C=d") } } },
};

static void test_refused(void)
{
	for (size_t i = 0; i < COUNT(refused); i++) {
		CLEANUP(wire_out_release) struct wire_out out = { 0 };
		struct definition *definition = NULL;
		struct err err = ERR_INIT;
		struct wire_in in;

		write_words(&out, &refused[i].words);
		in = opened(&out);
		ok(definition_read(&in, &definition, &err) < 0 && !definition && err.text[0], "refused: %s",
		   refused[i].why);
		definition = definition_free(definition);
	}
}

static void test_cut(void)
{
	CLEANUP(wire_out_release) struct wire_out out = { 0 };
	struct words words = { "s", "/", { SPAN("sh"), SPAN("-c") }, { SPAN("A=b") } };
	size_t accepted = 0;

	write_words(&out, &words);
	for (size_t n = 0; n + 8 < out.bytes.n; n++) {
		struct definition *definition = NULL;
		struct wire_in in = opened(&out);

		in.rest.n = n;
		accepted += definition_read(&in, &definition, NULL) == 0;
		definition = definition_free(definition);
	}
	is_int(accepted, 0, "no message that is cut short is accepted");
}

static void test_too_many(void)
{
	CLEANUP(wire_out_release) struct wire_out out = { 0 };
	struct definition *definition = NULL;
	struct wire_in in;

	wire_begin(&out, LAUNCH_DEFINE, 1);
	wire_put_span(&out, S("s"));
	wire_put_span(&out, S(""));
	wire_put_u64(&out, LAUNCH_MAX_ARGS + 1);
	for (size_t i = 0; i <= LAUNCH_MAX_ARGS; i++)
		wire_put_span(&out, S("x"));
	wire_put_u64(&out, 0);
	in = opened(&out);
	ok(definition_read(&in, &definition, NULL) < 0, "one argument too many is refused");
	definition = definition_free(definition);
}

static void test_accepted(void)
{
	CLEANUP(wire_out_release) struct wire_out out = { 0 };
	struct words words = { "s", "/tmp", { SPAN("sh"), SPAN("") }, { SPAN("A="), SPAN("PATH=/x:/y") } };
	struct definition *definition = NULL;
	struct err err = ERR_INIT;
	struct wire_in in;

	write_words(&out, &words);
	in = opened(&out);
	if (!ok(definition_read(&in, &definition, &err) == 0, "a whole definition is accepted %s", err.text))
		return;
	is_span(definition->name, S("s"), "its name");
	is_span(span_str(definition->cwd), S("/tmp"), "its folder");
	is_int(definition->n_argv, 2, "two words");
	is_span(span_str(definition->argv[1]), S(""), "an empty argument is one");
	ok(!definition->argv[2] && !definition->env[2], "both lists end with NULL");
	is_span(definition->path, S("/x:/y"), "PATH is the definition's");
	is_int(definition->folder, -1, "no folder beside it");
	definition = definition_free(definition);
}

int main(void)
{
	test_refused();
	test_cut();
	test_too_many();
	test_accepted();
	return tap_done();
}
