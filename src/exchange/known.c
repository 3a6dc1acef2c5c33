/* known.c - what is known of a server's lists while it does not run, or cannot be reached. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/known.h"

#include "exchange/account.h"
#include "exchange/lists.h"

void known_drop(struct attachment *attachment)
{
	struct known *known = &attachment->known;

	if (known->tools)
		share_leave(&known->tools->holders, &known->share);
	(void)catalogue_unref(known->tools);
	*known = (struct known){ 0 };
}

static void keep_tools(struct attachment *attachment)
{
	struct known *known = &attachment->known;
	struct link *link = attachment->link;
	bool has_some = link->init_result.n && link_has_capability(link, S("tools"));
	/* An old one stands for none that can be had: it is shown where the config wants that of who is away.
	 */
	bool old = link->stale || !server_is_started(attachment->server);

	/* Of what it had before, it may have died without having said anything of it. */
	if (!link->init_result.n || (has_some && !link->catalogue) ||
	    (old && !attachment->server->shown_when_down))
		return;
	known_drop(attachment);
	known->watched = !old && offers_watched(link, OFFER_TOOLS);
	known->revision = link->revision;
	if (!old)
		known->ms = known->watched || !has_some ? loop_now(link->upstream->loop)
							: attachment->fetched_ms;
	if (!has_some)
		return;
	known->tools = catalogue_ref(link->catalogue);
	/* The link pays for it, or another; when it is closed, this may be who is left. */
	if (!share_take(&known->tools->holders, &known->share, &attachment->client->account->held,
			catalogue_bytes(known->tools)))
		known_drop(attachment);
}

void known_keep(struct attachment *attachment)
{
	if (attachment->link)
		keep_tools(attachment);
	offers_stop(attachment);
}

bool known_is_shown(const struct attachment *attachment, uint64_t known_ms)
{
	const struct link *link = attachment->link;

	return known_ms && link && link->state_of == LINK_OPENING &&
	       loop_now(link->upstream->loop) <= known_ms + attachment->server->idle_ms + KNOWN_MS;
}

struct catalogue *known_tools(const struct attachment *attachment)
{
	return known_is_shown(attachment, attachment->known.ms) ? attachment->known.tools : NULL;
}

bool known_will_do(const struct exchange *x, const struct attachment *attachment, unsigned kinds)
{
	bool all = offers_kind(x->method) < OFFER_KINDS;

	for (unsigned i = 0; i < OFFER_KINDS && all; i++)
		if (kinds & (1U << i))
			all = known_is_shown(attachment, i == OFFER_TOOLS ? attachment->known.ms
									  : attachment->shelves[i].known_ms);
	return all;
}

bool known_answers(struct exchange *x)
{
	struct attachment *attachment = x->attachment;
	struct known *known = &attachment->known;

	if (x->method != METHOD_TOOLS_LIST || x->client->era != ERA_LEGACY || !known->watched ||
	    !known->tools || x->waited != WAITED_NOTHING)
		return false;
	if (!attachment->link && !attachment_open(attachment))
		return false;
	if (!known_tools(attachment))
		return false;
	attachment->shelves[OFFER_TOOLS].doubted = true;
	return true;
}
