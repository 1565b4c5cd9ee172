#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# finetune: from a checkpoint and from random weights; it learns; ranks change nothing but rounding; a stop and a resume give the same bits,
# without the checkpoint that it started from; what is frozen stays bit for bit; wrong input is one clear error.
. "${top_srcdir:-.}/tests/lib.sh"
few "$work/few"
few "$work/others" 256
pretrain 2 "$work/run" --steps=4 --checkpoint-every=4 || die "$(tail -5 "$work/run.out")"

# tune RANKS DIR OPTIONS...
tune() {
    ranks=$1 dir=$2
    shift 2
    timeout 300 "$mpirun" "$ranks" "$simclr" finetune --data="$work/few.h5" --test="$work/others.h5" \
        --run-dir="$dir" --batch=64 --threads=1 "$@" >"$dir.out" 2>&1
}
model() { # DIR STEP
    sums "$1" "$2" | grep '^  /\(model\|optimizer\)'
}
from="--checkpoint=$work/run"
tune 2 "$work/a" $from --steps=12 --test-every=1 --lr=0.2 --checkpoint-every=6 || die "$(tail -5 "$work/a.out")"
tail -1 "$work/a.out" | grep -q '^finetune steps=12 epochs=3.000 loss=[0-9.]* top1=[0-9.]* top5=[0-9.]* mean_class=[0-9.]* classes=10 labels=256 init=checkpoint ' || die "last line: $(tail -1 "$work/a.out")"
grep -q '^width = 0.0625$' "$work/a/config" && grep -q '^channels = 1$' "$work/a/config" || die "the checkpoint's architecture is not in config: $(cat "$work/a/config")"
"$simclr" info --all "$work/a/checkpoints/step-00000012.h5" | grep '/model/classifier/weight' >"$work/out" || die "no classifier in the checkpoint"
awk -F'\t' '/^#/ { sub(/^# /, ""); for (i = 1; i <= NF; i++) at[$i] = i; next } { loss[++n] = $at["loss"]; tested += $at["test_top1"] != "nan" }
    END { if (!(n == 12 && loss[12] < loss[1] && tested == 9)) { print n " rows, loss " loss[1] " to " loss[n] ", tested in " tested; exit 1 } }' "$work/a/metrics.tsv" ||
    die "the curve"
# What each test image was taken for agrees with the accuracies, and is what compare reads.
value() {
    tail -1 "$work/a.out" | tr ' ' '\n' | sed -n "s/^$1=//p"
}
awk -F'\t' -v top1="$(value top1)" -v mean="$(value mean_class)" 'NR > 1 { n++; all[$3]++; right[$3] += $3 == $4; sum += $3 == $4 }
    END { for (c in all) { of += right[c] / all[c]; classes++ } exit n != 256 || sprintf("%.2f", 100 * sum / n) != top1 "" || sprintf("%.2f", 100 * of / classes) != mean "" }' \
    "$work/a/predictions.tsv" || die "predictions are not what was printed: $(tail -1 "$work/a.out")"
"$simclr" compare "$work/a/predictions.tsv" "$work/a/predictions.tsv" | tail -1 | grep -q "^compare images=256 top1=$(value top1),.* p=1 .*methods=finetune,finetune$" || die "compare does not read them"
[ "$(awk -F'\t' 'NR > 1 { for (i = 2; i <= NF; i++) n += $i } END { print n }' "$work/a/confusion.tsv")" = 256 ] || die "confusion: $(cat "$work/a/confusion.tsv")"

# What a row says, but for seconds.
rows() {
    awk -F'\t' '/^#/ { sub(/^# /, ""); for (i = 1; i <= NF; i++) if ($i !~ /_s$/) keep[i]; next } { for (i = 1; i <= NF; i++) if (i in keep) printf "%s ", $i; print "" }' "$1/metrics.tsv"
}
# The starting checkpoint is not needed any more, and the bits are those of the run that nobody stopped.
cp -r "$work/a" "$work/b"
rm "$work/b/checkpoints/step-00000012.h5"
mv "$work/run" "$work/gone"
tune 2 "$work/b" $from --steps=12 --test-every=1 --lr=0.2 --checkpoint-every=6 || die "resume: $(tail -5 "$work/b.out")"
model "$work/a" 12 >"$work/a.sums"
[ "$(wc -l <"$work/a.sums")" -gt 40 ] || die "no checksums: $(cat "$work/a.sums")"
model "$work/b" 12 | cmp - "$work/a.sums" || die "a resume is another run"
rows "$work/a" >"$work/a.rows"
rows "$work/b" | cmp - "$work/a.rows" || die "a resume has other metrics"
cmp "$work/a/predictions.tsv" "$work/b/predictions.tsv" || die "a resume has other predictions"
mv "$work/gone" "$work/run"

