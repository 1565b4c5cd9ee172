/* SPDX-License-Identifier: BSD-3-Clause */
/* The encoder against the double-precision network of reference.c, which is itself checked by central differences:
   on one rank, and on four with uneven shares of one global batch. Distances are relative L2 over a whole tensor; the
   bound is 8 eps sqrt(length), the length that of the longest sum: over the stem's output, by channel. */
#include "clr/mem.h"
#include "clr/test.h"
#include "fixture.h"
#include "reference.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static clr_comm *comm;

static const struct {
    clr_encoder_config config;
    int views, n;
    uint32_t salt[2]; /* of weights, chosen so that no ReLU's input is near zero: for one rank, for four */
} cases[] = {
    {{18, 1 / 16.0, CLR_STEM_CIFAR, 12, 3, CLR_HEAD_NONLINEAR, 2, 8, CLR_FP32, CLR_BN_GLOBAL, false, 0, false},
     10,
     10,
     {5, 33}},
    {{18, 1 / 8.0, CLR_STEM_IMAGENET, 33, 1, CLR_HEAD_LINEAR, 0, 16, CLR_FP32, CLR_BN_GLOBAL, false, 0, false},
     16,
     11,
     {2, 13}},
    {{34, 1 / 16.0, CLR_STEM_CIFAR, 9, 3, CLR_HEAD_NONE, 0, 0, CLR_FP32, CLR_BN_GLOBAL, false, 0, false},
     12,
     12,
     {0, 0}},
    {{50, 1 / 16.0, CLR_STEM_IMAGENET, 39, 3, CLR_HEAD_NONLINEAR, 3, 12, CLR_FP32, CLR_BN_GLOBAL, false, 0, false},
     16,
     12,
     {4, 5}},
    {{50, 1 / 16.0, CLR_STEM_CIFAR, 10, 3, CLR_HEAD_NONLINEAR, 1, 5, CLR_FP32, CLR_BN_LOCAL, false, 0, false},
     12,
     12,
     {49, 0}},
    {{18, 1 / 4.0, CLR_STEM_CIFAR, 10, 3, CLR_HEAD_NONLINEAR, 2, 32, CLR_FP32, CLR_BN_GLOBAL, false, 0, false},
     8,
     8,
     {33, 46}},
    /* Parts frozen, and z a layer inside the head. */
    {{18, 1 / 16.0, CLR_STEM_CIFAR, 10, 3, CLR_HEAD_NONLINEAR, 1, 1, CLR_FP32, CLR_BN_GLOBAL, false, 1, true},
     10,
     10,
     {0, 0}},
    {{18, 1 / 16.0, CLR_STEM_IMAGENET, 33, 1, CLR_HEAD_NONLINEAR, 2, 1, CLR_FP32, CLR_BN_GLOBAL, false, 2, true},
     12,
     12,
     {0, 0}},
    {{50, 1 / 16.0, CLR_STEM_CIFAR, 10, 3, CLR_HEAD_NONE, 0, 0, CLR_FP32, CLR_BN_GLOBAL, false, 4, false},
     12,
     12,
     {0, 0}},
    {{18, 1 / 16.0, CLR_STEM_CIFAR, 9, 3, CLR_HEAD_NONLINEAR, 1, 1, CLR_FP32, CLR_BN_GLOBAL, false, 5, true},
     10,
     10,
     {2, 2}},
};
enum { FROZEN = 6 /* the first of those */ };

typedef struct run {
    clr_encoder *encoder;
    clr_planner *planner;
    clr_params *params;
    float *x, *dz, *h, *z;
    int64_t pixels;
    int outputs, features;
} run;

/* Running statistics of no batch, as of a network that was trained on other images. */
static void fill_states(clr_params *params)
{
    for (int e = 0; e < params->states.entries; e++) {
        const clr_entry *entry = &params->states.entry[e];
        double about = strstr(entry->name, ".running_var") ? 1 : 0;
        for (int64_t i = 0; i < entry->count && !strstr(entry->name, ".bias"); i++)
            clr_params_state(params, e)[i] = (float)(about + 0.25 * fixture_uniform(7000 + (uint32_t)e, (uint32_t)i));
    }
}

