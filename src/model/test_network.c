/* SPDX-License-Identifier: BSD-3-Clause */
/* A whole network against PyTorch's numbers (tests/peer/expect.py), in double there, relative L2 error 1e-4 on
   outputs, every parameter gradient and every running statistic. Gradients of a norm's offset nearly cancel where the
   next norm takes the offset out again; so the error is measured against the gradient, or a twentieth of the largest
   gradient of its kind if that is more.

     test_network full|small ARCH WIDTH STEM SIZE CHANNELS VIEWS FILE */
#include "clr/encoder.h"
#include "clr/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t seed0;

static double formula(const char *name, int64_t i)
{
    uint32_t seed = 2166136261u + seed0 * 2654435769u;

    for (; *name; name++)
        seed = (seed ^ (unsigned char)*name) * 16777619u;
    return ((uint32_t)((uint64_t)(i + 1) * 2654435761u) + (uint64_t)seed) % 4294967296u / 4294967296.0 - 0.5;
}

static bool ends(const char *text, const char *end)
{
    return strlen(text) >= strlen(end) && !strcmp(text + strlen(text) - strlen(end), end);
}

static void set(const clr_entry *entry, float *here)
{
    float *file = CLR_NEW(float, entry->count);
    double scale = 4 / sqrt((double)(entry->count / entry->k));

    for (int64_t i = 0; i < entry->count; i++) {
        double u = formula(entry->name, i);
        double gamma = (strstr(entry->name, ".bn2.") || strstr(entry->name, ".bn3.") ? 0.1 : 1) * (1 + u * 0.4);
        file[i] = (float)(entry->role != CLR_ROLE_VECTOR ? u * scale : ends(entry->name, "bias") ? u * 0.4 : gamma);
    }
    clr_entry_from_file(entry, file, here);
    clr_free(file);
}

static int compare(const char *name, const float *got, int64_t n, double least, FILE *file, bool full, double *worst)
{
    double difference = 0, size = 0, error, norm = 0, projection = 0;
    long long count;

    if (fscanf(file, "%lld", &count) != 1 || count != n)
        return fprintf(stderr, "%s: %lld values expected, %lld here\n", name, count, (long long)n);
    if (full) {
        float *want = CLR_NEW(float, n);
        fgetc(file);
        if (fread(want, sizeof *want, (size_t)n, file) != (size_t)n)
            return fprintf(stderr, "%s: cut short\n", name);
        for (int64_t i = 0; i < n; i++) {
            difference += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
            size += (double)want[i] * want[i];
        }
        error = sqrt(difference) / fmax(sqrt(size), least);
        clr_free(want);
    } else {
        double want_norm, want_projection;
        if (fscanf(file, "%lf %lf", &want_norm, &want_projection) != 2)
            return fprintf(stderr, "%s: cut short\n", name);
        for (int64_t i = 0; i < n; i++) {
            norm += (double)got[i] * got[i];
            projection += got[i] * formula("projection", i);
        }
        error = (fabs(sqrt(norm) - want_norm) + fabs(projection - want_projection)) / fmax(want_norm, least);
    }
    *worst = error > *worst ? error : *worst;
    return error <= 1e-4 ? 0 : fprintf(stderr, "%s: relative error %.2e, at most 1e-4 allowed\n", name, error);
}

/* The largest norm of a gradient of this role. */
static double largest(const clr_params *params, clr_role role)
{
    double most = 0;

    for (int i = 0; i < params->weights.entries; i++) {
        double sum = 0;
        for (int64_t j = 0; j < params->weights.entry[i].count && params->weights.entry[i].role == role; j++)
            sum += (double)clr_params_grad(params, i)[j] * clr_params_grad(params, i)[j];
        most = fmax(most, sqrt(sum));
    }
    return most;
}

static const clr_entry *find(const clr_table *table, const char *name)
{
    for (int i = 0; i < table->entries; i++)
        if (!strcmp(table->entry[i].name, name))
            return &table->entry[i];
    return NULL;
}

