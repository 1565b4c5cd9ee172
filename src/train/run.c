/* A run: set up, go on from the newest good checkpoint, the loop, and what ends it. Everything that depends on time or on a signal is
   decided by some rank as a wish, travels in the reduction that a step makes anyway, and is acted upon by all after that step. */
#include "clr/run.h"

#include "clr/ckpt.h"
#include "clr/isa.h"
#include "clr/loader.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/metrics.h"
#include "clr/step.h"
#include "folder.h"
#include "watch.h"

#include <inttypes.h>
#include <math.h>
#include <omp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WISH_STOP = 1, WISH_SAVE = 2, FAILED_SAVES = 5 };

typedef struct run {
    clr_comm *comm;
    const clr_config *config;
    const clr_opt_set *options;
    bool first;               /* rank 0 */
    clr_store *store;
    const clr_store_facts *data;
    clr_lock *lock;
    clr_planner *planner;
    clr_encoder *encoder;
    clr_optim *optim;
    clr_loss *loss;
    clr_step *step;
    clr_loader *loader;
    clr_saver *saver;
    clr_metrics metrics;
    clr_watchdog *dog;
    clr_schedule schedule;
    int64_t begin, total, per_epoch; /* steps */
    int64_t save_steps;       /* 0: by seconds */
    double save_seconds, last_save, deadline, slowest;
    int failed_saves;
    double chance;
    double spoke, began;      /* when progress was last shown; when the loop began */
    double best_loss;
    char *config_text;
} run;

static int cores(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
}

/* The cores of this rank's mask, shared with the ranks of the node that have as large a mask. */
static void set_threads(run *a)
{
    int mine = cores(), sharing = clr_comm_node_size(a->comm);
    int online = (int)sysconf(_SC_NPROCESSORS_ONLN);
    int threads = (int)a->config->threads;

    if (!threads)
        threads = mine < online ? mine : (int)clr_max64(1, mine / sharing); /* a narrowed mask was given to this rank alone */
    omp_set_dynamic(0);
    omp_set_num_threads(threads);
    if (threads > mine)
        clr_warn("%d threads on %d cores: slow; give the rank more cores (srun --cpus-per-task, mpirun --bind-to none) or fewer --threads",
                 threads, mine);
}

static clr_status parse_every(run *a)
{
    const char *text = a->config->checkpoint_every;
    char *end;
    double number = strtod(text, &end);

    if (end == text || number <= 0 || (*end && strcmp(end, "s") && strcmp(end, "e")))
        return clr_fail(CLR_EUSAGE, "--checkpoint-every=%s: must be steps (500), seconds (600s) or epochs (1e)", text);
    if (*end == 's')
        a->save_seconds = number;
    else
        a->save_steps = (int64_t)clr_max64(1, (int64_t)(*end == 'e' ? number * (double)a->per_epoch : number));
    a->deadline = clr_watch_deadline(a->config->time_limit);
    if (a->deadline < 0)
        return clr_fail(CLR_EUSAGE, "--time-limit=%s: must be seconds, or H:MM:SS", a->config->time_limit);
    return CLR_OK;
}

static int share(const run *a)
{
    int ranks = clr_comm_size(a->comm), rank = clr_comm_rank(a->comm);
    return (int)(clr_share(a->config->batch, ranks, rank + 1) - clr_share(a->config->batch, ranks, rank));
}

/* What a rank will take, against what is there; where it does not fit, settings that would. */
static clr_status check_memory(run *a, const clr_encoder_config *encoder, int views, int channels)
{
    int64_t bytes[3], mine = share(a), pixels = a->config->image_size * a->config->image_size * channels;
    clr_status st = clr_encoder_memory(a->comm, a->planner, encoder, views, true, bytes);

    if (st != CLR_OK)
        return st;
    int64_t slots = (a->config->optimizer == 2 ? 2 : 1) * bytes[0] / 2;
    int64_t batches = 2 * 2 * mine * pixels * (int64_t)sizeof(float);
    int64_t loss = clr_loss_bytes(a->config->batch, mine, a->config->head == CLR_HEAD_NONE ? 2048 : (int)a->config->head_dim);
    int64_t saver = a->first ? bytes[0] / 2 + slots : 0;
    int64_t need = bytes[0] + bytes[1] + bytes[2] + slots + batches + loss + saver;
    double there = (double)clr_memory_available() / clr_comm_node_size(a->comm);
    clr_info("memory of a rank: %.2f GiB (weights, gradients, momenta %.2f, activations %.2f, workspace %.2f, views %.2f, loss %.2f); %.2f GiB there",
             (double)need * 0x1p-30, (double)(bytes[0] + slots + saver) * 0x1p-30, (double)bytes[1] * 0x1p-30, (double)bytes[2] * 0x1p-30,
             (double)batches * 0x1p-30, (double)loss * 0x1p-30, there * 0x1p-30);
    if ((double)need <= there)
        return CLR_OK;
    double per_image = (double)bytes[1] / (views / 2), left = there - (double)(need - bytes[1]);
    int64_t fits = left > 0 ? (int64_t)(left / per_image) : 0;
    if (fits >= 1)
        return clr_fail(CLR_EMEMORY, "a rank needs %.2f GiB and has %.2f: use --microbatch=%" PRId64 ", or --recompute, or more nodes",
                        (double)need * 0x1p-30, there * 0x1p-30, fits);
    return clr_fail(CLR_EMEMORY, "a rank needs %.2f GiB and has %.2f: use more nodes, or fewer ranks on a node", (double)need * 0x1p-30,
                    there * 0x1p-30);
}