static run start(const clr_encoder_config *config, int views, int first, int n, uint32_t salt, bool training)
{
    run r = {.pixels = (int64_t)config->size * config->size * config->channels};

    ck_assert_int_eq(clr_planner_open(comm, "estimate", NULL, &r.planner), CLR_OK);
    clr_encoder_config wanted = *config;
    wanted.views = views;
    wanted.training = training;
    r.params = CLR_NEW(clr_params, 1);
    ck_assert_int_eq(clr_encoder_new(comm, r.planner, &wanted, r.params, &r.encoder), CLR_OK);
    clr_params_open(r.params);
    clr_params_init(r.params, 1);
    fixture_fill(r.params, salt);
    fill_states(r.params);
    r.outputs = clr_encoder_outputs(r.encoder);
    r.features = clr_encoder_features(r.encoder);
    r.x = CLR_NEW(float, n *r.pixels);
    r.dz = CLR_NEW(float, n *r.outputs);
    r.z = CLR_NEW(float, n *r.outputs);
    r.h = CLR_NEW(float, n *r.features);
    fixture_images(r.x, first, n, config->size, config->channels);
    fixture_dz(r.dz, first, n, r.outputs);
    return r;
}

static void stop(run *r)
{
    clr_encoder_free(r->encoder);
    clr_params_close(r->params);
    clr_free(r->params);
    clr_planner_close(r->planner);
    clr_free(r->x);
    clr_free(r->dz);
    clr_free(r->z);
    clr_free(r->h);
}

static double bound_of(const clr_encoder_config *config, int n)
{
    int side = config->stem == CLR_STEM_IMAGENET ? (config->size + 1) / 2 : config->size;
    return 8 * FLT_EPSILON * side * sqrt(n);
}

static void ck_near(const char *what, const float *got, const double *want, int64_t n, double bound)
{
    double distance = reference_distance(got, want, n);

    if (getenv("SIMCLR_TEST_VERBOSE"))
        printf("%s %.2e\n", what, distance);
    ck_assert_msg(distance <= bound, "%s: distance %.3g over %.3g", what, distance, bound);
}

static void ck_table_near(const clr_table *table, const float *got, const double *want, double bound)
{
    for (int i = 0; i < table->entries; i++) {
        const clr_entry *entry = &table->entry[i];
        ck_near(entry->name, got + entry->offset, want + entry->offset, entry->count, bound);
    }
}

static void ck_margin(const reference *r)
{
    ck_assert_msg(reference_margin(r) > 1e-6, "a ReLU's input lies within %.1e of zero: choose another salt",
                  reference_margin(r));
}

static double *widen(const float *from, int64_t n)
{
    double *to = CLR_NEW(double, n);

    for (int64_t i = 0; i < n; i++)
        to[i] = from[i];
    return to;
}

/* sum dz z of the reference. */
static double objective(reference *r, const float *x, const double *dz, int64_t n)
{
    double sum = 0;

    reference_forward(r, x, false);
    for (int64_t i = 0; i < n; i++)
        sum += dz[i] * reference_z(r)[i];
    return sum;
}

START_TEST(reference_agrees_with_central_differences)
{
    const clr_encoder_config *config = &cases[_i].config;
    int n = 5;
    run r = start(config, n, 0, n, cases[_i].salt[0], true);
    reference *want = reference_new(config, r.params, n);
    double *dz = widen(r.dz, n * r.outputs), *value = reference_values(want);

    reference_forward(want, r.x, false);
    reference_backward(want, dz);
    for (int e = 0; e < r.params->weights.entries; e++) {
        const clr_entry *entry = &r.params->weights.entry[e];
        if (entry->frozen)
            continue;
        int64_t at = entry->offset + (int64_t)(0.5 * (1 + fixture_uniform(9, (uint32_t)e)) * (double)entry->count);
        double step = 1e-7, was = value[at], analytic = reference_grads(want)[at], scale = 0;
        for (int64_t i = 0; i < entry->count; i++)
            scale = fmax(scale, fabs(reference_grads(want)[entry->offset + i]));
        value[at] = was + step;
        double above = objective(want, r.x, dz, n * r.outputs);
        value[at] = was - step;
        double below = objective(want, r.x, dz, n * r.outputs);
        value[at] = was;
        ck_assert_msg(fabs((above - below) / (2 * step) - analytic) <= 1e-4 * scale + 1e-5, "%s: %g, by differences %g",
                      entry->name, analytic, (above - below) / (2 * step));
    }
    clr_free(dz);
    reference_free(want);
    stop(&r);
}
END_TEST

