/* buf.c - buffers and arenas: their ceilings hold, and nothing that did not fit is half there. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "tap.h"

static void past_the_ceiling(void)
{
	CLEANUP(buf_release) struct buf buf = BUF_INIT(8);

	buf_add(&buf, S("12345678"));
	ok(buf_ok(&buf) && buf.n == 8, "the ceiling itself can be filled");
	ok(!buf_cstr(&buf), "no room for the NUL");
	ok(!buf_ok(&buf), "and that is remembered");
	buf_clear(&buf);
	buf_add(&buf, S("123456789"));
	is_int(buf.n, 0, "what does not fit is not added in part");
	buf_add(&buf, S("1"));
	is_int(buf.n, 0, "and nothing follows what did not fit");
	ok(!buf_ok(&buf), "which stays set");
	buf_clear(&buf);
	buf_add(&buf, S("1"));
	ok(buf_ok(&buf) && buf.n == 1, "until it is cleared");
	ok(!buf_reserve(&buf, SIZE_MAX), "a length that wraps around is refused");
}

static void growing(void)
{
	CLEANUP(buf_release) struct buf buf = BUF_INIT(100000);
	bool fine = true;

	for (unsigned i = 0; i < 100000; i++)
		buf_add_char(&buf, (char)('a' + i % 26));
	for (unsigned i = 0; i < 100000; i++)
		fine = fine && buf.p[i] == (char)('a' + i % 26);
	ok(fine && buf_ok(&buf) && buf.n == 100000, "grows and keeps what is there");
	ok(buf.cap <= 100000, "never allocates past its ceiling");
	buf_add_char(&buf, 'x');
	ok(!buf_ok(&buf), "one more is too much");
}

/* --- several together --- */

static void budgets(void)
{
	struct budget all = { .max = 1000 }, one = { .max = 600, .parent = &all },
		      other = { .max = 600, .parent = &all };
	struct buf a = BUF_CHARGED(100000, &one), b = BUF_CHARGED(100000, &one),
		   c = BUF_CHARGED(100000, &other), moved;

	(void)buf_reserve(&a, 500);
	ok(buf_ok(&a) && one.used == a.cap && all.used == a.cap, "what is allocated is charged");
	(void)buf_reserve(&b, 200);
	ok(!buf_ok(&b) && b.cap == 0 && one.used == a.cap, "a second one does not fit, and takes nothing");
	(void)buf_reserve(&c, 600);
	ok(!buf_ok(&c) && other.used == 0 && all.used == a.cap, "nor what is too much for all");
	buf_clear(&c);
	(void)buf_reserve(&c, 300);
	ok(buf_ok(&c) && c.cap <= 512 && all.used == a.cap + c.cap, "no more than fits is allocated ahead");
	moved = a;
	a = (struct buf){ 0 };
	buf_release(&a);
	ok(one.used == moved.cap, "moving changes nothing");
	buf_release(&moved);
	buf_release(&moved);
	ok(one.used == 0 && all.used == c.cap, "releasing gives back, once");
	buf_clear(&b);
	(void)buf_reserve(&b, 200);
	ok(buf_ok(&b), "and then there is room");
	buf_shrink(&b, 0);
	buf_shrink(&c, 0);
	ok(one.used == 0 && other.used == 0 && all.used == 0, "so does shrinking");
	budget_force(&one, 700);
	ok(!budget_take(&one, 0) && !budget_take(&one, 1) && !budget_fits(&one, 1) &&
	       budget_fits(NULL, SIZE_MAX),
	   "what is there already may be more than fits: then nothing else does");
	budget_give(&one, 700);
	is_int(all.used, 0, "all of it is given back");
}

/* Where it may not double any more it still must not be copied whole for every byte that comes. */
static void near_the_end(void)
{
	enum { MOST = 1 << 20 };
	struct budget budget = { .max = MOST };
	struct buf buf = BUF_CHARGED((size_t)2 * MOST, &budget);
	unsigned growths = 0;
	size_t cap = 0, n = 0;

	for (; n <= MOST && buf_ok(&buf); n++) {
		buf_add_char(&buf, 'x');
		growths += buf.cap != cap;
		if (buf.cap - cap > 1 && n > MOST / 2)
			ok(buf.cap - n <= (MOST - n + 1) / 2 + 1, "# half of what is left is left");
		cap = buf.cap;
	}
	ok(!buf_ok(&buf) && buf.n == MOST && budget.used == MOST, "a budget can be used to its last byte");
	ok(growths < 64, "in a few steps: %u", growths);
	buf_release(&buf);
}

