#!/bin/sh
#SBATCH --job-name=simclr-probe
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=simclr-probe-%j.log
# How good is a run: linear probe and kNN beside untrained weights and raw pixels.
#   sh jobs/submit.sh jobs/probe.sh OPTIONS...     or     sh jobs/probe.sh OPTIONS...
# OPTIONS go to simclr probe; RUN_DIR, TRAIN and TEST from the environment are its defaults.
RUN_DIR=${RUN_DIR:-runs/pretrain}
TRAIN=${TRAIN:-data/train.h5}
TEST=${TEST:-data/test.h5}
. "${SIMCLR_JOBS:-$(dirname "$0")}/common.sh"
launch probe --checkpoint="$RUN_DIR" --train="$TRAIN" --test="$TEST" "$@"
go_on $? "$RUN_DIR" probe-restarts
