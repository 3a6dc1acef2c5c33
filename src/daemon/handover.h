/* handover.h - the words between a gate and the one that takes its place while it runs. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>

#include "crypto/digest.h"
#include "net/wire.h"

/*
 * The new gate is `kanmon --role manager`; descriptor 3 is its channel to the old one. The two may be of
 * different versions: what stands here changes with HANDOVER_VERSION only, and a new gate that does not know
 * its predecessor's words says so and ends.
 *
 * old → new
 *   HANDOVER_BEGIN     struct handover; three descriptors: the lock, the control socket, the way to the
 *                      holder
 *   HANDOVER_SOCKET    u64 enum work_listen, span path, u64 device, u64 inode (of a unix socket; "", 0, 0);
 *                      one: a listening socket
 *   HANDOVER_READ      that is all: read the config, and begin
 * new → old
 *   HANDOVER_READY     all its processes are up; it accepts nobody and has no log yet
 *   HANDOVER_REFUSED   span why, and it ends: at any time before HANDOVER_TAKEN
 * old → new, when its keeper has let go of the log
 *   HANDOVER_ELDER     u64 pid, u64 hosts, u64 since when it has been leaving (wall clock, ms): an older gate
 *                      yet; two descriptors, its audit ring, and a third, the channel to it, where it lives
 *   HANDOVER_COMMIT    the same of the old one itself, without a channel: take the log, and accept
 * new → old
 *   HANDOVER_TAKEN     the gate is another from here on; the old one is an elder of it
 *
 * elder → gate
 *   HANDOVER_HOSTS     u64 how many hosts it still has
 * gate → elder
 *   HANDOVER_RELOAD    the config is to be read again
 *   HANDOVER_STOP      the gate ends, and so does the elder
 *   HANDOVER_ASK       → HANDOVER_HOSTS
 *   HANDOVER_RING      its ring holds nonsense: its worker is to be ended, the ring reset
 */
enum handover_kind {
	HANDOVER_BEGIN = 300,
	HANDOVER_SOCKET,
	HANDOVER_READ,
	HANDOVER_READY,
	HANDOVER_REFUSED,
	HANDOVER_ELDER,
	HANDOVER_COMMIT,
	HANDOVER_TAKEN,
	HANDOVER_HOSTS,
	HANDOVER_RELOAD,
	HANDOVER_STOP,
	HANDOVER_RING,
	HANDOVER_ASK,
};

enum { HANDOVER_VERSION = 1 };

/* HANDOVER_INIT. Descriptors are owned by whoever read it, borrowed by whoever writes it. */
struct handover {
	uint64_t generation; /* the new one's: 1 is the first that was handed over to */
	bool background;     /* as `struct manager_options` */
	uint64_t idle_exit_ms;
	char config[PATH_MAX];	      /* as the first gate was started with; "": none was named */
	char data_dir[PATH_MAX];      /* the same */
	char data[PATH_MAX];	      /* the folder in use */
	char program[PATH_MAX];	      /* where the next one is started from */
	uint8_t filter[DIGEST_BYTES]; /* filter_digest() of what a manager is confined by already; zero:
					 nothing */
	int lock_fd, control_fd, holder_fd;
};
#define HANDOVER_INIT ((struct handover){ .lock_fd = -1, .control_fd = -1, .holder_fd = -1 })

void handover_put(const struct handover *handover, struct wire_out *out);
/*
 * Errors: ERR_CONFIG, of another version; ERR_FORMAT. It holds no descriptor then.
 */
int handover_get(struct wire_in *in, struct handover *handover, struct err *err) MUST_CHECK;
void handover_release(struct handover *handover);

/* One listening socket. */
struct handover_socket {
	uint64_t kind; /* enum work_listen */
	struct span path;
	uint64_t device, inode;
	int fd;
};
void handover_put_socket(const struct handover_socket *socket, struct wire_out *out);
/* False: malformed; nothing is held. The path is borrowed from `in`. */
bool handover_get_socket(struct wire_in *in, struct handover_socket *socket) MUST_CHECK;

/* An older gate: HANDOVER_ELDER, HANDOVER_COMMIT. */
struct handover_elder {
	uint64_t pid, hosts, since_ms;
	int ring_memory, ring_wake;
	int channel; /* -1: none */
};
void handover_put_elder(uint32_t kind, const struct handover_elder *elder, struct wire_out *out);
bool handover_get_elder(struct wire_in *in, struct handover_elder *elder) MUST_CHECK;

/* A message of no more than its kind. */
void handover_put_word(uint32_t kind, struct wire_out *out);
