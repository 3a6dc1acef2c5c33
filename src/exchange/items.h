/* items.h - the keys of a config about clients: who may knock, and how much each may ask for. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/item.h"

/* hosts, origins, metrics, limits. */
extern const struct conf_item exchange_items[];

/* The order of the words of tls.clients. */
enum tls_clients { TLS_CLIENTS_NONE, TLS_CLIENTS_ASK, TLS_CLIENTS_REQUIRE };
