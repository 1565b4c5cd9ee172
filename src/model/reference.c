/* SPDX-License-Identifier: BSD-3-Clause */
/* See reference.h. */
#include "reference.h"

#include "clr/mem.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef enum kind { CONV, NORM, RELU, ADD, MAX_POOL, MEAN_POOL } kind;

typedef struct tensor {
    int h, w, c;
    double *v, *g;
} tensor;

typedef struct op {
    kind kind;
    bool frozen;       /* CONV, NORM: no gradient; NORM: running statistics, which stay */
    int in, side, out; /* tensors; side: of ADD */
    int kernel, stride, pad;
    int64_t weight, gamma, beta, mean, var; /* offsets; beta -1: none */
    double *batch_mean, *rstd;              /* NORM, latest forward */
} op;

struct reference {
    int n, ops, tensors, h, z;
    op op[1000];
    tensor tensor[1000];
    clr_table weights, states;
    double *value, *grad, *state;
};

static int64_t find(const clr_table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int64_t find(const clr_table *table, const char *format, ...)
{
    char name[96];
    va_list args;

    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    for (int i = 0; i < table->entries; i++)
        if (!strcmp(table->entry[i].name, name))
            return table->entry[i].offset;
    return -1;
}

/* Whether the entry at this offset is. */
static bool frozen(const clr_table *table, int64_t offset)
{
    for (int i = 0; i < table->entries; i++)
        if (table->entry[i].offset == offset)
            return table->entry[i].frozen;
    return false;
}

static int new_tensor(reference *r, int h, int w, int c)
{
    int64_t count = (int64_t)r->n * h * w * c;

    CLR_CHECK(r->tensors < (int)CLR_COUNT(r->tensor));
    r->tensor[r->tensors] = (tensor){h, w, c, CLR_NEW(double, count), CLR_NEW(double, count)};
    return r->tensors++;
}

static op *push(reference *r, op o, int h, int w, int c)
{
    CLR_CHECK(r->ops < (int)CLR_COUNT(r->op));
    o.out = new_tensor(r, h, w, c);
    r->op[r->ops] = o;
    return &r->op[r->ops++];
}

static int conv(reference *r, int in, int c, int kernel, int stride, int pad, const char *name)
{
    const tensor *t = &r->tensor[in];
    op o = {.kind = CONV,
            .in = in,
            .kernel = kernel,
            .stride = stride,
            .pad = pad,
            .weight = find(&r->weights, "%s.weight", name)};

    CLR_CHECK(o.weight >= 0);
    o.frozen = frozen(&r->weights, o.weight);
    return push(r, o, (t->h + 2 * pad - kernel) / stride + 1, (t->w + 2 * pad - kernel) / stride + 1, c)->out;
}

static int norm(reference *r, int in, const char *name)
{
    const tensor *t = &r->tensor[in];
    op o = {.kind = NORM,
            .in = in,
            .gamma = find(&r->weights, "%s.weight", name),
            .beta = find(&r->weights, "%s.bias", name),
            .mean = find(&r->states, "%s.running_mean", name),
            .var = find(&r->states, "%s.running_var", name),
            .batch_mean = CLR_NEW(double, t->c),
            .rstd = CLR_NEW(double, t->c)};

    CLR_CHECK(o.gamma >= 0 && o.mean >= 0 && o.var >= 0);
    o.frozen = frozen(&r->weights, o.gamma);
    return push(r, o, t->h, t->w, t->c)->out;
}

static int relu(reference *r, int in)
{
    const tensor *t = &r->tensor[in];
    return push(r, (op){.kind = RELU, .in = in}, t->h, t->w, t->c)->out;
}

static int add(reference *r, int in, int side)
{
    const tensor *t = &r->tensor[in];
    return push(r, (op){.kind = ADD, .in = in, .side = side}, t->h, t->w, t->c)->out;
}

static int unit(reference *r, int in, int c, int kernel, int stride, const char *block, const char *conv_name,
                const char *norm_name)
{
    char name[96], second[96];

    snprintf(name, sizeof name, "%s%s", block, conv_name);
    snprintf(second, sizeof second, "%s%s", block, norm_name);
    return norm(r, conv(r, in, c, kernel, stride, kernel / 2, name), second);
}

static int residual(reference *r, int in, int planes, int stride, bool deep, const char *block)
{
    int out = deep ? 4 * planes : planes, side = in, at;

    if (deep) {
        at = relu(r, unit(r, in, planes, 1, 1, block, ".conv1", ".bn1"));
        at = relu(r, unit(r, at, planes, 3, stride, block, ".conv2", ".bn2"));
        at = unit(r, at, out, 1, 1, block, ".conv3", ".bn3");
    } else {
        at = relu(r, unit(r, in, planes, 3, stride, block, ".conv1", ".bn1"));
        at = unit(r, at, out, 3, 1, block, ".conv2", ".bn2");
    }
    if (stride > 1 || r->tensor[in].c != out)
        side = unit(r, in, out, 1, stride, block, ".downsample.0", ".downsample.1");
    return relu(r, add(r, at, side));
}

static void copy_table(clr_table *to, const clr_table *from)
{
    for (int i = 0; i < from->entries; i++)
        clr_table_add(to, &from->entry[i]);
}

static double *widen(const float *from, int64_t n)
{
    double *to = CLR_NEW(double, n);

    for (int64_t i = 0; i < n; i++)
        to[i] = from[i];
    return to;
}

reference *reference_new(const clr_encoder_config *config, const clr_params *params, int n)
{
    static const int counts[][5] = {
        {18, 2, 2, 2, 2}, {34, 3, 4, 6, 3}, {50, 3, 4, 6, 3}, {101, 3, 4, 23, 3}, {152, 3, 8, 36, 3}};
    reference *r = CLR_NEW(reference, 1);
    const int *count = counts[0];
    int base = (int)(64 * config->width);

    r->n = n;
    copy_table(&r->weights, &params->weights);
    copy_table(&r->states, &params->states);
    r->value = widen(params->value, r->weights.floats);
    r->state = widen(params->state, r->states.floats);
    r->grad = CLR_NEW(double, r->weights.floats);
    while (*count != config->depth)
        count += 5;
    int at = new_tensor(r, config->size, config->size, config->channels);
    at = conv(r, at, base, config->stem == CLR_STEM_CIFAR ? 3 : 7, config->stem == CLR_STEM_CIFAR ? 1 : 2,
              config->stem == CLR_STEM_CIFAR ? 1 : 3, "encoder/conv1");
    at = relu(r, norm(r, at, "encoder/bn1"));
    if (config->stem == CLR_STEM_IMAGENET)
        at = push(r, (op){.kind = MAX_POOL, .in = at}, (r->tensor[at].h - 1) / 2 + 1, (r->tensor[at].w - 1) / 2 + 1,
                  base)
                 ->out;
    for (int group = 0; group < 4; group++)
        for (int i = 0; i < count[group + 1]; i++) {
            char name[40];
            snprintf(name, sizeof name, "encoder/layer%d.%d", group + 1, i);
            at = residual(r, at, base << group, group && !i ? 2 : 1, config->depth >= 50, name);
        }
    r->h = r->z = push(r, (op){.kind = MEAN_POOL, .in = at}, 1, 1, r->tensor[at].c)->out;
    int layers = config->head == CLR_HEAD_NONE ? 0 : config->head == CLR_HEAD_LINEAR ? 1 : config->head_layers;
    for (int i = 0; i < layers; i++) {
        char linear[32], name[32];
        snprintf(linear, sizeof linear, "head/%d", 3 * i);
        snprintf(name, sizeof name, "head/%d", 3 * i + 1);
        bool inner = i < layers - 1 || config->head_relu;
        r->z = norm(r, conv(r, r->z, inner ? r->tensor[r->h].c : config->head_dim, 1, 1, 0, linear), name);
        if (inner)
            r->z = relu(r, r->z);
    }
    return r;
}

void reference_free(reference *r)
{
    for (int i = 0; i < r->tensors; i++) {
        clr_free(r->tensor[i].v);
        clr_free(r->tensor[i].g);
    }
    for (int i = 0; i < r->ops; i++) {
        clr_free(r->op[i].batch_mean);
        clr_free(r->op[i].rstd);
    }
    void *all[] = {r->weights.entry, r->states.entry, r->value, r->grad, r->state, r};
    for (size_t i = 0; i < CLR_COUNT(all); i++)
        clr_free(all[i]);
}

/* Forward: out = conv(in). Backward: in.g and grad from out.g. */
static void do_conv(reference *r, const op *o, bool backward)
{
    tensor *x = &r->tensor[o->in], *y = &r->tensor[o->out];
    const double *weight = r->value + o->weight;
    double *dw = r->grad + o->weight;

    for (int n = 0; n < r->n; n++)
        for (int p = 0; p < y->h; p++)
            for (int q = 0; q < y->w; q++) {
                int64_t out = (((int64_t)n * y->h + p) * y->w + q) * y->c;
                for (int tap = 0; tap < o->kernel * o->kernel; tap++) {
                    int h = p * o->stride - o->pad + tap / o->kernel, w = q * o->stride - o->pad + tap % o->kernel;
                    if (h < 0 || h >= x->h || w < 0 || w >= x->w)
                        continue;
                    for (int c = 0; c < x->c; c++) {
                        int64_t in = (((int64_t)n * x->h + h) * x->w + w) * x->c + c,
                                at = ((int64_t)tap * x->c + c) * y->c;
                        for (int k = 0; k < y->c; k++)
                            if (!backward)
                                y->v[out + k] += x->v[in] * weight[at + k];
                            else {
                                dw[at + k] += x->v[in] * y->g[out + k];
                                x->g[in] += weight[at + k] * y->g[out + k];
                            }
                    }
                }
            }
}

static void do_norm(reference *r, op *o, bool infer)
{
    tensor *x = &r->tensor[o->in], *y = &r->tensor[o->out];
    int64_t rows = (int64_t)r->n * x->h * x->w;
    int c = x->c;

    for (int k = 0; k < c; k++) {
        double mean = 0, variance = 0;
        for (int64_t i = 0; i < rows; i++)
            mean += x->v[i * c + k] / (double)rows;
        for (int64_t i = 0; i < rows; i++)
            variance += (x->v[i * c + k] - mean) * (x->v[i * c + k] - mean);
        double *running_mean = &r->state[o->mean + k], *running_var = &r->state[o->var + k];
        if (infer) {
            mean = *running_mean;
            variance = *running_var;
        } else {
            *running_mean += 0.1 * (mean - *running_mean);
            *running_var += 0.1 * (variance / (double)(rows - 1) - *running_var);
            variance /= (double)rows;
        }
        o->batch_mean[k] = mean;
        o->rstd[k] = 1 / sqrt(variance + 1e-5);
        for (int64_t i = 0; i < rows; i++)
            y->v[i * c + k] = (x->v[i * c + k] - mean) * o->rstd[k] * r->value[o->gamma + k] +
                              (o->beta < 0 ? 0 : r->value[o->beta + k]);
    }
}

static void undo_norm(reference *r, const op *o)
{
    tensor *x = &r->tensor[o->in], *y = &r->tensor[o->out];
    int64_t rows = (int64_t)r->n * x->h * x->w;
    int c = x->c;

    for (int k = 0; k < c; k++) {
        double sum = 0, product = 0;
        for (int64_t i = 0; i < rows; i++) {
            sum += y->g[i * c + k];
            product += y->g[i * c + k] * (x->v[i * c + k] - o->batch_mean[k]) * o->rstd[k];
        }
        r->grad[o->gamma + k] += product;
        if (o->beta >= 0)
            r->grad[o->beta + k] += sum;
        for (int64_t i = 0; i < rows; i++) {
            double hat = (x->v[i * c + k] - o->batch_mean[k]) * o->rstd[k];
            x->g[i * c + k] += r->value[o->gamma + k] * o->rstd[k] *
                               (y->g[i * c + k] - sum / (double)rows - hat * product / (double)rows);
        }
    }
}

static void do_max_pool(reference *r, const op *o, bool backward)
{
    tensor *x = &r->tensor[o->in], *y = &r->tensor[o->out];

    for (int64_t i = 0; i < (int64_t)r->n * y->h * y->w * y->c; i++) {
        int c = (int)(i % y->c), q = (int)(i / y->c % y->w), p = (int)(i / y->c / y->w % y->h);
        int64_t n = i / y->c / y->w / y->h, best = -1;
        for (int h = 2 * p - 1; h <= 2 * p + 1; h++)
            for (int w = 2 * q - 1; w <= 2 * q + 1; w++) {
                int64_t at = ((n * x->h + h) * x->w + w) * x->c + c;
                if (h >= 0 && h < x->h && w >= 0 && w < x->w && (best < 0 || x->v[at] > x->v[best]))
                    best = at;
            }
        if (backward)
            x->g[best] += y->g[i];
        else
            y->v[i] = x->v[best];
    }
}

static void do_mean_pool(reference *r, const op *o, bool backward)
{
    tensor *x = &r->tensor[o->in], *y = &r->tensor[o->out];
    int64_t pixels = (int64_t)x->h * x->w;

    for (int64_t i = 0; i < r->n * pixels * x->c; i++) {
        int64_t to = i / x->c / pixels * x->c + i % x->c;
        if (backward)
            x->g[i] += y->g[to] / (double)pixels;
        else
            y->v[to] += x->v[i] / (double)pixels;
    }
}

static int64_t length(const reference *r, const tensor *t)
{
    return (int64_t)r->n * t->h * t->w * t->c;
}

void reference_forward(reference *r, const float *x, bool infer)
{
    for (int64_t i = 0; i < length(r, &r->tensor[0]); i++)
        r->tensor[0].v[i] = x[i];
    for (int o = 0; o < r->ops; o++) {
        op *at = &r->op[o];
        const tensor *in = &r->tensor[at->in], *side = &r->tensor[at->side];
        tensor *out = &r->tensor[at->out];
        int64_t n = length(r, out);
        memset(out->v, 0, (size_t)n * sizeof *out->v);
        if (at->kind == CONV)
            do_conv(r, at, false);
        else if (at->kind == NORM)
            do_norm(r, at, infer || at->frozen);
        else if (at->kind == MAX_POOL)
            do_max_pool(r, at, false);
        else if (at->kind == MEAN_POOL)
            do_mean_pool(r, at, false);
        else
            for (int64_t i = 0; i < n; i++)
                out->v[i] = at->kind == ADD ? in->v[i] + side->v[i] : in->v[i] > 0 ? in->v[i] : 0;
    }
}

void reference_backward(reference *r, const double *dz)
{
    memset(r->grad, 0, (size_t)r->weights.floats * sizeof *r->grad);
    for (int i = 0; i < r->tensors; i++)
        memset(r->tensor[i].g, 0, (size_t)length(r, &r->tensor[i]) * sizeof(double));
    memcpy(r->tensor[r->z].g, dz, (size_t)length(r, &r->tensor[r->z]) * sizeof *dz);
    for (int o = r->ops - 1; o >= 0; o--) {
        const op *at = &r->op[o];
        tensor *in = &r->tensor[at->in], *side = &r->tensor[at->side];
        const tensor *out = &r->tensor[at->out];
        if (at->frozen) /* nothing below is trained */
            continue;
        if (at->kind == CONV)
            do_conv(r, at, true);
        else if (at->kind == NORM)
            undo_norm(r, at);
        else if (at->kind == MAX_POOL)
            do_max_pool(r, at, true);
        else if (at->kind == MEAN_POOL)
            do_mean_pool(r, at, true);
        else
            for (int64_t i = 0; i < length(r, out); i++) {
                in->g[i] += at->kind == ADD || in->v[i] > 0 ? out->g[i] : 0;
                if (at->kind == ADD)
                    side->g[i] += out->g[i];
            }
    }
}

double reference_margin(const reference *r)
{
    double least = INFINITY;

    for (int o = 0; o < r->ops; o++)
        for (int64_t i = 0; r->op[o].kind == RELU && i < length(r, &r->tensor[r->op[o].in]); i++)
            least = fmin(least, fabs(r->tensor[r->op[o].in].v[i]));
    return least;
}

const double *reference_h(const reference *r)
{
    return r->tensor[r->h].v;
}
const double *reference_z(const reference *r)
{
    return r->tensor[r->z].v;
}
double *reference_values(reference *r)
{
    return r->value;
}
const double *reference_grads(const reference *r)
{
    return r->grad;
}
const double *reference_states(const reference *r)
{
    return r->state;
}

double reference_distance(const float *got, const double *want, int64_t n)
{
    double difference = 0, size = 0;

    for (int64_t i = 0; i < n; i++) {
        difference += (got[i] - want[i]) * (got[i] - want[i]);
        size += want[i] * want[i];
    }
    return sqrt(difference / (size > 0 ? size : 1));
}
