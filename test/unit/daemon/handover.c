/* handover.c - what one gate hands to the next: wrong packets leave nothing open. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/handover.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "daemon/elders.h"
#include "daemon/gate_config.h"
#include "daemon/listen.h"
#include "daemon/work.h"
#include "tap.h"
#include "turns.h"

static int pair[2];
static char store[WIRE_MAX_BYTES];

static size_t count_open(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		(void)closedir(dir);
	return n;
}

static struct wire_in pass_on(struct wire_out *out)
{
	struct wire_in in = { 0 };

	if (wire_send(pair[0], out, NULL) != 1 || wire_recv(pair[1], store, &in, NULL) != 1)
		printf("# a packet was lost\n");
	wire_out_release(out);
	return in;
}

static struct handover sample(void)
{
	struct handover handover = { .generation = 3,
				     .background = true,
				     .idle_exit_ms = 600000,
				     .config = "/etc/kanmon/kanmon.yaml",
				     .data = "/var/lib/kanmon",
				     .program = "/usr/bin/kanmon",
				     .filter = { 1, 2, 3 } };

	handover.lock_fd = eventfd(11, EFD_CLOEXEC);
	handover.control_fd = eventfd(12, EFD_CLOEXEC);
	handover.holder_fd = eventfd(13, EFD_CLOEXEC);
	return handover;
}

static eventfd_t value_of(int fd)
{
	eventfd_t value = 0;

	(void)eventfd_read(fd, &value);
	return value;
}

static void test_begin_refused(void)
{
	struct handover ours = sample(), got;
	struct wire_out out = { 0 };
	struct wire_in in;
	struct err err = ERR_INIT;
	size_t before = count_open();
	uint64_t version = HANDOVER_VERSION + 1;

	handover_put(&ours, &out);
	/* After the kind and the id. */
	memcpy(out.bytes.p + 2 * sizeof(uint32_t), &version, sizeof(version));
	in = pass_on(&out);
	ok(handover_get(&in, &got, &err) < 0 && err.code == ERR_CONFIG, "another version is refused: %s",
	   err.text);
	wire_in_release(&in);

	err = ERR_INIT;
	handover_put(&ours, &out);
	out.n_fds = 2;
	in = pass_on(&out);
	ok(handover_get(&in, &got, &err) < 0 && err.code == ERR_FORMAT, "a descriptor too few");
	ok(got.lock_fd < 0 && got.control_fd < 0 && got.holder_fd < 0, "and nothing is held");
	wire_in_release(&in);

	handover_put(&ours, &out);
	out.bytes.n -= 9;
	in = pass_on(&out);
	ok(handover_get(&in, &got, &err) < 0, "a packet that is cut");
	wire_in_release(&in);

	handover_put(&ours, &out);
	wire_put_u64(&out, 1);
	in = pass_on(&out);
	ok(handover_get(&in, &got, &err) < 0, "one that is too long");
	wire_in_release(&in);

	handover_put_word(HANDOVER_READ, &out);
	in = pass_on(&out);
	ok(handover_get(&in, &got, &err) < 0, "another word");
	wire_in_release(&in);
	is_int(count_open(), before, "of all these nothing stays open");
	handover_release(&ours);
}

static void test_begin(void)
{
	struct handover ours = sample(), got;
	struct wire_out out = { 0 };
	struct wire_in in;
	size_t before = count_open();

	handover_put(&ours, &out);
	in = pass_on(&out);
	ok(handover_get(&in, &got, NULL) == 0, "a hand-over");
	wire_in_release(&in);
	ok(got.generation == 3 && got.background && got.idle_exit_ms == 600000, "numbers arrive");
	ok(strcmp(got.config, ours.config) == 0 && got.data_dir[0] == '\0' &&
	       strcmp(got.data, ours.data) == 0 && strcmp(got.program, ours.program) == 0,
	   "and paths");
	ok(memcmp(got.filter, ours.filter, sizeof(got.filter)) == 0, "and the filter's digest");
	ok(value_of(got.lock_fd) == 11 && value_of(got.control_fd) == 12 && value_of(got.holder_fd) == 13,
	   "and each descriptor in its place");
	ok(fcntl(got.lock_fd, F_GETFD) == FD_CLOEXEC, "closed in what is executed");
	handover_release(&got);
	is_int(count_open(), before, "and given back");
	handover_release(&ours);
}

