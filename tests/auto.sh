#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The first hour: --preset=auto chooses, says why and keeps its choice; --budget chooses the length; a verdict ends run and probe; pack
# --test-share parts a folder by class; neighbours draws. On a tiny network.
. "${top_srcdir:-.}/tests/lib.sh"
few "$work/few"
few "$work/others" 256
data=$work/few.h5

# auto RANKS DIR OPTIONS...
auto() {
    ranks=$1 dir=$2
    shift 2
    timeout 300 "$mpirun" "$ranks" "$simclr" pretrain --run-dir="$dir" --threads=1 "$@" >"$dir.out" 2>&1
}
config() { # DIR NAME
    sed -n "s/^$2 = //p" "$1/config"
}
auto 1 "$work/one" --data="$data" --width=1/16 --steps=6 || die "$(tail -5 "$work/one.out")"
[ "$(config "$work/one" batch)" = 64 ] && [ "$(config "$work/one" optimizer)" = adamw ] && [ "$(config "$work/one" stem)" = cifar ] &&
    [ "$(config "$work/one" image-size)" = 28 ] && [ "$(config "$work/one" preset)" = auto ] || die "choices: $(cat "$work/one/config")"
[ "$(config "$work/one" width)" = 1/16 ] || die "an option that was given was chosen anew"
grep -q '^  --batch=64 .*4 steps an epoch' "$work/one.out" || die "the choice has no reason: $(cat "$work/one.out")"
grep -q '^verdict: ' "$work/one.out" || die "no verdict: $(tail -5 "$work/one.out")"

# Ranks change nothing; a resume takes the run's settings and chooses nothing, nor does the dataset matter any more.
auto 2 "$work/two" --data="$data" --width=1/16 --steps=6 || die "$(tail -5 "$work/two.out")"
for name in one two; do grep -v '^#\|^run-dir' "$work/$name/config" >"$work/$name.config"; done
cmp "$work/one.config" "$work/two.config" || die "another number of ranks, other settings"
auto 1 "$work/one" || die "$(tail -5 "$work/one.out")"
grep -q '^auto:' "$work/one.out" && die "a resume chose anew: $(cat "$work/one.out")"
cp "$work/one/config" "$work/before"
auto 1 "$work/one" --data="$data" --width=1/16 --steps=6 || die "the same command: $(tail -5 "$work/one.out")"
cmp "$work/before" "$work/one/config" || die "the same command changed config"

# A budget becomes a number of epochs, which stays.
auto 2 "$work/timed" --data="$data" --width=1/16 --budget=3s || die "$(tail -5 "$work/timed.out")"
epochs=$(config "$work/timed" epochs)
grep -q "epochs fit into --budget=3s" "$work/timed.out" && awk -v e="$epochs" 'BEGIN { exit !(e > 0) }' || die "budget: epochs=$epochs $(cat "$work/timed.out")"
auto 2 "$work/timed" --data="$data" --width=1/16 --budget=3s || die "$(tail -5 "$work/timed.out")"
[ "$(config "$work/timed" epochs)" = "$epochs" ] || die "a resume measured anew"

# What cannot work is said before the start; errors propose values.
auto 1 "$work/lars" --data="$data" --width=1/16 --steps=6 --optimizer=lars || die "$(tail -5 "$work/lars.out")"
grep -q 'too little to learn; .*--optimizer=adamw' "$work/lars.out" || die "LARS for six steps: $(cat "$work/lars.out")"
auto 1 "$work/large" --data="$data" --width=1/16 --batch=512 && die "a batch larger than the dataset"
grep -q 'more than the 256 images .*try --batch=64' "$work/large.out" || die "$(cat "$work/large.out")"
auto 1 "$work/odd" --data="$data" --budget=soon && die "--budget=soon"
grep -q 'budget=soon: must be a time' "$work/odd.out" || die "$(cat "$work/odd.out")"
auto 1 "$work/odd" --data="$data" --preset=imagenet --budget=20m && die "a budget beside another preset"
grep -q 'budget.*no effect' "$work/odd.out" || die "$(cat "$work/odd.out")"

