#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#SBATCH --job-name=simclr-finetune
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=TERM@180
#SBATCH --output=simclr-finetune-%j.log
# Supervised training that survives preemption, time limits and lost nodes, from a run of pretraining, or with --init=random.
#   sh jobs/submit.sh jobs/finetune.sh OPTIONS...     or     sh jobs/finetune.sh OPTIONS...
# OPTIONS go to simclr finetune; RUN_DIR, CHECKPOINT, TRAIN and TEST from the environment are its defaults.
. "${SIMCLR_JOBS:-$(dirname "$0")}/common.sh"
given=$(option run-dir "$@")
RUN_DIR=$(path_of "${given:-${RUN_DIR:-runs/finetune}}")
given=$(option data "$@")
TRAIN=${given:-${TRAIN:-data/train.h5}}
given=$(option test "$@")
TEST=${given:-${TEST:-data/test.h5}}
given=$(option checkpoint "$@")
CHECKPOINT=${given:-${CHECKPOINT:-}}
mkdir -p "$RUN_DIR" || exit 1
draw "$jobs/plot.sh" "$RUN_DIR"
launch finetune --data="$TRAIN" --test="$TEST" ${CHECKPOINT:+--checkpoint="$CHECKPOINT"} "$@" --run-dir="$RUN_DIR"
go_on $? "$RUN_DIR"
