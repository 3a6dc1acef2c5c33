/* utf8.c - UTF-8: decoding, validity, width on a terminal. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "text/utf8.h"

#include "base/cleanup.h"

struct range {
	uint32_t first, last;
};

/* Combining marks and format characters that a terminal gives no column. Source: Unicode 14.0, Mn, Me, Cf. */
static const struct range zero[] = {
	{ 0x00AD, 0x00AD },   { 0x0300, 0x036F },   { 0x0483, 0x0489 },	  { 0x0591, 0x05BD },
	{ 0x05BF, 0x05BF },   { 0x05C1, 0x05C2 },   { 0x05C4, 0x05C5 },	  { 0x0600, 0x0605 },
	{ 0x0610, 0x061A },   { 0x061C, 0x061C },   { 0x064B, 0x065F },	  { 0x0670, 0x0670 },
	{ 0x06D6, 0x06DD },   { 0x06DF, 0x06E4 },   { 0x06E7, 0x06E8 },	  { 0x06EA, 0x06ED },
	{ 0x0900, 0x0902 },   { 0x093C, 0x093C },   { 0x0941, 0x0948 },	  { 0x094D, 0x094D },
	{ 0x0E31, 0x0E31 },   { 0x0E34, 0x0E3A },   { 0x0E47, 0x0E4E },	  { 0x1160, 0x11FF },
	{ 0x1AB0, 0x1ACE },   { 0x1DC0, 0x1DFF },   { 0x200B, 0x200F },	  { 0x202A, 0x202E },
	{ 0x2060, 0x206F },   { 0x20D0, 0x20F0 },   { 0x302A, 0x302D },	  { 0x3099, 0x309A },
	{ 0xA66F, 0xA672 },   { 0xFE00, 0xFE0F },   { 0xFE20, 0xFE2F },	  { 0xFEFF, 0xFEFF },
	{ 0xFFF9, 0xFFFB },   { 0x1D167, 0x1D169 }, { 0x1D173, 0x1D182 }, { 0xE0001, 0xE007F },
	{ 0xE0100, 0xE01EF },
};

/* Two columns. Source: Unicode 14.0, EastAsianWidth.txt, W and F; gaps that are unassigned are closed. */
static const struct range wide[] = {
	{ 0x1100, 0x115F },   { 0x231A, 0x231B },   { 0x2329, 0x232A },	  { 0x23E9, 0x23EC },
	{ 0x23F0, 0x23F0 },   { 0x23F3, 0x23F3 },   { 0x25FD, 0x25FE },	  { 0x2614, 0x2615 },
	{ 0x2648, 0x2653 },   { 0x267F, 0x267F },   { 0x2693, 0x2693 },	  { 0x26A1, 0x26A1 },
	{ 0x26AA, 0x26AB },   { 0x26BD, 0x26BE },   { 0x26C4, 0x26C5 },	  { 0x26CE, 0x26CE },
	{ 0x26D4, 0x26D4 },   { 0x26EA, 0x26EA },   { 0x26F2, 0x26F3 },	  { 0x26F5, 0x26F5 },
	{ 0x26FA, 0x26FA },   { 0x26FD, 0x26FD },   { 0x2705, 0x2705 },	  { 0x270A, 0x270B },
	{ 0x2728, 0x2728 },   { 0x274C, 0x274C },   { 0x274E, 0x274E },	  { 0x2753, 0x2755 },
	{ 0x2757, 0x2757 },   { 0x2795, 0x2797 },   { 0x27B0, 0x27B0 },	  { 0x27BF, 0x27BF },
	{ 0x2B1B, 0x2B1C },   { 0x2B50, 0x2B50 },   { 0x2B55, 0x2B55 },	  { 0x2E80, 0x303E },
	{ 0x3041, 0x3247 },   { 0x3250, 0x4DBF },   { 0x4E00, 0xA4C6 },	  { 0xA960, 0xA97C },
	{ 0xAC00, 0xD7A3 },   { 0xF900, 0xFAD9 },   { 0xFE10, 0xFE19 },	  { 0xFE30, 0xFE6B },
	{ 0xFF01, 0xFF60 },   { 0xFFE0, 0xFFE6 },   { 0x16FE0, 0x1B2FB }, { 0x1F004, 0x1F004 },
	{ 0x1F0CF, 0x1F0CF }, { 0x1F18E, 0x1F18E }, { 0x1F191, 0x1F19A }, { 0x1F200, 0x1F320 },
	{ 0x1F32D, 0x1F335 }, { 0x1F337, 0x1F37C }, { 0x1F37E, 0x1F393 }, { 0x1F3A0, 0x1F3CA },
	{ 0x1F3CF, 0x1F3D3 }, { 0x1F3E0, 0x1F3F0 }, { 0x1F3F4, 0x1F3F4 }, { 0x1F3F8, 0x1F43E },
	{ 0x1F440, 0x1F440 }, { 0x1F442, 0x1F4FC }, { 0x1F4FF, 0x1F53D }, { 0x1F54B, 0x1F54E },
	{ 0x1F550, 0x1F567 }, { 0x1F57A, 0x1F57A }, { 0x1F595, 0x1F596 }, { 0x1F5A4, 0x1F5A4 },
	{ 0x1F5FB, 0x1F64F }, { 0x1F680, 0x1F6C5 }, { 0x1F6CC, 0x1F6CC }, { 0x1F6D0, 0x1F6D2 },
	{ 0x1F6D5, 0x1F6DF }, { 0x1F6EB, 0x1F6EC }, { 0x1F6F4, 0x1F6FC }, { 0x1F7E0, 0x1F7F0 },
	{ 0x1F90C, 0x1F93A }, { 0x1F93C, 0x1F945 }, { 0x1F947, 0x1F9FF }, { 0x1FA70, 0x1FAF6 },
	{ 0x20000, 0x3FFFD },
};

