#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#SBATCH --job-name=simclr-probe
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=simclr-probe-%j.log
# How good is a run: linear probe and kNN beside untrained weights and raw pixels.
#   sh jobs/submit.sh jobs/probe.sh OPTIONS...     or     sh jobs/probe.sh OPTIONS...
# OPTIONS go to simclr probe; RUN_DIR, TRAIN and TEST from the environment are its defaults.
. "${SIMCLR_JOBS:-$(dirname "$0")}/common.sh"
given=$(option checkpoint "$@")
RUN_DIR=$(path_of "${given:-${RUN_DIR:-runs/pretrain}}")
given=$(option train "$@")
TRAIN=${given:-${TRAIN:-data/train.h5}}
given=$(option test "$@")
TEST=${given:-${TEST:-data/test.h5}}
launch probe "$@" --checkpoint="$RUN_DIR" --train="$TRAIN" --test="$TEST"
status=$?
[ -d "$RUN_DIR" ] || RUN_DIR=$(dirname "$RUN_DIR")
go_on $status "$RUN_DIR" probe-restarts
