/* attach_tools.c - the tools of a connection's server: listed once for all its clients, and before a call. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/digest.h"
#include "exchange/client.h"
#include "exchange/gather.h"
#include "exchange/known.h"
#include "exchange/listening.h"
#include "exchange/offers.h"
#include "exchange/view.h"
#include "mcp/translate.h"
#include "upstream/words.h"

static struct span first_omitted(const struct catalogue *catalogue, enum omission omission)
{
	for (size_t i = 0; i < catalogue->n; i++)
		if (catalogue->tools[i].omission == omission)
			return catalogue->tools[i].name;
	return S("");
}

/*
 * What is left out of a list, said once for each list. The annotations have a meaning only in the
 * modern era over HTTP, but the clients of both eras share a list, and either may come first.
 */
static void note_left_out(struct attachment *attachment, const struct catalogue *catalogue)
{
	const struct upstream *upstream = &attachment->client->worker->upstream;
	struct log *log = attachment->client->worker->log;
	struct span first = S("");

	for (unsigned i = OMIT_NOTHING + 1; i < OMIT_TEMPLATE; i++)
		offers_note(attachment, OFFER_TOOLS, (enum omission)i, catalogue->omitted[i],
			    first_omitted(catalogue, (enum omission)i));
	if (!catalogue->bad_params || !server_has_requests(attachment->server))
		return;
	for (size_t i = catalogue->n; i > 0; i--)
		if (catalogue->tools[i - 1].bad_params)
			first = catalogue->tools[i - 1].name;
	log_event(log, LOG_WARN, "catalogue.header",
		  "Tools whose x-mcp-header annotations break the rules are left out for modern clients.",
		  LF("server", server_shown(attachment->server)), LFN("tools", catalogue->bad_params),
		  LF("first", span_first(words_shown(upstream, first), 128)));
}

/* `beside`: without_words(). */
static struct catalogue *read_tools(const struct attachment *attachment, const struct gather *gather,
				    struct span beside, struct json *json)
{
	struct catalogue *catalogue = catalogue_new();
	CLEANUP(buf_release) struct buf array = BUF_INIT((size_t)40 * 1024 * 1024);

	buf_add_char(&array, '[');
	buf_add(&array, gather_items(gather));
	buf_add_char(&array, ']');
	if (catalogue)
		catalogue->server_n = attachment->server->name.n;
	if (!catalogue || !buf_ok(&array) || !json_parse(json, buf_span(&array), array.max) ||
	    !catalogue_add(catalogue, json, 0) || !catalogue_set_result(catalogue, beside))
		return catalogue_unref(catalogue);
	return catalogue;
}

/*
 * What stands beside the tools, without what the modern era says beside every list: that is said anew to
 * whoever is given one, for clients of both eras share a list, each with a word of its own on its time.
 */
static bool without_words(struct buf *out, struct span beside, struct json *json)
{
	static const struct span words[] = { SPAN("resultType"), SPAN("ttlMs"), SPAN("cacheScope") };
	struct arena arena = ARENA_INIT((size_t)4096);
	struct edits edits = { .arena = &arena };
	json_at at;

	if (!json_parse(json, beside, beside.n))
		return false;
	for (size_t i = 0; i < COUNT(words); i++) {
		at = json_get(json, 0, words[i]);
		if (at != JSON_NONE)
			edits_add(&edits, (struct json_edit){ .at = at - 1, .kind = JSON_DROP });
	}
	json_emit(out, json, 0, edits.list, edits.n);
	out->over |= edits.over;
	arena_release(&arena);
	return buf_ok(out);
}

/* What stands beside the tools counts as well: it may be one client's own. JSON holds no NUL. */
static void digest_list(struct span items, struct span beside, uint8_t digest[RECENT_DIGEST_BYTES])
{
	struct digest both;

	digest_start(&both);
	digest_add(&both, items);
	digest_add(&both, span_of("", 1));
	digest_add(&both, beside);
	digest_finish(&both, digest);
}

/* A list seen before, byte for byte, is not compiled again: clients of one server share it. */
static struct catalogue *share(struct attachment *attachment, struct gather *gather, struct json *json)
{
	struct recent_lists *lists = &attachment->server->recent[OFFER_TOOLS];
	bool modern = attachment->link->era == ERA_MODERN;
	struct recent_list list = { .revision = attachment->link->revision,
				    .for_all = !modern || gather_is_public(gather) };
	CLEANUP(buf_release) struct buf beside = BUF_INIT(gather_result(gather).n);
	struct recent_list *recent;

