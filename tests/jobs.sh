#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The job scripts as on a laptop, without Slurm: pretrain, stop, go on, an ablation, a probe, the results side by side; environment
# modules in a shell that does not know them.
. "${top_srcdir:-.}/tests/lib.sh"
cd "$work" || exit 1
export SIMCLR="$simclr" NODES=1 RANKS_PER_NODE=2 DATA="$work/few.h5" TRAIN="$work/few.h5" TEST="$work/others.h5"
unset SLURM_JOB_ID SLURM_RESTART_COUNT MODULES MODULESHOME LMOD_PKG
few "$work/few"
few "$work/others" 256
settings="--preset=fashion-mnist --width=1/16 --batch=64 --warmup-epochs=0.02 --threads=1 --checkpoint-every=4"

RUN_DIR=$work/run timeout 200 sh -c 'echo $$ >script; exec sh "$@"' sh "$top/jobs/pretrain.sh" $settings --steps=60 >out 2>&1 &
job=$!
until_at 5 run
kill -TERM "$(cat script)"
wait $job
status=$?
[ $status = 75 ] || die "a TERM to pretrain.sh: exit status $status: $(tail -5 out)"
grep -q "^stopped after step" out || die "it did not stop by itself: $(tail -5 out)"
RUN_DIR=$work/run timeout 200 sh "$top/jobs/pretrain.sh" $settings --steps=60 >out 2>&1 || die "$(tail -5 out)"
[ "$(steps run)" = "$(seq -s ' ' 60) " ] || die "metrics.tsv has the steps $(steps run)"

# begin NAME: a long run by pretrain.sh in a process group of its own, as a terminal's shell starts it; $group, $ranks
begin() {
    env --default-signal=INT,QUIT,HUP setsid sh "$top/jobs/pretrain.sh" $settings --steps=4000 --checkpoint-every=100000 --run-dir "$work/$1" >"$1.out" 2>&1 &
    group=$!
    until_at 5 "$1"
    ranks=$(ranks_of pretrain "run-dir=$work/$1")
}
# ends NAME: the group is gone within a minute; its status
ends() {
    waited=0
    while kill -0 $group 2>/dev/null && [ $waited -lt 600 ]; do sleep 0.1; waited=$((waited + 1)); done
    /bin/kill -KILL -- -$group 2>/dev/null && die "a minute after its signal the job is still there: $(tail -5 "$1.out")"
    wait $group
}
# What a terminal sends to all that it runs: however long the ranks take to their last step (here they are suspended for longer than mpirun
# waits before it kills), its checkpoint is there.
for signal in INT QUIT HUP; do
    begin $signal
    kill -STOP $ranks
    /bin/kill -$signal -- -$group
    sleep 3
    kill -CONT $ranks
    ends $signal
    status=$?
    [ $status = 75 ] || die "$signal: exit status $status: $(tail -5 $signal.out)"
    latest=$(sed 's/step-0*\([0-9]*\).h5/\1/' $signal/checkpoints/latest)
    [ "${latest:-0}" -ge 5 ] && [ "$latest" = "$(tail -n 1 $signal/metrics.tsv | cut -f1)" ] ||
        die "$signal after step $(tail -n 1 $signal/metrics.tsv | cut -f1): $latest was saved: $(tail -5 $signal.out)"
done
grep -q "stopping after this step" INT.out && grep -q "stopping after this step" QUIT.out || die "Ctrl-C is not answered: $(tail -5 INT.out)"
# Curves are drawn while it trains.
export PLOT_SECONDS=1
begin twice
waited=0
while command -v gnuplot >/dev/null 2>&1 && [ ! -s twice/metrics.png ]; do
    [ $waited -lt 600 ] || die "no curves of a run at work: $(ls twice)"
    sleep 0.1
    waited=$((waited + 1))
done
unset PLOT_SECONDS
kill -STOP $ranks # they cannot stop by themselves
/bin/kill -INT -- -$group
waited=0
until grep -q "stopping after this step" twice.out || [ $waited -gt 300 ]; do sleep 0.1; waited=$((waited + 1)); done
/bin/kill -INT -- -$group
ends twice
status=$?
case $status in 0 | 75) die "the second Ctrl-C: exit status $status: $(tail -5 twice.out)" ;; esac
for rank in $ranks; do
    waited=0
    while kill -0 "$rank" 2>/dev/null && [ $waited -lt 200 ]; do sleep 0.1; waited=$((waited + 1)); done
    kill -9 "$rank" 2>/dev/null && die "rank $rank is there 20 seconds after the second Ctrl-C"
done

