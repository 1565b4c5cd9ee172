/* SPDX-License-Identifier: BSD-3-Clause */
/* Sample c with alpha a of at most A, where low becomes 0 and high 255, over white, as 8 bits:
   round(255 (c' a + m (A - a)) / (m A)), m = high - low, c' = c - low cut to 0 .. m. */
#include "depth.h"

#include <string.h>

static uint64_t sample(const uint8_t *row, size_t i, bool deep)
{
    return deep ? (uint64_t)row[2 * i] << 8 | row[2 * i + 1] : row[i];
}

static uint64_t scaled(const clr_scale *s, uint64_t c)
{
    return c < s->low ? 0 : c > s->high ? s->high - s->low : c - s->low;
}

void clr_scale_row(const clr_scale *s, uint8_t *out, const uint8_t *row, int width)
{
    size_t channels = (size_t)s->channels, stored = channels + s->alpha;
    uint64_t most = s->deep ? CLR_DEEP : 255, m = s->high - s->low;

    if (!s->alpha && !s->deep) {
        memcpy(out, row, (size_t)width * channels);
        return;
    }
    for (size_t x = 0; x < (size_t)width; x++) {
        uint64_t a = s->alpha ? sample(row, x * stored + channels, s->deep) : most;
        for (size_t c = 0; c < channels; c++)
            *out++ = (uint8_t)((255 * (scaled(s, sample(row, x * stored + c, s->deep)) * a + m * (most - a)) +
                                m * most / 2) /
                               (m * most));
    }
}

void clr_depth_survey(const clr_scale *s, uint8_t *seen, const uint8_t *row, int width)
{
    size_t channels = (size_t)s->channels, stored = channels + s->alpha;

    for (size_t x = 0; x < (size_t)width; x++)
        for (size_t c = 0; c < channels && (!s->alpha || sample(row, x * stored + channels, true)); c++) {
            uint64_t v = sample(row, x * stored + c, true);
            seen[v / 8] |= (uint8_t)(1 << v % 8);
        }
}

static bool was_seen(const uint8_t *seen, int v)
{
    return seen[v / 8] >> v % 8 & 1;
}

void clr_depth_range(const uint8_t *seen, clr_image_info *info)
{
    for (info->low = 0; info->low < CLR_DEEP && !was_seen(seen, info->low); info->low++)
        ;
    for (info->high = CLR_DEEP; info->high >= 0 && !was_seen(seen, info->high); info->high--)
        ;
}

void clr_depth_count(const clr_scale *s, const uint8_t *seen, clr_image_info *info)
{
    int last = -1;

    for (int v = info->low; v <= info->high; v++)
        if (was_seen(seen, v)) {
            uint64_t m = s->high - s->low;
            int level = (int)((255 * scaled(s, (uint64_t)v) + m / 2) / m);
            info->samples++;
            info->levels += level != last;
            last = level;
        }
}
