/* items.h - the keys of a config about clients: who may knock, and how much each may ask for. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/item.h"

/* hosts, origins, metrics, limits. */
extern const struct conf_item exchange_items[];