static clr_status open_data(run *a)
{
    if (!a->config->data || !*a->config->data)
        return clr_fail(CLR_EUSAGE, "--data=DATA.h5 is missing: a dataset made by simclr pack");
    if (!a->config->run_dir || !*a->config->run_dir)
        return clr_fail(CLR_EUSAGE, "--run-dir=DIR is missing: where the run lives");
    clr_status st = clr_store_open(a->config->data, &a->store);
    if (st != CLR_OK)
        return st;
    a->data = clr_store_facts_of(a->store);
    return clr_config_check(a->config, a->data, clr_comm_size(a->comm));
}

static clr_status open_parts(run *a)
{
    const clr_config *config = a->config;
    int channels = a->data->channels == 1 ? 1 : 3, ranks = clr_comm_size(a->comm);
    int views = (int)clr_step_views(config->batch, ranks, config->microbatch);
    clr_encoder_config encoder = clr_config_encoder(config, channels);
    clr_optim_config optim = clr_config_optim(config);
    clr_loss_config loss = clr_config_loss(config);
    char *plan = clr_text("%s/plan", config->run_dir);
    clr_status st = clr_planner_open(a->comm, config->plan, plan, &a->planner);

    if (st == CLR_OK)
        st = check_memory(a, &encoder, views, channels);
    st = clr_comm_agree(a->comm, st);
    if (st == CLR_OK)
        st = clr_encoder_new(a->comm, a->planner, &encoder, views, true, &a->encoder);
    if (st == CLR_OK && a->first)
        st = clr_planner_save(a->planner, plan);
    clr_free(plan);
    if (st != CLR_OK)
        return st;
    clr_params_init(clr_encoder_params(a->encoder), (uint64_t)config->seed);
    a->optim = clr_optim_new(&optim, clr_encoder_params(a->encoder));
    st = clr_loss_new(a->comm, &loss, config->batch, clr_encoder_outputs(a->encoder), &a->loss);
    if (st == CLR_OK)
        st = clr_step_new(a->comm, a->encoder, a->loss, a->optim, config->batch, config->microbatch,
                          config->image_size * config->image_size * channels, &a->step);
    a->chance = clr_loss_chance(&loss, config->batch);
    return st;
}

static clr_status open_loader(run *a)
{
    const clr_config *config = a->config;
    clr_loader_config loader = {.sampler = {(uint64_t)config->seed, a->data->images, config->batch},
                                .first = clr_share(config->batch, clr_comm_size(a->comm), clr_comm_rank(a->comm)),
                                .count = share(a),
                                .channels = a->data->channels == 1 ? 1 : 3,
                                .size = (int)config->image_size,
                                .last_step = a->total};
    clr_status st = clr_augment_parse(config->augment, &loader.augment[0]);

    if (st == CLR_OK)
        st = clr_augment_parse(config->augment_second ? config->augment_second : config->augment, &loader.augment[1]);
    return st == CLR_OK ? clr_loader_open(a->store, &loader, &a->loader) : st;
}

