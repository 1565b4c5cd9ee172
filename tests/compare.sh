#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# probe's predictions, confusion matrix and control, and the comparison of two probes: the tables agree with the numbers that are printed,
# ranks change nothing, and what does not go together is refused.
. "${top_srcdir:-.}/tests/lib.sh"
cd "$work" || exit 1
few train
few test 256
pretrain 1 a --steps=4 || die "$(cat a.out)"
pretrain 1 b --steps=1 --seed=2 || die "$(cat b.out)"
# probe RANKS RUN OPTIONS...
probe() {
    ranks=$1 run=$2
    shift 2
    timeout 200 "$mpirun" "$ranks" "$simclr" probe --checkpoint="$run" --train=train.h5 --test=test.h5 --threads=1 "$@" >out 2>err || die "probe $*: $(cat out err)"
}
# value METHOD KEY
value() {
    sed -n "s/^probe .*method=$1 .* $2=\([^ ]*\).*/\1/p;s/^probe .*method=$1 $2=\([^ ]*\).*/\1/p" out
}
probe 1 a --predictions=a.tsv
top1=$(value linear-sgd top1) mean=$(value linear-sgd mean_class) range=$(value linear-sgd ci95) knn=$(value knn top1)
awk -F '\t' -v linear="$top1" -v knn="$knn" -v mean="$mean" '
    function off(x, y) { return x - y > 0.00501 || y - x > 0.00501 }
    NR == 1 { bad = $0 != "#image\tname\tclass\tlinear-sgd\tknn"; next }
    { n++; all[$3]++; a += $3 == $4; b += $3 == $5; right[$3] += $3 == $4; bad = bad || $1 != n - 1 || NF != 5 }
    END { for (c in all) { sum += 100 * right[c] / all[c]; classes++ }; exit bad || n != 256 || off(100 * a / n, linear) || off(100 * b / n, knn) || off(sum / classes, mean) }' a.tsv ||
    die "predictions are not what was printed: $top1 $knn $mean: $(head -3 a.tsv)"
echo "$range $top1" | tr -- '- ' '  ' | awk '{ exit !($1 < $3 && $3 < $2 && $2 - $1 < 13) }' || die "interval $range of $top1"
awk -F '\t' 'NR == 1 { columns = NF; bad = $1 != "# class"; next }
    { for (i = 2; i <= NF; i++) sum += $i; right += $(NR); bad = bad || NF != columns }
    END { exit bad || sum != 256 || NR != columns || sprintf("%.2f", 100 * right / sum) != "'"$top1"'" }' a/confusion.tsv || die "confusion, top1=$top1: $(cat a/confusion.tsv)"
grep -q "^weights: checksum [0-9a-f]*, compared after the evaluation" out || die "$(cat out)"
cp out before
probe 3 a --predictions=a3.tsv
# Sums are in another order on three ranks: an image may change sides where two scores are equal but for rounding.
[ "$(diff a.tsv a3.tsv | grep -c '^<')" -le 5 ] || die "predictions on 3 ranks: $(diff a.tsv a3.tsv)"
"$simclr" probe --checkpoint=a --train=train.h5 --test=test.h5 --predictions=a.tsv >out 2>&1 && die "predictions replace a file"
grep -q -- "--force" out || die "a file that is there: $(cat out)"

probe 1 b --predictions=b.tsv --method=linear-sgd
cp a/probe.tsv rows && cp a/confusion.tsv confusion
probe 1 a --shuffle-labels --method=linear-sgd
grep -q "about chance (10.00 %)" out && grep -q '^verdict' out && die "a control has a verdict: $(cat out)"
# Chance is 10 %: of 256 images 51 or fewer are right but in one of 10^6 draws of labels.
value linear-sgd top1 | awk '{ exit !($1 <= 20) }' || die "shuffled labels: $(cat out)"
tail -n 1 a/probe.tsv | grep -q "a control: labels shuffled" && cmp confusion a/confusion.tsv || die "the control is not said: $(tail -1 a/probe.tsv)"

"$simclr" compare a.tsv b.tsv >out 2>err || die "compare: $(cat out err)"
tail -n 1 out | grep -q "^compare images=256 top1=$top1,.* methods=linear-sgd,linear-sgd$" || die "compare: $(cat out)"
only=$(paste a.tsv b.tsv | awk -F '\t' 'NR > 1 { a += $3 == $4 && $8 != $9; b += $3 != $4 && $8 == $9 } END { print "only_first=" a + 0 " only_second=" b + 0 }')
tail -n 1 out | grep -q " $only p=" || die "not $only: $(tail -1 out)"
"$simclr" compare a.tsv a.tsv --method=knn | tail -n 1 | grep -q " only_first=0 only_second=0 p=1 p_mean_class=1 .* methods=knn,knn$" || die "a file and itself"

# Several methods in one probe.
probe 1 b --method=knn,linear-paper --k=5 --predictions=both.tsv
[ "$(sed -n 's/^probe .* method=\([a-z-]*\) .*/\1/p' out | tr '\n' ' ')" = "knn linear-paper " ] && head -n 1 both.tsv | grep -q "class.knn.linear-paper$" || die "two methods: $(cat out)"
"$simclr" probe --checkpoint=b --train=train.h5 --test=test.h5 --method=knn,lda >out 2>&1 && die "--method=knn,lda"
grep -q -- "--method=knn,lda: must be linear-sgd, knn, " out || die "$(cat out)"
"$simclr" probe --checkpoint=b --train=train.h5 --test=test.h5 --method=knn,linear-paper --l2-most=3 >out 2>&1 && die "an option without effect"
grep -q -- "--l2-most has no effect here: it needs --method=linear-lbfgs" out || die "$(cat out)"

# refused WORDS FILES...
refused() {
    said=$1
    shift
    "$simclr" compare "$@" >out 2>&1 && die "compare $* was taken"
    [ "$(grep -c '^simclr: ' out)" = 1 ] && grep -q -- "$said" out || die "compare $*: $(cat out)"
}
head -n 200 a.tsv >short.tsv
sed 's/^17\t[^\t]*/17\tother/' a.tsv >other.tsv
sed '9s/\t[^\t]*$//' a.tsv >torn.tsv
: >empty.tsv
head -n 1 a.tsv >none.tsv
refused "has 256 test images and short.tsv has 199" a.tsv short.tsv
refused "image 17 is .* predictions of the same images" a.tsv other.tsv
refused "torn.tsv:9: has not the 5 columns" a.tsv torn.tsv
refused "empty.tsv: is no file of predictions" empty.tsv a.tsv
refused "none.tsv: has no test images" a.tsv none.tsv
refused "is no file of predictions" a.tsv a/metrics.tsv
refused "nowhere.tsv: cannot be read: No such file" a.tsv nowhere.tsv
refused "--method=knn: b.tsv has no such predictions, but those of linear-sgd" a.tsv b.tsv --method=knn