# Where the run is: two words, or a config file; what the script would take otherwise is not touched.
printf '\357\273\277steps = 2\r\ndata = "%s"  # few\r\nrun-dir = %s \r\n' "$work/few.h5" "$work/from-file" >conf # as Windows' editors write it
DATA=/nowhere timeout 200 sh "$top/jobs/pretrain.sh" $settings --config=conf >out 2>&1 || die "data and run-dir of a config file: $(tail -5 out)"
[ -s from-file/metrics.tsv ] && [ ! -e runs ] || die "the run of a config file is elsewhere: $(ls)"

# Names are names: neither options nor commands, for the shell as for gnuplot.
odd='-odd `touch ran1` $(touch ran2) "; touch ran3; " '"'"'system("touch ran4") @touch # ran5'
mv few.h5 "./$odd.h5"
RUN_DIR=$odd DATA=$odd.h5 timeout 200 sh "$top/jobs/pretrain.sh" $settings --steps=2 >out 2>&1 || die "an odd name: $(tail -5 out)"
mv "./$odd.h5" few.h5
sh "$top/jobs/plot.sh" "$odd" >out 2>&1 || die "plot.sh: an odd name: $(cat out)"
! command -v gnuplot >/dev/null 2>&1 || [ -s "./$odd/metrics.png" ] || die "plot.sh made no picture: $(ls "./$odd")"
mkdir ./-runs && mv "./$odd" ./-runs && sh "$top/jobs/collect.sh" -runs >out 2>&1 || die "collect.sh: an odd name: $(cat out)"
grep -q '^-odd .touch ran1' out || die "collect.sh: an odd name: $(cat out)"
[ -z "$(find . -name 'ran*')" ] || die "a name was executed: $(find . -name 'ran*')"
[ -z "$(find . -name 'metrics.png.*')" ] || die "plot.sh left $(find . -name 'metrics.png.*')"

# Names and options may be parted by blanks, lines may end as on Windows; a table without a line is an error, as are names that do not name.
printf '\357\273\277x --temperature=0.1 \r\n\r\n # none\r\ny   --temperature=0.5\t' >table
TABLE=table RUNS=blank COMMON="$settings --steps=2" timeout 200 sh "$top/jobs/ablation.sh" >out 2>&1 || die "a table of blanks: $(tail -5 out)"
[ -s blank/x/probe.out ] && [ -s blank/y/probe.out ] || die "a table of blanks: $(ls blank)"
echo "# nothing" >table
for script in "ablation.sh" "submit.sh $top/jobs/ablation.sh"; do
    TABLE=table sh "$top/jobs/"$script >out 2>&1 && die "$script takes an empty table"
    grep -q "table: has no line with a setting" out || die "$script: an empty table: $(cat out)"
done
# bad_table CONTENT MESSAGE
bad_table() {
    printf -- "$1" >table
    for script in "ablation.sh" "submit.sh $top/jobs/ablation.sh"; do
        TABLE=table sh "$top/jobs/"$script >out 2>&1 && die "$script takes a table of '$1'"
        grep -q "^table: .*$2" out || die "$script: a table of '$1': $(cat out)"
    done
}
bad_table 'a --lr=1\nb --lr=2\na --lr=3\n' "two settings have the name 'a'"
bad_table '--lr=1\n' "begins with the option --lr=1; a name comes first"
bad_table '../a --lr=1\n' "'../a' cannot be the name"
bad_table '\377\376a\0 \0' "no plain text"

