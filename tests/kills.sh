#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# kills.sh [TRIALS [SEED]]: kill -9 of one rank, of all ranks, or of mpirun at seeded random moments, every other one in the next save; every
# fourth time the newest checkpoint is damaged as well (cut short, one byte turned, emptied); every fifth time it is the disk, a small tmpfs,
# that fills up instead, until there is room again. Each run is then started again with the same command: it must end, its last checkpoint
# with the same bits as that of a run nobody disturbed, and its metrics.tsv with every step once. `make check` runs a few, `make
# check-kills` a hundred.
set -u
top=${top_builddir:-.}
simclr=$(cd "$top" && pwd)/simclr
trials=${1:-${KILL_TRIALS:-6}} seed=${2:-1} steps=24
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
mpirun=$(cd "${top_srcdir:-$(dirname "$0")/..}" && pwd)/jobs/mpirun.sh
mnist=/usr/share/datasets/fashion-mnist
command -v "${MPIRUN:-mpirun}" >/dev/null 2>&1 || { echo "skipped: no mpirun here"; exit 77; }
[ -d $mnist ] || { echo "skipped: Fashion-MNIST is not installed (dataset-fashion-mnist)"; exit 77; }

work=$(mktemp -d)
small=$work/small
trap 'umount "$small" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
"$simclr" pack --split=test $mnist "$work/data.h5" >/dev/null 2>"$work/err" || { cat "$work/err"; exit 1; }

