/* SPDX-License-Identifier: BSD-3-Clause */
/* An image of 16 bits a sample has lost depth if it has fewer than FEW levels in 8 bits and at least twice as many
   different samples in 16. Example: 12-bit data stored without scaling become 17 levels. */
#include "found.h"

#include "clr/log.h"
#include "clr/mem.h"

#include <stdio.h>

enum { FEW = 128, WHOLE = 65535 };

static void count(clr_found_kind *kind, const char *name, int value)
{
    if (!kind->files++ || value < kind->worst) {
        clr_free(kind->one);
        kind->one = clr_copy_text(name);
        kind->worst = value;
    }
}

void clr_found_add(clr_found *found, const clr_image_rules *rules, const clr_example *example)
{
    const clr_image_info *f = &example->info;

    found->images++;
    if (f->orientation > 1)
        count(&found->turned, example->name, 0);
    if (f->profile && !f->cmyk)
        count(&found->profiles, example->name, 0);
    if (f->cmyk)
        count(f->unmarked ? &found->unmarked : &found->cmyk, example->name, 0);
    if (!f->samples)
        return;
    found->low = !found->deep || f->low < found->low ? f->low : found->low;
    found->high = !found->deep || f->high > found->high ? f->high : found->high;
    found->deep++;
    if (rules->high && (f->low < rules->low || f->high > rules->high))
        count(&found->cut, example->name, 0);
    if (f->levels >= FEW || f->samples < 2 * f->levels)
        return;
    int64_t before = found->shallow.files;
    if (!before || f->levels < found->shallow.worst)
        found->samples = f->samples;
    count(&found->shallow, example->name, f->levels);
}

#define IN "%sin %lld of %lld images, for example %s: "
#define COUNTED(k) of, (long long)(k)->files, (long long)found->images, (k)->one

static void say_depth(const clr_found *found, const clr_image_rules *rules, const char *of)
{
    const clr_found_kind *k = &found->shallow;
    char range[64] = "";

    if (found->high - found->low < WHOLE / 2)
        snprintf(range, sizeof range, "--range=%d-%d makes these 0 and 255 in all images, ", found->low, found->high);
    if (k->files)
        clr_warn(IN "of 16 bits a sample little is left in 8: all samples lie from %d to %d of %d, and here %d gray "
                    "levels are left of %d; "
                    "%s--range=image does so by each image's own",
                 COUNTED(k), found->low, found->high, WHOLE, k->worst, found->samples, range);
    k = &found->cut;
    if (k->files)
        clr_info(IN "samples of 16 bits beyond --range=%d-%d are cut", COUNTED(k), rules->low, rules->high);
}

void clr_found_say(const clr_found *found, const clr_image_rules *rules, const char *source, bool early)
{
    char *of = clr_text("%s: %s", source, early ? "as far as a few images show, " : "");
    const clr_found_kind *k = &found->turned;

    say_depth(found, rules, of);
    if (k->files && rules->upright)
        clr_info(IN "turned as the EXIF orientation says", COUNTED(k));
    else if (k->files)
        clr_warn(IN "the EXIF orientation is ignored, so that they are packed sideways or upside down, as they are "
                    "stored; --orientation=apply turns them",
                 COUNTED(k));
    k = &found->unmarked;
    if (k->files)
        clr_warn(IN "CMYK that does not say whether 0 or 255 is no ink: taken as 0; if they come out as negatives, "
                    "convert them to RGB first",
                 COUNTED(k));
    k = &found->cmyk;
    if (k->files)
        clr_info(IN "CMYK becomes RGB by plain multiplication, without a colour profile", COUNTED(k));
    k = &found->profiles;
    if (k->files)
        clr_info(IN "a colour profile or a gamma other than sRGB's is not applied: the samples are taken for sRGB",
                 COUNTED(k));
    clr_free(of);
}

void clr_found_close(clr_found *found)
{
    clr_found_kind *kinds[] = {&found->shallow,  &found->cut,  &found->turned,
                               &found->profiles, &found->cmyk, &found->unmarked};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        clr_free(kinds[i]->one);
    *found = (clr_found){0};
}