static void test_socket(void)
{
	struct handover_socket ours = { .kind = LISTEN_UNIX,
					.path = S("/run/k.sock"),
					.device = 7,
					.inode = 8 },
			       got;
	struct wire_out out = { 0 };
	struct wire_in in;
	size_t before = count_open();

	ours.fd = eventfd(0, EFD_CLOEXEC);
	ours.kind = LISTEN_UNIX + 1;
	handover_put_socket(&ours, &out);
	in = pass_on(&out);
	ok(!handover_get_socket(&in, &got) && got.fd < 0, "a socket of a kind that is unknown");
	wire_in_release(&in);
	ours.kind = LISTEN_UNIX;
	handover_put_socket(&ours, &out);
	out.n_fds = 0;
	in = pass_on(&out);
	ok(!handover_get_socket(&in, &got), "one that did not come with it");
	wire_in_release(&in);
	handover_put_socket(&ours, &out);
	in = pass_on(&out);
	ok(handover_get_socket(&in, &got) && got.kind == LISTEN_UNIX && got.device == 7 && got.inode == 8 &&
	       span_eq(got.path, ours.path) && got.fd >= 0,
	   "a socket");
	wire_in_release(&in);
	closep(&got.fd);
	closep(&ours.fd);
	is_int(count_open(), before, "nothing stays open");
}

static unsigned gone, heard;

static void on_message(void *owner, struct elder *elder, struct wire_in *in)
{
	(void)owner;
	elder->hosts = wire_get_u64(in);
	heard++;
}

static void on_gone(void *owner, struct elder *elder)
{
	(void)owner;
	(void)elder;
	gone++;
}

static struct handover_elder elder_with(int channel)
{
	return (struct handover_elder){ .pid = 4711,
					.hosts = 2,
					.since_ms = 5,
					.ring_memory = eventfd(21, EFD_CLOEXEC),
					.ring_wake = eventfd(22, EFD_CLOEXEC),
					.channel = channel };
}

static void close_elder(struct handover_elder *elder)
{
	closep(&elder->ring_memory);
	closep(&elder->ring_wake);
	closep(&elder->channel);
}

static void test_elder_packets(void)
{
	struct handover_elder ours = elder_with(-1), got;
	struct wire_out out = { 0 };
	struct wire_in in;
	size_t before = count_open();

	handover_put_elder(HANDOVER_COMMIT, &ours, &out);
	out.n_fds = 1;
	in = pass_on(&out);
	ok(!handover_get_elder(&in, &got), "an older gate without its ring");
	wire_in_release(&in);
	ours.pid = 1ULL << 40;
	handover_put_elder(HANDOVER_ELDER, &ours, &out);
	in = pass_on(&out);
	ok(!handover_get_elder(&in, &got), "one with a pid that is none");
	wire_in_release(&in);
	is_int(count_open(), before, "leave nothing open");
	ours.pid = 4711;
	handover_put_elder(HANDOVER_COMMIT, &ours, &out);
	in = pass_on(&out);
	ok(handover_get_elder(&in, &got) && got.pid == 4711 && got.hosts == 2 && got.channel < 0 &&
	       value_of(got.ring_memory) == 21 && value_of(got.ring_wake) == 22,
	   "one that is gone but for its ring");
	wire_in_release(&in);
	close_elder(&got);
	close_elder(&ours);
}

