/* SPDX-License-Identifier: BSD-3-Clause */
/* Weights to start from: those of a checkpoint, by their names. */
#include "shared.h"

#include "clr/log.h"
#include "clr/mem.h"
#include "clr/pretrained.h"

#include <string.h>

static int find(const clr_table *table, const char *name)
{
    for (int i = 0; i < table->entries; i++)
        if (!strcmp(table->entry[i].name, name))
            return i;
    return -1;
}

static bool begins(const clr_entry *entry, const char *room)
{
    return !strncmp(entry->name, room, strlen(room));
}

static clr_status other_architecture(const char *path, const char *name)
{
    return clr_fail(CLR_EUSAGE,
                    "%s: is of another architecture than --arch, --width, --stem and --channels say (%s); leave these "
                    "options out",
                    path, name);
}

/* The values of all entries that belong to the network; the classifier is new. A deeper encoder has all tensors of a
   shallower one, and others. */
static clr_status copy(const clr_table *to, float *values, const clr_table *from, const float *their_values,
                       const char *path, bool head)
{
    for (int i = 0; i < from->entries; i++)
        if (begins(&from->entry[i], "encoder/") && find(to, from->entry[i].name) < 0)
            return other_architecture(path, from->entry[i].name);
    for (int i = 0; i < to->entries; i++) {
        const clr_entry *mine = &to->entry[i];
        int there = find(from, mine->name);
        if (!begins(mine, "encoder/") && !begins(mine, "head/"))
            continue;
        const clr_entry *theirs = there >= 0 ? &from->entry[there] : NULL;
        bool fits = theirs && theirs->count == mine->count && theirs->r == mine->r && theirs->c == mine->c;
        if (!fits && !head && begins(mine, "head/"))
            continue;
        if (!fits && begins(mine, "head/"))
            return clr_fail(CLR_EUSAGE,
                            "%s: its projection head has no layer so far up with a ReLU behind it (%s is missing or of "
                            "another shape); give a lower --from",
                            path, mine->name);
        if (!fits)
            return other_architecture(path, mine->name);
        memcpy(values + mine->offset, their_values + theirs->offset, (size_t)mine->count * sizeof *values);
    }
    return CLR_OK;
}

clr_status clr_task_start(clr_comm *comm, const char *checkpoint, clr_params *to, bool head)
{
    clr_pretrained from;
    clr_status st = clr_pretrained_open(comm, checkpoint, 1, &from);

    if (st == CLR_OK) {
        st = copy(&to->weights, to->value, &from.params.weights, from.params.value, from.path, head);
        if (st == CLR_OK)
            st = copy(&to->states, to->state, &from.params.states, from.params.state, from.path, head);
        to->batches = from.params.batches;
    }
    clr_pretrained_close(&from);
    return clr_comm_agree(comm, st);
}

clr_status clr_task_architecture(clr_comm *comm, clr_opt_set *set, const char *checkpoint)
{
    clr_pretrained from;
    clr_status st = clr_pretrained_describe(comm, checkpoint, &from);

    if (st == CLR_OK) {
        const clr_encoder_config *e = &from.config.encoder;
        char *lines = clr_text("arch = resnet%d\nwidth = %.17g\nstem = %s\nimage-size = %d\nchannels = %d\n", e->depth,
                               e->width, e->stem == CLR_STEM_CIFAR ? "cifar" : "imagenet", e->size, from.channels);
        st = clr_opt_read_text(set, lines, from.path, CLR_OPT_RUN);
        clr_free(lines);
    }
    clr_pretrained_close(&from);
    return clr_comm_agree(comm, st);
}