START_TEST(agrees_with_reference)
{
    const clr_encoder_config *config = &cases[_i].config;
    int n = cases[_i].n;
    run r = start(config, cases[_i].views, 0, n, cases[_i].salt[0], true);
    reference *want = reference_new(config, r.params, n);
    double *dz = widen(r.dz, n * r.outputs), bound = bound_of(config, n);

    for (int step = 0; step < 2; step++) { /* gradients of the second are added to the first's */
        clr_encoder_forward(r.encoder, r.x, n, n, true, r.h, r.z);
        clr_encoder_backward(r.encoder, r.dz, step, NULL, NULL);
        reference_forward(want, r.x, false);
    }
    ck_margin(want);
    reference_backward(want, dz);
    ck_near("h", r.h, reference_h(want), n * r.features, bound);
    ck_near("z", r.z, reference_z(want), n * r.outputs, bound);
    ck_table_near(&r.params->states, r.params->state, reference_states(want), bound);
    for (int64_t i = 0; i < r.params->weights.floats; i++)
        r.params->grad[i] /= 2;
    ck_table_near(&r.params->weights, r.params->grad, reference_grads(want), bound);
    clr_encoder_infer(r.encoder, r.x, n, r.h, r.z);
    reference_forward(want, r.x, true);
    ck_near("h, inferred", r.h, reference_h(want), n * r.features, bound);
    ck_near("z, inferred", r.z, reference_z(want), n * r.outputs, bound);
    for (int layers = 1; config->head == CLR_HEAD_NONLINEAR && layers < config->head_layers; layers++) {
        clr_encoder_config inner = *config;
        inner.head_layers = layers;
        inner.head_relu = true;
        reference *there = reference_new(&inner, r.params, n);
        float *z = CLR_NEW(float, n *r.features);
        clr_encoder_tap(r.encoder, layers);
        clr_encoder_infer(r.encoder, r.x, n, NULL, z);
        reference_forward(there, r.x, true);
        ck_near("a layer of the head, inferred", z, reference_z(there), n * r.features, bound);
        clr_free(z);
        reference_free(there);
    }
    clr_free(dz);
    reference_free(want);
    stop(&r);
}
END_TEST

/* The same numbers bit for bit with blocks computed again, without gradients, and where memory was left dirty by a
   larger call; in either storage type. */
