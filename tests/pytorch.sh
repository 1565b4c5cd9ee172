#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Whole ResNet-18 and ResNet-50, every value, against PyTorch with the same weights. SIMCLR_PEER_PYTHON: an interpreter with torch and
# numpy; SIMCLR_PEER_DIR: the folder with the networks' definition.
top=${top_srcdir:-.} build=${top_builddir:-.}
export SIMCLR_PEER_DIR="${SIMCLR_PEER_DIR:-$(cd "$top/.." && pwd)/shared/peer}"
python=${SIMCLR_PEER_PYTHON:-python3}
"$python" -c 'import torch, numpy' 2>/dev/null || { echo "PyTorch is not installed for $python (SIMCLR_PEER_PYTHON)"; exit 77; }
[ -f "$SIMCLR_PEER_DIR/resnet.py" ] || { echo "no resnet.py in $SIMCLR_PEER_DIR (SIMCLR_PEER_DIR)"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
while read -r case; do
    "$python" "$top/tests/peer/expect.py" full $case "$work/expect" && "$build/src/model/test_network" full $case "$work/expect" || exit 1
done <<END
resnet18 1 cifar 8 3 6
END
