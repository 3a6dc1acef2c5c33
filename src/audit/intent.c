/* intent.c - what the writer was about to append. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/intent.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/span.h"

enum { SLOT_BYTES = 2048 };

struct slot {
	uint64_t check;
	struct intent intent;
};
_Static_assert(sizeof(struct slot) <= SLOT_BYTES, "a slot is half a page");

static uint64_t check_of(const struct intent *intent)
{
	return span_hash(span_of((const char *)intent, sizeof(*intent)), 0x616b6e6d6f6e6b61ULL);
}

static bool slot_read(int fd, int at, struct intent *out)
{
	struct slot slot;
	ssize_t got;

	do
		got = pread(fd, &slot, sizeof(slot), (off_t)at * SLOT_BYTES);
	while (got < 0 && errno == EINTR);
	if (got != (ssize_t)sizeof(slot) || slot.check != check_of(&slot.intent) ||
	    slot.intent.n > INTENT_CHUNKS)
		return false;
	*out = slot.intent;
	return true;
}

int intent_open(int folder_fd, int *out_fd, struct intent *intent, struct err *err)
{
	struct intent other;
	int fd = openat(folder_fd, INTENT_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_sys(err, "cannot open " INTENT_FILE " beside the audit log");
	*out_fd = fd;
	if (!slot_read(fd, 0, intent))
		*intent = (struct intent){ 0 };
	if (slot_read(fd, 1, &other) && other.generation > intent->generation)
		*intent = other;
	return 0;
}

int intent_write(int fd, struct intent *intent)
{
	struct slot slot = { 0 };
	ssize_t put;

	intent->generation++;
	slot.intent = *intent;
	slot.check = check_of(&slot.intent);
	do
		put = pwrite(fd, &slot, sizeof(slot), (off_t)(intent->generation & 1) * SLOT_BYTES);
	while (put < 0 && errno == EINTR);
	if (put < 0)
		return errno;
	return put == (ssize_t)sizeof(slot) ? 0 : ENOSPC;
}