START_TEST(recompute_changes_nothing)
{
    int which = _i / CLR_DTYPES, n = cases[which].n;
    clr_encoder_config again = cases[which].config, plain;
    again.dtype = (clr_dtype)(_i % CLR_DTYPES);
    run a = start(&again, cases[which].views, 0, n, cases[which].salt[0], true);
    again.views = cases[which].views;
    again.training = true;
    plain = again;
    again.recompute = true;
    run b = start(&again, cases[which].views, 0, n, cases[which].salt[0], true),
        c = start(&again, cases[which].views, 0, n, cases[which].salt[0], false);
    size_t z = sizeof(float) * (size_t)(n * a.outputs), grads = sizeof(float) * (size_t)a.params->weights.floats;
    run *all[] = {&a, &b, &c};
    float *infer[3];
    clr_encoder_needs small, large;

    ck_assert_int_eq(clr_encoder_memory(comm, a.planner, &again, &small), CLR_OK);
    ck_assert_int_eq(clr_encoder_memory(comm, a.planner, &plain, &large), CLR_OK);
    ck_assert(small.stored < large.stored && small.params == large.params && small.workspace == large.workspace);
    ck_assert(small.outputs == a.outputs && small.features == clr_encoder_features(a.encoder));
    uint64_t allocations = clr_alloc_count();
    clr_encoder_forward(b.encoder, b.x, n, n, false, NULL, b.z);
    clr_encoder_backward(b.encoder, b.dz, false, NULL, NULL);
    clr_encoder_forward(b.encoder, b.x, n / 2, n / 2, false, NULL, b.z);
    clr_encoder_backward(b.encoder, b.dz, false, NULL, NULL);
    for (int i = 0; i < 3; i++) {
        clr_encoder_forward(all[i]->encoder, all[i]->x, n, n, true, NULL, all[i]->z);
        if (i < 2)
            clr_encoder_backward(all[i]->encoder, all[i]->dz, false, NULL, NULL);
    }
    ck_assert_uint_eq(clr_alloc_count(), allocations);
    ck_assert_mem_eq(a.z, b.z, z);
    ck_assert_mem_eq(a.z, c.z, z);
    ck_assert_mem_eq(a.params->grad, b.params->grad, grads);
    for (int i = 0; i < 3; i++) {
        infer[i] = all[i]->z;
        clr_encoder_infer(all[i]->encoder, all[i]->x, n, NULL, infer[i]);
        ck_assert_mem_eq(infer[0], infer[i], z);
    }
    for (int i = 0; i < 3; i++)
        stop(all[i]);
}
END_TEST

static double cosine(const float *a, const float *b, int64_t n)
{
    double ab = 0, aa = 0, bb = 0;

    for (int64_t i = 0; i < n; i++)
        ab += (double)a[i] * b[i], aa += (double)a[i] * a[i], bb += (double)b[i] * b[i];
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : aa == bb;
}

/* The lowest cosine of the gradients of a parameter tensor, by two runs. Betas, whose gradients nearly cancel where the
   next norm takes them out again, count where they are at least a twentieth of the largest. */
static void ck_directions(const run *a, const run *b, double least)
{
    const clr_table *table = &a->params->weights;
    double largest = 0;

    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < table->entries; i++) {
            const clr_entry *entry = &table->entry[i];
            const float *one = a->params->grad + entry->offset, *other = b->params->grad + entry->offset;
            double size = 0, value;
            for (int64_t j = 0; j < entry->count; j++)
                size += (double)one[j] * one[j];
            if (pass == 0 && entry->role == CLR_ROLE_VECTOR)
                largest = fmax(largest, size);
            if (pass == 0 || entry->frozen || (entry->role == CLR_ROLE_VECTOR && size < largest / 400))
                continue;
            value = cosine(one, other, entry->count);
            if (getenv("SIMCLR_TEST_VERBOSE"))
                printf("%s cosine %.5f\n", entry->name, value);
            ck_assert_msg(value >= least, "%s: cosine %.4f under %.4f", entry->name, value, least);
        }
}

/* Beside fp32. A unit's output is rounded by about 2^-9 of itself, so that about 2^-9 of the masks of its ReLU change,
   and with them as much of the gradient's energy; with 2 L roundings on the way through L units the error's energy is
   about 2 L 2^-9 = e^2, and the cosine 1 - e^2 / 2. A norm over M rows passes on e^2 (1 + 1 / M) or so: M is 128 here.
   Half of the bound is left for what this leaves out. */
static const clr_encoder_config rounded[] = {
    {18, 1 / 4.0, CLR_STEM_CIFAR, 16, 3, CLR_HEAD_NONLINEAR, 2, 32, CLR_FP32, CLR_BN_GLOBAL, false, 0, false},
    {50, 1 / 8.0, CLR_STEM_IMAGENET, 64, 3, CLR_HEAD_NONLINEAR, 2, 32, CLR_FP32, CLR_BN_GLOBAL, false, 0, false}};
enum { ROUNDED_VIEWS = 32 };

static double least_cosine(int depth)
{
    return 1 - 2 * depth * 0x1p-9;
}