int main(int argc, char **argv)
{
    clr_comm *comm = NULL;
    clr_planner *planner = NULL;
    clr_encoder *encoder = NULL;
    int bad = 0, seen = 0;
    double worst = 0;

    if (clr_comm_start(&argc, &argv, &comm) != CLR_OK || argc != 9)
        return 1;
    bool full = !strcmp(argv[1], "full");
    int n = atoi(argv[7]);
    clr_encoder_config config = {.depth = atoi(argv[2] + 6),
                                 .width = atof(argv[3]),
                                 .stem = strcmp(argv[4], "cifar") ? CLR_STEM_IMAGENET : CLR_STEM_CIFAR,
                                 .size = atoi(argv[5]),
                                 .channels = atoi(argv[6]),
                                 .head = CLR_HEAD_NONLINEAR,
                                 .head_layers = 2,
                                 .head_dim = 128,
                                 .bn = CLR_BN_GLOBAL,
                                 .recompute = getenv("RECOMPUTE") != NULL,
                                 .views = n,
                                 .training = true};
    clr_params own = {0}, *params = &own;
    const char *plan = getenv("PLAN");
    FILE *file = fopen(argv[8], "rb");
    if (!file || fscanf(file, "seed %u", &seed0) != 1 ||
        clr_planner_open(comm, plan ? plan : "estimate", NULL, &planner) != CLR_OK ||
        clr_encoder_new(comm, planner, &config, params, &encoder) != CLR_OK) {
        fprintf(stderr, "%s: %s\n", argv[8], clr_message());
        return 1;
    }
    clr_params_open(params);
    clr_params_init(params, 1);
    for (int i = 0; i < params->weights.entries; i++)
        set(&params->weights.entry[i], clr_params_value(params, i));
    int64_t pixels = (int64_t)n * config.size * config.size * config.channels,
            hs = (int64_t)n * clr_encoder_features(encoder), zs = (int64_t)n * clr_encoder_outputs(encoder);
    float *x = CLR_NEW(float, pixels), *h = CLR_NEW(float, hs), *z = CLR_NEW(float, zs), *dz = CLR_NEW(float, zs);
    for (int64_t i = 0; i < pixels; i++)
        x[i] = (float)(formula("x", i) + 0.5 +
                       (double)(i / (pixels / n) * 7 % 5 * (i / (config.size * config.channels) % config.size)) /
                           config.size);
    for (int64_t i = 0; i < zs; i++)
        dz[i] = (float)formula("dz", i);
    clr_encoder_forward(encoder, x, n, n, true, h, z);
    clr_encoder_backward(encoder, dz, false, NULL, NULL);

    char name[128];
    while (fscanf(file, " %127[^\n]", name) == 1 && !bad) {
        const clr_entry *entry = NULL;
        const float *got = !strcmp(name, "h") ? h : !strcmp(name, "z") ? z : NULL;
        int64_t count = got == h ? hs : zs;
        float *copy = NULL;
        double least = 0;
        if (!strncmp(name, "grad ", 5) && (entry = find(&params->weights, name + 5))) {
            least = largest(params, entry->role) / 20;
            copy = CLR_NEW(float, entry->count);
            clr_entry_to_file(entry, params->grad + entry->offset, copy);
        } else if (!strncmp(name, "state ", 6) && (entry = find(&params->states, name + 6))) {
            copy = CLR_NEW(float, entry->count);
            memcpy(copy, params->state + entry->offset, (size_t)entry->count * sizeof *copy);
        }
        if (entry)
            count = entry->count;
        else if (!got)
            bad = fprintf(stderr, "%s: this network has no such tensor\n", name);
        if (!bad)
            bad = compare(name, copy ? copy : got, count, least, file, full, &worst);
        clr_free(copy);
        seen++;
    }
    fclose(file);
    int expected = 2 + params->weights.entries + params->states.entries - 1;
    if (!bad && seen != expected)
        bad = fprintf(stderr, "%d tensors compared, %d expected\n", seen, expected);
    printf("%s %s %s: %d tensors, worst relative error %.1e\n", argv[2], argv[4], argv[1], seen, worst);
    void *all[] = {x, h, z, dz};
    for (size_t i = 0; i < CLR_COUNT(all); i++)
        clr_free(all[i]);
    clr_encoder_free(encoder);
    clr_params_close(params);
    clr_planner_close(planner);
    clr_comm_stop(comm);
    return bad != 0;
}
