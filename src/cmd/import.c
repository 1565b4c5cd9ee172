/* SPDX-License-Identifier: BSD-3-Clause */
/* import: weights under torchvision's or timm's names -> a file that pretrain --init, finetune, probe and embed take
   as a checkpoint. The architecture is read from the shapes. */
#include "clr/cmd.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/output.h"
#include "clr/pretrained.h"
#include "clr/state.h"
#include "clr/weights.h"

#include <stdio.h>
#include <string.h>

typedef struct config {
    const char *weights, *output;
    int size;
    bool force;
} config;

#define AT(field) offsetof(config, field)
static const clr_opt own[] = {
    {"weights", CLR_OPT_TEXT, AT(weights), NULL, "W.h5|W.safetensors", 0, 0, NULL, 0,
     "weights under torchvision's names, as export or another program wrote them"},
    {"output", CLR_OPT_TEXT, AT(output), NULL, "INIT.h5", 0, 0, NULL, 0, "for --init and --checkpoint"},
    {"image-size", CLR_OPT_INT, AT(size), "0", "PIXELS", 0, 1024, NULL, 0,
     "side of a view, which weights do not say; 0: 224, or 32 where the first layer is 3x3"},
    {0}};
static const clr_opt_part options[] = {{own, 0, NULL}, {clr_force_option, AT(force), NULL}, {0}};

typedef struct found {
    clr_encoder_config encoder;
    int head_layers;
} found;

static int count_blocks(const clr_weights *w, int group)
{
    char name[CLR_WEIGHTS_NAME];
    int n = 0;

    do
        snprintf(name, sizeof name, "layer%d.%d.conv1.weight", group, n);
    while (clr_weights_find(w, name) && ++n);
    return n;
}

static int count_head_layers(const clr_weights *w)
{
    char name[CLR_WEIGHTS_NAME];
    int n = 0;

    do
        snprintf(name, sizeof name, "head.%d.weight", 3 * n);
    while (clr_weights_find(w, name) && ++n);
    return n;
}

/* The architecture whose names and shapes these are. */
static clr_status infer(const config *c, const clr_weights *w, found *f)
{
    const clr_weight *first = clr_weights_find(w, "conv1.weight");
    bool bottleneck = clr_weights_find(w, "layer1.0.conv3.weight") != NULL;
    int blocks[4];

    *f = (found){0};
    if (!first || first->rank != 4 || (first->shape[1] != 1 && first->shape[1] != 3) ||
        (first->shape[2] != 7 && first->shape[2] != 3) || first->shape[2] != first->shape[3])
        return clr_fail(
            CLR_EINPUT,
            "%s: has no conv1.weight of a ResNet (channels, 1 or 3, 7 or 3, the same); its first tensor is %s",
            c->weights, w->tensor[0].name);
    for (int g = 0; g < 4; g++)
        blocks[g] = count_blocks(w, g + 1);
    f->encoder.depth = clr_encoder_depth(blocks, bottleneck);
    if (!f->encoder.depth)
        return clr_fail(CLR_EINPUT,
                        "%s: has %d, %d, %d and %d %s blocks in its four groups: no ResNet that is known here",
                        c->weights, blocks[0], blocks[1], blocks[2], blocks[3], bottleneck ? "bottleneck" : "basic");
    f->encoder.width = (double)first->shape[0] / 64;
    f->encoder.stem = first->shape[2] == 7 ? CLR_STEM_IMAGENET : CLR_STEM_CIFAR;
    f->encoder.channels = (int)first->shape[1];
    f->encoder.size = c->size ? c->size : f->encoder.stem == CLR_STEM_IMAGENET ? 224 : 32;
    f->encoder.views = 1;
    f->head_layers = count_head_layers(w);
    if (f->head_layers) {
        char name[CLR_WEIGHTS_NAME];
        snprintf(name, sizeof name, "head.%d.weight", 3 * (f->head_layers - 1));
        f->encoder.head = f->head_layers > 1 ? CLR_HEAD_NONLINEAR : CLR_HEAD_LINEAR;
        f->encoder.head_layers = f->head_layers;
        f->encoder.head_dim = (int)clr_weights_find(w, name)->shape[0];
    }
    return CLR_OK;
}

/* Fills the state; taken[i]: tensor i of the file has a place in it. */
static clr_status fill(const config *c, const clr_weights *w, clr_state *state, bool *taken)
{
    char name[CLR_WEIGHTS_NAME];

    for (int i = 0; i < state->tensors; i++) {
        const clr_tensor *t = &state->tensor[i];
        clr_weights_name(t->name, name);
        const clr_weight *there = clr_weights_find(w, name);
        if (!there && !t->entry) /* a counter that some programs do not keep */
            continue;
        if (!there)
            return clr_fail(CLR_EINPUT, "%s: %s is missing", c->weights, name);
        if (t->entry && (there->integer || there->rank != t->rank ||
                         memcmp(there->shape, t->shape, (size_t)t->rank * sizeof *t->shape)))
            return clr_fail(CLR_EINPUT, "%s: %s has another shape than this ResNet's", c->weights, name);
        taken[there - w->tensor] = true;
        if (t->entry)
            clr_tensor_from_file(t, there->data);
        else if (there->integer)
            memcpy(t->data, there->data, sizeof(int64_t));
    }
    return CLR_OK;
}