static bool in_ranges(uint32_t point, const struct range *ranges, size_t n)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (point > ranges[middle].last)
			low = middle + 1;
		else if (point < ranges[middle].first)
			high = middle;
		else
			return true;
	}
	return false;
}

/* How many bytes a character has that begins with `lead`, and its first bits; 0 for no lead byte. */
static size_t lead_bytes(unsigned char lead, uint32_t *bits)
{
	if (lead < 0x80) {
		*bits = lead;
		return 1;
	}
	if (lead >= 0xC2 && lead <= 0xDF) {
		*bits = lead & 0x1FU;
		return 2;
	}
	if (lead >= 0xE0 && lead <= 0xEF) {
		*bits = lead & 0x0FU;
		return 3;
	}
	if (lead >= 0xF0 && lead <= 0xF4) {
		*bits = lead & 0x07U;
		return 4;
	}
	return 0;
}

size_t utf8_decode(struct span text, uint32_t *point)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t bits = 0;
	size_t n = text.n ? lead_bytes((unsigned char)text.p[0], &bits) : 0;

	if (n == 0 || n > text.n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if ((c & 0xC0U) != 0x80)
			return 0;
		bits = bits << 6 | (c & 0x3FU);
	}
	if (bits < smallest[n] || bits > 0x10FFFF || (bits >= 0xD800 && bits <= 0xDFFF))
		return 0;
	*point = bits;
	return n;
}

size_t utf8_bad_at(struct span text)
{
	size_t at = 0;

	while (at < text.n) {
		uint32_t point;
		size_t n = utf8_decode(span_skip(text, at), &point);

		if (n == 0)
			return at;
		at += n;
	}
	return at;
}

bool utf8_valid(struct span text)
{
	return utf8_bad_at(text) == text.n;
}

size_t utf8_count(struct span text)
{
	size_t count = 0;

	while (text.n) {
		uint32_t point;
		size_t n = utf8_decode(text, &point);

		text = span_skip(text, n ? n : 1);
		count++;
	}
	return count;
}

unsigned utf8_point_width(uint32_t point)
{
	if (point < 0x20 || (point >= 0x7F && point < 0xA0))
		return 0;
	if (point < 0x300)
		return point == 0xAD ? 0 : 1;
	if (in_ranges(point, zero, COUNT(zero)))
		return 0;
	return in_ranges(point, wide, COUNT(wide)) ? 2 : 1;
}

size_t utf8_width(struct span text)
{
	size_t width = 0;

	while (text.n) {
		uint32_t point = 0xFFFD;
		size_t n = utf8_decode(text, &point);

		text = span_skip(text, n ? n : 1);
		width += utf8_point_width(point);
	}
	return width;
}