# run DIR: in the background; pid in $job
run() {
    timeout 600 "$mpirun" 2 "$simclr" pretrain --preset=fashion-mnist --data="$work/data.h5" \
        --run-dir="$1" --width=1/16 --batch=64 --steps=$steps --warmup-epochs=0.02 --threads=1 --checkpoint-every=2 --keep=3 \
        >"$work/$(basename "$1").out" 2>&1 &
    job=$!
}
# sums DIR: the checksums of everything in the last checkpoint
sums() {
    "$simclr" info --all "$1/checkpoints/step-$(printf %08d $steps).h5" | grep '^  /'
}
# below PID: its descendants; from /proc, as a bare image has no ps
below() {
    cat /proc/[0-9]*/stat 2>/dev/null | awk -v top="$1" '
        { pid = $1; sub(/.*\) . /, ""); parent[pid] = $1 }
        END { for (pid in parent) for (p = parent[pid]; p in parent; p = parent[p]) if (p == top) { print pid; break } }' | sort -n
}
# saving: whether a checkpoint is half written
saving() {
    set -- "$dir"/checkpoints/*.tmp-*
    [ -e "$1" ]
}
good=0 trial=0 struck=0 halved=0
# bad SENTENCE [FILE]: this trial failed; the end of what FILE says
bad() {
    echo "trial $trial ($kind): $1"
    [ -z "${2:-}" ] || tail -n 5 "$2"
    echo "$good passed, 1 failed"
    exit 1
}

mkdir -p "$work/calm"
run "$work/calm"
wait $job || { echo "the undisturbed run failed:"; tail -5 "$work/calm.out"; exit 1; }
sums "$work/calm" >"$work/expected"
[ -s "$work/expected" ] || { echo "no checksums in the last checkpoint"; exit 1; }

# A disk for five checkpoints, where it may be mounted.
mkdir "$small"
room=$((6 * $(wc -c <"$work/calm/checkpoints/step-$(printf %08d $steps).h5") / 1024 + 200))
mount -t tmpfs -o size=${room}k tmpfs "$small" 2>/dev/null && disk=yes || { disk=no; echo "no tmpfs to fill here: full disks are not tried"; }

# chance I K: the K-th random number in [0, 1) of trial I
chance() {
    awk -v s="$seed" -v i="$1" -v k="$2" 'BEGIN { srand(s * 100003 + i * 17 + k); rand(); print rand() }'
}
# moment R: waits for a moment in the life of the run: a tenth of them lie before its first step, the others after any step
moment() {
    step=$(awk -v r="$1" -v n=$steps 'BEGIN { print int((r - 0.1) / 0.9 * n) }')
    [ "$step" -gt 0 ] || { sleep "$(awk -v r="$1" 'BEGIN { print 10 * r }')"; return; }
    until [ "$(tail -n 1 "$dir/metrics.tsv" 2>/dev/null | cut -f1)" -ge "$step" ] 2>/dev/null; do
        kill -0 $job 2>/dev/null || return
        sleep 0.02
    done
    sleep "$(awk -v r="$1" -v n=$steps 'BEGIN { x = (r - 0.1) / 0.9 * n; print (x - int(x)) * 0.1 }')"
}
# look: the processes below mpirun, and which of them are ranks
look() {
    tree=$(below $job)
    ranks=$(for pid in $tree; do case $(cat "/proc/$pid/comm" 2>/dev/null) in *simclr*) echo "$pid" ;; esac; done)
}
# strike ATTEMPT: a fresh run in $dir, and the blow at its moment; sets kind, ranks and status
strike() {
    rm -rf "$dir" "$small/filler" && mkdir "$dir"
    run "$dir"
    moment "$(chance $trial $((10 * $1)))"
    look
    tries=0 # who strikes in a save strikes ranks
    while [ $((trial % 2)) = 1 ] && [ "$(echo "$ranks" | wc -w)" -lt 2 ] && [ $tries -lt 100 ] && kill -0 $job 2>/dev/null; do look; tries=$((tries + 1)); done
    case $((trial % 3)) in
    0) victims=$(echo "$ranks" | head -1) kind="one rank" ;;
    1) victims=$ranks kind="all ranks" ;;
    2) victims=$(for pid in $tree; do case $(cat "/proc/$pid/comm" 2>/dev/null) in *mpirun* | *orterun* | *mpiexec*) echo "$pid" ;; esac; done) kind="mpirun" ;;
    esac
    if [ $((trial % 2)) = 1 ] && [ "$dir" != "$small/run" ]; then
        tries=0
        until saving || [ $tries = 50000 ] || ! kill -0 $job 2>/dev/null; do tries=$((tries + 1)); done
    fi
    if [ "$dir" = "$small/run" ]; then
        dd if=/dev/zero of="$small/filler" bs=4k 2>/dev/null
        victims= kind="disk full"
    fi
    [ -n "$victims" ] && kill -9 $victims 2>/dev/null
    wait $job 2>/dev/null
    status=$?
    kind="$kind, after step $(tail -n 1 "$dir/metrics.tsv" 2>/dev/null | cut -f1 | sed 's/^#.*/0/')"
}
while [ $trial -lt "$trials" ]; do
    trial=$((trial + 1))
    dir=$work/run
    [ $((trial % 5)) = 0 ] && [ $disk = yes ] && dir=$small/run
    for attempt in 1 2 3; do # it may have ended before the blow
        strike $attempt
        [ $status = 0 ] || break
    done
    [ $status = 0 ] || struck=$((struck + 1))
    ! saving || halved=$((halved + 1)) kind="$kind, in a save"
    if [ "$dir" = "$small/run" ] && [ $status != 0 ] && ! grep -q "No space left on device" "$work/run.out"; then
        bad "does not say what is wrong:" "$work/run.out"
    fi
    rm -f "$small/filler"
    waited=0
    for pid in $ranks; do # none may be left behind
        while kill -0 "$pid" 2>/dev/null && [ $waited -lt 200 ]; do sleep 0.1; waited=$((waited + 1)); done
        if kill -0 "$pid" 2>/dev/null; then
            kill -9 "$pid"
            bad "rank $pid was still there after 20 seconds"
        fi
    done
    newest=$(ls "$dir"/checkpoints/step-*.h5 2>/dev/null | tail -1)
    older=$(ls "$dir"/checkpoints/step-*.h5 2>/dev/null | wc -l)
    if [ $((trial % 4)) = 0 ] && [ "$older" -gt 1 ] && [ "$dir" != "$small/run" ]; then
        size=$(wc -c <"$newest")
        at=$(awk -v r="$(chance $trial 2)" -v n="$size" 'BEGIN { printf "%d", r * n }')
        case $((trial / 4 % 3)) in
        0) dd if=/dev/null of="$newest" bs=1 seek="$at" 2>/dev/null; kind="$kind, checkpoint cut at $at" ;;
        1)
            byte=$(dd if="$newest" bs=1 skip="$at" count=1 2>/dev/null | od -An -tu1)
            printf "\\$(printf %03o $(((byte + 1) % 256)))" | dd of="$newest" bs=1 seek="$at" conv=notrunc 2>/dev/null
            kind="$kind, byte $at turned" ;;
        2) : >"$newest"; kind="$kind, checkpoint emptied" ;;
        esac
    fi
    run "$dir"
    wait $job || { grep -a '^simclr: ' "$work/run.out"; bad "the run did not go on:" "$work/run.out"; }
    sums "$dir" >"$work/got"
    if ! cmp -s "$work/expected" "$work/got"; then
        diff "$work/expected" "$work/got" >"$work/differences"
        bad "the last checkpoint differs from the undisturbed run's:" "$work/differences"
    fi
    [ -z "$(find "$dir" -name '*.tmp*')" ] || bad "what a killed run left is still there: $(find "$dir" -name '*.tmp*')"
    rows=$(grep -v '^#' "$dir/metrics.tsv" | cut -f1 | tr '\n' ' ')
    [ "$rows" = "$(seq 1 $steps | tr '\n' ' ')" ] || bad "metrics.tsv has steps $rows"
    good=$((good + 1))
    [ -z "${KILL_VERBOSE:-}" ] || echo "trial $trial ($kind): went on"
done
echo "$good of $trials runs went on from a good checkpoint to the same bits; $struck were struck before they had ended, $halved in a save"
echo "$good passed, 0 failed"
