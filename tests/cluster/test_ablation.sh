#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# An ablation as an array of twelve settings, three of them interrupted and a node lost on the way; its results side by side and as a page; a
# probe as a job of its own.
. "$(dirname "$0")/lib.sh"
steps=80
cat >"$work/table.tsv" <<'END'
# name	options
t0.1	--temperature=0.1
t0.5	--temperature=0.5

linear-head	--head=linear
no-head	--head=none
no-colour	--augment=crop:0.2-1,flip
local-bn	--bn=local
t1	--temperature=1
short	--head-dim=32
no-norm	--l2norm=no --temperature=10
dcl	--loss=dcl
seed2	--seed=2
adamw	--optimizer=adamw --lr=0.0001
END
names="t0.1 t0.5 linear-head no-head no-colour local-bn t1 short no-norm dcl seed2 adamw"
elements=$(seq 12)

# part SPLIT COUNT DIR: the first COUNT images of a split of Fashion-MNIST (train, t10k), as IDX files in DIR
part() {
    mnist=/usr/share/datasets/fashion-mnist
    mkdir -p "$3"
    bytes=$(printf '\\0\\0\\%o\\%o' $(($2 / 256)) $(($2 % 256)))
    { printf "\\0\\0\\10\\3$bytes\\0\\0\\0\\34\\0\\0\\0\\34"; gzip -dc "$mnist/$1-images-idx3-ubyte.gz" | tail -c +17 | head -c $(($2 * 784)); } >"$3/$1-images-idx3-ubyte"
    { printf "\\0\\0\\10\\1$bytes"; gzip -dc "$mnist/$1-labels-idx1-ubyte.gz" | tail -c +9 | head -c "$2"; } >"$3/$1-labels-idx1-ubyte"
    "$SIMCLR" pack --split="$(echo "$1" | sed 's/t10k/test/')" "$3" "$3.h5" 2>&1 || die "pack: $3"
}
state_of() { # ELEMENT
    of "$1" JobState
}
of() { # ELEMENT KEY
    on ctl scontrol -o show job "${array}_$1" | tr ' ' '\n' | sed -n "s/^$2=//p" | tail -n 1
}
all_over() {
    for element in $elements; do
        case $(state_of $element) in COMPLETED | FAILED | CANCELLED | TIMEOUT | NODE_FAIL) ;; *) return 1 ;; esac
    done
}
steps_in() { # NAME STEP: whether the run NAME got there
    run=$work/ablation/$1
    reached "$2"
}
# The node of one of the elements 7 to 11, in its midst, goes with all that runs there; once the element is back in the queue, it returns.
lose_node() {
    for element in 7 8 9 10 11; do
        [ "$(state_of $element)" = RUNNING ] && steps_in "$(echo "$names" | cut -d' ' -f$element)" 6 || continue
        hit=$element lost=$(of $element NodeList)
        for other in $elements; do
            [ "$(of "$other" NodeList)" != "$lost" ] || others="$others $other"
        done
        cluster down "$lost"
        return
    done
}
# Elements 2 and 12 are told to stop and element 5 put back into the queue, each in its midst, whichever comes first. (Element 12's job has
# the number of the whole array.) scancel tells an element of an array again once it runs again: so it may put itself back more than once.
interrupted() {
    [ -n "$told" ] || ! steps_in t0.5 6 || { on ctl scancel --batch --signal=TERM "$(of 2 JobId)" && told=yes || die "element 2 cannot be signalled"; }
    [ -n "$put_back" ] || ! steps_in no-colour 6 || { on ctl scontrol requeue "$(of 5 JobId)" && put_back=yes || die "element 5 cannot be requeued"; }
    [ -n "$told_last" ] || ! steps_in adamw 6 || { on ctl scancel --batch --signal=TERM "${array}_12" && told_last=yes || die "element 12 cannot be signalled"; }
    if [ -z "$lost" ]; then
        lose_node
    elif [ -z "$back" ] && [ "$(of "$hit" Restarts)" -gt 0 ]; then
        cluster up "$lost" && back=yes
    fi
    [ -n "$told" ] && [ -n "$put_back" ] && [ -n "$told_last" ] && [ -n "$back" ]
}

