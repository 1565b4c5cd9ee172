/* SPDX-License-Identifier: BSD-3-Clause */
/* The tasks: X(name, what its subcommand does, an example of it). A member is src/task/NAME.c with `const clr_task_kind
   clr_task_NAME`, and include/clr/NAME.h, which declares this, clr_NAME_config, clr_NAME_options and
   clr_NAME_complete (clr_command.complete); src/cmd/train.c makes a subcommand of it. */
#define CLR_TASKS(X)                                                                       \
    X(pretrain, "contrastive pretraining; run again, it goes on from the last checkpoint", \
      "mpirun -n 2 simclr pretrain --preset=cifar10 --data=train.h5 --run-dir=runs/a")     \
    X(finetune, "supervised training from a checkpoint, or from random weights",           \
      "simclr finetune --checkpoint=runs/a --data=train.h5 --test=test.h5 --labels=10% --run-dir=runs/f")