START_TEST(bf16_keeps_the_direction_of_gradients)
{
    clr_encoder_config config = rounded[_i];
    int n = ROUNDED_VIEWS;
    run a = start(&config, n, 0, n, 1, true);
    config.dtype = CLR_BF16;
    run b = start(&config, n, 0, n, 1, true), *both[] = {&a, &b};

    for (int i = 0; i < 2; i++) {
        clr_encoder_forward(both[i]->encoder, both[i]->x, n, n, true, both[i]->h, both[i]->z);
        clr_encoder_backward(both[i]->encoder, both[i]->dz, false, NULL, NULL);
    }
    double least = least_cosine(config.depth);
    double z = cosine(a.z, b.z, n * a.outputs);
    ck_assert_msg(z >= least, "z: cosine %.4f", z);
    ck_directions(&a, &b, least);
    stop(&a);
    stop(&b);
}
END_TEST

static void note(void *context, int64_t from)
{
    int64_t *last = context;

    ck_assert_int_lt(from, last[0]);
    last[0] = from;
    last[1]++;
}

START_TEST(tells_when_gradients_are_ready)
{
    run r = start(&cases[0].config, 4, 0, 4, 0, true);
    int64_t last[2] = {r.params->weights.floats, 0};

    clr_encoder_forward(r.encoder, r.x, 4, 4, false, NULL, r.z);
    clr_encoder_backward(r.encoder, r.dz, false, note, last);
    ck_assert_int_eq(last[0], 0);
    ck_assert_int_eq(last[1], 10); /* head, 8 blocks, stem */
    ck_assert(clr_encoder_flops(r.encoder) > 0);
    stop(&r);
}
END_TEST

START_TEST(frozen_parts_have_no_gradient)
{
    static const int calls[] = {10, 9, 7,
                                5,  3, 1}; /* head, 8 blocks, stem; the same without stem; two blocks a group */
    clr_encoder_config config = cases[0].config;
    config.frozen = _i;
    run r = start(&config, 4, 0, 4, 0, true);
    int64_t last[2] = {r.params->weights.floats, 0};
    size_t bytes = sizeof(float) * (size_t)r.params->states.floats;
    float *states = clr_alloc(bytes, 1);

    memcpy(states, r.params->state, bytes);
    clr_encoder_forward(r.encoder, r.x, 4, 4, true, NULL, r.z);
    clr_encoder_backward(r.encoder, r.dz, false, note, last);
    ck_assert_int_eq(last[0], 0);
    ck_assert_int_eq(last[1], calls[_i]);
    for (int e = 0; e < r.params->weights.entries; e++) {
        const clr_entry *entry = &r.params->weights.entry[e];
        bool zero = true;
        for (int64_t i = 0; i < entry->count; i++)
            zero = zero && r.params->grad[entry->offset + i] == 0;
        ck_assert_msg(zero == entry->frozen, "%s", entry->name);
    }
    for (int e = 0; e < r.params->states.entries; e++) {
        const clr_entry *entry = &r.params->states.entry[e];
        bool same =
            !memcmp(clr_params_state(r.params, e), states + entry->offset, sizeof(float) * (size_t)entry->count);
        ck_assert_msg(same == (entry->frozen || strstr(entry->name, ".bias")), "%s", entry->name);
    }
    clr_free(states);
    stop(&r);
}
END_TEST