# A signal, and no time left: 75 and a checkpoint; the directory alone goes on, to the same bits. Another start is another run.
alone() { # DIR OPTIONS...: one rank without a launcher, in the background
    dir=$1
    shift
    "$simclr" finetune --data="$work/few.h5" --test="$work/others.h5" --run-dir="$dir" --batch=64 --threads=1 $from --steps=60 --test-every=5 --lr=0.2 \
        --checkpoint-every=1000 "$@" >"$dir.out" 2>&1 &
    job=$!
}
alone "$work/whole"
wait $job || die "$(tail -5 "$work/whole.out")"
alone "$work/stop" --time-limit=0.01
wait $job
status=$?
[ $status = 75 ] || die "no time left: exit status $status: $(tail -5 "$work/stop.out")"
alone "$work/stop"
until grep -q "^2	" "$work/stop/metrics.tsv" 2>/dev/null || ! kill -0 $job 2>/dev/null; do :; done
kill -USR1 $job
wait $job
status=$?
[ $status = 75 ] || die "a signal: exit status $status: $(tail -5 "$work/stop.out")"
grep -q 'stopped after step [0-9]* of 60 (SIGUSR1' "$work/stop.out" || die "a signal: $(tail -5 "$work/stop.out")"
"$simclr" finetune --run-dir="$work/stop" --threads=1 >"$work/stop.out" 2>&1 || die "--run-dir alone: $(tail -5 "$work/stop.out")"
model "$work/whole" 60 >"$work/whole.sums"
model "$work/stop" 60 | cmp - "$work/whole.sums" || die "after a stop it is another run"
rows "$work/whole" >"$work/whole.rows"
rows "$work/stop" | cmp - "$work/whole.rows" || die "after a stop it has other metrics"
alone "$work/kill" --checkpoint-every=7
until grep -q "^10	" "$work/kill/metrics.tsv" 2>/dev/null || ! kill -0 $job 2>/dev/null; do :; done
kill -KILL $job
wait $job
alone "$work/kill"
wait $job || die "after a kill: $(tail -5 "$work/kill.out")"
grep -q 'going on from .*step-000000*[1-9]' "$work/kill.out" || die "it was not killed in the middle: $(head -5 "$work/kill.out")"
model "$work/kill" 60 | cmp - "$work/whole.sums" || die "after a kill it is another run"
rows "$work/kill" | cmp - "$work/whole.rows" || die "after a kill it has other metrics"
cp -r "$work/run" "$work/copy"
tune 2 "$work/stop" --checkpoint="$work/copy" --steps=60 --test-every=5 --lr=0.2 && die "another --checkpoint was taken for the same run"
grep -q 'checkpoint: .*/run -> .*/copy' "$work/stop.out" || die "another --checkpoint: $(cat "$work/stop.out")"
pretrain 1 "$work/stop" --steps=4 && die "pretrain went on with a run of finetune"
tune 1 "$work/run" $from --steps=4 && die "finetune went on with a run of pretrain"
grep -q 'belongs to another run' "$work/run.out" || die "a run of pretrain: $(tail -3 "$work/run.out")"

# Ranks: the same first loss, before any update; another subset for each seed, the same for the same one.
for n in 1 3; do
    tune $n "$work/r$n" $from --steps=1 --labels=50% --batch=32 || die "$(tail -5 "$work/r$n.out")"
done
first() {
    awk -F'\t' '!/^#/ { print $3; exit }' "$1/metrics.tsv"
}
awk -v a="$(first "$work/r1")" -v b="$(first "$work/r3")" 'BEGIN { d = a - b; if (d < 0) d = -d; exit !(a > 0 && d <= 1e-5 * a) }' || die "1 and 3 ranks: $(first "$work/r1") and $(first "$work/r3")"