# What apt-get says goes to a folder of this call's own, which is gone afterwards.
mkdir bin tmp
printf '#!/bin/sh\nexit 1\n' >bin/apt-get
cp bin/apt-get bin/dpkg-query
printf '#!/bin/sh\necho 0\n' >bin/id
chmod +x bin/*
PATH=$work/bin:$PATH TMPDIR=$work/tmp sh -c '. "$1/jobs/install.sh"; install_packages build' x "$top" >out 2>&1 && die "apt-get failed, install_packages did not"
grep -q "apt-get could not install: gcc make" out && [ -z "$(ls tmp)" ] || die "install.sh: $(cat out; ls tmp)"

printf '# name\toptions\na\t--temperature=0.1\n\nb\t--temperature=0.5\n' >table
TABLE=table RUNS=runs COMMON="$settings --steps=4" timeout 200 sh "$top/jobs/ablation.sh" >out 2>&1 || die "ablation: $(tail -5 out)"
sh "$top/jobs/collect.sh" runs >results || die "collect.sh failed"
awk -F'\t' 'NR > 1 && $2 == 4 && $3 > 0 && $4 > 5 && $5 > 5 { n++ } END { exit n != 2 }' results || die "results: $(cat results)"
CHECKPOINT=$work/run RUN_DIR=$work/tuned timeout 200 sh "$top/jobs/finetune.sh" --batch=64 --steps=2 --threads=1 >out 2>&1 || die "finetune: $(tail -5 out)"
tail -1 out | grep -q '^finetune steps=2 .* labels=256 init=checkpoint ' || die "finetune: $(tail -3 out)"
sh "$top/jobs/plot.sh" "$work/tuned" >out 2>&1 || die "the curves of finetune: $(cat out)"
! command -v gnuplot >/dev/null 2>&1 || [ -s tuned/metrics.png ] || die "no curves of finetune: $(cat out)"
METHODS=knn LABELS=50% SEEDS=1 RATES="0.01 0.1" RUN_DIR=$work/run timeout 200 sh "$top/jobs/evaluate.sh" --batch=64 --steps=2 --threads=1 >out 2>&1 ||
    die "evaluate: $(tail -5 out)"
awk -F'\t' 'NR == 1 { next } $1 == "knn" && $5 > 0 && $6 > 0 && $7 > 0 { n++ } $1 == "finetune" && $5 > 0 && $8 > 0 { n++ } END { exit n != 3 || NR != 4 }' \
    run/evaluation.tsv || die "evaluate: $(cat run/evaluation.tsv)"
cp run/evaluation.tsv before
METHODS=knn LABELS=50% SEEDS=1 RATES="0.01 0.1" RUN_DIR=$work/run timeout 200 sh "$top/jobs/evaluate.sh" --batch=64 --steps=2 --threads=1 >out 2>&1 &&
    cmp before run/evaluation.tsv && ! grep -q "^step" out || die "evaluate, once more: $(tail -5 out)"
RUN_DIR=$work/run timeout 200 sh "$top/jobs/probe.sh" >out 2>&1 || die "probe: $(tail -5 out)"
[ "$(grep -c '^probe .* top1=' out)" = 2 ] || die "probe: $(cat out)"

# What Slurm puts back by itself ends at MAX_RESTARTS too.
SLURM_JOB_ID=1 SLURM_RESTART_COUNT=3 MAX_RESTARTS=2 sh "$top/jobs/pretrain.sh" $settings >out 2>&1 && die "a fourth start, of two"
grep -q "job 1 was restarted 3 times; it is not started again" out || die "$(cat out)"

# With stand-ins for Slurm's commands: a run that stopped goes back into the queue, one that the file stop ended does not; the job's end is asked
# for where that of the submitting shell is past.
printf '#!/bin/sh\ncase "$*" in *%%e*) echo 2100-01-01T00:00:00 ;; *) echo RUNNING ;; esac\n' >bin/squeue
printf '#!/bin/sh\necho "$@" >>"%s/put-back"\n' "$work" >bin/scontrol
chmod +x bin/squeue bin/scontrol
with_slurm() { # COMMAND: in a shell that has read common.sh
    PATH=$work/bin:$PATH SLURM_JOB_ID=1 SIMCLR_JOBS=$top/jobs sh -c '. "$SIMCLR_JOBS/common.sh"; eval "$1"' x "$1" >out 2>&1
}
with_slurm "go_on 75 run" || die "a run that stopped is not put back: $(cat out)"
[ "$(cat put-back)" = "requeue 1" ] || die "a run that stopped: $(cat out put-back)"
touch run/stopped
with_slurm "go_on 75 run"
[ $? = 75 ] && [ "$(wc -l <put-back)" = 1 ] && grep -q "stopped by the file stop; not put back" out || die "a run that the file stop ended: $(cat out put-back)"
rm run/stopped
for end in '' 86400 4200000000; do
    SLURM_JOB_END_TIME=$end with_slurm 'job_end; echo "end=$SLURM_JOB_END_TIME"' || die "$(cat out)"
    case $end in 42*) want=$end ;; *) want=$(date -d 2100-01-01T00:00:00 +%s) ;; esac
    grep -q "^end=$want\$" out || die "SLURM_JOB_END_TIME=$end becomes $(cat out)"
done

# A job whose ranks are killed again and again before they have saved is left alone after three starts in a row; a start that saves counts anew.
# This srun starts one rank and kills it: after the first step, or (HEADWAY) after the first checkpoint that is newer than the last.
cat >bin/srun <<'SRUN'
#!/bin/sh
while case $1 in --*) true ;; *) false ;; esac; do shift; done
latest=$(cat "$WATCHED/checkpoints/latest" 2>/dev/null)
rm -f "$WATCHED/metrics.tsv"
"$@" &
rank=$!
while kill -0 $rank 2>/dev/null; do
    if [ -n "${HEADWAY:-}" ]; then
        now=$(cat "$WATCHED/checkpoints/latest" 2>/dev/null)
        [ "${now:-$latest}" = "$latest" ] || break
    else
        [ "$(tail -n 1 "$WATCHED/metrics.tsv" 2>/dev/null | cut -f1)" -ge 1 ] 2>/dev/null && break
    fi
    sleep 0.05
done
kill -KILL $rank
wait $rank
SRUN
chmod +x bin/srun
# killed EVERY: one start under Slurm that is killed; its exit status
killed() {
    PATH=$work/bin:$PATH SLURM_JOB_ID=1 LAUNCHER=srun SRUN_MPI=pmix WATCHED=$work/stuck RUN_DIR=$work/stuck SIMCLR_JOBS=$top/jobs MAX_RESTARTS=20 \
        timeout 200 sh "$top/jobs/pretrain.sh" $settings --steps=100000 "--checkpoint-every=$1" >out 2>&1
}
: >put-back
for start in 1 2; do
    killed 50000 || die "start $start that was killed is not put back: $(cat out)"
    [ "$(wc -l <put-back)" = $start ] || die "start $start: put back $(wc -l <put-back) times"
done
HEADWAY=yes killed 2 || die "a start with headway is not put back: $(cat out)"
[ "$(tail -n 1 stuck/restarts)" != "$(head -n 1 stuck/restarts)" ] || die "there was no headway: $(cat stuck/restarts)"
killed 50000 || die "a start after one with headway is not put back: $(cat out)"
killed 50000
[ $? = 1 ] || die "a third start in a row without headway is put back: $(cat out)"
grep -q "three starts in a row got no further than $(cat stuck/checkpoints/latest); not put back" out && [ "$(wc -l <put-back)" = 4 ] ||
    die "the third start without headway: $(cat out put-back)"

# An srun that could start no rank may end with 0 all the same. Such a start counts as a fault, and is tried once more.
cat >bin/srun <<'SRUN'
#!/bin/sh
while case $1 in --*) true ;; *) false ;; esac; do shift; done
echo call >>"$WATCHED.calls"
[ "$(wc -l <"$WATCHED.calls")" -gt "$FAILS" ] || exit 0
exec "$@"
SRUN
silent() { # NAME FAILS: one start whose first FAILS sruns start nothing; its exit status
    PATH=$work/bin:$PATH SLURM_JOB_ID=1 LAUNCHER=srun SRUN_MPI=pmix WATCHED=$work/$1 FAILS=$2 RUN_DIR=$work/$1 SIMCLR_JOBS=$top/jobs \
        timeout 200 sh "$top/jobs/pretrain.sh" $settings --steps=3 >out 2>&1
}
silent silent-once 1 || die "one srun that started nothing: $(cat out)"
grep -q "ended with 0, but the program was not started" out && grep -q "^pretrain steps=3 " out || die "one srun that started nothing: $(cat out)"
[ "$(wc -l <put-back)" = 4 ] || die "a start that went well is put back: $(cat out)"
silent silent-twice 2 || die "two sruns that started nothing: $(cat out)"
[ "$(wc -l <put-back)" = 5 ] && [ ! -e silent-twice/metrics.tsv ] || die "two sruns that started nothing are no fault: $(cat out)"

# Modules: the command is found where the site keeps it, what it cannot load is an error, and so is no command at all.
mkdir -p modules/init
echo 'module() { [ "$*" = "load gcc openmpi/4" ] && LOADED=$*; }' >modules/init/sh
MODULES="gcc openmpi/4" MODULESHOME=modules sh -c '. "$1/jobs/common.sh" && echo "loaded: $LOADED"' "$top/jobs/x" "$top" >out 2>&1
grep -q "^loaded: load gcc openmpi/4" out || die "modules: $(cat out)"
MODULES="gcc icc" MODULESHOME=modules sh "$top/jobs/pretrain.sh" $settings >out 2>&1 && die "a module that is not there was no error"
grep -q "module load gcc icc failed" out || die "modules: $(cat out)"
if [ ! -e /etc/profile.d/modules.sh ] && [ ! -e /etc/profile.d/lmod.sh ] && [ ! -e /usr/share/modules ] && [ ! -e /usr/share/lmod ]; then
    MODULES=gcc sh "$top/jobs/pretrain.sh" $settings >out 2>&1 && die "MODULES without the command module was no error"
    grep -q "no command module here" out || die "modules: $(cat out)"
fi
echo "the job scripts serve a laptop too"