/* Rank 0 reads the newest good checkpoint; the others get its contents over the network. */
static clr_status go_on(run *a)
{
    clr_params *params = clr_encoder_params(a->encoder);
    char *folder = clr_text("%s/checkpoints", a->config->run_dir), *path = NULL;
    clr_ckpt_facts facts = {0};
    int64_t numbers[3] = {-1, 0, 0};
    clr_status st = CLR_OK;

    if (a->first) {
        st = clr_ckpt_newest(folder, &path);
        if (st == CLR_OK && path)
            st = clr_ckpt_read_facts(path, &facts);
        if (st == CLR_OK && path)
            st = clr_ckpt_read(path, params, a->optim);
        if (st == CLR_OK && path) {
            numbers[0] = facts.step;
            numbers[1] = params->batches;
            clr_info("going on from %s (step %" PRId64 " of %" PRId64 ")", path, facts.step, a->total);
        }
    }
    st = clr_comm_agree(a->comm, st);
    clr_comm_broadcast(a->comm, numbers, sizeof numbers, 0);
    if (st == CLR_OK && numbers[0] >= 0) {
        clr_comm_broadcast(a->comm, params->value, params->weights.floats * (int64_t)sizeof(float), 0);
        clr_comm_broadcast(a->comm, params->state, params->states.floats * (int64_t)sizeof(float), 0);
        for (int i = 0; i < clr_optim_slots(a->optim); i++)
            clr_comm_broadcast(a->comm, clr_optim_slot(a->optim, i), params->weights.floats * (int64_t)sizeof(float), 0);
        params->batches = numbers[1];
    }
    a->begin = numbers[0];
    clr_ckpt_facts_free(&facts);
    clr_free(path);
    clr_free(folder);
    return st;
}

/* Rank 0. Whether a failed save is borne. */
static clr_status bear(run *a, clr_status st)
{
    if (st == CLR_OK) {
        a->failed_saves = 0;
        return CLR_OK;
    }
    if (++a->failed_saves >= FAILED_SAVES)
        return clr_fail_in(st, "%d saves in a row failed; the older checkpoints are whole", a->failed_saves);
    clr_warn("A CHECKPOINT COULD NOT BE SAVED: %s. The older ones are whole; trying again at the next occasion", clr_message());
    return CLR_OK;
}

/* Every rank calls; rank 0 saves behind the training. done: updates that the weights have seen; wait: until it is on the disk. */
static clr_status save(run *a, int64_t done, bool wait)
{
    clr_status st = CLR_OK;

    clr_watch_phase(a->dog, "saving a checkpoint", done);
    if (a->first) {
        clr_ckpt_facts facts = {.step = done, .epoch = (double)done / (double)a->per_epoch, .seed = (uint64_t)a->config->seed,
                                .config = a->config_text, .version = (char *)(uintptr_t)PACKAGE_VERSION};
        st = done ? clr_metrics_sync(&a->metrics) : CLR_OK;
        clr_status earlier = clr_saver_begin(a->saver, &facts);
        if (st == CLR_OK)
            st = wait && done == 0 ? earlier : bear(a, earlier);
        if (st == CLR_OK && wait)
            st = clr_saver_wait(a->saver);
    }
    a->last_save = clr_seconds();
    return st;
}

static void speak(run *a, int64_t done, const clr_step_result *result, double lr, double seconds)
{
    double now = clr_seconds(), since = now - a->spoke;
    bool terminal = isatty(STDERR_FILENO);

    if (!a->first || (done != a->total && (terminal ? since < 0.5 : done % a->config->log_every)))
        return;
    double rate = (now - a->began) / (double)clr_max64(1, done - a->begin), left = rate * (double)(a->total - done);
    char text[32];
    if (left >= 3600)
        snprintf(text, sizeof text, "%.0f:%02.0f h", floor(left / 3600), floor(fmod(left, 3600) / 60));
    else
        snprintf(text, sizeof text, "%.0f:%02.0f", floor(left / 60), floor(fmod(left, 60)));
    clr_progress("step %" PRId64 "/%" PRId64 "  epoch %.2f  loss %.4f (chance %.4f)  contrast %.1f %%  lr %.3g  %.0f views/s  left %s", done, a->total,
                 (double)done / (double)a->per_epoch, result->loss.loss, a->chance, 100 * result->loss.top1, lr,
                 2 * (double)a->config->batch / seconds, text);
    a->spoke = now;
}

static clr_status note(run *a, int64_t done, const clr_step_result *result, const clr_batch *batch, double lr, double seconds)
{
    const clr_metrics_row row = {.step = (double)done, .epoch = (double)done / (double)a->per_epoch, .loss = result->loss.loss,
                                 .chance = a->chance, .contrast_top1 = result->loss.top1, .contrast_top5 = result->loss.top5,
                                 .entropy = result->loss.entropy, .lr = lr, .grad_norm = result->grad_norm,
                                 .images_per_s = (double)a->config->batch / seconds, .data_s = batch->data_seconds,
                                 .augment_s = batch->augment_seconds, .forward_s = result->forward, .gather_s = result->gather,
                                 .loss_s = result->loss_seconds, .backward_s = result->backward, .reduce_s = result->reduce,
                                 .update_s = result->update, .exposed_s = result->exposed, .bn_comm_s = result->bn_comm,
                                 .positive = result->loss.positive, .negative = result->loss.negative};

    return clr_metrics_add(&a->metrics, &row);
}

