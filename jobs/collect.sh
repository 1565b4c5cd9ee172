#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# collect.sh RUNS: one line a run below RUNS: its last loss and the top-1 of each evaluation.
set -eu
runs=${1:?folder with runs}
case $runs in -*) runs=./$runs ;; esac # no option
printf 'run\tsteps\tloss\tlinear\tknn\n'
for run in "$runs"/*/; do
    [ -f "$run/metrics.tsv" ] || continue
    value() {
        [ ! -f "$run/probe.out" ] || sed -n "/^probe features=h method=$1 /s/.* top1=\([0-9.]*\).*/\1/p" "$run/probe.out" | tail -n 1
    }
    loss=$(sed -n '1s/^#[[:space:]]*//p' "$run/metrics.tsv" | tr -s '\t ' '\n' | sed '/^$/d' | grep -nx loss | cut -d: -f1)
    printf '%s\t%s\t%s\t%s\t%s\n' "$(basename "$run")" "$(tail -n 1 "$run/metrics.tsv" | cut -f1)" \
        "$(tail -n 1 "$run/metrics.tsv" | cut -f"${loss:-3}")" "$(value linear-sgd)" "$(value knn)"
done
