/* tr.h - texts for people, in English and Japanese. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The key of a text is its English form. Codes, keys, JSON and log events are never translated.
 * The language is chosen once, before a second thread or process exists.
 */
enum tr_language { TR_EN, TR_JA };

/* From a name such as "ja", "ja_JP.UTF-8", "en"; what is not known is English. */
enum tr_language tr_language_of(const char *name);

/* From KANMON_LANG, LC_ALL, LC_MESSAGES, LANG, in this order; the first that is set decides. */
enum tr_language tr_language_from_env(void);

void tr_set_language(enum tr_language language);
enum tr_language tr_get_language(void);

/*
 * The text in the chosen language, or `english` where there is no translation. Static memory. A
 * printf format keeps its conversions in their order (po/ is checked for that).
 */
const char *tr(const char *english) __attribute__((format_arg(1)));

/* Marks a text for the catalogue where tr() is called later on. */
#define TR_MARK(english) english
