#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# run.sh all [SCENARIO...]              every call of every kind is refused once, in a start of its own (of calls for memory, the first, the
#                                       middle and the last of each place in the program): make check-faults
# run.sh sample [SCENARIO...]           one call of each kind
# run.sh one SCENARIO KIND MODE N       one trial; what the program said is shown
# Tiny runs of the program under the layer of faults.c, on one rank and one thread: the N-th call of a kind is refused once, from then on,
# or done with its answer lost. A start that was struck ends with status 0 and the whole result, or with 1 or 75 and a sentence that
# names file and cause; what stands under a final name is whole; and the same command without faults then gives the same bits as a run
# that nobody disturbed, and leaves no temporary file. FAULT_EVERY=K: only every K-th call;
# FAULT_KINDS="read write": only these. FAULT_SILENT=yes: shows the trials that
# ended well without a word of what happened.
set -u
build=$(cd "${top_builddir:-.}" && pwd)
simclr=$build/simclr layer=$build/tests/faults/faults.so
mnist=/usr/share/datasets/fashion-mnist
[ -e "$layer" ] || { echo "skipped: faults.so could not be built here"; exit 77; }
[ -d $mnist ] || { echo "skipped: Fashion-MNIST is not installed (dataset-fashion-mnist)"; exit 77; }
# One rank alone needs no daemon and no network.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_ess_singleton_isolated=1 OMPI_MCA_btl=self OMPI_MCA_pml=ob1 OMPI_MCA_osc=^ucx
export OMP_NUM_THREADS=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
t=$work/t # what the faults may strike
sanitizer=$(ldd "$simclr" | sed -n 's/.*=> \(.*libasan[^ ]*\).*/\1/p')
preload=$layer${sanitizer:+:$sanitizer}
[ -z "$sanitizer" ] || export ASAN_OPTIONS=verify_asan_link_order=0:allocator_may_return_null=1:detect_leaks=0

