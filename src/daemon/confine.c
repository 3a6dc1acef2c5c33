/* confine.c - what a role gives up. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/filter.h"
#include "jail/landlock.h"

const char *role_name(enum role role)
{
	switch (role) {
	case ROLE_MANAGER:
		return "manager";
	case ROLE_WORKER:
		return "worker";
	case ROLE_LAUNCHER:
		return "launcher";
	case ROLE_EGRESS:
		return "egress";
	case ROLE_KEEPER:
		break;
	}
	return "keeper";
}

static void add_gap(struct confine_report *report, const char *layer, int sys, const char *so)
{
	const char *why = strerrorname_np(sys);

	if (report->n < CONFINE_MAX_GAPS)
		report->missing[report->n++] = (struct confine_gap){
			.layer = layer, .why = why ? why : "unknown", .so = so, .sys = sys
		};
}

/* Not those that start programs: what they start must be able to be what it was. */
static bool starts_programs(enum role role)
{
	return role == ROLE_MANAGER || role == ROLE_LAUNCHER;
}

static void set_limits(enum role role, struct confine_report *report)
{
	struct rlimit core = { 0 }, files;

	if (setrlimit(RLIMIT_CORE, &core) < 0)
		add_gap(report, "no core files", errno, "a crash may write memory to the disk");
	/* What a shell gives is little for a server, and right for the programs that others start. */
	if (starts_programs(role) || getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		add_gap(report, "open files", errno, "fewer connections than configured fit");
}

/* 0: it stays who it is. */
static uid_t own_user(enum role role)
{
	switch (role) {
	case ROLE_WORKER:
		return CONFINE_WORKER_UID;
	case ROLE_EGRESS:
		return CONFINE_EGRESS_UID;
	case ROLE_MANAGER:
	case ROLE_LAUNCHER:
	case ROLE_KEEPER:
		break;
	}
	return 0;
}

/* The manager has what we have: who is another user must still be ended by it. */
static bool manager_may_kill(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct have[2] = { 0 };

	return syscall(SYS_capget, &head, have) == 0 && (have[0].effective & (1U << CAP_KILL));
}

static int become(uid_t id)
{
	if (!manager_may_kill()) {
		errno = EPERM;
		return -1;
	}
	return setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0 ? -1 : 0;
}

/* Of root's power only the name is left then: a user namespace may have no other. */
static int leave_root(enum role role, struct confine_report *report, struct err *err)
{
	uid_t id = own_user(role);
	pid_t parent = getppid();
	int follow = 0;

	if (geteuid() != 0 || starts_programs(role))
		return 0;
	if (setgroups(0, NULL) < 0)
		add_gap(report, "no further groups", errno, "it can use what root's other groups may");
	if (id == 0)
		return 0;
	(void)prctl(PR_GET_PDEATHSIG, &follow, 0, 0, 0);
	if (become(id) < 0)
		add_gap(report, "a user of its own", errno, "it stays root, without capabilities");
	/* A change of the user clears it, and the parent may have ended meanwhile. */
	if (follow && (prctl(PR_SET_PDEATHSIG, follow, 0, 0, 0) < 0 || getppid() != parent))
		return err_set(err, ERR_CLOSED, "the parent process is gone");
	return 0;
}

static void drop_capabilities(enum role role, struct confine_report *report)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		add_gap(report, "ambient capabilities", errno, "programs may inherit privileges");
	if (!starts_programs(role) && syscall(SYS_capset, &head, none) < 0)
		add_gap(report, "capabilities", errno, "root's privileges stay");
}

static int set_flags(const struct confine_options *options, struct confine_report *report, struct err *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, "cannot set no_new_privs");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		add_gap(report, "not dumpable", errno, "processes of this user may read our memory");
	if (options->parent == 0)
		return 0;
	/* After the change of the user, which clears it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		add_gap(report, "end with the parent", errno, "only a closed channel ends this process");
	if (getppid() != options->parent)
		return err_set(err, ERR_CLOSED, "the parent process is gone");
	return 0;
}

/*
 * What getaddrinfo(3) reads. The file behind /etc/resolv.conf is granted as it is now; where it
 * is replaced later in a folder that is not listed, the process has to be started anew.
 */
