/* Features: every rank reads and encodes its share of the images, then all get all rows. */
#include "clr/features.h"

#include "clr/augment.h"
#include "clr/mem.h"
#include "clr/tensor.h"

#include <math.h>
#include <omp.h>

typedef struct extraction {
    clr_store *store;
    clr_encoder *encoder;
    char of;
    int size, channels, dim;
    int64_t scratch_floats;
    float *x, *scratch; /* (CLR_FEATURES_BATCH, size, size, channels), a piece a thread */
} extraction;

/* Features of images first .. first + n into h. */
static clr_status encode(const extraction *e, int64_t first, int n, float *h)
{
    int64_t ids[CLR_FEATURES_BATCH], pixels = (int64_t)e->size * e->size * e->channels;
    clr_image image[CLR_FEATURES_BATCH];
    float *x = e->encoder ? e->x : h;

    for (int i = 0; i < n; i++)
        ids[i] = first + i;
    void *buffer = clr_alloc((size_t)clr_store_bytes(e->store, ids, n), 1);
    clr_status st = clr_store_read(e->store, ids, n, e->channels, buffer, image);
    if (st == CLR_OK) {
#pragma omp parallel for schedule(static)
        for (int i = 0; i < n; i++)
            clr_augment_evaluate(&image[i], e->size, e->scratch + omp_get_thread_num() * e->scratch_floats, x + i * pixels);
    }
    clr_free(buffer);
    if (st == CLR_OK && e->encoder)
        clr_encoder_infer(e->encoder, x, n, e->of == 'h' ? h : NULL, e->of == 'z' ? h : NULL);
    for (int i = 0; i < n && st == CLR_OK; i++)
        for (int d = 0; d < e->dim && st == CLR_OK; d++)
            if (!isfinite(h[(int64_t)i * e->dim + d]))
                st = clr_fail(CLR_ENUMERIC, "%s: feature %d of image %lld is not a number", clr_store_path(e->store), d,
                              (long long)(first + i));
    return st;
}

clr_status clr_features_extract(clr_comm *comm, clr_store *store, clr_encoder *encoder, char of, int size, int channels,
                                clr_features *features)
{
    const clr_store_facts *facts = clr_store_facts_of(store);
    int ranks = clr_comm_size(comm), rank = clr_comm_rank(comm);
    extraction e = {.store = store, .encoder = encoder, .of = of, .size = size, .channels = channels};
    clr_status st = CLR_OK;

    e.dim = !encoder ? size * size * channels : of == 'h' ? clr_encoder_features(encoder) : clr_encoder_outputs(encoder);
    e.scratch_floats = ((int64_t)clr_augment_scratch(facts->max_height, facts->max_width, channels, size) + 15) / 16 * 16;
    e.scratch = CLR_NEW(float, omp_get_max_threads() * e.scratch_floats);
    e.x = CLR_NEW(float, (int64_t)CLR_FEATURES_BATCH * size * size * channels);
    int64_t *counts = CLR_NEW(int64_t, ranks);
    for (int r = 0; r < ranks; r++)
        counts[r] = (clr_share(facts->images, ranks, r + 1) - clr_share(facts->images, ranks, r)) * e.dim;
    float *mine = CLR_NEW(float, counts[rank]);
    int64_t first = clr_share(facts->images, ranks, rank), rows = counts[rank] / e.dim;
    for (int64_t at = 0; at < rows && st == CLR_OK; at += CLR_FEATURES_BATCH)
        st = encode(&e, first + at, (int)clr_min64(CLR_FEATURES_BATCH, rows - at), mine + at * e.dim);
    clr_free(e.x);
    clr_free(e.scratch);

    *features = (clr_features){.rows = facts->images, .dim = e.dim, .labels = clr_store_labels(store), .classes = facts->classes};
    st = clr_comm_agree(comm, st);
    if (st == CLR_OK && ranks > 1) {
        features->h = CLR_NEW(float, facts->images * e.dim);
        clr_comm_gather_all(comm, mine, features->h, counts);
        clr_free(mine);
    } else if (st == CLR_OK) {
        features->h = mine;
    } else {
        clr_free(mine);
    }
    clr_free(counts);
    return st;
}

void clr_features_free(clr_features *features)
{
    clr_free(features->h);
    *features = (clr_features){0};
}
