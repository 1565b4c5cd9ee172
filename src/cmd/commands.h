/* SPDX-License-Identifier: BSD-3-Clause */
/* The subcommands, in the order that help lists them. A member is src/cmd/NAME.c with `const clr_command
   clr_command_NAME` ("bench step" is bench_step); tasks have theirs in train.c. */
#define CLR_COMMANDS(X) \
    X(pack)             \
    X(views)            \
    X(pretrain)         \
    X(finetune)         \
    X(probe)            \
    X(embed)            \
    X(compare)          \
    X(neighbours)       \
    X(map)              \
    X(export)           \
    X(import)           \
    X(info)             \
    X(report)           \
    X(bench_step)       \
    X(bench_loss)       \
    X(bench_comm)       \
    X(bench_conv)       \
    X(bench_augment)    \
    X(bench_lbfgs)      \
    X(doctor)
