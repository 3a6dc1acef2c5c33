/* eras_judge.h - who is on the stage of fuzz_eras.c, and whether what they hear may be said to them. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/check.h"
#include "eras_play.h"
#include "exchange/client.h"

enum {
	PLAY_REQUESTS = 24, /* of one client, at once */
	PLAY_ASKS = 64,	    /* that wait for somebody's answer */
	PLAY_PEERS = 12,
	PLAY_STEPS = 400,
	PLAY_TEXT = 65536,
};

struct player;

/* One request of a client: its answer comes once. */
struct request {
	struct sink sink;
	struct player *player;
	bool open, cancelled;
	enum method method;
	char id[16];
};

/* A client. */
struct player {
	struct play *play;
	struct client *client;
	struct outlet outlet;
	struct request requests[PLAY_REQUESTS];
	unsigned next_id;
	uint64_t asks[PLAY_ASKS]; /* ids of what it is asked and has not answered; 0: none */
	enum method asked[PLAY_ASKS];
	char state[4096];	/* the last requestState it was given */
	unsigned state_request; /* which of its texts that was for */
	unsigned last_text;
};

/* A server's process. */
struct staged {
	struct play *play;
	bool alive;
	enum era era;
	int in, out, notes;
	struct buf said;
	uint64_t open[PLAY_ASKS]; /* ids of the gate's requests */
	enum method methods[PLAY_ASKS];
	uint64_t listens;	  /* the id of the last subscription */
	uint64_t asks[PLAY_ASKS]; /* its own requests without an answer */
	uint64_t next_ask;
};

struct play {
	const uint8_t *data;
	size_t size, steps;
	struct server *servers[2]; /* of the legacy era, of the modern one */
	struct player clients[2];
	struct staged staged[PLAY_PEERS];
	uint64_t later_ms; /* of time that was made to pass */
};

static inline bool player_is_modern(const struct player *player)
{
	return player->client->era == ERA_MODERN;
}

/* What the gate sends to a client. `request`: on whose stream; NULL: on none. */
void judge_heard(struct player *player, struct request *request, struct span text, bool final);
/* What it sends to a server. */
void judge_line(struct staged *staged, struct span line);

/* Sends a line from the server. */
void play_line(struct staged *staged, const char *format, ...) __attribute__((format(printf, 2, 3)));
