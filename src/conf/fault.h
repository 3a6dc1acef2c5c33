/* fault.h - why a text is no YAML, or none that a config may be written in. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/problem.h"
#include "conf/source.h"
#include "conf/yaml.h"

/* Reports any fault but YAML_FAULT_MEMORY, where its cause is rather than where it was noticed. */
void fault_report(struct conf_problems *problems, const struct source *source,
		  const struct yaml_fault *fault);