	if (!without_words(&beside, gather_result(gather), json))
		return NULL;
	digest_list(gather_items(gather), buf_span(&beside), list.digest);
	recent = recent_find(lists, list.digest);
	if (recent) {
		/* The legacy era has no word on that, which takes none back. */
		recent->for_all = modern ? list.for_all : recent->for_all;
		return catalogue_ref(recent->tools);
	}
	list.tools = read_tools(attachment, gather, buf_span(&beside), json);
	if (!list.tools)
		return NULL;
	recent_add(lists, &list);
	note_left_out(attachment, list.tools);
	return catalogue_ref(list.tools);
}

/* Who does not list its tools in time is asked again when its pause is over, where somebody waits for them.
 */
static void note_failure(struct attachment *attachment, enum link_failure failure, struct span why)
{
	struct server *server = attachment->server;
	bool late = failure == LINK_SILENT;

	attachment->failure = failure;
	(void)attachment_hides(attachment, failure, why);
	(void)span_to_cstr(span_first(why, sizeof(attachment->why) - 1), attachment->why,
			   sizeof(attachment->why));
	if (!attachment->link || attachment->link->state_of != LINK_READY)
		return;
	server->failed++;
	(void)snprintf(server->last_failure, sizeof(server->last_failure), "%s", attachment->why);
	attachment->link->stale |= late;
	if (late)
		server_was_late(server, true, attachment->fetched_ms);
}

static void on_fetched(void *owner, struct gather *gather, bool fine, struct span why)
{
	struct attachment *attachment = owner;
	struct worker *worker = attachment->client->worker;
	struct link *link = attachment->link;
	struct catalogue *catalogue;

	attachment->fetch = NULL;
	if (attachment_begins_anew(attachment)) {
		(void)gather_free(gather);
		return;
	}
	attachment->fetched_ms = loop_now(&worker->loop);
	if (fine && link) {
		catalogue = share(attachment, gather, &worker->side);
		fine = catalogue && link_set_catalogue(link, catalogue);
		why = catalogue ? span_str(link_crowded) : S("the list is too large");
	}
	if (fine) {
		attachment->shelves[OFFER_TOOLS].ttl_ms = gather_ttl_ms(gather);
		server_has_come(attachment->server, true);
	}
	view_fetched(attachment, fine && link);
	if (fine && link)
		known_drop(attachment);
	if (!fine)
		note_failure(attachment, gather_failure(gather), why);
	(void)gather_free(gather);
	listening_fetched(attachment);
}

bool attachment_fetch(struct attachment *attachment)
{
	struct link *link = attachment->link;

	if (!attachment->fetch) {
		link_initialized(link);
		link->stale = false;
		offers_look(&attachment->shelves[OFFER_TOOLS]);
		attachment->fetch = gather_start(
		    link, METHOD_TOOLS_LIST, link->era == ERA_MODERN ? buf_span(&link->init_params) : S(""),
		    on_fetched, attachment);
	}
	return attachment->fetch != NULL;
}

bool attachment_tick(struct attachment *attachment, uint64_t now_ms)
{
	return offers_tick(attachment, now_ms) ||
	       (attachment->fetch && gather_tick(attachment->fetch, now_ms, attachment->server->timeout_ms));
}

enum stage_result attachment_need_catalogue(struct exchange *x, bool fresh)
{
	struct attachment *attachment = x->attachment;
	struct link *link = attachment->link;
	bool waited = x->waited == WAITED_LIST && !attachment->fetch;

	if (link->catalogue && ((!fresh && !link->stale) || waited)) {
		x->waited = WAITED_NOTHING;
		return STAGE_NEXT;
	}
	if (waited)
		return attachment_refuse_unreachable(x);
	if (!attachment_fetch(attachment))
		return attachment_refuse_unreachable(x);
	x->waited = WAITED_LIST;
	/* From now on it is the list's time that runs: at its end, whoever waits hears why. */
	x->last_ms = loop_now(&x->worker->loop);
	return attachment_park(attachment, x) ? STAGE_WAIT : STAGE_DONE;
}
