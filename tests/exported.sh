#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# PyTorch computes from an exported file the features that embed writes, and embed those that PyTorch computes from a file that was
# imported. SIMCLR_PEER_PYTHON: an interpreter with torch, numpy and h5py; torchvision and timm are compared too where it has them.
. "${top_srcdir:-.}/tests/lib.sh"
python=${SIMCLR_PEER_PYTHON:-python3} check="$top/tests/peer/exported.py"
"$python" -c 'import torch, numpy, h5py' 2>/dev/null || { echo "PyTorch or h5py is not installed for $python (SIMCLR_PEER_PYTHON)"; exit 77; }
cd "$work" || exit 1
mkdir cifar
"$python" "$check" make cifar/test_batch.bin && "$simclr" pack --split=test cifar cifar.h5 >err 2>&1 || die "pack: $(tail -3 err)"
does() {
    "$simclr" "$@" >out 2>&1 || die "$*: $(tail -3 out)"
}
while read -r arch stem width; do
    rm -rf run w.h5 w.safetensors other.safetensors init.h5
    does pretrain --preset=cifar10 --data=cifar.h5 --run-dir=run --arch="$arch" --stem="$stem" --width="$width" --image-size=32 --batch=16 --steps=3 \
        --warmup-epochs=0 --lr=0.5
    does export --checkpoint=run --output=w.h5
    does embed --force --checkpoint=run --data=cifar.h5 --output=h.h5
    "$python" "$check" check w.h5 cifar.h5 h.h5 >said 2>&1 || die "$arch $stem $width, exported: $(tail -5 said)"
    echo "$arch $stem $width exported: $(tr '\n' ' ' <said)"
    "$simclr" export --checkpoint=run --output=w.safetensors >out 2>&1 || { grep -q "built without Jansson" out && continue; die "$(tail -3 out)"; }
    "$python" "$check" draw 7 w.h5 other.safetensors || die "draw"
    does import --weights=other.safetensors --output=init.h5 --image-size=32
    does embed --force --checkpoint=init.h5 --data=cifar.h5 --output=h.h5
    "$python" "$check" check other.safetensors cifar.h5 h.h5 >said 2>&1 || die "$arch $stem $width, imported: $(tail -5 said)"
    "$python" "$check" check w.safetensors cifar.h5 h.h5 >said 2>&1 && die "other weights have the same features: the comparison is none"
done <<END
resnet18 cifar 1/4
resnet18 imagenet 1/4
resnet50 cifar 1/8
resnet50 imagenet 1
END
echo "PyTorch has the features of embed, from exported weights and from imported ones"
