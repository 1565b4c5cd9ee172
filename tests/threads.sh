#!/bin/sh
# Where OpenMP gives fewer threads than were asked for, all of the work is done by those there are: the same losses.
. "${top_srcdir:-.}/tests/lib.sh"

# losses NAME: of a run on one rank of four threads, and of the loss alone
losses() {
    pretrain 1 "$work/$1" --threads=4 --steps=4 || die "$1: $(tail -5 "$work/$1.out")"
    grep -v '^#' "$work/$1/metrics.tsv" | cut -f3 >"$work/$1.losses"
    timeout 60 "$mpirun" --oversubscribe --bind-to none -n 1 "$simclr" bench loss --batch=300 --dim=32 --threads=4 --steps=1 2>&1 |
        tr ' ' '\n' | sed -n 's/^loss=//p' >>"$work/$1.losses"
    [ "$(wc -l <"$work/$1.losses")" = 5 ] || die "$1: losses $(cat "$work/$1.losses")"
}
losses plain
for limit in OMP_THREAD_LIMIT=1 OMP_THREAD_LIMIT=3 OMP_DYNAMIC=true OMP_MAX_ACTIVE_LEVELS=0; do
    name=${limit%=*}-${limit#*=}
    export "$limit"
    losses "$name"
    unset "${limit%=*}"
    paste "$work/plain.losses" "$work/$name.losses" |
        awk '{ d = ($1 - $2) / $1; if (d > 1e-3 || d < -1e-3) bad = 1 } END { exit bad }' || die "$limit: losses $(cat "$work/$name.losses")"
    [ $limit = OMP_DYNAMIC=true ] || grep -q "OpenMP gives [13] thread" "$work/$name.out" || die "$limit: no warning: $(head -5 "$work/$name.out")"
done
echo "a smaller team does all of the work"
