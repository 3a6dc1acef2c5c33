/* tree.h - the processes below a process, found in /proc and killed. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * For kernels without a pid namespace to end. Sends SIGKILL to every process below `root` but not
 * to those in `spare`, nor to what is below them. A process that forks meanwhile may be missed:
 * call again until nothing was found.
 *
 * Returns how many were found alive; 0 also where /proc cannot be read.
 */
size_t tree_kill(pid_t root, const pid_t *spare, size_t n_spare);

/* Reaps the children that have ended but not those in `spare`, whose status somebody wants. */
void tree_reap(const pid_t *spare, size_t n_spare);

/* Both, until nothing is left or a fixed number of rounds is over. False in the second case. */
bool tree_clear(pid_t root, const pid_t *spare, size_t n_spare);
