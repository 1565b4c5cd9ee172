/* SPDX-License-Identifier: BSD-3-Clause */
/* HDF5: /h (n, features), /z (n, outputs) or what was wanted, /labels, /classes, /names. NumPy's format 1.0: a magic
   number, a header that says type and shape, rows of fp32. CSV (RFC 4180): name, class, and a column a feature, with
   nine digits, which give the same fp32 back. */
#include "embed_files.h"

#include "clr/h5.h"
#include "clr/mem.h"
#include "clr/output.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void free_names(char **names, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        clr_free(names[i]);
    clr_free(names);
}

/* The names of all images; *names is freed by free_names, also after a failure. */
static clr_status read_names(clr_store *store, char ***names)
{
    int64_t n = clr_store_info_of(store)->images;
    clr_status st = CLR_OK;

    *names = CLR_NEW(char *, n);
    for (int64_t i = 0; i < n && st == CLR_OK; i++)
        st = clr_store_name(store, i, &(*names)[i]);
    return st;
}

/* Under the lock. */
static clr_status fill(const clr_embedded *e, clr_h5 *file, char **names)
{
    const clr_store_info *info = clr_store_info_of(e->store);
    clr_status st = clr_h5_set_text(file, "format", "simclr features 1");

    if (st == CLR_OK)
        st = clr_h5_set_text(file, "checkpoint", e->checkpoint);
    if (st == CLR_OK)
        st = clr_h5_set_int(file, "step", e->step);
    if (st == CLR_OK)
        st = clr_h5_set_text(file, "data", e->data);
    for (int i = 0; i < e->matrices && st == CLR_OK; i++) {
        const clr_features *f = e->features[i];
        char name[16];
        snprintf(name, sizeof name, "/%s", e->name[i]);
        st = clr_h5_write(file, name, CLR_H5_F32, 2, (int64_t[]){f->rows, f->dim}, f->h);
    }
    if (st == CLR_OK && info->classes)
        st = clr_h5_write(file, "/labels", CLR_H5_I32, 1, &info->images, clr_store_labels(e->store));
    if (st == CLR_OK && info->classes)
        st = clr_h5_write_texts(file, "/classes", info->class_names, info->classes);
    return st == CLR_OK ? clr_h5_write_texts(file, "/names", (const char *const *)names, info->images) : st;
}

static clr_status write_h5(const clr_embedded *e)
{
    char **names;
    clr_h5 *file = NULL;
    clr_status st = read_names(e->store, &names); /* takes the lock itself */

    clr_h5_lock();
    if (st == CLR_OK)
        st = clr_h5_create(e->path, &file);
    if (st == CLR_OK)
        st = fill(e, file, names);
    st = clr_h5_end(file, st);
    clr_h5_unlock();
    free_names(names, clr_store_info_of(e->store)->images);
    return st;
}

/* In quotes, which are doubled within, where that is needed. */
static void put_quoted(FILE *file, const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, file);
        return;
    }
    fputc('"', file);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', file);
        fputc(*text, file);
    }
    fputc('"', file);
}

static const char *class_of(clr_store *store, int64_t i)
{
    const clr_store_info *info = clr_store_info_of(store);

    return info->classes ? info->class_names[clr_store_labels(store)[i]] : "";
}

static clr_status write_csv(const clr_embedded *e)
{
    const clr_features *f = e->features[0];
    char **names;
    clr_output output;
    clr_status st = read_names(e->store, &names);

    if (st == CLR_OK)
        st = clr_output_open(e->path, &output);
    if (st == CLR_OK) {
        fputs("name,class", output.file);
        for (int j = 0; j < f->dim; j++)
            fprintf(output.file, ",%s_%d", e->name[0], j);
        for (int64_t i = 0; i < f->rows; i++) {
            fputc('\n', output.file);
            put_quoted(output.file, names[i]);
            fputc(',', output.file);
            put_quoted(output.file, class_of(e->store, i));
            for (int j = 0; j < f->dim; j++)
                fprintf(output.file, ",%.9g", f->h[i * f->dim + j]);
        }
        fputc('\n', output.file);
        st = clr_output_end(&output, true);
    }
    free_names(names, f->rows);
    return st;
}

static char *rows_of(const char *path)
{
    return clr_text("%.*s.tsv", (int)(strlen(path) - strlen(".npy")), path);
}

/* The names of the rows, beside an array that has no place for them. */
static clr_status write_rows(const clr_embedded *e)
{
    char **names, *path = rows_of(e->path);
    int64_t rows = e->features[0]->rows;
    clr_output output;
    clr_status st = read_names(e->store, &names);

    if (st == CLR_OK)
        st = clr_output_open(path, &output);
    if (st == CLR_OK) {
        fputs("#row\tname\tclass\n", output.file);
        for (int64_t i = 0; i < rows; i++) {
            fprintf(output.file, "%" PRId64 "\t", i);
            clr_output_cell(output.file, names[i]);
            fputc('\t', output.file);
            clr_output_cell(output.file, class_of(e->store, i));
            fputc('\n', output.file);
        }
        st = clr_output_end(&output, true);
    }
    free_names(names, rows);
    clr_free(path);
    return st;
}

static clr_status write_npy(const clr_embedded *e)
{
    enum { START = 10, ALIGNED = 64 }; /* bytes before the header's text; what all of it is a multiple of */
    const clr_features *f = e->features[0];
    const uint16_t one = 1;
    char header[2 * ALIGNED];
    clr_output output;
    clr_status st = write_rows(e);

    if (st == CLR_OK)
        st = clr_output_open(e->path, &output);
    if (st != CLR_OK)
        return st;
    memset(header, ' ', sizeof header);
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = sizeof header - START;
    header[9] = 0;
    int n = snprintf(header + START, sizeof header - START,
                     "{'descr': '%cf4', 'fortran_order': False, 'shape': (%" PRId64 ", %d), }",
                     *(const uint8_t *)&one ? '<' : '>', f->rows, f->dim);
    header[START + n] = ' ';
    header[sizeof header - 1] = '\n';
    fwrite(header, 1, sizeof header, output.file);
    fwrite(f->h, sizeof *f->h, (size_t)(f->rows * f->dim), output.file);
    return clr_output_end(&output, true);
}

const clr_embed_form *clr_embed_form_of(const char *path)
{
    static const clr_embed_form forms[] = {
        {".npy", 1, write_npy, rows_of}, {".csv", 1, write_csv, NULL}, {"", 2, write_h5, NULL}};
    size_t n = strlen(path);

    for (size_t i = 0;; i++) {
        size_t m = strlen(forms[i].ending);
        if (n > m && !strcmp(path + n - m, forms[i].ending))
            return &forms[i];
    }
}
