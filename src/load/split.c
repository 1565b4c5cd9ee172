/* SPDX-License-Identifier: BSD-3-Clause */
#include "clr/split.h"

#include "clr/tensor.h"

const clr_opt clr_microbatch_option[] = {
    {"microbatch", CLR_OPT_LONG, 0, "0", "M", 0, 1 << 24, NULL, CLR_OPT_IDENTITY,
     "images that all ranks encode at a time, in two passes: less memory, the same loss, batch norm over a microbatch; "
     "0: all"},
    {0}};

clr_split clr_split_of(int64_t images, int64_t microbatch, int ranks, int rank)
{
    clr_split split = {.images = images, .first = clr_share(images, ranks, rank), .views = CLR_VIEWS};
    int64_t largest = (images + ranks - 1) / ranks;

    split.microbatches = microbatch ? (int)((images + microbatch - 1) / microbatch) : 1;
    split.mine = (int)(clr_share(images, ranks, rank + 1) - split.first);
    split.most = (int)((largest + split.microbatches - 1) / split.microbatches);
    return split;
}

clr_status clr_split_check(int64_t images, int64_t microbatch, int ranks, const char *option)
{
    if (images < ranks)
        return clr_fail(CLR_EUSAGE, "%s is less than the %d ranks: each needs an image; start fewer ranks", option,
                        ranks);
    if (microbatch && microbatch < 2 * ranks)
        return clr_fail(CLR_EUSAGE,
                        "--microbatch=%lld is less than two images for each of the %d ranks; it counts the images of "
                        "all ranks together",
                        (long long)microbatch, ranks);
    return CLR_OK;
}

int clr_split_first(const clr_split *split, int i)
{
    int at = (int)((i - split->first) % split->microbatches);
    return at < 0 ? at + split->microbatches : at;
}

int clr_split_count(const clr_split *split, int i)
{
    int first = clr_split_first(split, i);
    return first < split->mine ? (split->mine - first + split->microbatches - 1) / split->microbatches : 0;
}

int64_t clr_split_total(const clr_split *split, int i)
{
    return (split->images - i + split->microbatches - 1) / split->microbatches;
}
