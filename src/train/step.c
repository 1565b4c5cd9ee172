/* The method. One step over the global batch of G images, 2G views:

     z = g(f(views))  ->  all z gathered  ->  loss, dz  ->  backward, sums over ranks on the way  ->  update.

   With microbatches the embeddings of all come first; then the loss sees the whole batch; then each microbatch is encoded again and
   its share of dz goes back. Gradients add up to those of the whole batch; batch norm's statistics are those of a microbatch over all
   ranks. Every rank cuts its share into the same number of pieces, so that collective calls match. */
#include "clr/step.h"

#include "clr/mem.h"
#include "clr/reduce.h"

#include <math.h>
#include <string.h>

enum { BUCKET = 1 << 20 }; /* floats: 4 MiB; small enough to hide most of the last one, large enough for full bandwidth */

struct clr_step {
    clr_comm *comm;
    clr_encoder *encoder;
    clr_loss *loss;
    clr_optim *optim;
    clr_reduce *reduce;
    int64_t images;       /* G */
    int mine, pieces;     /* B; microbatches of a step */
    int64_t pixels;       /* floats of a view */
    int dim;
    float *z, *dz;        /* (2B, D) */
    float *x, *piece_z;   /* one piece, where there are several */
};

static int rank_share(const clr_step *step, int rank)
{
    int ranks = clr_comm_size(step->comm);
    return (int)(clr_share(step->images, ranks, rank + 1) - clr_share(step->images, ranks, rank));
}

int64_t clr_step_views(int64_t images, int ranks, int64_t microbatch)
{
    int64_t most = (images + ranks - 1) / ranks, pieces = microbatch ? (most + microbatch - 1) / microbatch : 1;
    return 2 * ((most + pieces - 1) / pieces);
}

clr_status clr_step_new(clr_comm *comm, clr_encoder *encoder, clr_loss *loss, clr_optim *optim, int64_t images, int64_t microbatch,
                        int64_t pixels, clr_step **out)
{
    clr_step *step = CLR_NEW(clr_step, 1);
    clr_params *params = clr_encoder_params(encoder);

    *step = (clr_step){.comm = comm, .encoder = encoder, .loss = loss, .optim = optim, .images = images, .pixels = pixels,
                       .dim = clr_encoder_outputs(encoder), .pieces = 1};
    step->mine = rank_share(step, clr_comm_rank(comm));
    for (int r = 0; r < clr_comm_size(comm) && microbatch; r++)
        step->pieces = (int)clr_max64(step->pieces, (rank_share(step, r) + microbatch - 1) / microbatch);
    step->z = CLR_NEW(float, 2 * (int64_t)step->mine * step->dim);
    step->dz = CLR_NEW(float, 2 * (int64_t)step->mine * step->dim);
    if (step->pieces > 1) {
        int64_t most = 2 * (step->mine / step->pieces + 1);
        step->x = CLR_NEW(float, most * pixels);
        step->piece_z = CLR_NEW(float, most * step->dim);
    }
    step->reduce = clr_reduce_new(comm, params->grad, params->weights.floats + CLR_PASSENGERS, BUCKET);
    *out = step;
    return CLR_OK;
}

void clr_step_free(clr_step *step)
{
    if (!step)
        return;
    clr_reduce_free(step->reduce);
    clr_free(step->z);
    clr_free(step->dz);
    clr_free(step->x);
    clr_free(step->piece_z);
    clr_free(step);
}

/* Images first .. first+n-1 of this rank's share; views of all ranks in this piece. */
static int piece(const clr_step *step, int i, int *first, int64_t *total)
{
    *total = 0;
    for (int r = 0; r < clr_comm_size(step->comm); r++) {
        int share = rank_share(step, r);
        *total += 2 * (clr_share(share, step->pieces, i + 1) - clr_share(share, step->pieces, i));
    }
    *first = (int)clr_share(step->mine, step->pieces, i);
    return (int)clr_share(step->mine, step->pieces, i + 1) - *first;
}

/* The rows of a piece of (2B, width), both views, to or from a contiguous (2n, width). */
static void collect(const clr_step *step, const float *all, int first, int n, int64_t width, float *part)
{
    for (int view = 0; view < CLR_VIEWS; view++)
        memcpy(part + (int64_t)view * n * width, all + ((int64_t)view * step->mine + first) * width, (size_t)(n * width) * sizeof *part);
}

