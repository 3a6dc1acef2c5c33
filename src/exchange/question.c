/* question.c - what a legacy server asks, kept until its modern client brings the answers. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/question.h"

#include <stdlib.h>

#include "mcp/translate.h"
#include "json/write.h"

enum { QUESTION_BYTES = 256 * 1024 };

/* One request of the server. */
struct asking {
	struct list node;
	enum method method;
	unsigned number; /* its name in inputRequests */
	struct span id;	 /* the server's, exact token */
	struct buf input;
	char bytes[];
};

static void drop(struct questions *questions, struct asking *question)
{
	list_remove(&question->node);
	questions->n--;
	budget_give(questions->budget, question->id.n);
	buf_release(&question->input);
	free(question);
}

void questions_init(struct questions *questions, struct budget *budget)
{
	*questions = (struct questions){ .budget = budget };
	list_init(&questions->list);
}

void questions_clear(struct questions *questions)
{
	while (!list_empty(&questions->list))
		drop(questions, LIST_ENTRY(questions->list.next, struct asking, node));
}

bool questions_put(struct questions *questions, const struct message *message)
{
	struct span id = message_token(message->json, message->id);
	struct asking *question;

	if (questions->n >= QUESTIONS || !budget_take(questions->budget, id.n))
		return false;
	question = calloc(1, sizeof(*question) + id.n);
	if (!question) {
		budget_give(questions->budget, id.n);
		return false;
	}
	memcpy(question->bytes, id.p, id.n);
	question->id = span_of(question->bytes, id.n);
	question->method = message->method;
	question->number = ++questions->asked;
	question->input = BUF_CHARGED(QUESTION_BYTES, questions->budget);
	list_add(&questions->list, &question->node);
	questions->n++;
	if (translate_ask_to_input(&question->input, message) && buf_ok(&question->input))
		return true;
	drop(questions, question);
	return false;
}

bool questions_forget(struct questions *questions, struct span id)
{
	LIST_EACH(&questions->list, node) {
		struct asking *question = LIST_ENTRY(node, struct asking, node);

		if (!span_eq(question->id, id))
			continue;
		drop(questions, question);
		return true;
	}
	return false;
}

static void add_name(struct buf *out, const struct asking *question)
{
	buf_addf(out, "ask-%u", question->number);
}

void questions_add(const struct questions *questions, struct buf *out)
{
	char store[32];

	LIST_EACH(&questions->list, node) {
		const struct asking *question = LIST_ENTRY(node, struct asking, node);
		struct buf name = buf_over(store, sizeof(store));

		add_name(&name, question);
		json_put_raw(out, buf_span(&name), buf_span(&question->input));
	}
}

/* False: what the client brings is no answer to it. */
static bool answer(const struct asking *question, struct link *link, const struct json *json,
		   json_at responses, size_t max)
{
	static const struct send_facts facts = { .method = METHOD_NONE };
	CLEANUP(buf_release) struct buf out = BUF_INIT(max + 1024);
	char store[32];
	struct buf name = buf_over(store, sizeof(store));
	json_at at;

	add_name(&name, question);
	at = json_get(json, responses, buf_span(&name));
	if (at == JSON_NONE)
		return false;
	buf_add(&out, S("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_add(&out, question->id);
	buf_add(&out, S(",\"result\":"));
	if (!translate_input_to_answer(&out, json, at, question->method, link->revision))
		return false;
	buf_add_char(&out, '}');
	if (buf_ok(&out))
		link_send(link, buf_span(&out), &facts);
	return buf_ok(&out);
}

void questions_answer(struct questions *questions, struct link *link, const struct json *json,
		      json_at responses, size_t max)
{
	LIST_EACH(&questions->list, node) {
		struct asking *question = LIST_ENTRY(node, struct asking, node);

		if (answer(question, link, json, responses, max))
			drop(questions, question);
	}
}
