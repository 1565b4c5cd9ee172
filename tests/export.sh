#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# export and import: the weights go out under torchvision's names and come back as the same network, bit for bit; they start pretrain,
# finetune and probe; another program's dialect is understood; wrong input is one clear error, and nothing is overwritten.
. "${top_srcdir:-.}/tests/lib.sh"
few "$work/few"
few "$work/others" 256
pretrain 2 "$work/run" --steps=4 --checkpoint-every=4 || die "$(tail -5 "$work/run.out")"
cd "$work" || exit 1
runs() { # STATUS COMMAND...
    want=$1
    shift
    timeout 100 "$simclr" "$@" >out 2>&1
    status=$?
    [ $status = "$want" ] || die "$*: status $status, not $want: $(tail -3 out)"
}
features() { # CHECKPOINT FILE
    runs 0 embed --checkpoint="$1" --data=few.h5 --output="$2" --threads=2
    for name in h z; do "$simclr" info --all "$2" | sed -n "s/^  \/$name  *//p"; done >"$2.sums"
    [ "$(wc -l <"$2.sums")" = 2 ] || die "no checksums in $2"
}
features run before.h5
formats=h5
"$simclr" export --checkpoint=run --output=w.safetensors >out 2>&1 && formats="h5 safetensors"
grep -q 'built without Jansson' out || [ "$formats" != h5 ] || die "safetensors: $(cat out)"
for format in $formats; do
    [ -f w.$format ] || runs 0 export --checkpoint=run --output=w.$format
    runs 0 import --weights=w.$format --output=init-$format.h5 --image-size=28
    tail -1 out | grep -q '^import arch=resnet18 width=0.0625 stem=cifar channels=1 size=28 head_layers=2 ' || die "import: $(tail -1 out)"
    features init-$format.h5 after-$format.h5
    cmp before.h5.sums after-$format.h5.sums || die "$format: other features"
done
"$simclr" info --all w.h5 >out 2>&1
grep '^  /layer1.0.bn1.num_batches_tracked .*int64 ()' out >list && grep '^  /conv1.weight .*float32 (4, 1, 3, 3)' out >list || die "names and shapes: $(head -5 out)"
grep '^  /optimizer' out >list && die "the optimizer's state was exported"

# A start for pretrain: what it begins with is what was imported; the run remembers it and does not need it again.
start() {
    timeout 300 "$simclr" pretrain --data=few.h5 --run-dir=started --init=init-h5.h5 --batch=64 --threads=1 "$@" >started.out 2>&1
}
start --steps=2 || die "$(tail -5 started.out)"
grep -q '^init = init-h5.h5$' started/config && grep -q '^width = 0.0625$' started/config || die "config: $(cat started/config)"
for file in run/checkpoints/step-00000004.h5 started/checkpoints/step-00000000.h5; do "$simclr" info --all $file | grep '^  /model/'; done | sort | uniq -u >differ
[ ! -s differ ] || die "the first checkpoint is not what was imported: $(head -3 differ)"
mv init-h5.h5 gone.h5
start --steps=2 || die "a finished run wants its start: $(tail -5 started.out)"
mv gone.h5 init-h5.h5
runs 0 finetune --checkpoint=init-h5.h5 --data=few.h5 --test=others.h5 --run-dir=tuned --batch=64 --steps=1 --threads=1
runs 0 probe --checkpoint=init-h5.h5 --train=few.h5 --test=others.h5 --method=knn --threads=2

# Errors.
says() {
    [ "$(grep -c '^simclr: ' out)" = 1 ] || die "not one sentence: $(cat out)"
    grep '^simclr: ' out | grep -q -- "$1" || die "does not say '$1': $(cat out)"
}
runs 2 export --checkpoint=run --output=w.pt
says 'must end in .safetensors or .h5'
before=$(cksum <w.h5)
runs 1 export --checkpoint=run --output=w.h5
says 'force replaces it'
[ "$before" = "$(cksum <w.h5)" ] || die "a file was overwritten"
runs 1 import --weights=few.h5 --output=no.h5
says 'no weight of a network\|no conv1.weight'
head -c 3000 w.h5 >cut.h5
runs 1 import --weights=cut.h5 --output=no.h5
says 'cut.h5'
[ ! -e no.h5 ] || die "a file was written"
timeout 100 "$simclr" pretrain --data=few.h5 --run-dir=other --init=init-h5.h5 --width=1/8 --batch=64 --steps=1 >out 2>&1 && die "another width was taken"
says 'another architecture'