static void spread(const clr_step *step, const float *part, int first, int n, int64_t width, float *all)
{
    for (int view = 0; view < CLR_VIEWS; view++)
        memcpy(all + ((int64_t)view * step->mine + first) * width, part + (int64_t)view * n * width, (size_t)(n * width) * sizeof *part);
}

static void embed(clr_step *step, const float *views, double *bn_comm)
{
    for (int i = 0; i < step->pieces; i++) {
        int first;
        int64_t total;
        int n = piece(step, i, &first, &total);
        if (step->pieces == 1)
            clr_encoder_forward(step->encoder, views, 2 * n, total, true, NULL, step->z);
        else {
            collect(step, views, first, n, step->pixels, step->x);
            clr_encoder_forward(step->encoder, step->x, 2 * n, total, true, NULL, step->piece_z);
            spread(step, step->piece_z, first, n, step->dim, step->z);
        }
        *bn_comm += clr_encoder_times_of(step->encoder)->batch_norm_comm;
    }
}

static void on_ready(void *context, int64_t from)
{
    clr_reduce_ready(context, from);
}

static void back(clr_step *step, const float *views, double *bn_comm)
{
    for (int i = 0; i < step->pieces; i++) {
        bool last = i == step->pieces - 1;
        const float *dz = step->dz;
        if (step->pieces > 1) {
            int first;
            int64_t total;
            int n = piece(step, i, &first, &total);
            collect(step, views, first, n, step->pixels, step->x);
            clr_encoder_forward(step->encoder, step->x, 2 * n, total, false, NULL, step->piece_z);
            collect(step, step->dz, first, n, step->dim, step->piece_z);
            dz = step->piece_z;
        }
        double before = clr_encoder_times_of(step->encoder)->batch_norm_comm;
        clr_encoder_backward(step->encoder, dz, i > 0, last ? on_ready : NULL, step->reduce);
        *bn_comm += clr_encoder_times_of(step->encoder)->batch_norm_comm - (step->pieces > 1 ? 0 : before);
    }
}

/* The first parameter whose gradient is not finite, or NULL. */
static const char *culprit(const clr_params *params)
{
    for (int e = 0; e < params->weights.entries; e++)
        for (int64_t i = 0; i < params->weights.entry[e].count; i++)
            if (!isfinite(clr_params_grad(params, e)[i]))
                return params->weights.entry[e].name;
    return NULL;
}

clr_status clr_step_run(clr_step *step, const float *views, double lr, int64_t number, unsigned wishes, clr_step_result *result)
{
    clr_params *params = clr_encoder_params(step->encoder);
    float *passenger = params->grad + params->weights.floats;
    double begin = clr_seconds(), now;

    *result = (clr_step_result){0};
    embed(step, views, &result->bn_comm);
    result->forward = (now = clr_seconds()) - begin;

    begin = now;
    clr_status st = clr_comm_agree(step->comm, clr_loss_apply(step->loss, step->z, step->dz, &result->loss));
    if (st != CLR_OK)
        return st;
    if (!isfinite(result->loss.loss))
        return clr_fail(CLR_ENUMERIC, "the loss is not a finite number");
    result->gather = result->loss.gather_seconds;
    result->loss_seconds = (now = clr_seconds()) - begin - result->gather;

    begin = now;
    for (int i = 0; i < CLR_PASSENGERS; i++)
        passenger[i] = (float)(wishes >> i & 1);
    clr_reduce_begin(step->reduce);
    back(step, views, &result->bn_comm);
    result->backward = (now = clr_seconds()) - begin;
    result->exposed = result->reduce = clr_reduce_end(step->reduce);

    begin = clr_seconds();
    for (int i = 0; i < CLR_PASSENGERS; i++)
        result->wishes |= passenger[i] > 0 ? 1u << i : 0;
    result->grad_norm = clr_grad_norm(params);
    if (!isfinite(result->grad_norm)) {
        const char *name = culprit(params);
        return clr_fail(CLR_ENUMERIC, "the gradient of %s is not finite", name ? name : "some parameter");
    }
    clr_optim_step(step->optim, lr, number);
    result->update = clr_seconds() - begin;
    return CLR_OK;
}
