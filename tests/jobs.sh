#!/bin/sh
# The job scripts as on a laptop, without Slurm: pretrain, stop, go on, an ablation, a probe, the results side by side; environment
# modules in a shell that does not know them.
. "${top_srcdir:-.}/tests/lib.sh"
cd "$work" || exit 1
export SIMCLR="$simclr" NODES=1 RANKS_PER_NODE=2 DATA="$work/few.h5" TRAIN="$work/few.h5" TEST="$work/others.h5"
unset SLURM_JOB_ID SLURM_RESTART_COUNT MODULES MODULESHOME LMOD_PKG
few "$work/few"
few "$work/others" 256
settings="--preset=fashion-mnist --width=1/16 --batch=64 --warmup-epochs=0.02 --threads=1 --checkpoint-every=4"

RUN_DIR=$work/run timeout 200 sh "$top/jobs/pretrain.sh" $settings --steps=60 >out 2>&1 &
job=$!
until_at 5 run
script=$(ps -eo pid,args | awk -v s="$top/jobs/pretrain.sh" '$2 == "sh" && $3 == s { print $1 }')
kill -TERM $script
wait $job
status=$?
[ $status = 75 ] || die "a TERM to pretrain.sh: exit status $status: $(tail -5 out)"
grep -q "^stopped after step" out || die "it did not stop by itself: $(tail -5 out)"
RUN_DIR=$work/run timeout 200 sh "$top/jobs/pretrain.sh" $settings --steps=60 >out 2>&1 || die "$(tail -5 out)"
[ "$(steps run)" = "$(seq -s ' ' 60) " ] || die "metrics.tsv has the steps $(steps run)"

# Ctrl-C of a terminal reaches script, launcher and ranks at once: a checkpoint of the last step is there all the same.
env --default-signal=INT setsid sh "$top/jobs/pretrain.sh" $settings --steps=4000 --checkpoint-every=100000 --run-dir "$work/broken" >out 2>&1 &
group=$!
until_at 5 broken
/bin/kill -INT -- -$group
waited=0
while kill -0 $group 2>/dev/null && [ $waited -lt 600 ]; do sleep 0.1; waited=$((waited + 1)); done
/bin/kill -KILL -- -$group 2>/dev/null && die "a minute after Ctrl-C the job is still there: $(tail -5 out)"
wait $group
latest=$(sed 's/step-0*\([0-9]*\).h5/\1/' broken/checkpoints/latest)
[ "${latest:-0}" -ge 5 ] && [ "$latest" = "$(tail -n 1 broken/metrics.tsv | cut -f1)" ] || die "Ctrl-C after step $(tail -n 1 broken/metrics.tsv | cut -f1): $latest was saved: $(tail -5 out)"

# Where the run is: two words, or a config file; what the script would take otherwise is not touched.
printf 'steps = 2\ndata = "%s"  # few\nrun-dir = %s\n' "$work/few.h5" "$work/from-file" >conf
DATA=/nowhere timeout 200 sh "$top/jobs/pretrain.sh" $settings --config=conf >out 2>&1 || die "data and run-dir of a config file: $(tail -5 out)"
[ -s from-file/metrics.tsv ] && [ ! -e runs ] || die "the run of a config file is elsewhere: $(ls)"

# Names and options may be parted by blanks; a table without a line is an error.
printf 'x --temperature=0.1\ny   --temperature=0.5\n' >table
TABLE=table RUNS=blank COMMON="$settings --steps=2" timeout 200 sh "$top/jobs/ablation.sh" >out 2>&1 || die "a table of blanks: $(tail -5 out)"
[ -s blank/x/probe.out ] && [ -s blank/y/probe.out ] || die "a table of blanks: $(ls blank)"
echo "# nothing" >table
for script in "ablation.sh" "submit.sh $top/jobs/ablation.sh"; do
    TABLE=table sh "$top/jobs/"$script >out 2>&1 && die "$script takes an empty table"
    grep -q "table: has no line with a setting" out || die "$script: an empty table: $(cat out)"
done

printf '# name\toptions\na\t--temperature=0.1\n\nb\t--temperature=0.5\n' >table
TABLE=table RUNS=runs COMMON="$settings --steps=4" timeout 200 sh "$top/jobs/ablation.sh" >out 2>&1 || die "ablation: $(tail -5 out)"
sh "$top/jobs/collect.sh" runs >results || die "collect.sh failed"
awk -F'\t' 'NR > 1 && $2 == 4 && $3 > 0 && $4 > 5 && $5 > 5 { n++ } END { exit n != 2 }' results || die "results: $(cat results)"
RUN_DIR=$work/run timeout 200 sh "$top/jobs/probe.sh" >out 2>&1 || die "probe: $(tail -5 out)"
[ "$(grep -c '^probe .* top1=' out)" = 2 ] || die "probe: $(cat out)"

# What Slurm puts back by itself ends at MAX_RESTARTS too.
SLURM_JOB_ID=1 SLURM_RESTART_COUNT=3 MAX_RESTARTS=2 sh "$top/jobs/pretrain.sh" $settings >out 2>&1 && die "a fourth start, of two"
grep -q "job 1 was restarted 3 times; it is not started again" out || die "$(cat out)"

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
