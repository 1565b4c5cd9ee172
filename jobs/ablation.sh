#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#SBATCH --job-name=simclr-ablation
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=TERM@180
#SBATCH --output=simclr-ablation-%A_%a.log
# One setting a line of a table, one array element a line: each pretrains and is judged, and its numbers go to RUNS/NAME/probe.tsv.
#   sh jobs/submit.sh jobs/ablation.sh             the array, as long as the table
#   sh jobs/ablation.sh                            here, one after the other
#   sh jobs/collect.sh RUNS                        the results side by side
# TABLE (jobs/ablation.tsv): name, then options of simclr pretrain; RUNS (runs/ablation); DATA, TRAIN, TEST: datasets;
# COMMON (--preset=imagenet): options for every line. A preset by name, because --preset=auto would let one option change others.
. "${SIMCLR_JOBS:-$(dirname "$0")}/common.sh"
. "$jobs/table.sh"
TABLE=${TABLE:-$jobs/ablation.tsv}
RUNS=$(path_of "${RUNS:-runs/ablation}")
DATA=${DATA:-data/train.h5}
TEST=${TEST:-data/test.h5}
lines=$(check_table "$TABLE") || exit 2
set -f # words of the table and of COMMON are words, no patterns

# element LINE: pretrain and probe that line's setting; sets run and returns the program's status
element() {
    # shellcheck disable=SC2046
    set -- $(settings "$TABLE" | sed -n "$1p")
    [ $# -gt 0 ] || { printf '%s has no such line\n' "$TABLE" >&2; return 2; }
    run=$RUNS/$1
    shift
    mkdir -p "$run" || return 1
    # shellcheck disable=SC2086
    launch pretrain --data="$DATA" ${COMMON:---preset=imagenet} "$@" --run-dir="$run" || return $?
    rm -f "$run/probe.out" || return 1 # a file of this script's, whatever had its name
    launch probe --checkpoint="$run" --train="${TRAIN:-$DATA}" --test="$TEST" >"$run/probe.out" || return $?
    cat "$run/probe.out"
}

if [ -n "${SLURM_ARRAY_TASK_ID:-}" ]; then
    element "$SLURM_ARRAY_TASK_ID"
    go_on $? "$run"
fi
line=0 worst=0
while [ $line -lt "$lines" ]; do
    line=$((line + 1))
    element $line || worst=$?
    [ $worst = 75 ] && break
done
go_on $worst "$run"