# few FOLDER FIRST: IDX files of 16 images
few() {
    mkdir -p "$1"
    { printf '\0\0\10\3\0\0\0\20\0\0\0\34\0\0\0\34'; gzip -dc $mnist/t10k-images-idx3-ubyte.gz | tail -c +$((17 + $2 * 784)) | head -c 12544; } | gzip >"$1/t10k-images-idx3-ubyte.gz"
    { printf '\0\0\10\1\0\0\0\20'; gzip -dc $mnist/t10k-labels-idx1-ubyte.gz | tail -c +$((9 + $2)) | head -c 16; } >"$1/t10k-labels-idx1-ubyte"
}
# fresh SCENARIO: what the command finds in $t
fresh() {
    rm -rf "$t"
    mkdir "$t"
    case $1 in
    pack-idx) cp -r "$work/idx" "$t/source" ;;
    pack-*) cp -r "$work/tree" "$t/source" ;;
    *) cp "$work/train.h5" "$work/test.h5" "$work/options" "$t" ;;
    esac
    case $1 in
    resume | passover | embed | probe | info-run | report) cp -r "$work/half" "$t/run" ;;
    finetune) cp -r "$work/half" "$t/start" && cp "$work/tuning" "$t" ;;
    esac
    case $1 in
    stopped) mkdir "$t/run" && : >"$t/run/stop" ;;
    passover) cp "$work/half/checkpoints/step-00000001.h5" "$t/run/checkpoints/step-00000002.h5"
        printf x | dd of="$t/run/checkpoints/step-00000002.h5" bs=1 seek=20000 conv=notrunc 2>/dev/null ;;
    esac
}
# command SCENARIO [force]: the program with its arguments; again: where its output may be there already
command() {
    case $1 in
    pretrain | resume | passover | stopped) set -- pretrain --config="$t/options" ;;
    finetune) set -- finetune --config="$t/tuning" ;;
    pack-idx) set -- pack --split=test ${2:+--force} "$t/source" "$t/out.h5" ;;
    pack-tree) set -- pack --on-bad-image=skip ${2:+--force} "$t/source" "$t/out.h5" ;;
    pack-encoded) set -- pack --store=encoded --on-bad-image=skip ${2:+--force} "$t/source" "$t/out.h5" ;;
    views) set -- views --images=3 --image-size=16 --augment=crop,flip ${2:+--force} "$t/train.h5" "$t/out.png" ;;
    embed) set -- embed --checkpoint="$t/run" --data="$t/test.h5" --output="$t/out.h5" --threads=1 ${2:+--force} ;;
    probe) set -- probe --checkpoint="$t/run" --train="$t/train.h5" --test="$t/test.h5" --epochs=2 --threads=1 ;;
    info-data) set -- info --all "$t/train.h5" ;;
    info-run) set -- info "$t/run" ;;
    report) set -- report "$t/run" --output="$t/out.html" ${2:+--force} ;;
    esac
    timeout -k 10 120 env ${struck:+LD_PRELOAD="$preload" FAULT_UNDER="$t" FAULT_LOG="$work/log"} "$simclr" "$@" >"$work/out" 2>"$work/err"
}
# finish SCENARIO: without faults, again where it was stopped
finish() {
    struck= starts=0
    until command "$1" again; do
        status=$?
        starts=$((starts + 1))
        [ $status = 75 ] && [ $starts -lt 5 ] || return $status
    done
}
# result SCENARIO FOLDER: what the command made in $t, without times, goes there
result() {
    rm -rf "$2"
    mkdir "$2"
    case $1 in
    pretrain | resume | passover | stopped | finetune)
        cp "$t/run/checkpoints/step-00000002.h5" "$t/run/checkpoints/latest" "$t/run/config" "$t/run/plan" "$2"
        awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) keep[i] = $i !~ /_s$/ } { for (i = 1; i <= NF; i++) if (keep[i]) printf "%s\t", $i; print "" }' \
            "$t/run/metrics.tsv" >"$2/metrics" ;;
    probe) sed 's/ seconds=[^ ]*//' "$work/out" >"$2/out"
        if grep -q "probe.tsv: cannot be [a-z]*: $text; the results are on standard output alone" "$work/err"; then
            cp "$work/right-probe/rows" "$2"
        else
            tail -n 2 "$t/run/probe.tsv" >"$2/rows"
        fi ;;
    report) cp "$t"/out-runs.tsv "$t"/out-probes.tsv "$2" && sed 's/Written [-0-9: ]*//' "$t/out.html" >"$2/out.html" ;;
    info-*) cp "$work/out" "$2" ;;
    *)
        cp "$t"/out.* "$2"
        # A file that the system does not let anybody delete is named to the user.
        sed -n 's/^[^:]*: \(.*\): this temporary file cannot be removed: .*/\1/p' "$work/err" | while read -r left; do rm -f "$2/${left##*/}"; done
        ;;
    esac 2>"$2.err"
}
same() {
    result "$1" "$work/got"
    diff -r "$work/right-$1" "$work/got" >"$work/differences" 2>&1
}
scenarios="pretrain resume passover stopped finetune pack-idx pack-tree pack-encoded views embed probe info-data info-run report"
kinds=${FAULT_KINDS:-"open read write sync close rename link unlink mkdir truncate stat list touch lock map memory thread"}