START_TEST(refuses_what_makes_no_sense)
{
    static const struct {
        clr_encoder_config config;
        const char *says;
    } bad[] = {
        {{20, 1, CLR_STEM_CIFAR, 32, 3, CLR_HEAD_NONE, 0, 0, CLR_FP32, CLR_BN_GLOBAL, false, 0, false}, "ResNet-20"},
        {{18, 0.01, CLR_STEM_CIFAR, 32, 3, CLR_HEAD_NONE, 0, 0, CLR_FP32, CLR_BN_GLOBAL, false, 0, false}, "--width"},
        {{18, 1, CLR_STEM_IMAGENET, 32, 2, CLR_HEAD_NONE, 0, 0, CLR_FP32, CLR_BN_GLOBAL, false, 0, false},
         "2 channels"},
        {{18, 1, CLR_STEM_CIFAR, 32, 3, CLR_HEAD_NONLINEAR, 0, 128, CLR_FP32, CLR_BN_GLOBAL, false, 0, false},
         "--head-layers=0"},
        {{18, 1, CLR_STEM_CIFAR, 32, 3, CLR_HEAD_LINEAR, 0, 0, CLR_FP32, CLR_BN_GLOBAL, false, 0, false},
         "--head-dim=0"},
        {{18, 1, CLR_STEM_CIFAR, 32, 3, CLR_HEAD_NONE, 0, 0, CLR_BF16, CLR_BN_GLOBAL, false, 0, false}, "--dtype=bf16"},
    };
    clr_encoder_config config = bad[_i].config;
    clr_params params = {0};
    clr_planner *planner;
    clr_encoder *encoder;
    clr_encoder_needs needs;

    ck_assert_int_eq(clr_planner_open(comm, "estimate", NULL, &planner), CLR_OK);
    config.views = 4;
    ck_assert_int_eq(clr_encoder_new(comm, planner, &config, &params, &encoder), CLR_EUSAGE);
    clr_params_close(&params);
    ck_assert(strstr(clr_message(), bad[_i].says) != NULL);
    ck_assert_int_eq(clr_encoder_memory(comm, planner, &config, &needs), CLR_EUSAGE);
    clr_planner_close(planner);
}
END_TEST

/* One global batch over all ranks, one of which has nothing; the reference sees it whole. */
START_TEST(ranks_share_one_batch)
{
    static const int shares[] = {5, 0, 7, 4};
    const clr_encoder_config *config = &cases[_i].config;
    int ranks = clr_comm_size(comm), rank = clr_comm_rank(comm), first = 0, total = 0;
    if (config->bn == CLR_BN_LOCAL)
        return;
    for (int i = 0; i < ranks; i++) {
        first += i < rank ? shares[i % 4] : 0;
        total += shares[i % 4];
    }
    int n = shares[rank % 4];
    run r = start(config, 8, first, n, cases[_i].salt[1], true),
        whole = start(config, 1, 0, total, cases[_i].salt[1], false);
    reference *want = reference_new(config, r.params, total);
    double *dz = widen(whole.dz, total * r.outputs), bound = bound_of(config, total);

    clr_encoder_forward(r.encoder, r.x, n, total, true, r.h, r.z);
    clr_encoder_backward(r.encoder, r.dz, false, NULL, NULL);
    clr_comm_allreduce_sum(comm, r.params->grad, r.params->weights.floats);
    reference_forward(want, whole.x, false);
    ck_margin(want);
    reference_backward(want, dz);
    ck_near("z", r.z, reference_z(want) + first * r.outputs, n * r.outputs, bound);
    ck_table_near(&r.params->states, r.params->state, reference_states(want), bound);
    ck_table_near(&r.params->weights, r.params->grad, reference_grads(want), bound);
    clr_free(dz);
    reference_free(want);
    stop(&r);
    stop(&whole);
}
END_TEST

/* With bf16 sums in another order round a few numbers to their other neighbour, and what follows differs by as much as
   from fp32. Each rank computes the whole batch too. */
