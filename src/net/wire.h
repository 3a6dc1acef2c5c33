/* wire.h - typed messages between the gate's own processes, over a SOCK_SEQPACKET pair. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

/*
 * One packet is one message: a kind, an id that ties an answer to its question (0: none is
 * expected), and fields in an order both sides know. Numbers are 8 bytes in host order (both ends
 * are the same program on the same machine); a span is its length and its bytes. Descriptors
 * travel beside it. A reader never trusts: a short or odd message sets `bad`, which stays set.
 */
enum { WIRE_MAX_BYTES = 64 * 1024, WIRE_MAX_FDS = 8 };

struct wire_out {
	struct buf bytes;
	int fds[WIRE_MAX_FDS]; /* borrowed: the sender closes its own */
	size_t n_fds;
};

struct wire_in {
	uint32_t kind;
	uint32_t id;
	struct span rest;      /* borrowed from the receiver's buffer */
	int fds[WIRE_MAX_FDS]; /* owned until taken; wire_in_release() closes the others */
	size_t n_fds, taken;
	bool bad;
};

void wire_begin(struct wire_out *out, uint32_t kind, uint32_t id);
void wire_put_u64(struct wire_out *out, uint64_t value);
void wire_put_span(struct wire_out *out, struct span bytes);
void wire_put_fd(struct wire_out *out, int fd);
void wire_out_release(struct wire_out *out);

/* A message as its receiver reads it, for who is both; borrowed from `out`, without its descriptors. */
struct wire_in wire_in_of(const struct wire_out *out);

uint64_t wire_get_u64(struct wire_in *in);
/* Borrowed from the packet. */
struct span wire_get_span(struct wire_in *in);
/* The next descriptor; the caller owns it. -1 (and `bad`) where there is none. */
int wire_get_fd(struct wire_in *in);
/* True when everything was read and nothing was wrong. */
bool wire_in_done(const struct wire_in *in);
void wire_in_release(struct wire_in *in);

/* A connected pair, both ends close-on-exec and non-blocking. */
int wire_pair(int fds[2], struct err *err) MUST_CHECK;

/* 1 sent, 0 would block, -1 failed. */
int wire_send(int fd, const struct wire_out *out, struct err *err) MUST_CHECK;

/*
 * Receives into `store` (WIRE_MAX_BYTES) and opens it as `*in`. 1 received, 0 would block, -1
 * failed, ERR_CLOSED when the other side is gone. Received descriptors are close-on-exec; a message of which
 * not all could be had has none.
 */
int wire_recv(int fd, char *store, struct wire_in *in, struct err *err) MUST_CHECK;

/* Waits in poll(2) until the send or the receive can go on: for processes without a loop. */
int wire_send_wait(int fd, const struct wire_out *out, int timeout_ms, struct err *err) MUST_CHECK;
int wire_recv_wait(int fd, char *store, struct wire_in *in, int timeout_ms, struct err *err) MUST_CHECK;
