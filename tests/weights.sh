#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# README's lines that take weights elsewhere, as they are written: an exported network in torchvision, and in timm, gives the features that
# `simclr embed` gives for the same picture.
. "${top_srcdir:-.}/tests/lib.sh"
python=${SIMCLR_PEER_PYTHON:-python3}
"$python" -c 'import torch, torchvision, safetensors.torch, h5py, PIL' 2>/dev/null || { echo "skipped: no torch, torchvision, safetensors, pillow and h5py (SIMCLR_PEER_PYTHON)"; exit 77; }
cd "$work" || exit 1
mkdir photos
"$python" -c '
import numpy, PIL.Image
r = numpy.random.default_rng(1)
for i, (h, w) in enumerate([(301, 403), (260, 240), (97, 97), (300, 251)]):
    y, x = numpy.mgrid[0:h, 0:w, 0:1][:2]
    wave = numpy.sin(x / r.uniform(5, 40, 3) + y / r.uniform(5, 40, 3)) * 100 + 128 + r.normal(0, 10, (h, w, 3))
    PIL.Image.fromarray(wave.clip(0, 255).astype("uint8")).save("photos/%d.png" % i)' || die "no pictures"
"$simclr" pack photos photos.h5 >out 2>&1 || die "pack: $(tail -3 out)"
timeout 300 "$simclr" pretrain --preset=imagenet --data=photos.h5 --run-dir=run --batch=4 --steps=1 --lr=0.1 --warmup-epochs=0 --threads=2 >out 2>&1 ||
    die "pretrain: $(tail -3 out)"
"$simclr" export --checkpoint=run --output=w.safetensors >out 2>&1 || { grep -q 'without Jansson' out && { echo "skipped: $(cat out)"; exit 77; }; die "export: $(cat out)"; }
timeout 300 "$simclr" embed --checkpoint=run --data=photos.h5 --output=features.h5 --threads=2 >out 2>&1 || die "embed: $(tail -3 out)"
sed -n '/^    import numpy, torch, torchvision/,/^    print/s/^    //p' "$top/README" >as-torchvision
[ "$(wc -l <as-torchvision)" -ge 10 ] || die "README has no such lines"
sed -e '1s/$/, timm/' -e 's/net = .*# \(timm.create_model("resnet50", num_classes=0)\).*/net = \1/' -e '/^net.fc/d' as-torchvision >as-timm
grep -q '^net = timm' as-timm || die "README does not say how timm takes them"
cat >compare.py <<'END'
import shutil
import sys
import h5py
import torch
want = h5py.File("features.h5")["h"][()]
lines = open(sys.argv[1]).read()
for i in range(len(want)):
    shutil.copy("photos/%d.png" % i, "photo.png")
    here = {}
    with torch.no_grad():
        exec(lines, here)
        got = here["net"](here["x"][None])[0]
    error = float((got - torch.tensor(want[i])).norm() / torch.tensor(want[i]).norm())
    print("picture", i, "relative error", error)
    if not error < 1e-4:
        sys.exit(1)
END
for library in torchvision timm; do
    "$python" -c "import $library" 2>/dev/null || { echo "left out: no $library"; continue; }
    "$python" compare.py as-$library >out 2>&1 || die "$library: $(tail -n 3 out)"
    echo "$library: $(tail -n 1 out)"
done
