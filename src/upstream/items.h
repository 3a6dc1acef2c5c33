/* items.h - the keys of a config that describe a server. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/item.h"

/* All keys under servers.*. */
extern const struct conf_item upstream_items[];

/* The order of the words of servers.*.era. */
enum upstream_era { UPSTREAM_ERA_AUTO, UPSTREAM_ERA_LEGACY, UPSTREAM_ERA_MODERN };

/* The order of the words of servers.*.transport is that of enum server_wire. */

/* The order of the words of servers.*.instances. */
enum upstream_instances { UPSTREAM_FOR_CLIENT, UPSTREAM_SHARED };

/* The order of the words of servers.*.when-down. */
enum upstream_down { UPSTREAM_DOWN_HIDE, UPSTREAM_DOWN_LIST };
