/* SPDX-License-Identifier: BSD-3-Clause */
/* Saving behind the training: begin copies the state, a thread writes it while the next steps run.

   The order on the disk: the checkpoint, whole under its name; then `latest`; then old ones are deleted. So at every
   moment `latest` names a whole file, and what a kill leaves behind is at most a temporary file, which the next opening
   removes. */
#include "clr/ckpt.h"

#include "files.h"

#include "clr/log.h"
#include "clr/mem.h"
#include "clr/output.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct clr_saver {
    char *folder;
    int keep;
    clr_state state, copy; /* of the run; of the save in flight */
    float *scratch;
    clr_ckpt_meta meta;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool busy, stop;    /* under mutex, as is what follows */
    clr_status outcome; /* of the last save, until somebody is told */
    char message[1024];
    double slowest;
    int64_t saved; /* the step of the last good save, -1: none */
};

static clr_status save(clr_saver *saver)
{
    char *name = clr_text("step-%08lld.h5", (long long)saver->meta.step),
         *path = clr_text("%s/%s", saver->folder, name);
    clr_status st = clr_ckpt_write(path, &saver->meta, &saver->copy, saver->scratch);

    if (st == CLR_OK)
        st = clr_ckpt_put_latest(saver->folder, name);
    if (st == CLR_OK && saver->keep && clr_ckpt_prune(saver->folder, saver->keep, saver->meta.step) != CLR_OK)
        clr_warn_once("prune", "%s", clr_message()); /* the save is good all the same */
    clr_free(name);
    clr_free(path);
    return st;
}

static void *work(void *context)
{
    clr_saver *saver = context;

    pthread_mutex_lock(&saver->mutex);
    while (!saver->stop) {
        if (!saver->busy) {
            pthread_cond_wait(&saver->changed, &saver->mutex);
            continue;
        }
        pthread_mutex_unlock(&saver->mutex);
        double began = clr_seconds();
        clr_status st = save(saver);
        double took = clr_seconds() - began;
        pthread_mutex_lock(&saver->mutex);
        if (st != CLR_OK)
            snprintf(saver->message, sizeof saver->message, "%s", clr_message());
        else
            saver->saved = saver->meta.step;
        saver->outcome = st;
        saver->slowest = took > saver->slowest ? took : saver->slowest;
        saver->busy = false;
        pthread_cond_broadcast(&saver->changed);
    }
    pthread_mutex_unlock(&saver->mutex);
    return NULL;
}

clr_status clr_saver_open(const char *folder, int keep, clr_params *params, clr_optim *optim, clr_saver **out)
{
    sigset_t all, before;

    *out = NULL;
    if (mkdir(folder, 0777) && errno != EEXIST)
        return clr_fail(CLR_EIO, "%s: this folder cannot be made: %s", folder, strerror(errno));
    clr_output_reclaim(folder, "step-");
    clr_output_reclaim(folder, "latest.tmp-");
    clr_saver *saver = CLR_NEW(clr_saver, 1);
    saver->folder = clr_copy_text(folder);
    saver->keep = keep;
    saver->saved = -1;
    saver->state = clr_state_of(params, optim);
    saver->copy = clr_state_like(&saver->state);
    saver->scratch = CLR_NEW(float, saver->state.largest);
    pthread_mutex_init(&saver->mutex, NULL);
    pthread_cond_init(&saver->changed, NULL);
    sigfillset(&all); /* signals are for the main thread */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&saver->thread, NULL, work, saver);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        saver->stop = true;
        clr_saver_close(saver);
        return clr_fail(CLR_EIO, "a thread for saving cannot be started: %s", strerror(error));
    }
    *out = saver;
    return CLR_OK;
}

/* With the mutex held: waits for the save in flight and hands out its outcome, once. */
static clr_status outcome_of_last(clr_saver *saver)
{
    while (saver->busy)
        pthread_cond_wait(&saver->changed, &saver->mutex);
    clr_status st = saver->outcome;
    saver->outcome = CLR_OK;
    return st == CLR_OK ? st : clr_fail(st, "%s", saver->message);
}

static void replace(char **text, const char *by)
{
    if (*text && by && !strcmp(*text, by))
        return;
    clr_free(*text);
    *text = by ? clr_copy_text(by) : NULL;
}

clr_status clr_saver_begin(clr_saver *saver, const clr_ckpt_meta *meta)
{
    if (!saver)
        return CLR_OK;
    clr_status st = clr_state_check(&saver->state);
    if (st != CLR_OK)
        return clr_fail_in(st, "after step %lld, which is not saved", (long long)meta->step);
    pthread_mutex_lock(&saver->mutex);
    st = outcome_of_last(saver);
    clr_state_copy(&saver->copy, &saver->state);
    replace(&saver->meta.config, meta->config);
    replace(&saver->meta.version, meta->version);
    replace(&saver->meta.plan, meta->plan);
    replace(&saver->meta.layout, meta->layout);
    saver->meta.step = meta->step;
    saver->meta.epoch = meta->epoch;
    saver->meta.seed = meta->seed;
    saver->busy = true;
    pthread_cond_broadcast(&saver->changed);
    pthread_mutex_unlock(&saver->mutex);
    return st;
}

clr_status clr_saver_wait(clr_saver *saver)
{
    if (!saver)
        return CLR_OK;
    pthread_mutex_lock(&saver->mutex);
    clr_status st = outcome_of_last(saver);
    pthread_mutex_unlock(&saver->mutex);
    return st;
}

double clr_saver_seconds(clr_saver *saver)
{
    if (!saver)
        return 0;
    pthread_mutex_lock(&saver->mutex);
    double slowest = saver->slowest;
    pthread_mutex_unlock(&saver->mutex);
    return slowest;
}

int64_t clr_saver_saved(clr_saver *saver)
{
    if (!saver)
        return -1;
    pthread_mutex_lock(&saver->mutex);
    int64_t saved = saver->saved;
    pthread_mutex_unlock(&saver->mutex);
    return saved;
}

void clr_saver_close(clr_saver *saver)
{
    if (!saver)
        return;
    pthread_mutex_lock(&saver->mutex);
    while (saver->busy)
        pthread_cond_wait(&saver->changed, &saver->mutex);
    bool started = !saver->stop;
    saver->stop = true;
    pthread_cond_broadcast(&saver->changed);
    pthread_mutex_unlock(&saver->mutex);
    if (started)
        pthread_join(saver->thread, NULL);
    pthread_cond_destroy(&saver->changed);
    pthread_mutex_destroy(&saver->mutex);
    clr_state_free(&saver->state);
    clr_state_free(&saver->copy);
    clr_ckpt_meta_free(&saver->meta);
    clr_free(saver->scratch);
    clr_free(saver->folder);
    clr_free(saver);
}
