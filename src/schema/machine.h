/* machine.h - one check at work. Only for this room. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/program.h"

/* What became of an op, or of a schema applied to a value. */
enum step {
	STEP_STOP = 0, /* the budget is used up, or memory is missing */
	STEP_PASS,
	STEP_FAIL,
	STEP_WAIT, /* a frame was pushed: its outcome comes later */
};

/* A schema applied to a value, with the op it is at. The last four are the op's own. */
struct frame {
	const struct node *node;
	json_at at;
	uint32_t op, end;
	uint32_t marks; /* where its marks begin */
	uint8_t type;	/* of the value, as a set */
	bool tracks;	/* somebody wants to know what it evaluates */
	bool in_place;	/* applied to the same value as the frame below */
	bool matched;
	uint32_t stage, count;
	json_at cursor;
};

/* The last thing that was not as it should be. */
struct failure {
	enum keyword keyword;
	const struct op *op; /* NULL for type and for a false schema */
	const struct node *node;
	json_at at;
	bool several; /* of oneOf: more than one holds, not none */
};

struct machine {
	const struct schema *schema;
	const struct json *json;
	struct frame *frames;
	uint32_t n_frames, cap_frames;
	uint64_t steps;	  /* what is left */
	enum keyword via; /* the keyword a child is applied for */
	struct failure failure;
	/*
	 * Members (their name tokens) and elements that were evaluated, for unevaluated…; each frame
	 * that tracks has a stretch at the end. JSON_NONE stands for all of them.
	 */
	uint32_t *marks;
	uint32_t n_marks, cap_marks;
	struct buf scratch; /* a string with escapes, decoded */
	struct frame first_frames[12];
};

static inline bool machine_charge(struct machine *m, uint64_t price)
{
	if (m->steps < price) {
		m->steps = 0;
		return false;
	}
	m->steps -= price;
	return true;
}

/* Notes why a value is not valid. Always STEP_FAIL. */
static inline enum step machine_fail(struct machine *m, enum keyword keyword, const struct op *op,
				     const struct node *node, json_at at)
{
	m->failure = (struct failure){ .keyword = keyword, .op = op, .node = node, .at = at };
	return STEP_FAIL;
}

/* Does an op hold that applies no schema? Its types were looked at. */
enum step assert_op(struct machine *m, const struct op *op, json_at at);

/* Is the number at `at` whole? */
bool assert_is_whole(const struct json *json, json_at at);

/* The decoded string at `at`, good until the next call; p == NULL where it is too long. */
struct span machine_string(struct machine *m, json_at at);

/* Are all elements different? */
enum step unique_check(struct machine *m, json_at array);

/* Says in a sentence what the machine noted last. `root` is the value that was checked. */
void problem_describe(const struct machine *m, json_at root, struct schema_problem *problem);