/* This rank's wishes for after this step. */
static unsigned wishes(const run *a, int64_t done)
{
    unsigned wanted = clr_watch_signalled() ? WISH_STOP : 0;
    double saving = a->saver ? clr_saver_seconds(a->saver) : 0;

    if (a->first && a->deadline > 0 && (double)time(NULL) + 2 * a->slowest + 2 * saving + 2 > a->deadline)
        wanted |= WISH_STOP;
    if (a->save_steps ? done % a->save_steps == 0 : a->first && clr_seconds() - a->last_save >= a->save_seconds)
        wanted |= WISH_SAVE;
    return wanted;
}

/* A number that is not finite: says where, and leaves the checkpoints alone. */
static clr_status blame(run *a, clr_status st, int64_t number, const clr_batch *batch)
{
    char *names[2] = {NULL, NULL};

    if (st != CLR_ENUMERIC)
        return st;
    clr_store_name(a->store, batch->ids[0], &names[0]);
    clr_store_name(a->store, batch->ids[share(a) - 1], &names[1]);
    st = clr_fail_in(st, "step %" PRId64 ": (this rank's images of the step: %s ... %s; the checkpoints before it are whole; a smaller --lr may help)",
                     number + 1, names[0] ? names[0] : "?", names[1] ? names[1] : "?");
    clr_free(names[0]);
    clr_free(names[1]);
    return st;
}

static void watch_learning(run *a, int64_t done, double loss)
{
    if (loss < a->best_loss)
        a->best_loss = loss;
    if (done == a->schedule.warmup + 2 * a->per_epoch && isfinite(a->chance) && a->best_loss > 0.99 * a->chance)
        clr_warn("the loss has not left chance (%.4f) since the warm-up: a smaller or larger --lr, or other --augment, may help", a->chance);
}

static clr_status loop(run *a, clr_run_result *result)
{
    clr_status st = CLR_OK;

    a->began = a->spoke = a->last_save = clr_seconds();
    for (int64_t number = a->begin; number < a->total; number++) {
        double begin = clr_seconds(), lr = clr_schedule_at(&a->schedule, number);
        clr_batch batch = {0};
        clr_step_result step;

        clr_watch_phase(a->dog, "waiting for images", number + 1);
        st = clr_comm_agree(a->comm, clr_loader_next(a->loader, number, &batch));
        if (st != CLR_OK)
            return st;
        clr_watch_phase(a->dog, "computing", number + 1);
        st = clr_step_run(a->step, batch.views, lr, number, wishes(a, number + 1), &step);
        if (st != CLR_OK)
            return blame(a, st, number, &batch);
        double seconds = clr_seconds() - begin;
        int64_t done = number + 1;
        if (number > a->begin)
            a->slowest = seconds > a->slowest ? seconds : a->slowest;
        if (a->first)
            st = note(a, done, &step, &batch, lr, seconds);
        speak(a, done, &step, lr, seconds);
        watch_learning(a, done, step.loss.loss);
        *result = (clr_run_result){.steps = done, .loss = step.loss.loss, .contrast_top1 = step.loss.top1};
        bool stop = step.wishes & WISH_STOP && done < a->total;
        if (st == CLR_OK && (step.wishes & WISH_SAVE || stop || done == a->total))
            st = save(a, done, stop || done == a->total);
        if (st != CLR_OK)
            return st; /* rank 0 alone: the others are told by its end */
        if (stop) {
            clr_info("stopped after step %" PRId64 ", checkpoint written: the same command goes on", done);
            return CLR_STOPPED;
        }
    }
    return CLR_OK;
}

