/* openssl.c - the one file that opens OpenSSL's library. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/openssl.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/span.h"

#define LIBRARY "libssl.so.3"
#define OLDEST_VERSION 0x30000000UL

static const struct {
	const char *name;
	size_t at;
} calls[] = {
#define OPENSSL_ENTRY(name) { #name, offsetof(struct openssl, name) },
	OPENSSL_CALLS(OPENSSL_ENTRY)
#undef OPENSSL_ENTRY
};

static int look_up(struct openssl *lib, void *library, struct err *err)
{
	for (size_t i = 0; i < COUNT(calls); i++) {
		void *function = dlsym(library, calls[i].name);

		if (!function)
			return err_set(err, ERR_MISSING, LIBRARY " has no %s: it is too old", calls[i].name);
		memcpy((char *)lib + calls[i].at, &function, sizeof(function));
	}
	return 0;
}

struct openssl *openssl_open(struct err *err)
{
	const uint64_t how = OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT |
			     OPENSSL_INIT_LOAD_SSL_STRINGS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS;
	CLEANUP(openssl_closep) struct openssl *lib = calloc(1, sizeof(*lib));
	void *library;
	int rc;

	if (!lib) {
		(void)err_set(err, ERR_NOMEM, "no memory for " LIBRARY);
		return NULL;
	}
	library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!library) {
		(void)err_set(err, ERR_MISSING, "TLS needs " LIBRARY " (Debian: libssl3): %s", dlerror());
		return NULL;
	}
	rc = look_up(lib, library, err);
	(void)dlclose(library);
	if (rc < 0)
		return NULL;
	if (lib->OpenSSL_version_num() < OLDEST_VERSION || lib->OPENSSL_init_ssl(how, NULL) != 1) {
		(void)err_set(err, ERR_MISSING, LIBRARY " is too old or cannot be initialised");
		return NULL;
	}
	return TAKE(lib);
}

struct openssl *openssl_close(struct openssl *lib)
{
	free(lib);
	return NULL;
}

void openssl_closep(struct openssl **lib)
{
	*lib = openssl_close(*lib);
}
