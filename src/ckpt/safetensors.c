/* SPDX-License-Identifier: BSD-3-Clause */
/* Writing the safetensors format, its JSON by Jansson. */
#include "safetensors.h"

#include "clr/mem.h"
#include "clr/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_JANSSON
#include <jansson.h>

static size_t bytes_of(const clr_weight *w)
{
    return (size_t)w->count * (w->integer ? sizeof(int64_t) : sizeof(float));
}

/* The header, padded with blanks to a multiple of 8, so that the data are aligned; freed by clr_free. */
static char *header_of(const clr_weights *weights)
{
    json_t *root = json_object(), *about = json_object();
    size_t at = 0;

    json_object_set_new(about, "format", json_string("pt"));
    json_object_set_new(about, "made_by", json_string("simclr " PACKAGE_VERSION));
    json_object_set_new(root, "__metadata__", about);
    for (int i = 0; i < weights->tensors; i++) {
        const clr_weight *w = &weights->tensor[i];
        json_t *entry = json_object(), *shape = json_array(), *place = json_array();
        for (int d = 0; d < w->rank; d++)
            json_array_append_new(shape, json_integer(w->shape[d]));
        json_array_append_new(place, json_integer((json_int_t)at));
        json_array_append_new(place, json_integer((json_int_t)(at += bytes_of(w))));
        json_object_set_new(entry, "dtype", json_string(w->integer ? "I64" : "F32"));
        json_object_set_new(entry, "shape", shape);
        json_object_set_new(entry, "data_offsets", place);
        json_object_set_new(root, w->name, entry);
    }
    char *text = json_dumps(root, JSON_COMPACT), *padded = NULL;
    json_decref(root);
    if (text)
        padded = clr_text("%-*s", (int)((strlen(text) + 7) / 8 * 8), text);
    free(text);
    return padded;
}

static void put_length(uint8_t to[8], uint64_t length)
{
    for (int i = 0; i < 8; i++)
        to[i] = (uint8_t)(length >> 8 * i);
}

clr_status clr_safetensors_write(const char *path, const clr_weights *weights)
{
    char *header = header_of(weights);
    clr_output output;
    uint8_t length[8];

    if (!header)
        return clr_fail(CLR_EMEMORY, "%s: no memory for its header", path);
    clr_status st = clr_output_open(path, &output);
    if (st == CLR_OK) {
        put_length(length, strlen(header));
        fwrite(length, 1, sizeof length, output.file);
        fwrite(header, 1, strlen(header), output.file);
        for (int i = 0; i < weights->tensors; i++)
            fwrite(weights->tensor[i].data, 1, bytes_of(&weights->tensor[i]), output.file);
        st = clr_output_end(&output, true);
    }
    clr_free(header);
    return st;
}
#else
static clr_status missing(const char *path)
{
    return clr_fail(CLR_EUSAGE, "%s: this simclr was built without Jansson (libjansson-dev); .h5 needs none", path);
}

clr_status clr_safetensors_write(const char *path, const clr_weights *weights)
{
    (void)weights;
    return missing(path);
}
#endif
