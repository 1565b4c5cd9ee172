/* logits = h W + b,   loss = mean over all views of -log softmax(logits)[label],

     d = (softmax(logits) - onehot(label)) / all,   dW = h^T d,   db = sum of d.

   h is a constant here: nothing goes back to the encoder. Threads part the views, then the rows of dW. */
#include "online.h"

#include "clr/gemm.h"
#include "clr/mem.h"

#include <math.h>
#include <omp.h>
#include <string.h>

struct clr_online {
    clr_params *params;
    int weight, features, classes;
    int64_t all;
    float *h, *d;   /* (views, features), (views, classes) */
    int64_t *right; /* one a thread */
};

int64_t clr_online_bytes(int64_t views, int features, int classes)
{
    return views * (features + classes) * (int64_t)sizeof(float);
}

clr_online *clr_online_new(clr_encoder *encoder, int64_t views, int64_t all)
{
    clr_online *o = CLR_NEW(clr_online, 1);

    *o = (clr_online){.params = clr_encoder_params(encoder), .weight = clr_encoder_online(encoder), .features = clr_encoder_features(encoder),
                      .all = all};
    o->classes = o->params->weights.entry[o->weight].k;
    o->h = CLR_NEW(float, views * o->features);
    o->d = CLR_NEW(float, views * o->classes);
    o->right = CLR_NEW(int64_t, omp_get_max_threads());
    return o;
}

void clr_online_free(clr_online *o)
{
    if (!o)
        return;
    clr_free(o->h);
    clr_free(o->d);
    clr_free(o->right);
    clr_free(o);
}

float *clr_online_features(clr_online *o)
{
    return o->h;
}

/* logits -> d, in place; whether the label is ahead of all others. */
static bool softmax(float *d, int classes, int label, int64_t all)
{
    float most = d[0];
    double sum = 0;
    bool right = true;

    for (int k = 0; k < classes; k++) {
        most = d[k] > most ? d[k] : most;
        right = right && (k == label || d[k] < d[label]);
    }
    for (int k = 0; k < classes; k++)
        sum += d[k] = expf(d[k] - most);
    for (int k = 0; k < classes; k++)
        d[k] = (float)((d[k] / sum - (k == label)) / (double)all);
    return right;
}

int64_t clr_online_learn(clr_online *o, const int32_t *labels, int n, bool first)
{
    int f = o->features, k = o->classes, threads = omp_get_max_threads();
    const float *weight = clr_params_value(o->params, o->weight), *bias = clr_params_value(o->params, o->weight + 1);
    float *dw = clr_params_grad(o->params, o->weight), *db = clr_params_grad(o->params, o->weight + 1);
    int64_t right = 0;

#pragma omp parallel num_threads(threads)
    {
        int thread = omp_get_thread_num();
        int64_t from = clr_share(n, threads, thread), to = clr_share(n, threads, thread + 1), mine = 0;
        for (int64_t i = from; i < to; i++)
            memcpy(o->d + i * k, bias, (size_t)k * sizeof *bias);
        clr_gemm(false, false, to - from, k, f, 1, o->h + from * f, f, weight, k, 1, o->d + from * k, k);
        for (int64_t i = from; i < to; i++)
            mine += softmax(o->d + i * k, k, labels[i], o->all);
        o->right[thread] = mine;
#pragma omp barrier
        from = clr_share(f, threads, thread), to = clr_share(f, threads, thread + 1);
        if (n)
            clr_gemm(true, false, to - from, k, n, 1, o->h + from, f, o->d, k, first ? 0 : 1, dw + from * k, k);
        else if (first)
            memset(dw + from * k, 0, (size_t)((to - from) * k) * sizeof *dw);
    }
    for (int c = 0; c < k; c++) {
        double sum = first ? 0 : db[c];
        for (int64_t i = 0; i < n; i++)
            sum += o->d[i * k + c];
        db[c] = (float)sum;
    }
    for (int thread = 0; thread < threads; thread++)
        right += o->right[thread];
    return right;
}