array() {
    part train 600 "$work/small-train" >/dev/null && part t10k 300 "$work/small-test" >/dev/null || die "the small datasets could not be packed"
    export TABLE="$work/table.tsv" RUNS="$work/ablation" DATA="$work/small-train.h5" TEST="$work/small-test.h5" NODES=1 RANKS_PER_NODE=2
    export COMMON="--preset=fashion-mnist --width=1/16 --batch=64 --steps=$steps --warmup-epochs=0.3 --threads=1 --checkpoint-every=10"
    answer=$(EXTRA_SBATCH="--output=$work/ablation-%a.out" on ctl sh "$work/jobs/submit.sh" "$work/jobs/ablation.sh" 2>&1) || die "sbatch: $answer"
    array=${answer##* }
    told='' put_back='' told_last='' lost='' hit='' back='' others=''
    wait_for 240 interrupted || die "six steps: element 2 '$told', 5 '$put_back', 12 '$told_last', of $hit on $lost '$back': $(tail -n 3 "$work"/ablation-[25].out)"
    wait_for 400 all_over || die "elements: $(for e in $elements; do state_of $e; done)"
    for element in $elements; do
        [ "$(state_of $element)" = COMPLETED ] || die "element $element: $(state_of $element): $(tail -n 5 "$work/ablation-$element.out")"
    done
    for name in $names; do
        [ "$(steps_of "$work/ablation/$name")" = "$(seq -s ' ' $steps) " ] || die "$name has the steps $(steps_of "$work/ablation/$name")"
    done
    [ -s "$work/ablation/t0.5/restarts" ] || die "element 2 did not put itself back: $(tail -n 5 "$work/ablation-2.out")"
    [ -s "$work/ablation/adamw/restarts" ] || die "element 12 did not put itself back: $(tail -n 5 "$work/ablation-12.out")"
    for element in 1 3 4 6; do # these may have been on the lost node too
        case " $others " in *" $element "*) continue ;; esac
        [ "$(of $element Restarts)" = 0 ] || die "element $element was put back, and nobody had interrupted it"
    done
    [ "$(of "$hit" Restarts)" -gt 0 ] || die "element $hit was on $lost, and was not put back"
    grep -q '^temperature = 0.5' "$work/ablation/t0.5/config" && grep -q '^optimizer = adamw' "$work/ablation/adamw/config" || die "the table's settings are not the runs'"
}

# top1 METHOD FILE
top1() {
    grep "^probe .*method=$1 " "$2" | tr ' ' '\n' | sed -n 's/^top1=//p'
}
collected() {
    sh "$work/jobs/collect.sh" "$work/ablation" >"$work/results" || die "collect.sh failed"
    [ "$(wc -l <"$work/results")" = 13 ] || die "$(cat "$work/results")"
    for name in $names; do
        loss=$(tail -n 1 "$work/ablation/$name/metrics.tsv" | cut -f3)
        wanted=$(printf '%s\t%s\t%s\t%s\t%s' "$name" $steps "$loss" "$(top1 linear-sgd "$work/ablation/$name/probe.out")" "$(top1 knn "$work/ablation/$name/probe.out")")
        grep -qxF "$wanted" "$work/results" || die "not in the results: $wanted: $(cat "$work/results")"
    done
    awk -F'\t' 'NR > 1 && !($3 > 0 && $3 < 20 && $4 > 20 && $4 <= 100 && $5 > 20 && $5 <= 100) { print "no real numbers:", $0; bad = 1 } END { exit bad }' "$work/results" ||
        die "in the results"
    [ "$(tail -n +2 "$work/results" | cut -f3 | sort -u | wc -l)" = 12 ] || die "two settings have the same loss: $(cat "$work/results")"
}

page() {
    "$SIMCLR" report "$work/table.tsv" --runs="$work/ablation" --output="$work/page.html" >"$work/page.out" 2>&1 || die "report: $(cat "$work/page.out")"
    grep -q '^report runs=12 done=12 running=0 died=0 ' "$work/page.out" || die "report: $(cat "$work/page.out")"
    [ "$(tail -n +2 "$work/page-runs.tsv" | cut -f1 | tr '\n' ' ')" = "$names " ] || die "rows of the report: $(cut -f1 "$work/page-runs.tsv")"
}

# The same numbers as of the same command without Slurm.
probe() {
    rundir=$work/ablation/t0.1
    answer=$(RUN_DIR="$rundir" TRAIN="$work/small-train.h5" TEST="$work/small-test.h5" NODES=2 RANKS_PER_NODE=2 EXTRA_SBATCH="--output=$work/probe.out" \
        on ctl sh "$work/jobs/submit.sh" "$work/jobs/probe.sh" --threads=1 2>&1) || die "sbatch: $answer"
    job=${answer##* }
    wait_for 90 over || die "job $job is $(value JobState): $(tail -n 3 "$work/probe.out")"
    in_state COMPLETED || die "job $job ended as $state: $(tail -n 5 "$work/probe.out")"
    for method in linear-sgd knn; do
        [ -n "$(top1 $method "$work/probe.out")" ] || die "no line for $method: $(cat "$work/probe.out")"
        [ "$(top1 $method "$work/probe.out")" = "$(top1 $method "$rundir/probe.out")" ] || die "$method: $(top1 $method "$work/probe.out") on four ranks and $(top1 $method "$rundir/probe.out") on two"
    done
    no_ranks || die "ranks are left: $(ranks)"
}

scenario ablation-array array
scenario ablation-collected collected
scenario ablation-page page
scenario probe-job probe
