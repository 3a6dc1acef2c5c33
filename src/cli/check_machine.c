/* check_machine.c - doctor: the program, the kernel, the user, the clock. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/tr.h"
#include "cli/doctor.h"
#include "conf/yaml.h"
#include "daemon/confine.h"
#include "daemon/gate_tls.h"
#include "http/message.h"
#include "jail/fence.h"
#include "store/store.h"

/* 2026-01-01: no clock that is right is behind it. */
#define CLOCK_LEAST_MS UINT64_C(1767225600000)
#define CLOCK_SLACK_MS UINT64_C(60000)

/* --- the program --- */

static void check_library(struct doctor *doctor, const char *library, const char *package)
{
	CLEANUP(buf_release) struct buf remedy = BUF_INIT((size_t)256);
	void *handle = dlopen(library, RTLD_LAZY | RTLD_LOCAL);

	if (handle) {
		(void)dlclose(handle);
		return;
	}
	buf_addf(&remedy, "apt install %s", package);
	doctor_add(doctor, FINDING_PROBLEM, TR_MARK("program"), buf_cstr(&remedy),
		   tr("the library %s cannot be loaded"), library);
}

void check_program(struct doctor *doctor)
{
	unsigned before = doctor->problems;
	struct err err = ERR_INIT;
	struct yaml *yaml = yaml_open(&err);

	if (!yaml)
		doctor_add(doctor, FINDING_PROBLEM, TR_MARK("program"), "apt install libfyaml0", "%s",
			   err.text);
	(void)yaml_close(yaml);
	check_library(doctor, "libsqlite3.so.0", "libsqlite3-0");
	check_library(doctor, "libpcre2-8.so.0", "libpcre2-8-0");
	if (doctor->config && doctor->config->conf && gate_tls_wanted(doctor->config))
		check_library(doctor, "libssl.so.3", "libssl3");
	if (!http_strict_build())
		doctor_add(doctor, FINDING_PROBLEM, TR_MARK("program"), tr("install another build of kanmon"),
			   "%s", tr("its HTTP parser was built loose"));
	if (doctor->problems == before)
		doctor_add(doctor, FINDING_GOOD, TR_MARK("program"), NULL,
			   tr("kanmon %s; the HTTP parser is strict, the libraries are there"),
			   KANMON_VERSION);
}

/* --- the kernel --- */

/* Confines a process of its own, for what a sysctl says is not what the kernel does. */
static bool try_confine(struct confine_report *report)
{
	struct err err = ERR_INIT;
	ssize_t got;
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return false;
	pid = fork();
	if (pid == 0) {
		struct confine_report found = { 0 };
		bool done = confine(ROLE_WORKER, NULL, &found, &err) == 0;

		_exit(!done || write(fds[1], &found, sizeof(found)) != (ssize_t)sizeof(found));
	}
	(void)close(fds[1]);
	/* The texts in it are constants of this program: the same addresses here. */
	got = pid > 0 ? read(fds[0], report, sizeof(*report)) : -1;
	(void)close(fds[0]);
	if (pid > 0)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	return got == (ssize_t)sizeof(*report);
}

static void check_fence(struct doctor *doctor)
{
	struct fence_gap gap;
	struct fence fence = fence_probe(&gap);

	if (gap.step == FENCE_DONE)
		doctor_add(doctor, FINDING_GOOD, TR_MARK("kernel"), NULL, "%s",
			   tr("each server gets a pid namespace of its own"));
	else if (fence.pids)
		doctor_add(doctor, FINDING_WARNING, TR_MARK("kernel"),
			   tr("allow /proc to be mounted in the container"),
			   tr("no %s (%s): servers see the process list of this machine"),
			   fence_step_layer(gap.step), strerrordesc_np(gap.sys));
	else
		doctor_add(doctor, FINDING_WARNING, TR_MARK("kernel"), tr("allow user namespaces"),
			   tr("no %s (%s): a server's processes are looked for and killed when it ends"),
			   fence_step_layer(gap.step), strerrordesc_np(gap.sys));
}

void check_kernel(struct doctor *doctor)
{
	struct confine_report report = { 0 };

	check_fence(doctor);
	if (!try_confine(&report)) {
		doctor_add(doctor, FINDING_PROBLEM, TR_MARK("kernel"), tr("allow no_new_privs and seccomp"),
			   "%s", tr("the gate's processes cannot be confined"));
		return;
	}
	for (size_t i = 0; i < report.n && i < CONFINE_MAX_GAPS; i++)
		doctor_add(doctor, FINDING_WARNING, TR_MARK("kernel"), NULL, "%s (%s): %s",
			   report.missing[i].layer, report.missing[i].why, report.missing[i].so);
	if (report.n == 0)
		doctor_add(doctor, FINDING_GOOD, TR_MARK("kernel"), NULL,
			   tr("seccomp and Landlock (ABI %d) confine the gate's processes"),
			   report.landlock_abi);
}

/* --- user and clock --- */

void check_user(struct doctor *doctor)
{
	if (geteuid() == 0)
		doctor_add(doctor, FINDING_WARNING, TR_MARK("user"), tr("run it as a user of its own"), "%s",
			   tr("this is root; no part of the gate needs root"));
	else
		doctor_add(doctor, FINDING_GOOD, TR_MARK("user"), NULL, tr("user %u, not root"),
			   (unsigned)geteuid());
}

/* When the store was written last; 0 where there is none. */
static uint64_t store_written_ms(const struct doctor *doctor)
{
	char path[PATH_MAX];
	struct stat st;
	int n = doctor->config ? snprintf(path, sizeof(path), "%s/" STORE_FILE, doctor->config->paths.data)
			       : -1;

	if (n < 0 || (size_t)n >= sizeof(path) || stat(path, &st) < 0)
		return 0;
	return (uint64_t)st.st_mtim.tv_sec * 1000;
}

void check_clock(struct doctor *doctor)
{
	CLEANUP(buf_release) struct buf now = BUF_INIT((size_t)64);
	uint64_t ms = clock_wall_ms();
	const char *shown;

	clock_add_rfc3339(&now, ms);
	shown = buf_cstr(&now);
	if (ms < CLOCK_LEAST_MS)
		doctor_add(doctor, FINDING_PROBLEM, TR_MARK("clock"), tr("set the clock"),
			   tr("%s is in the past: records and the expiry of tokens are wrong"), shown);
	else if (store_written_ms(doctor) > ms + CLOCK_SLACK_MS)
		doctor_add(doctor, FINDING_WARNING, TR_MARK("clock"), tr("set the clock"),
			   tr("%s is before the store's last change: the clock was put back"), shown);
	else
		doctor_add(doctor, FINDING_GOOD, TR_MARK("clock"), NULL, "%.19sZ", shown);
}
