/* user.c - users of this machine. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/user.h"

#include <pwd.h>

#include "base/cleanup.h"
#include "base/tr.h"

int conf_user_id(struct span text, uint32_t *uid, struct err *err)
{
	char name[256], room[16384];
	struct passwd entry, *found = NULL;
	uint64_t number;

	/* The last number is the kernel's "nobody is meant". */
	if (span_u64(text, &number) && number < UINT32_MAX) {
		*uid = (uint32_t)number;
		return 0;
	}
	if (text.n == 0 || !span_to_cstr(text, name, sizeof(name)) ||
	    getpwnam_r(name, &entry, room, sizeof(room), &found) != 0 || !found)
		return err_set(err, ERR_CONFIG, "%s", tr("there is no such user on this machine"));
	*uid = entry.pw_uid;
	return 0;
}