# probe: kNN by lists, a line each.
timeout 100 "$simclr" probe --checkpoint="$work/one" --train="$data" --test="$work/others.h5" --threads=2 --method=knn --k=1,5 --temperature=0.07,0.1 \
    >"$work/out" 2>&1 && [ "$(sed -n 's/^probe .* k=\([0-9]*\) temperature=\([0-9.]*\) .*/\1 \2/p' "$work/out" | tr '\n' ',')" = "1 0.07,1 0.1,5 0.07,5 0.1," ] ||
    die "kNN by lists: $(tail -5 "$work/out")"
[ "$(grep -c "knn.*nearest training images.*cosine / 0.07" "$work/one/probe.tsv")" = 2 ] || die "probe.tsv: $(cat "$work/one/probe.tsv")"
"$simclr" probe --checkpoint="$work/one" --train="$data" --test="$work/others.h5" --method=knn --k=1.5 >"$work/out" 2>&1 && die "--k=1.5"
# probe: k follows the smallest class, and a sentence says what the numbers mean.
timeout 100 "$simclr" probe --checkpoint="$work/one" --train="$data" --test="$work/others.h5" --threads=2 >"$work/out" 2>&1 || die "probe: $(tail -3 "$work/out")"
smallest=$("$simclr" info "$data" | sed -n 's/^  [a-zA-Z0-9 -]* \([0-9]*\) images$/\1/p' | sort -n | head -1)
grep -q "^knn: the $smallest nearest" "$work/out" || die "smallest class $smallest: $(cat "$work/out")"
[ "$(grep -c '^verdict: pretraining has ' "$work/out")" = 2 ] || die "verdicts: $(cat "$work/out")"
tail -1 "$work/out" | grep -q '^probe features=h method=knn ' || die "last line: $(tail -1 "$work/out")"

# L-BFGS, where it is built in: one line, with the strength that it chose; its options belong to it alone.
if "$simclr" probe --checkpoint="$work/one" --train="$data" --test="$work/others.h5" --threads=2 --method=linear-lbfgs --l2-strengths=3 >"$work/out" 2>&1; then
    tail -1 "$work/out" | grep -q '^probe features=h method=linear-lbfgs top1=.* l2=[0-9].* validation=[0-9]' || die "$(tail -1 "$work/out")"
else
    grep -q 'built without libLBFGS' "$work/out" || die "linear-lbfgs: $(tail -3 "$work/out")"
fi
"$simclr" probe --checkpoint="$work/one" --train="$data" --test="$work/others.h5" --method=knn --l2-most=3 >"$work/out" 2>&1 && die "--l2-most beside knn"
grep -q 'l2-most.*no effect' "$work/out" || die "$(cat "$work/out")"

# A transformation predicted from features (Table 3): the same classes on two ranks; the run's own figures stay those of its classes.
cp "$work/one/confusion.tsv" "$work/confusion"
asked=$("$simclr" info "$work" | grep "/one " | tr -s ' ')
for ranks in 1 2; do
    timeout 100 sh "$mpirun" $ranks "$simclr" probe --checkpoint="$work/one" --train="$data" --test="$work/others.h5" --threads=1 --predict=rotate --method=mlp,knn \
        --features=z >"$work/rotate.$ranks" 2>&1 || die "--predict=rotate on $ranks ranks: $(tail -3 "$work/rotate.$ranks")"
    sed -n 's/^probe features=z method=\([^ ]*\) .* train=.* chance=\([^ ]*\) .*/\1 \2/p' "$work/rotate.$ranks" >"$work/lines.$ranks"
