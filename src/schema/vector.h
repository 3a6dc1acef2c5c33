/* vector.h - a buffer read as an array of one type. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/* The elements; the pointer is good until the next one is added. */
#define VECTOR(buf, type) ((type *)(void *)(buf)->p)
#define VECTOR_N(buf, type) ((uint32_t)((buf)->n / sizeof(type)))
/* Adds a copy of `*element`; past the ceiling the buffer's `over` is set. */
#define VECTOR_ADD(buf, element) buf_add((buf), span_of((const char *)(element), sizeof(*(element))))
