/* SPDX-License-Identifier: BSD-3-Clause */
/* export: the weights of a checkpoint under torchvision's names, without the optimizer's state. */
#include "clr/augment.h"
#include "clr/cmd.h"
#include "clr/output.h"
#include "clr/pretrained.h"
#include "clr/state.h"
#include "clr/weights.h"

#include <stdio.h>
#include <string.h>

typedef struct config {
    const char *checkpoint, *output;
    bool force;
} config;

#define AT(field) offsetof(config, field)
static const clr_opt own[] = {{"output", CLR_OPT_TEXT, AT(output), NULL, "W.h5|W.safetensors", 0, 0, NULL, 0,
                               "where the weights go; the ending says the format"},
                              {0}};
static const clr_opt_part options[] = {
    {clr_checkpoint_option, AT(checkpoint), NULL}, {own, 0, NULL}, {clr_force_option, AT(force), NULL}, {0}};

static void collect(const clr_state *state, clr_weights *weights)
{
    char name[CLR_WEIGHTS_NAME];

    for (int i = 0; i < state->tensors; i++) {
        const clr_tensor *t = &state->tensor[i];
        clr_weights_name(t->name, name);
        clr_weight *w = clr_weights_add(weights, name, !t->entry, t->rank, t->shape);
        if (t->entry)
            clr_tensor_to_file(t, w->data);
        else
            memcpy(w->data, t->data, sizeof(int64_t));
    }
}

/* Prints how to load the weights into torchvision's class, or why that class is another network. */
static void say_use(const clr_pretrained *p)
{
    const clr_encoder_config *e = &p->config.encoder;
    char input[CLR_AUGMENT_WORDS];

    clr_augment_protocol(e->size, p->channels, input);
    printf("input: %s\n", input);
    if (e->stem == CLR_STEM_IMAGENET && e->width == 1 && p->channels == 3)
        printf("torchvision: net = resnet%d(); net.fc = Identity(); head.* is the projection head\n", e->depth);
    else
        printf("torchvision: resnet%d has other first layers or widths than this network (stem %s, width %g, %d "
               "channel%s); its residual blocks have the same names\n",
               e->depth, e->stem == CLR_STEM_CIFAR ? "cifar: 3x3, stride 1, no max-pool" : "imagenet", e->width,
               p->channels, p->channels > 1 ? "s" : "");
}

static clr_status run(clr_comm *comm, void *settings, const clr_opt_set *set)
{
    const config *c = settings;
    clr_pretrained pretrained = {0};
    clr_weights weights = {0};
    (void)set;

    if (!c->checkpoint || !c->output)
        return clr_fail(CLR_EUSAGE, "--%s is missing", c->checkpoint ? "output" : "checkpoint");
    clr_status st = clr_weights_check_name(c->output);
    if (st == CLR_OK)
        st = clr_output_check(c->output, c->force);
    if (st == CLR_OK)
        st = clr_output_apart(c->output, c->checkpoint);
    if (st != CLR_OK)
        return st;
    st = clr_pretrained_open(comm, c->checkpoint, 1, &pretrained);
    if (st == CLR_OK) {
        clr_state state = clr_state_of(&pretrained.params, NULL);
        collect(&state, &weights);
        clr_state_free(&state);
        st = clr_weights_write(c->output, &weights);
    }
    if (st == CLR_OK) {
        say_use(&pretrained);
        printf("export tensors=%d step=%lld checkpoint=%s out=%s\n", weights.tensors, (long long)pretrained.meta.step,
               pretrained.path, c->output);
    }
    clr_weights_free(&weights);
    clr_pretrained_close(&pretrained);
    return st;
}

const clr_command clr_command_export = {.name = "export",
                                        .arguments = "",
                                        .help =
                                            "weights of a checkpoint under torchvision's names, as HDF5 or safetensors",
                                        .example = "simclr export --checkpoint=runs/a --output=weights.safetensors",
                                        .options = options,
                                        .config_bytes = sizeof(config),
                                        .alone = true,
                                        .run = run};