# Frozen parts keep weights and running statistics; what is above moves.
for parts in stem 2 4; do
    tune 2 "$work/f$parts" $from --steps=3 --freeze-up-to=$parts --lr=0.2 || die "$parts: $(tail -5 "$work/f$parts.out")"
    for name in 'conv1\|/bn1' layer1 layer2 layer3 layer4; do
        "$simclr" info --all "$work/run/checkpoints/step-00000004.h5" | grep "/model/encoder/\($name\)" >"$work/before"
        "$simclr" info --all "$work/f$parts/checkpoints/step-00000003.h5" | grep "/model/encoder/\($name\)" >"$work/after"
        grep -v num_batches "$work/before" >"$work/before.sums"
        grep -v num_batches "$work/after" >"$work/after.sums"
        case $parts/$name in
        stem/conv1* | 2/conv1* | 2/layer[12] | 4/*) cmp "$work/before.sums" "$work/after.sums" || die "--freeze-up-to=$parts: $name moved" ;;
        *) cmp -s "$work/before.sums" "$work/after.sums" && die "--freeze-up-to=$parts: $name did not move" ;;
        esac
    done
done

# Its checkpoints are taken by what takes pretrain's, and its result is the classifier's whole network.
timeout 100 "$simclr" probe --checkpoint="$work/a" --train="$work/few.h5" --test="$work/others.h5" --threads=2 --method=knn >"$work/out" 2>&1 || die "probe: $(tail -3 "$work/out")"
tune 2 "$work/again" --checkpoint="$work/a" --steps=1 || die "from a fine-tuned network: $(tail -5 "$work/again.out")"

# From a layer of the projection head, and the supervised baseline.
tune 2 "$work/head" $from --from=head1 --steps=3 || die "$(tail -5 "$work/head.out")"
"$simclr" info --all "$work/head/checkpoints/step-00000003.h5" | grep '/model/head/0.weight' >"$work/out" || die "no head layer was kept"
timeout 100 "$simclr" embed --checkpoint="$work/head" --data="$work/few.h5" --output="$work/head.h5" --threads=2 >"$work/out" 2>&1 || die "embed: $(tail -3 "$work/out")"
tune 2 "$work/random" --init=random --arch=resnet18 --width=1/16 --stem=cifar --image-size=28 --steps=3 --labels=5/class &&
    die "a batch of 64 from 50 images"
grep -q -- 'more than the 50 images that --labels=5/class leaves.*try --batch=8' "$work/random.out" || die "$(cat "$work/random.out")"
tune 2 "$work/random" --init=random --arch=resnet18 --width=1/16 --stem=cifar --image-size=28 --steps=3 --labels=10/class --batch=32 || die "$(tail -5 "$work/random.out")"
tail -1 "$work/random.out" | grep -q ' labels=100 init=random ' || die "$(tail -1 "$work/random.out")"

# One clear error each; nothing is written.
refuses() { # PATTERN OPTIONS...
    pattern=$1
    shift
    tune 2 "$work/no" "$@" && die "$*: was taken"
    [ "$(grep -c '^simclr: ' "$work/no.out")" = 1 ] || die "$*: not one sentence: $(cat "$work/no.out")"
    grep '^simclr: ' "$work/no.out" | grep -q -- "$pattern" || die "$*: does not say '$pattern': $(cat "$work/no.out")"
    [ ! -e "$work/no/config" ] || die "$*: wrote a config"
}
refuses 'another architecture' $from --width=1/8 --steps=1
refuses 'no layer so far up' $from --from=head2 --steps=1
refuses 'contradict each other' $from --init=random --steps=1
refuses 'checkpoint=FILE|RUN_DIR is missing' --steps=1
refuses 'No such file' --checkpoint="$work/nowhere" --steps=1
refuses 'neither frozen' --init=random --freeze-up-to=2 --steps=1
refuses 'there is no such file' $from --labels=few --steps=1
refuses "class '.*' of .* has" $from --labels=200/class --steps=1
printf 't10k-images-idx3-ubyte[0]\nno-such-image\n' >"$work/list"
refuses "'no-such-image' is none of the dataset's images" $from --labels="$work/list" --steps=1
names() { # LABEL COUNT: names of so many images of a class
    { gzip -dc <$mnist/t10k-labels-idx1-ubyte.gz || :; } | tail -c +9 | head -c 256 | od -An -v -tu1 -w1 | awk -v of="$1" -v most="$2" '$1 == of && n++ < most { print "t10k-images-idx3-ubyte[" NR - 1 "]" }'
}
names 3 9 >"$work/list"
refuses 'are of one class' $from --labels="$work/list" --steps=1
{ names 3 2 && names 4 3; } >"$work/list"
refuses 'names 5 images, fewer than the 10 classes' $from --labels="$work/list" --steps=1
for class in 0 1 2 3 4 5 6 7 8 9; do
    names $class 8
done >"$work/list"
tune 2 "$work/listed" $from --labels="$work/list" --steps=2 || die "a list: $(tail -5 "$work/listed.out")"
tail -1 "$work/listed.out" | grep -q ' labels=80 ' || die "$(tail -1 "$work/listed.out")"
for class in 0 1 2 3 4 5 6 7 8 9; do
    names $class 9 | tail -8
done >"$work/list"
tune 2 "$work/listed" $from --labels="$work/list" --steps=4 --allow-change=steps && die "another list of the same name was taken"
grep -q 'belongs to another run.*data: 80 images' "$work/listed.out" || die "another list: $(tail -3 "$work/listed.out")"
refuses 'the test images are the training images' $from --test="$work/few.h5" --steps=1
"$simclr" pack --labels=none --split=test "$work/few" "$work/unlabelled.h5" >"$work/err" 2>&1 || die "$(cat "$work/err")"
refuses 'has no labels' $from --data="$work/unlabelled.h5" --steps=1
head -c 20000 "$work/run/checkpoints/step-00000004.h5" >"$work/cut.h5"
refuses 'cut.h5' --checkpoint="$work/cut.h5" --steps=1
