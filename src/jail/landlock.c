/* landlock.c - Landlock by ABI, with plain system calls. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "jail/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The numbers are the same on every architecture. */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

#define CREATE_VERSION 1U
#define RULE_PATH_BENEATH 1
#define NET_BIND_TCP (1ULL << 0)
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ABSTRACT_UNIX (1ULL << 0)
#define SCOPE_SIGNAL (1ULL << 1)

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

struct path_attr {
	uint64_t rights;
	int32_t parent;
} __attribute__((packed));

/* What each ABI adds, oldest first, and how much of ruleset_attr its kernel reads. */
static const struct {
	int abi;
	uint64_t fs, net, scoped;
	size_t attr_bytes;
} steps[] = {
	{ 1, (1 << 13) - 1, 0, 0, 8 },	     { 2, LANDLOCK_REFER, 0, 0, 8 },
	{ 3, LANDLOCK_TRUNCATE, 0, 0, 8 },   { 4, 0, NET_BIND_TCP | NET_CONNECT_TCP, 0, 16 },
	{ 5, LANDLOCK_IOCTL_DEV, 0, 0, 16 }, { 6, 0, 0, SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL, 24 },
};

/* All that a file, and not a folder, can be granted. */
#define FILE_RIGHTS                                                                                          \
	((uint64_t)(LANDLOCK_EXECUTE | LANDLOCK_WRITE_FILE | LANDLOCK_READ_FILE | LANDLOCK_TRUNCATE |        \
		    LANDLOCK_IOCTL_DEV))

int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);

	return abi < 0 ? 0 : (int)abi;
}

static struct ruleset_attr attr_of(const struct landlock_policy *policy, int abi, size_t *bytes)
{
	struct ruleset_attr known = { 0 };

	for (size_t i = 0; i < COUNT(steps) && steps[i].abi <= abi; i++) {
		known.fs |= steps[i].fs;
		known.net |= steps[i].net;
		known.scoped |= steps[i].scoped;
		*bytes = steps[i].attr_bytes;
	}
	if (!policy->no_bind)
		known.net &= ~NET_BIND_TCP;
	if (!policy->no_connect)
		known.net &= ~NET_CONNECT_TCP;
	if (!policy->no_signals)
		known.scoped &= ~SCOPE_SIGNAL;
	if (!policy->no_abstract)
		known.scoped &= ~SCOPE_ABSTRACT_UNIX;
	return known;
}

static int add_grant(int ruleset, const struct landlock_grant *grant, uint64_t handled, struct err *err)
{
	CLEANUP(closep) int fd = open(grant->path, O_PATH | O_CLOEXEC);
	struct path_attr attr = { .rights = grant->rights & handled, .parent = fd };
	struct stat st;

	if (fd < 0 && grant->optional && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "cannot open %s", grant->path);
	if (!S_ISDIR(st.st_mode))
		attr.rights &= FILE_RIGHTS;
	if (attr.rights == 0)
		return 0;
	if (syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &attr, 0) < 0)
		return err_sys(err, "cannot grant %s", grant->path);
	return 0;
}

int landlock_apply(const struct landlock_policy *policy, int *abi, struct err *err)
{
	CLEANUP(closep) int ruleset = -1;
	struct ruleset_attr attr;
	size_t bytes = 0;

	*abi = landlock_abi();
	if (*abi == 0)
		return err_sys(err, "the kernel has no Landlock");
	if (*abi > LANDLOCK_ABI_KNOWN)
		*abi = LANDLOCK_ABI_KNOWN;
	attr = attr_of(policy, *abi, &bytes);
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, bytes, 0);
	if (ruleset < 0)
		return err_sys(err, "cannot make Landlock rules");
	for (size_t i = 0; i < policy->n_grants; i++)
		if (add_grant(ruleset, &policy->grants[i], attr.fs, err) < 0)
			return -1;
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return err_sys(err, "cannot apply Landlock rules");
	return 0;
}
