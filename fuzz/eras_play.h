/* eras_play.h - the stage for fuzz_eras.c: a worker, its clients and servers, who hears what. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mcp/revision.h"

struct play;

/* The bytes are read as far as steps ask for them. */
struct play *play_begin(const uint8_t *data, size_t size);
bool play_has_more(const struct play *play);
uint8_t play_byte(struct play *play);
/* Everybody leaves; nothing may be left, and no request without its one answer. */
void play_end(struct play *play);

/* The loop turns until nobody has anything to say. */
void play_settle(struct play *play);

/* The client, or a server, of this era. */
void play_ask(struct play *play, enum era era);
void play_server_says(struct play *play, enum era era);
void play_server_ends(struct play *play);
void play_client_answers(struct play *play);
void play_come_back(struct play *play);
void play_cancel(struct play *play);
void play_tick(struct play *play);
void play_die(struct play *play);
void play_free_client(struct play *play);
void play_free_server(struct play *play);
