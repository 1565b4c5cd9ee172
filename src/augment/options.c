/* SPDX-License-Identifier: BSD-3-Clause */
/* The options of views. A list is parsed once, here. */
#include "clr/augment.h"

/* Both views, unless --augment-second says otherwise of the second. */
static clr_status parse_both(const char *list, void *field)
{
    clr_augment_pair *pair = field;
    clr_status st = clr_augment_parse(list, &pair->view[0]);

    pair->view[1] = pair->view[0];
    return st;
}

static clr_status parse_second(const char *list, void *field)
{
    clr_augment_pair *pair = field;
    clr_status st = list ? clr_augment_parse(list, &pair->view[1]) : CLR_OK;

    return st == CLR_OK ? st : clr_fail_in(st, "--augment-second, read as --augment");
}

const clr_opt clr_augment_options[] = {{"augment", CLR_OPT_PARSED, 0, "crop:0.08-1,flip,color:1.0,gray:0.2,blur",
                                        "LIST", 0, 0, NULL, CLR_OPT_IDENTITY,
                                        "operators in order; none: the image as it is", parse_both},
                                       {"augment-second", CLR_OPT_PARSED, 0, NULL, "LIST", 0, 0, NULL, CLR_OPT_IDENTITY,
                                        "of the second view, where it differs", parse_second},
                                       {0}};

const clr_opt clr_image_size_option[] = {
    {"image-size", CLR_OPT_INT, 0, "224", "PIXELS", 4, 1024, NULL, CLR_OPT_IDENTITY, "side of a view"}, {0}};
