#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Where OpenMP gives fewer threads than were asked for, all of the work is done by those there are: the same losses.
. "${top_srcdir:-.}/tests/lib.sh"

# losses NAME: of a run on one rank of four threads, and of the loss alone
losses() {
    pretrain 1 "$work/$1" --threads=4 --steps=4 || die "$1: $(tail -5 "$work/$1.out")"
    grep -v '^#' "$work/$1/metrics.tsv" | cut -f3 >"$work/$1.losses"
    timeout 60 "$mpirun" 1 "$simclr" bench loss --batch=300 --dim=32 --threads=4 --steps=1 2>&1 |
        tr ' ' '\n' | sed -n 's/^loss=//p' >>"$work/$1.losses"
    [ "$(wc -l <"$work/$1.losses")" = 5 ] || die "$1: losses $(cat "$work/$1.losses")"
}
losses plain
for limit in OMP_THREAD_LIMIT=1 OMP_THREAD_LIMIT=3 OMP_DYNAMIC=true OMP_MAX_ACTIVE_LEVELS=0; do
    name=${limit%=*}-${limit#*=}
    # shellcheck disable=SC2163 # NAME=VALUE
    export "$limit"
    losses "$name"
    unset "${limit%=*}"
    paste "$work/plain.losses" "$work/$name.losses" |
        awk '{ d = ($1 - $2) / $1; if (d > 1e-3 || d < -1e-3) bad = 1 } END { exit bad }' || die "$limit: losses $(cat "$work/$name.losses")"
    [ $limit = OMP_DYNAMIC=true ] || grep -q "OpenMP gives [13] thread" "$work/$name.out" || die "$limit: no warning: $(head -5 "$work/$name.out")"
done

# What a site sets for every job: threads, and the cores they may use, stay as they are without it, and it is said.
cd "$work" || exit 1
unset OMP_NUM_THREADS
rank() { # of doctor's table: threads and cores
    awk '$1 == 0 { print $6, $7 }' "$1"
}
"$simclr" doctor >bare 2>err || die "doctor: $(cat err)"
for setting in OMP_PROC_BIND=true OMP_PROC_BIND=spread OMP_PLACES=cores 'OMP_PLACES={0}' GOMP_CPU_AFFINITY=0 KMP_AFFINITY=compact OMP_STACKSIZE=16k; do
    env "$setting" "$simclr" doctor >out 2>err || die "$setting: doctor: $(cat err)"
    [ -n "$(rank out)" ] && [ "$(rank out)" = "$(rank bare)" ] || die "$setting: $(rank out), and without it $(rank bare)"
    grep -q -F "$setting: not followed" err || die "$setting: nothing is said: $(cat err)"
    env "$setting" "$build/src/base/test_limits" >out 2>&1 || die "$setting: threads are bound: $(cat out)"
done
OMP_STACKSIZE=16k pretrain 1 stack --steps=2 --threads=2 || die "a stack of 16 KiB: $(tail -5 stack.out)"
OMP_NUM_THREADS=7 OMP_DYNAMIC=true "$simclr" doctor >out 2>err
[ "$(rank out)" = "$(rank bare)" ] && grep -q "OMP_NUM_THREADS=7 is not followed" err && grep -q "OMP_DYNAMIC=true is not followed" err || die "OMP_NUM_THREADS: $(cat out err)"
for command in "pack --force --split=test $mnist out.h5" "bench loss --batch=20 --dim=8 --steps=1" "bench augment --size=16 --source-size=16 --images=2 --steps=1"; do
    OMP_NUM_THREADS=7 "$simclr" $command >out 2>err || die "$command: $(cat err)"
    grep -q "OMP_NUM_THREADS=7 is not followed" err || die "$command: nothing is said of OMP_NUM_THREADS: $(cat err)"
    OMP_NUM_THREADS=7 "$simclr" $command --threads=2 >out 2>err || die "$command: $(cat err)"
    grep -q "OMP_NUM_THREADS" err && die "$command --threads=2: $(cat err)"
done
echo "a smaller team does all of the work"
