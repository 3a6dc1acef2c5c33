/* segment.c - the audit log's files. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/digest.h"

enum {
	TAIL_BYTES = 256 * 1024, /* looked at from a file's end */
	LOOK_BACK_FILES = 8,	 /* earlier files searched for the last number */
	NUMBER_MAX = 99999999,
};

static int open_current(struct segment *segment, struct err *err)
{
	CLEANUP(closep)
	int fd = openat(segment->folder_fd, SEGMENT_FILE,
			O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	struct stat st;

	if (fd < 0)
		return err_sys(err, "cannot open the audit log " SEGMENT_FILE);
	if (fstat(fd, &st) < 0)
		return err_sys(err, "cannot look at the audit log");
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return err_set(err, ERR_DENIED, "the audit log " SEGMENT_FILE " is not a file of user %u",
			       geteuid());
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return err_set(
		    err, ERR_DENIED,
		    "others may read or write the audit log (mode %03o): run `chmod 600 " SEGMENT_FILE "`",
		    (unsigned)st.st_mode & 0777);
	closep(&segment->fd);
	segment->fd = take_fd(&fd);
	segment->size = (uint64_t)st.st_size;
	segment->synced = segment->size;
	segment->inode = st.st_ino;
	return 0;
}

/* A new file is only there for good once its folder is on the disk. */
static int open_and_keep(struct segment *segment, struct err *err)
{
	if (open_current(segment, err) < 0)
		return -1;
	if (fsync(segment->folder_fd) < 0)
		return err_sys(err, "cannot write the audit log's folder");
	return 0;
}

static void name_of(unsigned number, char out[SEGMENT_NAME_BYTES])
{
	(void)snprintf(out, SEGMENT_NAME_BYTES, "audit-%04u.jsonl", number);
}

/* The number in audit-NNNN.jsonl; 0 for any other name. */
static unsigned number_of(struct span name)
{
	uint64_t number = 0;

	if (!span_starts(name, S("audit-")) || !span_ends(name, S(".jsonl")) || name.n < 16)
		return 0;
	if (!span_u64(span_of(name.p + 6, name.n - 12), &number) || number > NUMBER_MAX)
		return 0;
	return (unsigned)number;
}

static int last_number(const struct segment *segment, unsigned *out, struct err *err)
{
	CLEANUP(closep) int fd = openat(segment->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	DIR *folder;

	*out = 0;
	folder = fd < 0 ? NULL : fdopendir(fd);
	if (!folder)
		return err_sys(err, "cannot list the audit log's folder");
	(void)take_fd(&fd); /* closedir() closes it */
	while ((entry = readdir(folder)) != NULL) {
		unsigned number = number_of(span_str(entry->d_name));

		if (number > *out)
			*out = number;
	}
	(void)closedir(folder);
	return 0;
}

/* Gives the current file the next number; nothing is overwritten. */
static int put_away(struct segment *segment, char name[SEGMENT_NAME_BYTES], struct err *err)
{
	unsigned number;

	if (last_number(segment, &number, err) < 0)
		return -1;
	if (number >= NUMBER_MAX)
		return err_set(err, ERR_LIMIT, "there are too many audit files");
	name_of(number + 1, name);
	if (renameat2(segment->folder_fd, SEGMENT_FILE, segment->folder_fd, name, RENAME_NOREPLACE) < 0)
		return err_sys(err, "cannot rename the audit log to %s", name);
	return 0;
}

bool segment_line_seq(struct span line, uint64_t *out)
{
	struct span head = S("{\"seq\":"), rest, digits;

	if (!span_starts(line, head) || !span_ends(line, S("}")))
		return false;
	rest = span_skip(line, head.n);
	digits = span_cut(&rest, ',');
	return rest.n > 0 && span_u64(digits, out) && *out > 0;
}

/* Reads the last bytes of a file of `size` bytes. */
static int read_tail(int fd, uint64_t size, struct buf *out, struct err *err)
{
	uint64_t at = size > TAIL_BYTES ? size - TAIL_BYTES : 0;

	while (at < size) {
		char chunk[16384];
		size_t want = size - at < sizeof(chunk) ? (size_t)(size - at) : sizeof(chunk);
		ssize_t got = pread(fd, chunk, want, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(err, "cannot read the audit log");
		if (got == 0)
			break;
		buf_add(out, span_of(chunk, (size_t)got));
		at += (uint64_t)got;
	}
	if (!buf_ok(out))
		return err_set(err, ERR_NOMEM, "no memory to read the audit log");
	return 0;
}

/* Takes the last line off the end of `text`, which ends in a newline. */
static struct span last_line(struct span *text)
{
	size_t end = text->n - 1, start = end;
	struct span line;

	while (start > 0 && text->p[start - 1] != '\n')
		start--;
	line = span_of(text->p + start, end - start);
	text->n = start;
	return line;
}

/* The number of the last line in `text` that is ours; 0 where there is none. */
static uint64_t last_seq(struct span text)
{
	uint64_t seq;

	while (text.n && text.p[text.n - 1] != '\n')
		text.n--;
	while (text.n)
		if (segment_line_seq(last_line(&text), &seq))
			return seq;
	return 0;
}

static uint64_t seq_of_file(const struct segment *segment, const char *name)
{
	CLEANUP(closep)
	int fd = openat(segment->folder_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	CLEANUP(buf_release) struct buf tail = BUF_INIT(TAIL_BYTES);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    read_tail(fd, (uint64_t)st.st_size, &tail, NULL) < 0)
		return 0;
	return last_seq(buf_span(&tail));
}

/* The current file says nothing: go on from the newest earlier file that does. */
static int find_seq_before(struct segment *segment, struct err *err)
{
	unsigned number;

	if (last_number(segment, &number, err) < 0)
		return -1;
	for (unsigned i = 0; i < LOOK_BACK_FILES && i < number && segment->seq == 0; i++) {
		char name[SEGMENT_NAME_BYTES];

		name_of(number - i, name);
		segment->seq = seq_of_file(segment, name);
	}
	return 0;
}

static int cut(struct segment *segment, struct span torn, struct segment_repair *repair, struct err *err)
{
	digest_blake2b(torn, repair->cut_digest);
	if (ftruncate(segment->fd, (off_t)(segment->size - torn.n)) < 0 || fdatasync(segment->fd) < 0)
		return err_sys(err, "cannot repair the audit log");
	repair->cut_bytes = torn.n;
	segment->size -= torn.n;
	segment->synced = segment->size;
	return 0;
}

static int repair_tail(struct segment *segment, struct segment_repair *repair, struct err *err)
{
	CLEANUP(buf_release) struct buf tail = BUF_INIT(TAIL_BYTES);
	struct span text, torn, whole;

	if (read_tail(segment->fd, segment->size, &tail, err) < 0)
		return -1;
	text = buf_span(&tail);
	whole = text;
	while (whole.n && whole.p[whole.n - 1] != '\n')
		whole.n--;
	torn = span_skip(text, whole.n);
	segment->seq = last_seq(whole);
	if (whole.n) {
		struct span rest = whole;
		uint64_t seq;

		if (torn.n <= SEGMENT_LINE_MAX && segment_line_seq(last_line(&rest), &seq))
			return torn.n ? cut(segment, torn, repair, err) : 0;
	} else if (torn.n <= SEGMENT_LINE_MAX && torn.p[0] == '{') {
		return cut(segment, torn, repair, err);
	}
	if (put_away(segment, repair->set_aside, err) < 0)
		return -1;
	return open_and_keep(segment, err);
}

static int check_folder(const struct segment *segment, const char *folder, struct err *err)
{
	struct stat st;

	if (fstat(segment->folder_fd, &st) < 0)
		return err_sys(err, "cannot look at %s", folder);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(
		    err, ERR_DENIED,
		    "others may write into the audit log's folder %s (mode %03o): run `chmod go-w %s`",
		    folder, (unsigned)st.st_mode & 0777, folder);
	if (flock(segment->folder_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return err_set(err, ERR_DENIED, "another gateway writes the audit log in %s", folder);
	return err_sys(err, "cannot lock the audit log's folder %s", folder);
}

int segment_open(struct segment *segment, const char *folder, struct segment_repair *repair, struct err *err)
{
	*segment = SEGMENT_INIT;
	*repair = (struct segment_repair){ 0 };
	segment->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (segment->folder_fd < 0)
		return err_sys(err, "cannot open the audit log's folder %s", folder);
	if (check_folder(segment, folder, err) < 0)
		return -1;
	if (open_and_keep(segment, err) < 0)
		return err_wrap(err, "%s", folder);
	if (segment->size > 0 && repair_tail(segment, repair, err) < 0)
		return err_wrap(err, "%s", folder);
	/* Whoever wrote the end may have died before the disk had it. */
	if (fdatasync(segment->fd) < 0)
		return err_sys(err, "cannot write the audit log in %s", folder);
	return segment->seq ? 0 : find_seq_before(segment, err);
}

void segment_release(struct segment *segment)
{
	closep(&segment->fd);
	closep(&segment->folder_fd);
}

int segment_append(struct segment *segment, struct span bytes)
{
	while (bytes.n) {
		ssize_t put = write(segment->fd, bytes.p, bytes.n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return errno;
		segment->size += (uint64_t)put;
		bytes = span_skip(bytes, (size_t)put);
	}
	return 0;
}

int segment_sync(struct segment *segment)
{
	if (segment->synced == segment->size)
		return 0;
	if (fdatasync(segment->fd) < 0)
		return errno;
	segment->synced = segment->size;
	return 0;
}

int segment_undo(struct segment *segment)
{
	if (segment->size == segment->synced)
		return 0;
	if (ftruncate(segment->fd, (off_t)segment->synced) < 0)
		return errno;
	segment->size = segment->synced;
	return 0;
}

enum segment_state segment_look(struct segment *segment)
{
	struct stat st;

	if (fstat(segment->fd, &st) < 0 || st.st_nlink == 0)
		return SEGMENT_REMOVED;
	return (uint64_t)st.st_size == segment->size ? SEGMENT_AS_LEFT : SEGMENT_CHANGED;
}

int segment_rotate(struct segment *segment, struct err *err)
{
	char name[SEGMENT_NAME_BYTES];

	if (put_away(segment, name, err) < 0)
		return -1;
	return open_and_keep(segment, err);
}

int segment_renew(struct segment *segment, struct err *err)
{
	return open_and_keep(segment, err);
}

int segment_count_lines(const struct segment *segment, uint64_t from, uint64_t to, uint64_t *out,
			struct err *err)
{
	uint64_t lines = 0;

	while (from < to) {
		char chunk[16384];
		size_t want = to - from < sizeof(chunk) ? (size_t)(to - from) : sizeof(chunk);
		ssize_t got = pread(segment->fd, chunk, want, (off_t)from);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(err, "cannot read the audit log");
		if (got == 0)
			break;
		for (ssize_t i = 0; i < got; i++)
			lines += chunk[i] == '\n';
		from += (uint64_t)got;
	}
	*out = lines;
	return 0;
}