static const struct landlock_grant egress_grants[] = {
	{ "/etc/resolv.conf", LANDLOCK_READ, true },
	{ "/etc/hosts", LANDLOCK_READ, true },
	{ "/etc/host.conf", LANDLOCK_READ, true },
	{ "/etc/nsswitch.conf", LANDLOCK_READ, true },
	{ "/etc/gai.conf", LANDLOCK_READ, true },
	{ "/etc/services", LANDLOCK_READ, true },
	{ "/etc/ld.so.cache", LANDLOCK_READ, true },
	{ "/run/systemd/resolve", LANDLOCK_READ, true },
	{ "/run/resolvconf", LANDLOCK_READ, true },
	{ "/run/NetworkManager", LANDLOCK_READ, true },
	{ "/usr/lib", LANDLOCK_READ, true },
	{ "/usr/lib64", LANDLOCK_READ, true },
	{ "/lib", LANDLOCK_READ, true },
	{ "/lib64", LANDLOCK_READ, true },
};

static const char *landlock_consequence(enum role role)
{
	switch (role) {
	case ROLE_WORKER:
		return "only seccomp keeps it from files";
	case ROLE_KEEPER:
		return "it can write every file its user can";
	case ROLE_EGRESS:
		return "it can read every file its user can";
	case ROLE_MANAGER:
	case ROLE_LAUNCHER:
		break;
	}
	return "";
}

static int apply_landlock(enum role role, const struct confine_options *options,
			  struct confine_report *report, struct err *err)
{
	struct landlock_grant keeper_grants[] = { { options->data_dir, LANDLOCK_KEEP, false },
						  { options->audit_dir, LANDLOCK_KEEP, false } };
	struct landlock_policy policy = {
		.no_bind = true, .no_connect = true, .no_signals = true, .no_abstract = true
	};

	if (starts_programs(role))
		return 0;
	if (landlock_abi() == 0) {
		add_gap(report, "landlock", errno, landlock_consequence(role));
		return 0;
	}
	if (role == ROLE_EGRESS) {
		policy.grants = egress_grants;
		policy.n_grants = COUNT(egress_grants);
		policy.no_connect = false;
		policy.no_abstract = false;
	}
	if (role == ROLE_KEEPER) {
		policy.grants = keeper_grants + (options->data_dir ? 0 : 1);
		policy.n_grants = (size_t)(options->data_dir != NULL) + (options->audit_dir != NULL);
	}
	if (landlock_apply(&policy, &report->landlock_abi, err) < 0)
		return -1;
	if (report->landlock_abi < 3)
		add_gap(report, "landlock: truncate (ABI 3)", ENOSYS, "files may be emptied by path");
	if (report->landlock_abi < 4)
		add_gap(report, "landlock: TCP (ABI 4)", ENOSYS,
			"only seccomp keeps it from binding and connecting");
	if (report->landlock_abi < 6)
		add_gap(report, "landlock: scopes (ABI 6)", ENOSYS,
			"only seccomp keeps it from sending signals");
	return 0;
}

int confine(enum role role, const struct confine_options *options, struct confine_report *report,
	    struct err *err)
{
	static const struct confine_options none = { 0 };
	struct err why = ERR_INIT;

	if (!options)
		options = &none;
	*report = (struct confine_report){ 0 };
	set_limits(role, report);
	if (leave_root(role, report, err) < 0)
		return err_wrap(err, "%s", role_name(role));
	drop_capabilities(role, report);
	if (set_flags(options, report, err) < 0 || apply_landlock(role, options, report, err) < 0)
		return err_wrap(err, "%s", role_name(role));
	if (options->start_threads && options->start_threads(options->owner, err) < 0)
		return err_wrap(err, "%s", role_name(role));
	if (!options->filtered && filter_load(role, &why) < 0)
		add_gap(report, "seccomp", why.sys, "no system call is refused");
	return 0;
}