/* Tensors without a place in the network: those of a classifier are left out, others mean another network. */
static clr_status check_rest(const config *c, const clr_weights *w, const bool *taken, int *used)
{
    for (int i = 0; i < w->tensors; i++) {
        *used += taken[i];
        if (!taken[i] && strncmp(w->tensor[i].name, "fc.", 3) && strncmp(w->tensor[i].name, "classifier.", 11))
            return clr_fail(CLR_EINPUT, "%s: %s is no part of a ResNet-%s; is it another architecture?", c->weights,
                            w->tensor[i].name,
                            clr_weights_find(w, "layer1.0.conv3.weight") ? "50 or deeper" : "18 or 34");
    }
    if (*used < w->tensors)
        clr_info("%s: its classifier (%d tensors) is left out", c->weights, w->tensors - *used);
    return CLR_OK;
}

/* The config of a checkpoint, as far as it describes the network. Freed by clr_free. */
static char *config_text(const config *c, const clr_encoder_config *e)
{
    static const char *const heads[] = {"none", "linear", "nonlinear"};
    char *text = clr_text("# imported from %s\narch = resnet%d\nwidth = %.17g\nstem = %s\nimage-size = %d\nhead = %s\n",
                          c->weights, e->depth, e->width, e->stem == CLR_STEM_CIFAR ? "cifar" : "imagenet", e->size,
                          heads[e->head]);
    if (e->head == CLR_HEAD_NONE)
        return text;
    char *longer = e->head == CLR_HEAD_LINEAR
                       ? clr_text("%shead-dim = %d\n", text, e->head_dim)
                       : clr_text("%shead-dim = %d\nhead-layers = %d\n", text, e->head_dim, e->head_layers);
    clr_free(text);
    return longer;
}

static clr_status write(const config *c, const found *f, clr_state *state)
{
    float *scratch = CLR_NEW(float, state->largest);
    char *text = config_text(c, &f->encoder);
    const clr_ckpt_meta meta = {.seed = 1, .config = text, .version = (char *)(uintptr_t)PACKAGE_VERSION};
    clr_status st = clr_ckpt_write(c->output, &meta, state, scratch);

    clr_free(text);
    clr_free(scratch);
    return st;
}

static clr_status convert(clr_comm *comm, const config *c, const clr_weights *w, const found *f)
{
    clr_planner *planner = NULL;
    clr_encoder *encoder = NULL;
    clr_params params = {0};
    int used = 0;
    clr_status st = clr_planner_open(comm, "estimate", NULL, &planner);

    if (st == CLR_OK)
        st = clr_encoder_new(comm, planner, &f->encoder, &params, &encoder);
    if (st == CLR_OK) {
        clr_params_open(&params);
        clr_state state = clr_state_of(&params, NULL);
        bool *taken = CLR_NEW(bool, w->tensors);
        st = fill(c, w, &state, taken);
        if (st == CLR_OK)
            st = check_rest(c, w, taken, &used);
        clr_free(taken);
        if (st == CLR_OK)
            st = write(c, f, &state);
        clr_state_free(&state);
    }
    if (st == CLR_OK)
        printf("import arch=resnet%d width=%g stem=%s channels=%d size=%d head_layers=%d tensors=%d out=%s\n",
               f->encoder.depth, f->encoder.width, f->encoder.stem == CLR_STEM_CIFAR ? "cifar" : "imagenet",
               f->encoder.channels, f->encoder.size, f->head_layers, used, c->output);
    clr_encoder_free(encoder);
    clr_params_close(&params);
    clr_planner_close(planner);
    return st;
}

static clr_status run(clr_comm *comm, void *settings, const clr_opt_set *set)
{
    const config *c = settings;
    clr_weights weights = {0};
    found f;
    (void)set;

    if (!c->weights || !c->output)
        return clr_fail(CLR_EUSAGE, "--%s is missing", c->weights ? "output" : "weights");
    clr_status st = clr_output_check(c->output, c->force);
    if (st == CLR_OK)
        st = clr_output_apart(c->output, c->weights);
    if (st == CLR_OK)
        st = clr_weights_read(c->weights, &weights);
    if (st == CLR_OK)
        st = infer(c, &weights, &f);
    if (st == CLR_OK)
        st = convert(comm, c, &weights, &f);
    clr_weights_free(&weights);
    return st;
}

const clr_command clr_command_import = {
    .name = "import",
    .arguments = "",
    .help = "weights under torchvision's names -> a start for pretrain --init, finetune, probe and embed",
    .example = "simclr import --weights=resnet50.safetensors --output=init.h5",
    .options = options,
    .config_bytes = sizeof(config),
    .alone = true,
    .run = run};
