#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#SBATCH --job-name=simclr-evaluate
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=TERM@180
#SBATCH --output=simclr-evaluate-%j.log
# What a pretrained encoder is worth, as the paper judges it: classifiers on frozen features beside untrained weights and raw pixels, and
# fine-tuning with part of the labels beside supervised training from random weights on the same images, with the same settings.
#   sh jobs/submit.sh jobs/evaluate.sh OPTIONS...     or     sh jobs/evaluate.sh OPTIONS...
# RUN_DIR, TRAIN, TEST: the run and two labelled datasets. OPTIONS go to simclr finetune, on both sides. METHODS ("linear-sgd linear-paper
# knn linear-lbfgs"), LABELS ("1% 10%"), SEEDS ("1 2"), RATES (learning rates, "0.05"). Runs go to RUN_DIR/evaluation, the table to
# RUN_DIR/evaluation.tsv. Run again, it goes on.
. "${SIMCLR_JOBS:-$(dirname "$0")}/common.sh"
RUN_DIR=$(path_of "${RUN_DIR:-runs/pretrain}")
TRAIN=${TRAIN:-data/train.h5}
TEST=${TEST:-data/test.h5}
[ -f "$RUN_DIR/config" ] || { printf '%s: is no run; RUN_DIR names the run of pretrain to judge\n' "$RUN_DIR" >&2; exit 2; }
runs=$RUN_DIR/evaluation
table=$RUN_DIR/evaluation.tsv
mkdir -p "$runs" || exit 1

# value FILE KEY: from its last line of results
value() {
    sed -n '/^\(probe\|finetune\) /p' "$1" | tail -n 1 | tr ' ' '\n' | sed -n "s/^$2=//p"
}
# row WHAT LABELS SEED RATE PRETRAINED UNTRAINED RAW SCRATCH SECONDS
row() {
    (IFS=$(printf '\t') && printf '%s\n' "$*") >>"$table.new"
}
# done_in FILE: whether the program ended well there, and what it printed is whole
done_in() {
    [ -f "$1" ] && [ -n "$(value "$1" top1)" ]
}
# judge METHODS...: those that are not done, in one probe, which extracts features once
judge() {
    missing=''
    for method in "$@"; do done_in "$runs/$method.out" || missing=$missing,$method; done
    [ -n "$missing" ] || return 0
    launch probe --checkpoint="$RUN_DIR" --train="$TRAIN" --test="$TEST" --method="${missing#,}" --predictions="$runs/predictions.tsv" --force \
        >"$runs/probe.new" || return $?
    for method in "$@"; do
        grep "^probe .* method=$method " "$runs/probe.new" >"$runs/$method.new" && { mv "$runs/$method.new" "$runs/$method.out" || return 1; }
    done
    rm -f "$runs/probe.new" "$runs"/*.new
}
# judged METHOD: its row
judged() {
    out=$runs/$1.out
    row "$1" 100% - - "$(value "$out" top1)" "$(value "$out" untrained_top1)" "$(value "$out" raw_top1)" - "$(value "$out" seconds)"
}
# tune INIT LABELS SEED RATE OPTIONS...: sets out
tune() {
    init=$1 labels=$2 seed=$3 rate=$4
    out=$runs/$(printf '%s-%s-seed%s-lr%s' "$init" "$labels" "$seed" "$rate" | tr '%/ ' 'p__')
    shift 4
    if ! done_in "$out.out"; then
        if [ "$init" = random ]; then
            for name in arch width stem image-size; do set -- --$name="$(setting_in "$RUN_DIR/config" $name)" "$@"; done
        else
            set -- --checkpoint="$RUN_DIR" "$@"
        fi
        launch finetune --data="$TRAIN" --test="$TEST" --labels="$labels" --seed="$seed" --lr="$rate" "$@" --init="$init" --run-dir="$out" \
            >"$out.new" || return $?
        mv "$out.new" "$out.out" || return 1
    fi
    out=$out.out
}
evaluate() {
    printf 'method\tlabels\tseed\tlr\tpretrained\tuntrained\traw\tscratch\tseconds\n' >"$table.new" || return 1
    # shellcheck disable=SC2086
    judge ${METHODS:-linear-sgd linear-paper knn linear-lbfgs} || return $?
    for method in ${METHODS:-linear-sgd linear-paper knn linear-lbfgs}; do judged "$method"; done
    for labels in ${LABELS:-1% 10%}; do
        for seed in ${SEEDS:-1 2}; do
            for rate in ${RATES:-0.05}; do
                tune checkpoint "$labels" "$seed" "$rate" "$@" || return $?
                pretrained=$(value "$out" top1) seconds=$(value "$out" seconds)
                tune random "$labels" "$seed" "$rate" "$@" || return $?
                row finetune "$labels" "$seed" "$rate" "$pretrained" - - "$(value "$out" top1)" "$seconds"
            done
        done
    done
    mv "$table.new" "$table"
    cat "$table"
}
evaluate "$@"
go_on $? "$RUN_DIR" evaluate-restarts