START_TEST(bf16_ranks_share_one_batch)
{
    clr_encoder_config config = rounded[_i];
    int ranks = clr_comm_size(comm), rank = clr_comm_rank(comm), first = (int)clr_share(ROUNDED_VIEWS, ranks, rank),
        n = (int)clr_share(ROUNDED_VIEWS, ranks, rank + 1) - first;
    config.dtype = CLR_BF16;
    run r = start(&config, n, first, n, 1, true);
    config.bn = CLR_BN_LOCAL;
    run whole = start(&config, ROUNDED_VIEWS, 0, ROUNDED_VIEWS, 1, true);
    double least = least_cosine(config.depth);

    clr_encoder_forward(r.encoder, r.x, n, ROUNDED_VIEWS, true, NULL, r.z);
    clr_encoder_backward(r.encoder, r.dz, false, NULL, NULL);
    clr_comm_allreduce_sum(comm, r.params->grad, r.params->weights.floats);
    clr_encoder_forward(whole.encoder, whole.x, ROUNDED_VIEWS, ROUNDED_VIEWS, true, NULL, whole.z);
    clr_encoder_backward(whole.encoder, whole.dz, false, NULL, NULL);
    ck_assert_double_ge(cosine(r.z, whole.z + first * r.outputs, n * r.outputs), least);
    ck_assert_double_ge(cosine(r.params->state, whole.params->state, r.params->states.floats), least);
    ck_directions(&whole, &r, least);
    stop(&r);
    stop(&whole);
}
END_TEST

/* Local batch norm: each rank is a batch of its own; running statistics are the mean over ranks. */
START_TEST(ranks_normalise_alone)
{
    static const int firsts[] = {0, 180, 360, 200}; /* images for which no ReLU's input is near zero */
    clr_encoder_config config = cases[0].config;
    int n = 9 + clr_comm_rank(comm), first = firsts[clr_comm_rank(comm) % 4], ranks = clr_comm_size(comm);
    config.bn = CLR_BN_LOCAL;
    run r = start(&config, n, first, n, 0, true);
    reference *want = reference_new(&config, r.params, n);
    double *dz = widen(r.dz, n * r.outputs), *states = CLR_NEW(double, r.params->states.floats),
           bound = bound_of(&config, n);

    clr_encoder_forward(r.encoder, r.x, n, 1000, true, r.h, r.z);
    clr_encoder_backward(r.encoder, r.dz, false, NULL, NULL);
    reference_forward(want, r.x, false);
    ck_margin(want);
    reference_backward(want, dz);
    ck_near("z", r.z, reference_z(want), n * r.outputs, bound);
    ck_table_near(&r.params->weights, r.params->grad, reference_grads(want), bound);
    memcpy(states, reference_states(want), sizeof *states * (size_t)r.params->states.floats);
    clr_comm_allreduce_sum_double(comm, states, r.params->states.floats);
    for (int64_t i = 0; i < r.params->states.floats; i++)
        states[i] /= ranks;
    ck_table_near(&r.params->states, r.params->state, states, bound);
    clr_free(dz);
    clr_free(states);
    reference_free(want);
    stop(&r);
}
END_TEST

int main(int argc, char **argv)
{
    if (clr_comm_start(&argc, &argv, &comm) != CLR_OK)
        return EXIT_FAILURE;
    TCase *tcase = tcase_create("encoder");
    tcase_set_timeout(tcase, 120);
    if (clr_comm_size(comm) == 1) {
        tcase_add_loop_test(tcase, reference_agrees_with_central_differences, 0, 5);
        tcase_add_loop_test(tcase, reference_agrees_with_central_differences, FROZEN, (int)CLR_COUNT(cases));
        tcase_add_loop_test(tcase, agrees_with_reference, 0, (int)CLR_COUNT(cases));
        tcase_add_loop_test(tcase, recompute_changes_nothing, 0, (int)CLR_COUNT(cases) * CLR_DTYPES);
        tcase_add_loop_test(tcase, bf16_keeps_the_direction_of_gradients, 0, (int)CLR_COUNT(rounded));
        tcase_add_test(tcase, tells_when_gradients_are_ready);
        tcase_add_loop_test(tcase, frozen_parts_have_no_gradient, 0, 6);
        tcase_add_loop_test(tcase, refuses_what_makes_no_sense, 0, 5);
    } else {
        tcase_add_loop_test(tcase, ranks_share_one_batch, 0, (int)CLR_COUNT(cases));
        tcase_add_loop_test(tcase, bf16_ranks_share_one_batch, 0, (int)CLR_COUNT(rounded));
        tcase_add_test(tcase, ranks_normalise_alone);
    }
    int status = clr_test_run("encoder", tcase, CK_NOFORK);
    clr_comm_stop(comm);
    return status;
}
