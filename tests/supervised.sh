#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# A step of finetune on two ranks, its evaluation and its frozen parts against PyTorch's autograd in double precision, from the program's own
# files. SIMCLR_PEER_PYTHON: an interpreter with torch, numpy and h5py; SIMCLR_PEER_DIR: the folder with the networks' definition.
. "${top_srcdir:-.}/tests/lib.sh"
export SIMCLR_PEER_DIR="${SIMCLR_PEER_DIR:-$top/../shared/peer}"
python=${SIMCLR_PEER_PYTHON:-python3} check="$top/tests/peer/supervised.py"
"$python" -c 'import torch, numpy, h5py' 2>/dev/null || { echo "PyTorch or h5py is not installed for $python (SIMCLR_PEER_PYTHON)"; exit 77; }
[ -f "$SIMCLR_PEER_DIR/resnet.py" ] || { echo "no resnet.py in $SIMCLR_PEER_DIR (SIMCLR_PEER_DIR)"; exit 77; }
# dataset SEED NAME
dataset() {
    rm -rf "${work:?}/$2" "$work/$2.h5"
    "$python" "$check" make "$1" "$work/$2" && "$simclr" pack --split=test "$work/$2" "$work/$2.h5" >"$work/err" 2>&1 || die "$2: $(cat "$work/err")"
}
# Some steps, so that gammas are not zero and statistics are those of images.
dataset 1 test
"$simclr" pretrain --preset=fashion-mnist --data="$work/test.h5" --run-dir="$work/start" --width=1/8 --image-size=12 --batch=7 --steps=9 --threads=1 \
    >"$work/out" 2>&1 || die "$(tail -3 "$work/out")"
while read -r word frozen from layers; do
    for seed in 2 3 4 5 6; do
        dataset $seed train
        rm -rf "$work/run"
        timeout 100 "$mpirun" 2 "$simclr" finetune --checkpoint="$work/start" --data="$work/train.h5" --test="$work/test.h5" \
            --run-dir="$work/run" --freeze-up-to="$word" --from="$from" --batch=21 --steps=1 --augment=none --optimizer=sgd --lr=0.1 --threads=1 \
            >"$work/out" 2>&1 </dev/null || die "$(tail -3 "$work/out")"
        "$python" "$check" check "$work/run" "$work/train.h5" "$work/test.h5" "$frozen" "$layers"
        status=$?
        [ $status = 3 ] || break
    done
    [ $status = 0 ] || exit 1
done <<END
none 0 h 0
none 0 head1 1
stem 1 h 0
2 3 h 0
4 5 head1 1
END
