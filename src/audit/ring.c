/* ring.c - records between two processes, in memory that outlives both. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/random.h"

#define MAGIC 0x31676e6972646b6bULL

enum { HEAD_BYTES = 4096, ALIGN = 8, LINE = 64 };

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/*
 * The first page; the records follow. Places only grow, the ring's index is a place modulo `size`.
 * Who writes which line: the manager the first two, the producer `head`, the consumer the others,
 * but for `sleeping`, which the producer takes back when it wakes the consumer.
 */
struct ring_map {
	_Alignas(LINE) uint64_t magic;
	_Alignas(LINE) _Atomic uint64_t id;
	_Alignas(LINE) _Atomic uint64_t head;
	_Alignas(LINE) _Atomic uint64_t tail;
	_Alignas(LINE) _Atomic int32_t failure;
	_Alignas(LINE) _Atomic uint32_t sleeping;
};
_Static_assert(sizeof(struct ring_map) <= HEAD_BYTES, "the first page");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2, "atomics between processes");

/* Before each record. */
struct record_head {
	uint32_t length;
	uint32_t check;
};
_Static_assert(sizeof(struct record_head) == ALIGN, "one record head is one step");

static char *data_of(const struct ring *ring)
{
	return (char *)ring->map + HEAD_BYTES;
}

/* Bytes that a record takes, head and padding included. */
static uint64_t step_of(size_t length)
{
	return sizeof(struct record_head) + ((uint64_t)length + ALIGN - 1) / ALIGN * ALIGN;
}

/* A record copied from elsewhere in the ring, or left from an earlier round, does not pass. */
static uint32_t check_of(struct span record, uint64_t place, uint64_t id)
{
	uint64_t hash = span_hash(record, place ^ id);

	return (uint32_t)(hash ^ hash >> 32);
}

static void copy_in(const struct ring *ring, uint64_t place, const void *from, size_t n)
{
	size_t at = (size_t)(place & (ring->size - 1));
	size_t first = n < ring->size - at ? n : (size_t)(ring->size - at);

	memcpy(data_of(ring) + at, from, first);
	memcpy(data_of(ring), (const char *)from + first, n - first);
}

static void copy_out(const struct ring *ring, uint64_t place, void *to, size_t n)
{
	size_t at = (size_t)(place & (ring->size - 1));
	size_t first = n < ring->size - at ? n : (size_t)(ring->size - at);

	memcpy(to, data_of(ring) + at, first);
	memcpy((char *)to + first, data_of(ring), n - first);
}

void ring_fds_release(struct ring_fds *fds)
{
	closep(&fds->memory);
	closep(&fds->wake);
}

static void empty(struct ring_map *map)
{
	atomic_store(&map->tail, 0);
	atomic_store(&map->head, 0);
	atomic_store(&map->failure, 0);
	atomic_store(&map->sleeping, 0);
	/* Last: a consumer that waits for a new id finds everything else in place. Never 0. */
	atomic_store(&map->id, random_u64() | 1);
}

int ring_create(size_t bytes, struct ring_fds *out, struct err *err)
{
	CLEANUP(ring_fds_release) struct ring_fds fds = RING_FDS_INIT;
	struct ring_map *map;

	if (bytes < RING_BYTES_MIN || bytes > RING_BYTES_MAX || (bytes & (bytes - 1)) != 0)
		return err_set(err, ERR_LIMIT, "an audit ring of %zu bytes cannot be made", bytes);
	fds.memory = memfd_create("kanmon-audit", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fds.memory < 0)
		return err_sys(err, "cannot make the audit ring");
	/* Allocated, not only sized: a page that cannot be had must fail here and not as SIGBUS later. */
	errno = posix_fallocate(fds.memory, 0, (off_t)(HEAD_BYTES + bytes));
	if (errno != 0)
		return err_sys(err, "cannot make the audit ring");
	if (fcntl(fds.memory, F_ADD_SEALS, SEALS) < 0)
		return err_sys(err, "cannot seal the audit ring");
	fds.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fds.wake < 0)
		return err_sys(err, "cannot make the audit ring's bell");
	map = mmap(NULL, HEAD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fds.memory, 0);
	if (map == MAP_FAILED)
		return err_sys(err, "cannot map the audit ring");
	map->magic = MAGIC;
	empty(map);
	(void)munmap(map, HEAD_BYTES);
	*out = fds;
	fds = RING_FDS_INIT;
	return 0;
}

int ring_reset(const struct ring_fds *fds, struct err *err)
{
	struct ring_map *map = mmap(NULL, HEAD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fds->memory, 0);
	uint64_t bell = 1;

	if (map == MAP_FAILED)
		return err_sys(err, "cannot map the audit ring");
	map->magic = MAGIC;
	empty(map);
	(void)munmap(map, HEAD_BYTES);
	if (write(fds->wake, &bell, sizeof(bell)) < 0 && errno != EAGAIN)
		return err_sys(err, "cannot ring the audit ring's bell");
	return 0;
}

/* Could these two places be true? */
static bool is_sane(const struct ring *ring, uint64_t head, uint64_t tail)
{
	return head - tail <= ring->size && head % ALIGN == 0 && tail % ALIGN == 0;
}

static void take_up(struct ring *ring)
{
	ring->id = atomic_load(&ring->map->id);
	ring->tail = atomic_load(&ring->map->tail);
	ring->head = atomic_load(&ring->map->head);
	ring->cursor = ring->tail;
	ring->broken = false;
}

