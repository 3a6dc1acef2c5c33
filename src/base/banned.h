/* banned.h - calls the compiler refuses in this tree. Forced in front of every file of ours. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The headers that declare the banned names come first: poison only bites what comes after. Some
 * names are macros of libc, so they are undefined before. `rand` cannot be poisoned (OpenSSL's
 * headers use the word); tools/lint-calls looks for it and for the other words that are only
 * wrong in some places.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <alloca.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#undef alloca
#undef strcpy
#undef strcat
#undef strncpy
#undef strncat
#undef stpcpy
#undef strdupa
#undef strndupa
#undef sprintf
#undef vsprintf
#undef strtok_r
#undef atoi

#pragma GCC poison strcpy strcat strncpy strncat stpcpy strdupa strndupa alloca
#pragma GCC poison sprintf vsprintf sscanf strtok strtok_r atoi atol atoll atof
#pragma GCC poison gmtime localtime ctime asctime ctime_r asctime_r
#pragma GCC poison mktemp tmpnam tempnam gets popen longjmp
