/* secret.c - comparing and wiping what must not leak. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"

#include <string.h>

bool secret_equal(struct span a, struct span b)
{
	volatile unsigned char differ = 0;

	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		differ |= (unsigned char)a.p[i] ^ (unsigned char)b.p[i];
	return differ == 0;
}

void secret_wipe(void *p, size_t n)
{
	explicit_bzero(p, n);
}