static void report(const run *a)
{
    const clr_config *config = a->config;
    int64_t mine = share(a);

    clr_info("simclr %s, %d rank%s on %d node%s, %d thread%s each, %s", PACKAGE_VERSION, clr_comm_size(a->comm), clr_comm_size(a->comm) > 1 ? "s" : "",
             clr_comm_nodes(a->comm), clr_comm_nodes(a->comm) > 1 ? "s" : "", omp_get_max_threads(), omp_get_max_threads() > 1 ? "s" : "",
             clr_isa_name(clr_isa_current()));
    clr_info("%s: %" PRId64 " images; batch %" PRId64 " = %" PRId64 " views, %" PRId64 " images a rank; %" PRId64 " steps an epoch (%" PRId64
             " images left over), %" PRId64 " steps in all",
             config->data, a->data->images, config->batch, 2 * config->batch, mine, a->per_epoch, a->data->images % config->batch, a->total);
    clr_info("learning rate %g, scaled to %g, after %" PRId64 " steps of warm-up; a loss of %.4f is chance", config->lr, a->schedule.peak,
             a->schedule.warmup, a->chance);
    if (config->microbatch && config->microbatch < mine)
        clr_info("microbatches of %" PRId64 " images a rank: the loss sees the whole batch, batch norm a microbatch of all ranks", config->microbatch);
}

static clr_status prepare(run *a)
{
    const clr_config *config = a->config;
    clr_status st = clr_comm_agree(a->comm, open_data(a));

    if (st != CLR_OK)
        return st;
    set_threads(a);
    a->per_epoch = a->data->images / config->batch;
    a->total = config->steps ? config->steps : clr_max64(1, (int64_t)(config->epochs * (double)a->data->images / (double)config->batch));
    a->schedule = clr_schedule_of(config->lr, config->lr_scaling, config->batch, config->warmup_epochs, a->data->images, a->total);
    a->best_loss = INFINITY;
    st = parse_every(a);
    if (st == CLR_OK && a->first)
        st = clr_folder_open(config, a->options, a->data, &a->lock);
    st = clr_comm_agree(a->comm, st);
    if (st == CLR_OK)
        st = clr_comm_agree(a->comm, open_parts(a));
    if (st == CLR_OK)
        st = clr_comm_agree(a->comm, open_loader(a));
    if (st == CLR_OK)
        st = go_on(a);
    if (st != CLR_OK)
        return st;
    report(a);
    if (a->first) {
        char *folder = clr_text("%s/checkpoints", config->run_dir), *path = clr_text("%s/metrics.tsv", config->run_dir);
        st = clr_saver_open(folder, (int)config->keep, clr_encoder_params(a->encoder), a->optim, &a->saver);
        if (st == CLR_OK)
            st = clr_metrics_open(path, clr_max64(0, a->begin), &a->metrics);
        clr_free(folder);
        clr_free(path);
    }
    if (st == CLR_OK && a->begin < 0)
        st = save(a, 0, true);
    a->begin = clr_max64(0, a->begin);
    return clr_comm_agree(a->comm, st);
}

clr_status clr_run(clr_comm *comm, const clr_config *config, const clr_opt_set *options, clr_run_result *result)
{
    run a = {.comm = comm, .config = config, .options = options, .first = clr_comm_rank(comm) == 0, .config_text = clr_opt_write(options)};
    double begin = clr_seconds();

    *result = (clr_run_result){0};
    clr_watch_signals();
    a.dog = clr_watchdog_start(config->watchdog, clr_comm_rank(comm), clr_comm_host(comm));
    clr_status st = prepare(&a);
    int64_t from = a.begin;
    if (st == CLR_OK) {
        st = loop(&a, result);
        if (!clr_comm_agreed(comm, st) && st != CLR_STOPPED && st != CLR_ENUMERIC)
            clr_comm_abort(comm, clr_exit_status(st), clr_message()); /* one rank's own trouble; the others are in their next step */
    }
    if (st == CLR_OK && from >= a.total)
        clr_info("nothing left to do: %s has its %" PRId64 " steps", config->run_dir, a.total);
    clr_watchdog_end(a.dog);
    result->seconds = clr_seconds() - begin;
    result->steps = clr_max64(result->steps, from);
    result->epochs = a.per_epoch ? (double)result->steps / (double)a.per_epoch : 0;
    result->chance = a.chance;
    if (a.began > 0 && result->steps > from)
        result->views_per_s = 2 * (double)config->batch * (double)(result->steps - from) / (clr_seconds() - a.began);
    clr_loader_close(a.loader);
    clr_saver_close(a.saver);
    if (a.metrics.path)
        clr_metrics_close(&a.metrics);
    result->checkpoint = clr_text("%s/checkpoints/step-%08" PRId64 ".h5", config->run_dir ? config->run_dir : "", result->steps);
    clr_step_free(a.step);
    clr_loss_free(a.loss);
    clr_optim_free(a.optim);
    clr_encoder_free(a.encoder);
    clr_planner_close(a.planner);
    clr_store_close(a.store);
    clr_log_file(NULL);
    clr_lock_drop(a.lock);
    clr_free(a.config_text);
    return st;
}
