#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#SBATCH --job-name=simclr-ablation
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=TERM@180
#SBATCH --output=simclr-ablation-%A_%a.log
# One setting a line of a table, one array element a line: each is trained and judged, and its numbers go to RUNS/NAME/probe.tsv.
#   sh jobs/submit.sh jobs/ablation.sh TABLE       the array, as long as the table
#   sh jobs/ablation.sh TABLE                      here, one after the other
#   sh jobs/ablation.sh --check TABLE              only whether every row could start
#   sh jobs/collect.sh RUNS                        the results side by side
# TABLE: a file or a word of jobs/tables (jobs/ablation.tsv); jobs/table.sh says how it is written. All rows are checked before the first
# starts; a row that failed does not stop the others; run again, only what is not finished runs.
# SCALE (small): small fits a laptop, paper is the paper's size. RUNS (runs/TABLE, at another scale runs/TABLE-SCALE);
# DATA, TRAIN, TEST: datasets; CHECKPOINT: what the rows of a table of finetune start from; COMMON: more options for every row (of a table
# without scales --preset=imagenet: a preset by name, because --preset=auto would let one option change others).
. "${SIMCLR_JOBS:-$(dirname "$0")}/common.sh"
. "$jobs/table.sh"
only_check=''
[ "${1:-}" != --check ] || { only_check=yes && shift; }
[ $# -le 1 ] || { printf 'ablation.sh takes one table; options for every row go into COMMON\n' >&2; exit 2; }
TABLE=$(find_table "${1:-${TABLE:-$jobs/ablation.tsv}}")
SCALE=${SCALE:-small}
lines=$(check_table "$TABLE" "$SCALE") || exit 2
name=$(basename "$TABLE" .tsv)
[ -z "$(scales "$TABLE")" ] || [ "$SCALE" = small ] || name=$name-$SCALE
RUNS=$(path_of "${RUNS:-runs/$name}")
DATA=${DATA:-data/train.h5}
TRAIN=${TRAIN:-$DATA}
TEST=${TEST:-data/test.h5}
kind=$(said "$TABLE" command)
kind=${kind:-pretrain}
if [ -n "$(scales "$TABLE")" ]; then COMMON="$(options_at "$TABLE" "$SCALE") ${COMMON:-}"; else COMMON=${COMMON:---preset=imagenet}; fi
set -f # words of the table and of COMMON are words, no patterns

# row LINE: sets name, run and words of it, one blank between them
row() {
    # shellcheck disable=SC2046
    set -- $(settings "$TABLE" "$SCALE" | sed -n "$1p")
    [ $# -gt 0 ] || { printf '%s has no such line\n' "$TABLE" >&2; return 2; }
    name=$1 run=$RUNS/$1
    shift
    # shellcheck disable=SC2086
    set -- $COMMON "$@"
    words="$*"
}

# with COMMAND...: the command with this row's options
with() {
    # shellcheck disable=SC2086
    set -- "$@" $words
    [ "$kind" != finetune ] || set -- "$@" --test="$TEST" ${CHECKPOINT:+--checkpoint="$CHECKPOINT"}
    "$@" --data="$DATA" --run-dir="$run"
}

# check LINE: whether that row could start, but for memory, of which the nodes may have more
check() {
    row "$1" || return 2
    if [ "$kind" = pretrain ]; then set -- "$1" doctor; else set -- "$1" finetune --dry-run; fi
    reason=$(with "$SIMCLR" "$2" ${3:+"$3"} 2>&1 >/dev/null) && return 0
    reason=$(printf '%s\n' "$reason" | sed -n 's/^simclr: //p' | tail -n 1)
    case $reason in 'a rank needs '*) return 0 ;; esac
    printf '%s: row %s (%s): %s\n' "$TABLE" "$1" "$name" "${reason:-the program ended without a reason}" >&2
    return 2
}

# judge: all that the table wants to know of a pretrained row
judge() {
    said "$TABLE" probe | grep . >"$run/probe.words" || echo >"$run/probe.words"
    while IFS= read -r extra <&3; do
        # shellcheck disable=SC2086
        launch probe $extra --checkpoint="$run" --train="$TRAIN" --test="$TEST" || return $?
    done 3<"$run/probe.words" >"$run/probe.part"
}

# element LINE: that row, trained and judged, where it is not finished; returns the program's status
element() {
    row "$1" || return 2
    if [ -f "$run/finished" ] && [ "$words" = "$(cat "$run/finished")" ]; then
        printf '%s: finished before\n' "$run"
        return 0
    fi
    mkdir -p "$run" || return 1
    rm -f "$run/probe.out" "$run/probe.part" "$run/probe.words" "$run/finished" || return 1 # files of this script's, whatever had their names
    if [ "$kind" = pretrain ]; then
        with launch pretrain || return $?
        judge || return $?
    else
        with launch finetune >"$run/probe.part" || return $?
    fi
    rm -f "$run/probe.words" && mv "$run/probe.part" "$run/probe.out" && cat "$run/probe.out" && printf '%s\n' "$words" >"$run/finished"
}

if [ -n "${SLURM_ARRAY_TASK_ID:-}" ] && [ -z "$only_check" ]; then
    element "$SLURM_ARRAY_TASK_ID"
    go_on $? "$run"
fi
line=0 worst=0
[ "$kind" != pretrain ] || [ -r "$TEST" ] || { printf '%s: row 1 and all others: %s cannot be read; TEST says which dataset judges them\n' "$TABLE" "$TEST" >&2; exit 2; }
while [ $line -lt "$lines" ]; do
    line=$((line + 1))
    check $line || worst=2
done
[ $worst = 0 ] || { printf '%s: nothing was started\n' "$TABLE" >&2; exit 2; }
[ -z "$only_check" ] || exit 0
line=0
while [ $line -lt "$lines" ]; do
    line=$((line + 1))
    status=0
    element $line || status=$?
    [ $status = 0 ] || printf '%s: row %s (%s) ended with status %s\n' "$TABLE" $line "$name" $status >&2
    [ $status = 0 ] || worst=$status
    [ $status != 75 ] || break
done
go_on $worst "$run"