static void test_elders(void)
{
	static struct loop loop;
	struct elders elders = { .loop = &loop, .on_message = on_message, .on_gone = on_gone };
	CLEANUP(buf_release) struct buf json = BUF_INIT((size_t)4096);
	struct handover_elder handed;
	struct wire_out out = { 0 };
	size_t before;
	int fds[2];

	if (!ok(loop_init(&loop, NULL) == 0 && wire_pair(fds, NULL) == 0, "a loop"))
		return;
	before = count_open();
	handed = elder_with(fcntl(fds[0], F_DUPFD_CLOEXEC, 0));
	ok(elders_take(&elders, &handed, NULL) != NULL, "an older gate");
	handed = elder_with(-1);
	ok(elders_take(&elders, &handed, NULL) != NULL, "and one that is gone");
	is_int(elders_count(&elders), 1, "one lives");
	ok(elders_find(&elders, 2) != NULL && elders_find(&elders, 3) == NULL, "each ring has its number");
	(void)close(fds[0]);
	wire_begin(&out, HANDOVER_HOSTS, 0);
	wire_put_u64(&out, 9);
	ok(wire_send(fds[1], &out, NULL) == 1, "it says how many hosts it has");
	wire_out_release(&out);
	turn_a_while(&loop);
	elders_add_json(&elders, &json);
	is_span(buf_span(&json), S("[{\"pid\":4711,\"hosts\":9,\"since_ms\":5}]"), "which status shows");
	elders_mark_gone(&elders);
	(void)close(fds[1]);
	turn_a_while(&loop);
	ok(heard == 1 && gone == 1 && elders_count(&elders) == 0 && elders.n == 2, "its end is told");
	elders_drop_marked(&elders);
	ok(elders.n == 1 && elders_find(&elders, 1) != NULL,
	   "the ring of the one that was gone before can be let go, its own is kept");
	for (unsigned i = 0; i < ELDERS_MAX - 1; i++) {
		handed = elder_with(-1);
		if (!elders_take(&elders, &handed, NULL))
			printf("# %u\n", i);
	}
	handed = elder_with(-1);
	ok(elders_take(&elders, &handed, NULL) == NULL && elders.n == ELDERS_MAX, "there is a ceiling");
	elders_release(&elders);
	turn_a_while(&loop);
	is_int(count_open() + 2, before, "nothing stays open");
	loop_release(&loop);
}

static int listen_with(const char *home, const char *addresses, struct listeners *kept, struct listeners *out)
{
	CLEANUP(conf_problems_release) struct conf_problems problems = CONF_PROBLEMS_INIT;
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)4096);
	struct gate_config config = { 0 };
	char file[128];
	int rc;

	buf_addf(&text, "version: 1\nlisten: %s\n", addresses);
	(void)snprintf(file, sizeof(file), "%s/kanmon.yaml", home);
	if (file_replace(file, buf_span(&text), 0600, NULL) < 0 ||
	    gate_config_load(file, home, &config, &problems, NULL) < 0)
		return -1;
	rc = listeners_open(out, conf_get_first(conf_root(config.conf), "listen"), kept, NULL);
	gate_config_release(&config);
	(void)unlink(file);
	return rc;
}

static ino_t socket_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static void test_listeners(void)
{
	char home[] = "/tmp/kanmon-handover-XXXXXX", same[64];
	struct listeners first = { 0 }, kept, second = { 0 }, third = { 0 };
	uint16_t port;

	if (!ok(mkdtemp(home) && listen_with(home, "127.0.0.1:0", NULL, &first) == 0 && first.n == 1,
		"an address"))
		return;
	port = first.names[0].port;
	(void)snprintf(same, sizeof(same), "[ \"127.0.0.1:%u\", \"[::1]:0\" ]", port);
	ok(listen_with(home, same, NULL, &second) < 0 && second.n == 0, "it cannot be had twice");
	kept = first;
	kept.fds[0] = fcntl(first.fds[0], F_DUPFD_CLOEXEC, 0);
	ok(listen_with(home, same, &kept, &second) == 0 && second.n == 2,
	   "but taken over, and another beside it");
	ok(kept.fds[0] < 0 && socket_of(second.fds[0]) == socket_of(first.fds[0]), "it is the same socket");
	is_int(second.names[0].port, port, "with its port");
	kept = first;
	kept.fds[0] = fcntl(first.fds[0], F_DUPFD_CLOEXEC, 0);
	ok(listen_with(home, "127.0.0.2:0", &kept, &third) == 0 && kept.fds[0] >= 0,
	   "another host is another socket");
	listeners_close(&kept);
	listeners_close(&first);
	listeners_close(&second);
	listeners_close(&third);
	(void)rmdir(home);
}

int main(void)
{
	if (wire_pair(pair, NULL) < 0)
		return 1;
	test_begin_refused();
	test_begin();
	test_socket();
	test_elder_packets();
	test_elders();
	test_listeners();
	return tap_done();
}
