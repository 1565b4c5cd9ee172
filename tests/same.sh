#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# same.sh OLD NEW [CASE...]: whether two builds of simclr compute the same numbers. A dozen short runs with each; every tensor of the last
# checkpoint must be equal bit for bit, and every column of metrics.tsv but the seconds. Then NEW goes on with a run that OLD left half
# way, to the end of the run that nobody interrupted. Not part of `make check`: it needs an earlier build (git worktree add, configure, make).
set -u
[ $# -ge 2 ] || { echo "usage: sh tests/same.sh OLD/simclr NEW/simclr [CASE...]" >&2; exit 2; }
old=$1 new=$2
shift 2
[ $# -gt 0 ] || set -- ntxent ntlogistic triplet one-view lars sgd adamw recompute microbatch online local-bn ranks3 threads2 resnet50 resnet50-ranks3 resume
mpirun=$(cd "$(dirname "$0")/.." && pwd)/jobs/mpirun.sh mnist=/usr/share/datasets/fashion-mnist
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
for needed in "${MPIRUN:-mpirun}" h5diff python3; do
    command -v "$needed" >/dev/null 2>&1 || { echo "there is no $needed here" >&2; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# 256 images in CIFAR-10's binary form, of pixels that happen to be at hand.
python3 - "$mnist/t10k-images-idx3-ubyte.gz" "$work" <<'PYTHON' || exit 1
import gzip, os, sys
pixels = gzip.open(sys.argv[1]).read()[16:]
os.mkdir(sys.argv[2] + "/images")
with open(sys.argv[2] + "/images/data_batch_1.bin", "wb") as out:
    for i in range(256):
        out.write(bytes([i % 10]) + pixels[i * 3072:(i + 1) * 3072])
PYTHON
"$old" pack "$work/images/data_batch_1.bin" "$work/data.h5" >"$work/err" 2>&1 || { cat "$work/err"; exit 1; }

# run BUILD DIR RANKS OPTIONS...
run() {
    build=$1 dir=$2 ranks=$3
    shift 3
    timeout 600 "$mpirun" "$ranks" "$build" pretrain --preset=imagenet --data="$work/data.h5" --run-dir="$dir" --batch=32 --steps=6 --seed=3 \
        --warmup-epochs=0.25 --lr=0.1 --lr-scaling=none --threads=1 --plan=estimate --checkpoint-every=3 --watchdog=0 "$@" >"$dir.out" 2>&1 ||
        { echo "$dir: $(tail -3 "$dir.out")"; return 1; }
}
# compare CASE A B: the last checkpoints and the metrics of two run directories
compare() {
    for group in /model /optimizer; do
        h5diff "$2/checkpoints/step-00000006.h5" "$3/checkpoints/step-00000006.h5" $group $group >"$work/diff" 2>&1 || { echo "$1: $group differs: $(head -3 "$work/diff")"; return 1; }
    done
    awk -F'\t' -v name="$1" '
        FNR == 1 { file++; sub(/^# */, ""); for (i = 1; i <= NF; i++) { if (file == 1) title[i] = $i; else at[$i] = i }; next }
        file == 1 { for (i in title) was[FNR, title[i]] = $i; rows = FNR }
        file == 2 { for (i in title) { t = title[i]
                        if (t !~ /_s$/ && (!(t in at) || was[FNR, t] != $at[t])) {
                            print name ": row " FNR - 1 ", " t ": " was[FNR, t] " and " (t in at ? $at[t] : "no such column"); bad = 1 } }
                    others = FNR }
        END { if (rows != 7 || others != 7) { print name ": " rows - 1 " and " others - 1 " rows of metrics"; bad = 1 }; exit bad }' "$2/metrics.tsv" "$3/metrics.tsv"
}
small="--arch=resnet18 --stem=cifar --image-size=32 --width=1/8"
large="--arch=resnet50 --stem=imagenet --image-size=64 --width=1/8"
failed=0 passed=0
for case in "$@"; do
    ranks=1
    case $case in
    ntxent) options="$small --loss=ntxent --optimizer=sgd" ;;
    ntlogistic) options="$small --loss=ntlogistic --mining=semi-hard --optimizer=sgd" ;;
    triplet) options="$small --loss=triplet --optimizer=sgd" ;;
    one-view) options="$small --negatives=one-view --temperature=0.02 --optimizer=sgd" ;;
    lars) options="$small --optimizer=lars" ;;
    sgd) options="$small --optimizer=sgd --weight-decay=1e-3 --head=linear" ;;
    adamw) options="$small --optimizer=adamw --lr=1e-3 --head=none" ;;
    recompute) options="$small --recompute" ;;
    microbatch) options="$small --microbatch=12 --online-probe" ;;
    online) options="$small --online-probe" ;;
    local-bn) options="$small --bn=local" ranks=3 ;;
    ranks3) options="$small --online-probe" ranks=3 ;;
    threads2) options="$small --threads=2" ;;
    resnet50) options="$large --recompute" ;;
    resnet50-ranks3) options="$large --optimizer=adamw --lr=1e-3 --microbatch=16" ranks=3 ;;
    resume) options="$small --online-probe" ;;
    *) echo "there is no case $case" >&2; exit 2 ;;
    esac
    if [ $case = resume ]; then
        run "$old" "$work/$case.old" 1 $options && run "$old" "$work/$case.new" 1 $options &&
            rm "$work/$case.new/checkpoints/step-00000006.h5" && echo step-00000003.h5 >"$work/$case.new/checkpoints/latest" &&
            run "$new" "$work/$case.new" 1 $options && compare $case "$work/$case.old" "$work/$case.new"
    else
        run "$old" "$work/$case.old" $ranks $options && run "$new" "$work/$case.new" $ranks $options && compare $case "$work/$case.old" "$work/$case.new"
    fi
    if [ $? = 0 ]; then
        passed=$((passed + 1)) && echo "same: $case"
    else
        failed=$((failed + 1))
    fi
    rm -rf "$work/$case."*
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