prepare() {
    struck=
    few "$work/idx" 0
    few "$work/idx2" 16
    "$simclr" pack --split=test "$work/idx" "$work/train.h5" >"$work/out" 2>"$work/err" && "$simclr" pack --split=test "$work/idx2" "$work/test.h5" >>"$work/out" 2>>"$work/err" || return
    mkdir -p "$work/tree/a" "$work/tree/b"
    for i in 1 2 3 4; do
        "$simclr" views --images=$i --image-size=16 --augment=none "$work/train.h5" "$work/tree/a/$i.png" >>"$work/out" 2>>"$work/err" || return
    done
    mv "$work/tree/a/3.png" "$work/tree/a/4.png" "$work/tree/b"
    echo "no picture" >"$work/tree/b/bad.png"
    printf '%s\n' "preset = imagenet" "data = $t/train.h5" "run-dir = $t/run" "arch = resnet18" "width = 1/16" "stem = cifar" "image-size = 16" "batch = 8" "steps = 2" \
        "optimizer = lars" "lr = 0.1" "warmup-epochs = 0" "augment = crop,flip" "online-probe = yes" "seed = 1" "threads = 1" "checkpoint-every = 1" \
        "keep = 2" >"$work/options"
    printf '%s\n' "data = $t/train.h5" "test = $t/test.h5" "checkpoint = $t/start" "run-dir = $t/run" "labels = 75%" "batch = 6" "steps = 2" "test-every = 0" \
        "freeze-up-to = 1" "threads = 1" "checkpoint-every = 1" "keep = 2" >"$work/tuning"
    fresh pretrain
    command pretrain || return
    cp -r "$t/run" "$work/half"
    rm "$work/half/checkpoints/step-00000002.h5"
    echo step-00000001.h5 >"$work/half/checkpoints/latest"
}
# normally SCENARIO: its right result, and how many calls of each kind it makes
normally() {
    text=nothing
    fresh "$1"
    rm -f "$work/log"
    struck=yes FAULT_AT=0 FAULT_KIND=memory command "$1"
    case $1.$? in *.0) ;; stopped.75) finish "$1" || return ;; *) return 1 ;; esac
    result "$1" "$work/right-$1"
    [ ! -d "$t/run/checkpoints" ] || cp -r "$t/run/checkpoints" "$work/whole-$1"
    ! [ -s "$work/right-$1.err" ]
}
passed=0 failed=0 missed=0
# where: what was struck, and from where it was called
where() {
    sed -n 's/^\(struck [^ ]* [^ ]* [^ ]*\).*/    \1/p' "$work/log"
    addr2line -fs -e "$simclr" $(sed -n 's/^struck [^ ]* [^ ]* [^ ]*//p' "$work/log") 2>/dev/null | paste -d ' ' - - | head -n 6 | sed 's/^/    at /'
}
# bad SENTENCE: the trial failed
bad() {
    failed=$((failed + 1))
    echo "FAILED: run.sh one $trial: $1"
    where
    sed 's/^/    | /' "$work/said" | tail -n 3
}
# named: whether a sentence names file and cause
named() {
    case $kind in memory | thread) grep -q -i "$kind" "$work/said" ;; *) grep -q "$t.*$text" "$work/said" ;; esac
}
# judge SCENARIO STATUS: of a start that was struck
judge() {
    case $2 in
    0) ;;
    75) [ "$1" = stopped ] && [ -e "$t/run/checkpoints/step-00000000.h5" ] || named || { bad "stopped, and no sentence names file and cause"; return 1; } ;;
    1) named || { bad "exit status 1, and no sentence names file and cause"; return 1; } ;;
    124 | 137) bad "it hangs"; return 1 ;;
    *) bad "exit status $2"; return 1 ;;
    esac
    for file in "$t"/run/checkpoints/step-0000000[12].h5; do
        case $1 in pretrain | resume | stopped | finetune) [ ! -e "$file" ] || cmp -s "$file" "$work/whole-$1/${file##*/}" || { bad "${file##*/} is not whole"; return 1; } ;; esac
    done
    if [ "$2" = 0 ]; then
        same "$1" || { bad "exit status 0, and another result: $(head -n 3 "$work/differences")"; return 1; }
    elif [ -e "$t/out.h5" ] || [ -e "$t/out.png" ]; then
        same "$1" || { bad "a failed start left a part under the final name: $(head -n 3 "$work/differences")"; return 1; }
    fi
}
# try SCENARIO KIND MODE N
try() {
    trial="$*" kind=$2
    fresh "$1"
    : >"$work/log"
    case $2.$3 in
    memory.* | thread.*) error=12 text="Cannot allocate memory" ;;
    write.on | sync.on | mkdir.on | link.on | truncate.on | rename.on) error=28 text="No space left on device" ;;
    *) error=5 text="Input/output error" ;;
    esac
    struck=yes FAULT_KIND=$2 FAULT_MODE=$3 FAULT_AT=$4 FAULT_ERRNO=$error command "$1"
    outcome=$?
    cat "$work/out" "$work/err" >"$work/said"
    grep -q -s '^struck' "$work/log" || missed=$((missed + 1)) # a thread of the program was faster or slower this time
    judge "$1" $outcome || return
    [ -z "${FAULT_SILENT:-}" ] || [ $outcome != 0 ] || grep -q -i -e "$text" "$work/said" || { echo "silent: run.sh one $trial"; where; }
    case $1.$outcome in info-*.0 | pack-*.0 | views.0 | embed.0 | probe.0) passed=$((passed + 1)); return ;; esac
    finish "$1" || { status=$?; cat "$work/err" >>"$work/said"; bad "the same command without faults ends with status $status: $(tail -n 1 "$work/err")"; return; }
    same "$1" || { bad "the same command without faults gives another result: $(head -n 3 "$work/differences")"; return; }
    left=$(find "$t" -name '*.tmp*' -o -name 'lock*' -o -name '*.bad' ! -name step-00000002.h5.bad)
    [ -z "$left" ] || { bad "left behind: $left"; return; }
    passed=$((passed + 1))
}
# modes KIND: how it is refused
modes() {
    case $1 in
    rename | link | unlink | mkdir) echo once on lost ;;
    *) echo once on ;;
    esac
}
# numbers KIND CALLS: which of them are refused in turn
numbers() {
    if [ "$1" = memory ]; then
        awk '$1 == "call" { n = $3; $3 = ""; at[$0, ++times[$0]] = n }
            END { for (p in times) { print at[p, 1]; print at[p, int((times[p] + 1) / 2)]; print at[p, times[p]] } }' "$work/counts" | sort -nu
    else
        seq "$2"
    fi | awk -v k="${FAULT_EVERY:-1}" 'NR % k == 1 % k'
}
# pick SEED CALLS MODE...: one of the modes and a number of a call, the same in every run of this script
pick() {
    seed=$1 calls=$2
    shift 2
    echo "$seed" | cksum | awk -v n="$calls" -v modes="$*" '{ print word[1 + $1 % split(modes, word, " ")], 1 + int($1 / 7) % n }'
}

