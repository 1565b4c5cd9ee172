#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#SBATCH --job-name=simclr
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=TERM@180
#SBATCH --output=simclr-%j.log
# Pretraining that survives preemption, time limits and lost nodes: the same RUN_DIR goes on where it was.
#   sh jobs/submit.sh jobs/pretrain.sh OPTIONS...     on the cluster, with the settings of jobs/site.sh
#   sh jobs/pretrain.sh OPTIONS...                    here
# OPTIONS go to simclr pretrain; --run-dir and --data among them or in a --config file, or RUN_DIR and DATA in the environment.
. "${SIMCLR_JOBS:-$(dirname "$0")}/common.sh"
given=$(option run-dir "$@")
RUN_DIR=$(path_of "${given:-${RUN_DIR:-runs/pretrain}}")
given=$(option data "$@")
DATA=${given:-${DATA:-data/train.h5}}
mkdir -p "$RUN_DIR" || exit 1
draw "$jobs/plot.sh" "$RUN_DIR"
launch pretrain --data="$DATA" "$@" --run-dir="$RUN_DIR"
go_on $? "$RUN_DIR"