done
[ "$(cut -d' ' -f1 "$work/lines.1" | tr '\n' ' ')" = "rotate:knn rotate:mlp " ] && cmp -s "$work/lines.1" "$work/lines.2" ||
    die "--predict=rotate: $(cat "$work/rotate.1" "$work/rotate.2")"
grep -q '^predict: rotate: 0 (25 %), 90 (25 %), 180 (25 %), 270 (25 %); the most frequent class has' "$work/rotate.1" &&
    grep -q '^views: --augment=.*, without rotate, then the transformation' "$work/rotate.1" || die "the transformation: $(cat "$work/rotate.1")"
cmp -s "$work/confusion" "$work/one/confusion.tsv" || die "confusion.tsv is of a transformation"
[ "$("$simclr" info "$work" | grep "/one " | tr -s ' ')" = "$asked" ] || die "info shows a transformation's accuracy: $("$simclr" info "$work")"
for wrong in sepia gray; do
    "$simclr" probe --checkpoint="$work/one" --train="$data" --test="$work/others.h5" --predict=$wrong >"$work/out" 2>&1 && die "--predict=$wrong"
done
grep -q 'predict=gray: the network learned from gray images' "$work/out" || die "--predict=gray of gray images: $(cat "$work/out")"

# Nearest neighbours from a checkpoint and from features are the same picture.
timeout 100 "$simclr" embed --checkpoint="$work/one" --data="$data" --output="$work/h.h5" --threads=2 >"$work/out" 2>&1 || die "embed: $(tail -3 "$work/out")"
timeout 100 "$simclr" neighbours --checkpoint="$work/one" --data="$data" --queries=5 --k=3 "$work/a.png" >"$work/out" 2>&1 || die "neighbours: $(tail -3 "$work/out")"
tail -1 "$work/out" | grep -q '^neighbours queries=5 k=3 images=256 same_class=' || die "$(tail -1 "$work/out")"
timeout 100 "$simclr" neighbours --embedded="$work/h.h5" --data="$data" --queries=5 --k=3 "$work/b.png" >"$work/out" 2>&1 || die "neighbours: $(tail -3 "$work/out")"
cmp "$work/a.png" "$work/b.png" || die "features and checkpoint give other neighbours"
"$simclr" neighbours --embedded="$work/h.h5" --data="$work/data.h5" "$work/c.png" >"$work/out" 2>&1 && die "features of other images were taken"
grep -q 'a row for each of the 10000 images' "$work/out" || die "$(cat "$work/out")"

# --test-share: by class, the same for the same seed, nothing twice and nothing lost.
"$simclr" pack --split=test --test-share=0.25 "$work/few" "$work/p.h5" >"$work/out" 2>&1 || die "$(cat "$work/out")"
tail -1 "$work/out" | grep -q 'test=.*/p-test.h5' || die "$(tail -1 "$work/out")"
train=$(value() { tail -1 "$work/out" | tr ' ' '\n' | sed -n "s/^$1=//p"; }; value images)
test=$("$simclr" info "$work/p-test.h5" | sed -n 's/^images: \([0-9]*\),.*/\1/p')
[ $((train + test)) = 256 ] && [ "$test" -ge 54 ] && [ "$test" -le 74 ] || die "256 images became $train and $test"
"$simclr" info "$work/p.h5" "$work/p-test.h5" | tail -1 | grep -q 'common=0,0' || die "an image is in both"
"$simclr" pack --split=test --test-share=0.25 --seed=2 "$work/few" "$work/q.h5" >"$work/out" 2>&1 || die "$(cat "$work/out")"
"$simclr" info "$work/p-test.h5" "$work/q-test.h5" | tail -1 | grep -q 'same=no' || die "another seed chose the same images"
"$simclr" pack --split=test --test-share=0.25 "$work/few" "$work/r.h5" >"$work/out" 2>&1 || die "$(cat "$work/out")"
"$simclr" info "$work/p-test.h5" "$work/r-test.h5" | tail -1 | grep -q 'same=yes' || die "the same seed chose other images"