int ring_map(struct ring *ring, const struct ring_fds *fds, enum ring_end end, struct err *err)
{
	struct stat st;
	uint64_t bytes;
	void *map;

	*ring = RING_INIT;
	if (fstat(fds->memory, &st) < 0)
		return err_sys(err, "cannot look at the audit ring");
	bytes = st.st_size > HEAD_BYTES ? (uint64_t)st.st_size - HEAD_BYTES : 0;
	/* Without the seal, whoever holds the other end could take the pages away under us. */
	if ((fcntl(fds->memory, F_GET_SEALS) & SEALS) != SEALS || bytes < RING_BYTES_MIN ||
	    bytes > RING_BYTES_MAX || (bytes & (bytes - 1)) != 0)
		return err_set(err, ERR_FORMAT, "the descriptor is no audit ring");
	map = mmap(NULL, HEAD_BYTES + bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fds->memory, 0);
	if (map == MAP_FAILED)
		return err_sys(err, "cannot map the audit ring");
	ring->map = map;
	ring->map_bytes = HEAD_BYTES + bytes;
	ring->size = bytes;
	ring->wake_fd = fds->wake;
	take_up(ring);
	if (ring->map->magic == MAGIC && is_sane(ring, ring->head, ring->tail))
		return 0;
	/* The consumer goes on and reports it: its other rings must not wait for this one. */
	if (end == RING_CONSUMER) {
		ring->broken = true;
		return 0;
	}
	ring_unmap(ring);
	return err_set(err, ERR_FORMAT, "the audit ring is broken");
}

void ring_unmap(struct ring *ring)
{
	if (ring->map)
		(void)munmap(ring->map, ring->map_bytes);
	*ring = RING_INIT;
}

static void wake(struct ring *ring)
{
	uint64_t bell = 1;

	/*
	 * Whole-store order, here and in ring_sleep(): either we see that it sleeps, or it sees our
	 * record. EAGAIN means the bell rings already.
	 */
	if (atomic_load(&ring->map->sleeping) == 0 || atomic_exchange(&ring->map->sleeping, 0) == 0)
		return;
	while (write(ring->wake_fd, &bell, sizeof(bell)) < 0 && errno == EINTR)
		;
}

bool ring_put(struct ring *ring, struct span record)
{
	struct record_head head = { .length = (uint32_t)record.n };
	uint64_t need = step_of(record.n);

	if (record.n == 0 || record.n > RING_RECORD_MAX || ring_failure(ring) != 0)
		return false;
	if (ring->head - ring->tail + need > ring->size)
		ring->tail = atomic_load_explicit(&ring->map->tail, memory_order_acquire);
	if (!is_sane(ring, ring->head, ring->tail) || ring->head - ring->tail + need > ring->size)
		return false;
	head.check = check_of(record, ring->head, ring->id);
	copy_in(ring, ring->head, &head, sizeof(head));
	copy_in(ring, ring->head + sizeof(head), record.p, record.n);
	/* The record is there from this store on; before it, its bytes are nobody's. */
	ring->head += need;
	atomic_store(&ring->map->head, ring->head);
	wake(ring);
	return true;
}

int ring_failure(const struct ring *ring)
{
	return atomic_load_explicit(&ring->map->failure, memory_order_relaxed);
}

uint64_t ring_waiting(const struct ring *ring)
{
	uint64_t tail = atomic_load_explicit(&ring->map->tail, memory_order_acquire);

	return atomic_load_explicit(&ring->map->head, memory_order_acquire) - tail;
}

static enum ring_state break_ring(struct ring *ring)
{
	ring->broken = true;
	return RING_BROKEN;
}

enum ring_state ring_read(struct ring *ring, struct buf *out)
{
	struct record_head head;
	uint64_t end, room;
	char *at;

	if (ring->broken && ring->id == atomic_load(&ring->map->id))
		return RING_BROKEN;
	if (ring->broken)
		take_up(ring);
	end = atomic_load_explicit(&ring->map->head, memory_order_acquire);
	if (end == ring->cursor)
		return RING_EMPTY;
	if (!is_sane(ring, end, ring->tail) || end - ring->cursor > ring->size)
		return break_ring(ring);
	room = end - ring->cursor;
	/* From here on only the copies count: the producer may be changing the ring. */
	copy_out(ring, ring->cursor, &head, sizeof(head));
	if (head.length == 0 || head.length > RING_RECORD_MAX || step_of(head.length) > room)
		return break_ring(ring);
	at = buf_reserve(out, head.length);
	if (!at)
		return RING_EMPTY;
	copy_out(ring, ring->cursor + sizeof(head), at, head.length);
	if (check_of(span_of(at, head.length), ring->cursor, ring->id) != head.check)
		return break_ring(ring);
	out->n += head.length;
	ring->cursor += step_of(head.length);
	return RING_RECORD;
}

void ring_commit(struct ring *ring)
{
	ring->tail = ring->cursor;
	if (ring->id != atomic_load(&ring->map->id))
		return;
	atomic_store(&ring->map->tail, ring->tail);
	/* A reset came between: of what the ring holds now, nothing is read. */
	if (ring->id != atomic_load(&ring->map->id))
		atomic_store(&ring->map->tail, 0);
}

void ring_rewind(struct ring *ring)
{
	ring->cursor = ring->tail;
}

void ring_set_failure(struct ring *ring, int failure)
{
	atomic_store(&ring->map->failure, failure);
}

bool ring_sleep(struct ring *ring)
{
	atomic_store(&ring->map->sleeping, 1);
	if (ring->broken ? ring->id == atomic_load(&ring->map->id)
			 : atomic_load(&ring->map->head) == ring->cursor)
		return true;
	atomic_store(&ring->map->sleeping, 0);
	return false;
}

void ring_awake(struct ring *ring)
{
	uint64_t bell;

	atomic_store(&ring->map->sleeping, 0);
	while (read(ring->wake_fd, &bell, sizeof(bell)) < 0 && errno == EINTR)
		;
}