prepare || { echo "the undisturbed runs failed:"; tail -n 5 "$work/err"; exit 1; }
what=${1:-sample}
[ $# = 0 ] || shift
case $what in
one)
    normally "$1" || { echo "$1: the undisturbed run failed: $(tail -n 3 "$work/err" "$work/right-$1.err")"; exit 1; }
    try "$@"
    echo "exit status $outcome"; cat "$work/log" "$work/said"
    ;;
all | sample)
    # shellcheck disable=SC2048 # words, not arguments
    for scenario in ${*:-$scenarios}; do
        normally "$scenario" || { echo "$scenario: the undisturbed run failed: $(tail -n 3 "$work/err" "$work/right-$scenario.err")"; exit 1; }
        mv "$work/log" "$work/counts"
        for mode in short again; do
            trial="$scenario read $mode 0" kind=none
            fresh "$scenario"
            : >"$work/log"
            struck=yes FAULT_MODE=$mode command "$scenario"
            status=$?
            cat "$work/out" "$work/err" >"$work/said"
            [ $status = 0 ] || { [ $scenario.$status = stopped.75 ] && finish stopped; } && same "$scenario" && passed=$((passed + 1)) ||
                bad "reads and writes in parts, or interrupted, change the outcome (exit status $status)"
        done
        for kind in $kinds; do
            calls=$(awk -v k="$kind" '$1 == "count" && $2 == k { n = $3 } END { print n + 0 }' "$work/counts")
            [ "$calls" -gt 0 ] || continue
            before=$passed tried=$((passed + failed))
            if [ "$what" = sample ]; then
                try "$scenario" "$kind" $(pick "$scenario.$kind" "$calls" $(modes "$kind"))
            else
                for mode in $(modes "$kind"); do
                    for n in $(numbers "$kind" "$calls"); do try "$scenario" "$kind" "$mode" "$n"; done
                done
            fi
            echo "$scenario: $kind: $((passed - before)) of $((passed + failed - tried)) passed ($calls calls)"
        done
    done
    ;;
esac
[ $missed = 0 ] || echo "$missed of them met no such call"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