static void numbers(void)
{
	static const struct {
		int64_t value;
		const char *text;
	} signed_numbers[] = { { 0, "0" },
			       { -1, "-1" },
			       { INT64_MAX, "9223372036854775807" },
			       { INT64_MIN, "-9223372036854775808" } };
	CLEANUP(buf_release) struct buf buf = BUF_INIT(4096);

	for (size_t i = 0; i < COUNT(signed_numbers); i++) {
		buf_clear(&buf);
		buf_add_i64(&buf, signed_numbers[i].value);
		is_span(buf_span(&buf), span_str(signed_numbers[i].text), "%s", signed_numbers[i].text);
	}
	buf_clear(&buf);
	buf_add_u64(&buf, UINT64_MAX);
	is_span(buf_span(&buf), S("18446744073709551615"), "the largest number");
	buf_clear(&buf);
	buf_add_hex(&buf, S("\x00\x0f\xa0\xff"));
	is_span(buf_span(&buf), S("000fa0ff"), "hex");
}

static void formats(void)
{
	CLEANUP(buf_release) struct buf buf = BUF_INIT(2000);

	buf_addf(&buf, "%s-%d", "a", 7);
	is_span(buf_span(&buf), S("a-7"), "a short format");
	buf_addf(&buf, "%01000d", 5);
	is_int(buf.n, 1003, "one longer than the small buffer");
	ok(buf.p[3] == '0' && buf.p[1002] == '5', "comes whole");
	buf_addf(&buf, "%01500d", 5);
	ok(!buf_ok(&buf) && buf.n == 1003, "one past the ceiling adds nothing");
}

static void consuming(void)
{
	CLEANUP(buf_release) struct buf buf = BUF_INIT(64);

	buf_add(&buf, S("headtail"));
	buf_consume(&buf, 4);
	is_span(buf_span(&buf), S("tail"), "the rest moves to the front");
	is_int(strlen(buf_cstr(&buf)), 4, "a NUL follows and is not counted");
	is_int(buf.n, 4, "in n");
	buf_shrink(&buf, 0);
	ok(buf.cap > 0, "memory in use is not given back");
	buf_consume(&buf, 4);
	buf_shrink(&buf, 0);
	ok(buf.cap == 0 && !buf.p, "unused memory is");
	is_span(buf_span(&buf), S(""), "an empty buffer is an empty span");
	ok(buf_span(&buf).p != NULL, "with a place");
}

static void arena_ceiling(void)
{
	struct arena arena = ARENA_INIT(10000);

	ok(!arena_alloc(&arena, 10001), "past the ceiling there is nothing");
	ok(arena.over && !arena_alloc(&arena, 1), "and nothing small either, until it is cleared");
	ok(!arena_dup(&arena, S("x")).p, "a copy says so by NULL");
	arena_clear(&arena);
	ok(!arena_alloc(&arena, SIZE_MAX - 4), "a size that wraps around is refused");
	arena_clear(&arena);
	ok(arena_alloc(&arena, 5000) && !arena_alloc(&arena, 5100), "the ceiling is on the sum");
	arena_release(&arena);
	ok(!arena.last && arena.used == 0, "released");
}

static void arena_memory(void)
{
	struct arena arena = ARENA_INIT((size_t)1 << 20);
	char *first = arena_alloc(&arena, 3), *second;
	struct span copy;
	bool zero = true, aligned = true;

	memset(first, 0xff, 3);
	for (size_t n = 1; n < 300; n++) {
		second = arena_alloc(&arena, n);
		aligned = aligned && (uintptr_t)second % _Alignof(max_align_t) == 0;
		for (size_t i = 0; i < n; i++)
			zero = zero && second[i] == 0;
		memset(second, 0xff, n);
	}
	ok(zero, "memory comes zeroed");
	ok(aligned, "and aligned");
	ok((unsigned char)first[0] == 0xff && (unsigned char)first[2] == 0xff, "nobody else's is touched");
	copy = arena_dup(&arena, S("text"));
	ok(span_eq(copy, S("text")) && copy.p[4] == '\0', "a copy ends with a NUL");
	arena_clear(&arena);
	second = arena_alloc(&arena, 64);
	zero = true;
	for (size_t i = 0; i < 64; i++)
		zero = zero && second[i] == 0;
	ok(zero, "also where the memory was used before");
	arena_release(&arena);
}

int main(void)
{
	past_the_ceiling();
	growing();
	budgets();
	near_the_end();
	numbers();
	formats();
	consuming();
	arena_ceiling();
	arena_memory();
	return tap_done();
}
