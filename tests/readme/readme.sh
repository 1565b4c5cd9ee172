#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# readme.sh PART: runs the command lines of README in their order, as whoever calls it, in a clean clone: the indented lines that begin with
# a command, without what stands behind three blanks. PART: user (all but the section "On a cluster") or cluster (that section alone).
# What would take hours is made small: SMALL names the options that are added to training; placeholder names are files and folders of few
# images. A line that fails is named with what it said; the last line is "N passed, N failed, N skipped".
set -u
part=${1:?user or cluster}
here=$(pwd)
[ -f README ] && [ -d jobs ] || { echo "readme.sh: to be started at the top of a clone" >&2; exit 2; }
PATH=$HOME/bin:$HOME/.local/bin:$PATH
export PATH OMPI_MCA_rmaps_base_oversubscribe=1
unset SIMCLR RUN_DIR DATA TRAIN TEST

# commands PART: line number, TAB, command
commands() {
    awk -v part="$1" '
        /^-+$/ || /^=+$/ { cluster = before == "On a cluster" }
        { before = $0 }
        !/^    [^ ]/ || cluster != (part == "cluster") { next }
        {
            line = substr($0, 5)
            sub(/   .*$/, "", line)
            word = line
            while (word ~ /^[A-Z_]+=[^ ]* /)
                sub(/^[A-Z_]+=[^ ]* /, "", word)
            sub(/ .*/, "", word)
            if (word ~ /^(sh|simclr|mpirun|make|module|\.|\.\/configure|export|python3|tensorboard|PATH=.*)$/)
                print NR "\t" line
        }' README
}

# fewer LINE: the same command, small and with names that are there
fewer() {
    printf '%s\n' "$1" | sed \
        -e 's/FOLDER/photos/g' -e 's/\[\(--[a-z0-9=-]*\)\]/\1/g' -e 's/\[--[^]]*\]//g' \
        -e "s/^simclr pretrain \.\.\./simclr pretrain --data=train.h5 --run-dir=runs\/more$2/" \
        -e 's/^simclr probe \.\.\./simclr probe --checkpoint=runs\/a --train=train.h5 --test=val.h5/' \
        -e 's/\(simclr pretrain .*\)$/\1 '"$SMALL"'/' \
        -e '/--epochs=200 /s/--steps=2/--steps=3/' -e 's/--epochs=200 *//' -e 's/\(simclr finetune .*\)$/\1 --steps=2 --batch=8 --threads=1/' \
        -e 's/\(jobs\/pretrain.sh .*\)$/\1 '"$SMALL"'/' -e 's/\(jobs\/finetune.sh .*\)$/\1 --steps=2 --batch=8 --threads=1/' \
        -e 's/\(jobs\/quickstart.sh\)$/\1 --steps=4/' \
        -e 's/\(jobs\/own-images.sh [a-z]*\)$/\1/' -e 's/BUDGET=20m/BUDGET=10s/' \
        -e 's/\(tests\/run.sh\)$/\1 TESTS="tests\/batch.sh tests\/table.sh"/' -e 's/make check/make check TESTS="tests\/batch.sh tests\/table.sh"/' \
        \
        -e 's/ablation.sh TABLE/ablation.sh few.tsv/' -e 's/runs\/TABLE/runs\/few/' -e 's/simclr pack --split=\([a-z]*\) images \([a-z]*\).h5/simclr pack --split=\1 images many-\2.h5/g' \
        -e 's/^DATA=train.h5 TEST=test.h5 sh jobs\/ablation.sh/DATA=many-train.h5 TEST=many-test.h5 COMMON="--epochs=2 --threads=1" sh jobs\/ablation.sh/' \
        -e 's/TEST=val.h5 sh jobs\/submit.sh jobs\/evaluate.sh/TEST=val.h5 METHODS=knn LABELS=50% SEEDS=1 sh jobs\/submit.sh jobs\/evaluate.sh --batch=8 --steps=2 --threads=1/' \
        -e 's/OPTIONS OF PRETRAIN/--data=train.h5/' -e 's/FILE|RUN_DIR/runs\/a/' -e 's/step|loss|augment|comm|conv/augment/' \
        -e 's/fashion-mnist train.h5/fashion-mnist fashion-train.h5/' -e 's/doctor --plan=NODES/doctor --plan=2/' -e 's/sudo make -C build\/quickstart install/sudo true/'
}
SMALL='--steps=2 --batch=16 --arch=resnet18 --width=1\/16 --image-size=32 --stem=cifar --threads=1 --warmup-epochs=0 --microbatch=16'

# needs LINE: what it needs and this place has not
needs() {
    case $1 in
    module\ *) command -v module || echo "no environment modules" ;;
    tensorboard*) command -v tensorboard || echo "no tensorboard" ;;
    *wandb*) python3 -c 'import wandb' 2>/dev/null || echo "no wandb" ;;
    *mlflow*) python3 -c 'import mlflow' 2>/dev/null || echo "no mlflow" ;;
    *torch*) python3 -c 'import torch' 2>/dev/null || echo "no torch" ;;
    *resnet50.safetensors*) [ -f resnet50.safetensors ] || echo "no weights of others" ;;
    *init.h5*) [ -f init.h5 ] || echo "no weights of others" ;;
    *tests/run.sh*) [ -z "${NO_TESTS:-}" ] || echo "left out by NO_TESTS" ;;
    esac | grep '^no \|^left'
}

# ready: the datasets that README names, once there is a program to make them
ready() {
    command -v simclr >/dev/null 2>&1 || return 0
    [ -f train.h5 ] || simclr pack --test-share=0.3 photos train.h5 || return 1
    for name in val test cifar; do [ -f $name.h5 ] || cp train-test.h5 $name.h5; done
    small=$(printf %s "$SMALL" | tr -d '\\')
    [ -f few.tsv ] || printf 'cold --temperature=0.1 %s\nwarm --temperature=0.5 %s\n' "$small" "$small" >few.tsv
    [ -d images ] || { python3 tests/readme/photos.py images/train 100 && cp -R photos images/test; } || return 1
    [ -f data/train.h5 ] || { mkdir -p data && cp train.h5 data/ && cp val.h5 data/test.h5; }
}
[ -d photos ] || python3 tests/readme/photos.py photos || exit 1
passed=0 failed=0 skipped=0
list=$(commands "$part")
tab=$(printf '\t')
while IFS=$tab read -r number line <&3; do
    missing=$(needs "$line")
    if [ -n "$missing" ]; then
        echo "README:$number: skipped: $line: $missing"
        skipped=$((skipped + 1))
        continue
    fi
    ready >ready.out 2>&1 || { cat ready.out; exit 1; }
    line=$(fewer "$line" "$number")
    began=$(date +%s) status=0
    eval "$line" </dev/null >command.out 2>&1 || status=$?
    cd "$here" || exit 1
    if [ $status = 0 ]; then
        echo "README:$number: passed: $line ($(($(date +%s) - began)) s)"
        passed=$((passed + 1))
    else
        echo "README:$number: FAILED with status $status: $line"
        tail -n 8 command.out | sed 's/^/    /'
        failed=$((failed + 1))
    fi
done 3<<END
$list
END
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
