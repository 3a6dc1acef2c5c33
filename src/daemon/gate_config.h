/* gate_config.h - one config of the gate: found, read, and cut into what each process may know. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/log.h"
#include "conf/conf.h"
#include "crypto/digest.h"
#include "daemon/gate_paths.h"

struct gate_config {
	struct conf *conf;
	struct gate_paths paths;
	char digest[65]; /* BLAKE2b-256 of the text, in hex */
};

/* What `kanmon serve` uses where no config file exists. */
extern const char gate_default_config[];

/* All rooms' keys, ended by NULL. */
extern const struct conf_item *const gate_tables[];

/*
 * Finds and reads the config: `file` (NULL: the user's own, or the embedded default where there is
 * none), `data_dir` over the config's `data` (NULL: as configured). Problems go to `problems`.
 *
 * Owner:  gate_config_release(). -1: `problems` or `err` say why; `*out` is untouched.
 */
int gate_config_load(const char *file, const char *data_dir, struct gate_config *out,
		     struct conf_problems *problems, struct err *err) MUST_CHECK;
void gate_config_release(struct gate_config *config);

/* `threads`; 0: as many as fit. */
uint64_t gate_config_threads(const struct gate_config *config);
/* Do two configs name the same addresses under this key (CONF_ADDRESS)? */
bool gate_config_same_addresses(const struct gate_config *a, const struct gate_config *b, const char *key);
/* The server of that name; NULL where there is none. */
const struct conf_node *gate_config_server(const struct gate_config *config, struct span name);

/*
 * The worker's part, see exchange/snapshot.h. `out` may hold the listener's key after it. What the
 * worker may not know of a program is in it as a digest under `key`: another command, or another
 * secret, makes it another server.
 */
void gate_config_worker(const struct gate_config *config, const uint8_t key[DIGEST_KEY_BYTES],
			struct buf *out);
/*
 * A digest of it under `key`. It changes with the text and with all that the text only names: the
 * secrets and the environment of programs, certificates, keys and authorities.
 */
void gate_config_resolved(const struct gate_config *config, const uint8_t key[DIGEST_KEY_BYTES],
			  uint8_t out[DIGEST_BYTES]);
/*
 * The worker's part in a sealed memory file that stands at its beginning; no copy stays in this process.
 *
 * Owner:   the caller closes it. -1: ERR_SYSTEM, ERR_LIMIT.
 */
int gate_config_seal(const struct gate_config *config, const uint8_t key[DIGEST_KEY_BYTES], struct err *err);

/* The definition of a server made for one host, as the worker takes it. */
void gate_config_host_server(struct span name, struct span shown, struct buf *out);

struct wire_out;
/* Writes LAUNCH_DEFINE of a server that is a program. -1: a secret is missing (`err`). */
int gate_config_launch(const struct conf_node *server, struct wire_out *out, struct err *err) MUST_CHECK;
/* Writes DIAL_DEFINE of a server that is an address. */
void gate_config_dial(const struct conf_node *server, struct wire_out *out);

/* Is the unix socket the same one, with the same mode? */
bool gate_config_same_socket(const struct gate_config *a, const struct gate_config *b);

/* Is it reached by a program (`run`) rather than an address (`url`)? */
bool gate_config_is_program(const struct conf_node *server);
