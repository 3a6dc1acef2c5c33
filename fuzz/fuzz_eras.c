/* fuzz_eras.c - a client and a server of each era, in any order of what they say. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "eras_play.h"

/* A step of the play: its first byte says which, those after it what with. */
enum step {
	STEP_OLD_ASKS,	  /* the legacy client, a request */
	STEP_NEW_ASKS,	  /* the modern one */
	STEP_OLD_SAYS,	  /* a legacy server, a request or notification */
	STEP_NEW_SAYS,	  /* a modern one */
	STEP_SERVER_ENDS, /* a server ends a request with a result or an error */
	STEP_CLIENT_SAYS, /* the legacy client answers what it was asked */
	STEP_COMES_BACK,  /* the modern one makes its call again */
	STEP_CANCELS,	  /* a client gives a request up */
	STEP_TICK,	  /* time passes */
	STEP_DIES,	  /* a server's process ends */
	STEP_FREE_CLIENT, /* what the input itself says, from a client */
	STEP_FREE_SERVER, /* or from a server */
	STEPS,
};

static void step(struct play *play, enum step which)
{
	switch (which) {
	case STEP_OLD_ASKS:
		play_ask(play, ERA_LEGACY);
		break;
	case STEP_NEW_ASKS:
		play_ask(play, ERA_MODERN);
		break;
	case STEP_OLD_SAYS:
		play_server_says(play, ERA_LEGACY);
		break;
	case STEP_NEW_SAYS:
		play_server_says(play, ERA_MODERN);
		break;
	case STEP_SERVER_ENDS:
		play_server_ends(play);
		break;
	case STEP_CLIENT_SAYS:
		play_client_answers(play);
		break;
	case STEP_COMES_BACK:
		play_come_back(play);
		break;
	case STEP_CANCELS:
		play_cancel(play);
		break;
	case STEP_TICK:
		play_tick(play);
		break;
	case STEP_DIES:
		play_die(play);
		break;
	case STEP_FREE_CLIENT:
		play_free_client(play);
		break;
	case STEP_FREE_SERVER:
		play_free_server(play);
		break;
	case STEPS:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct play *play = play_begin(data, size);

	while (play_has_more(play)) {
		/* Several of them in one turn of the loop, too. */
		uint8_t byte = play_byte(play);

		step(play, (enum step)(byte % STEPS));
		if (byte < 0xc0)
			play_settle(play);
	}
	play_end(play);
	return 0;
}
