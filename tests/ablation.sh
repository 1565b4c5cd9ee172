#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# jobs/ablation.sh: rows are checked before the first starts and are never executed; scales; what is finished is not run again; a row that
# fails does not stop the others; z beside h; a table of finetune; every table of jobs/tables.
. "${top_srcdir:-.}/tests/lib.sh"
cd "$work" || exit 1
export SIMCLR="$simclr" NODES=1 RANKS_PER_NODE=1 DATA="$work/few.h5" TEST="$work/others.h5"
unset SLURM_JOB_ID SLURM_RESTART_COUNT SLURM_ARRAY_TASK_ID TABLE RUNS COMMON SCALE CHECKPOINT
few "$work/few"
few "$work/others" 256
common="--preset=fashion-mnist --width=1/16 --batch=64 --warmup-epochs=0.02 --threads=1"
ablation() {
    timeout 900 sh "$top/jobs/ablation.sh" "$@" >out 2>&1
}

# refused ROW REASON: as the third row of a table nothing of which may start
refused() {
    printf 'a --temperature=0.1\nb --head=linear\n%s\nd --lr=1\n' "$1" >table
    RUNS=none COMMON=$common ablation table && die "a row '$1' is taken"
    grep -qF "row 3" out && grep -qF -- "$2" out || die "a row '$1': $(cat out)"
    [ ! -e none ] && [ -z "$(find . -name 'ran*')" ] || die "a row '$1': something was started: $(ls)"
}
refused 'c --temperatur=1' "there is no option 'temperatur'; did you mean 'temperature'?"
refused 'c --temperature=hot' 'must be a number'
refused 'c --augment=crop,colr' "there is no operator 'colr'; did you mean 'color'?"
refused 'c --head=none --head-dim=64' '--head-dim has no effect here'
refused 'c --temperature=$(touch${IFS}ran1)' 'must be a number'
refused 'c --temperature=`touch${IFS}ran2`;touch${IFS}ran2' 'must be a number'
refused 'c $(touch ran3)' "(c): '\$(touch' is no option"
refused 'c | touch ran4' "(c): '|' is no option"
refused '$(touch${IFS}ran5) --lr=1' 'cannot be the name'
refused 'c;touch --lr=1' 'cannot be the name'
refused 'c --init=*' '*: '
printf 'a --lr=1\n' >table
DATA=nowhere.h5 RUNS=none ablation table && die "a missing dataset is taken"
grep -q "row 1 (a): nowhere.h5: cannot be read" out && [ ! -e none ] || die "a missing dataset: $(cat out)"
TEST=nowhere.h5 RUNS=none ablation table && die "a missing dataset of the probe is taken"
grep -q "nowhere.h5 cannot be read" out && [ ! -e none ] || die "a missing dataset of the probe: $(cat out)"
TABLE=table sh "$top/jobs/submit.sh" "$top/jobs/ablation.sh" nowhere.tsv >out 2>&1 && die "a missing table is submitted"
grep -q "nowhere.tsv: cannot be read" out || die "a missing table: $(cat out)"
printf 'a --temperatur=1\n' >table
sh "$top/jobs/submit.sh" "$top/jobs/ablation.sh" table >out 2>&1 && die "a mistyped option is submitted"
grep -q "row 1 (a): .*there is no option 'temperatur'" out || die "a mistyped option, submitted: $(cat out)"

# Two scales in one file: words of one scale, rows of one; two evaluations.
cat >two.tsv <<END
# scale small $common
# scale small --steps=2
# scale paper --preset=imagenet
# probe --features=h --method=knn
# probe --features=z --method=knn
a	small:--temperature=0.3	paper:--temperature=0.1
big	only:paper	--head=linear
b	--head=linear
END
SCALE=large ablation two.tsv && die "a scale that the table has not is taken"
grep -q "has no scale 'large'; SCALE is one of: small paper" out || die "a scale that is not there: $(cat out)"
ablation two.tsv || die "two scales: $(tail -n 5 out)"
[ "$(ls runs/two)" = "$(printf 'a\nb')" ] && grep -q '^temperature = 0.3' runs/two/a/config && grep -q '^head = linear' runs/two/b/config ||
    die "the scale small: $(ls runs/two)"
[ "$(grep -c '^probe features=[hz] method=knn' runs/two/a/probe.out)" = 2 ] || die "h and z: $(cat runs/two/a/probe.out)"

# What is finished is left alone, what is not is not; a row whose run cannot be is the only one that is missing.
rm -r runs/two/b && cp runs/two/a/probe.out before
ablation two.tsv || die "once more: $(tail -n 5 out)"
grep -q '^runs/two/a: finished before' out && [ -s runs/two/b/probe.out ] && cmp before runs/two/a/probe.out || die "once more: $(cat out)"
rm -r runs/two/a/finished runs/two/b && mkdir runs/two/a/probe.part
ablation two.tsv && die "a row that failed is no failure"
grep -q 'row 1 (a) ended with status' out && [ -s runs/two/b/probe.out ] || die "a row that failed: $(cat out)"

printf '# command finetune\n# scale small --init=random --arch=resnet18 --width=1/16 --stem=cifar --image-size=28 --batch=64 --steps=2 --threads=1\na --labels=50%%\n' >tune.tsv
ablation tune.tsv || die "finetune: $(tail -n 5 out)"
grep -q '^finetune steps=2 .* labels=131 init=random' runs/tune/a/probe.out || die "finetune: $(cat runs/tune/a/probe.out)"
sed 's/50%/half/' tune.tsv >bad.tsv
ablation bad.tsv && die "labels of half are taken"
grep -q 'row 1 (a): ' out && [ ! -e runs/bad ] || die "finetune: $(cat out)"

# The tables of the paper are tables at both scales.
. "$top/jobs/table.sh"
jobs=$top/jobs
for table in "$top"/jobs/tables/*.tsv; do
    for scale in small paper; do
        check_table "$table" $scale >rows 2>out || die "$(cat out)"
        [ -z "$(settings "$table" $scale | grep -E 'small:|paper:|only:')" ] || die "$table: a word of a scale is left: $(settings "$table" $scale)"
    done
    [ -n "$(said "$table" title)" ] || die "$table: no title"
    said "$table" paper | while read -r row value rest; do
        settings "$table" | cut -d' ' -f1 | grep -qxF -- "$row" || die "$table: the paper's $value is of no row: $row"
    done || exit 1
done
echo "tables of settings are checked first, and their rows are words"
