# Sourced by the job scripts: modules, the program, launching it under Slurm or on a laptop, and putting a job back into the queue.
jobs=${SIMCLR_JOBS:-$(cd "$(dirname "$0")" && pwd)}
. "$jobs/site.sh"
top=$(dirname "$jobs")

# Environment modules: a batch script's shell seldom has the command `module` yet.
if [ -n "$MODULES" ]; then
    for init in "${MODULESHOME:-}/init/sh" "${LMOD_PKG:-}/init/sh" /etc/profile.d/modules.sh /etc/profile.d/lmod.sh \
        /usr/share/modules/init/sh /usr/share/lmod/lmod/init/sh; do
        command -v module >/dev/null 2>&1 && break
        [ ! -f "$init" ] || . "$init"
    done
    command -v module >/dev/null 2>&1 || { echo "MODULES=$MODULES, but there is no command module here; set MODULESHOME" >&2; exit 1; }
    module load $MODULES || { echo "module load $MODULES failed" >&2; exit 1; }
fi
if [ -z "$SIMCLR" ]; then
    for candidate in "$top/build/simclr" "$top/simclr" "$top/build/quickstart/simclr" "$(command -v simclr)"; do
        [ -x "$candidate" ] && SIMCLR=$candidate && break
    done
fi
[ -x "$SIMCLR" ] || { echo "no simclr found: build it (./configure && make), or set SIMCLR in jobs/site.sh" >&2; exit 1; }

# The job by the name that Slurm's commands take: the last element of an array has the whole array's number.
job=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID:-}}
job=${job:-${SLURM_JOB_ID:-}}

# option NAME ARGUMENTS...: the value that these give --NAME, as --NAME=VALUE, --NAME VALUE, or in a --config file; empty: none
option() {
    wanted=$1 value= in_file= before=
    shift
    for word in "$@"; do
        file=
        case $before in "--$wanted") value=$word ;; --config) file=$word ;; esac
        case $word in "--$wanted="*) value=${word#*=} ;; --config=*) file=${word#*=} ;; esac
        [ ! -f "$file" ] || in_file=$(sed -n "s/^[[:space:]]*$wanted[[:space:]]*=[[:space:]]*//p" "$file" | tail -n 1 | sed 's/[[:space:]][[:space:]]*#.*$//; s/[[:space:]]*$//; s/^"\(.*\)"$/\1/')
        before=$word
    done
    echo "${value:-$in_file}"
}

# A job that Slurm itself puts back (a node is lost, somebody's scontrol requeue) does so without a word from this script.
if [ "${SLURM_RESTART_COUNT:-0}" -gt "$MAX_RESTARTS" ]; then
    echo "job $SLURM_JOB_ID was restarted $SLURM_RESTART_COUNT times; it is not started again (MAX_RESTARTS in jobs/site.sh)" >&2
    exit 1
fi

# A signal to this script, ahead of a time limit or a preemption, reaches the ranks as USR1: mpirun hands on nothing else, and srun would
# take TERM for itself. Before they are there, it is remembered.
told= launched=
trap 'told=1; [ -z "$launched" ] || kill -USR1 $launched 2>/dev/null' USR1 TERM

# start ARGUMENTS...: simclr on all ranks; returns its status, or 75 where this script was told to end before.
start() {
    [ -z "$told" ] || return 75
    if [ -n "${SLURM_JOB_ID:-}" ] && [ "$LAUNCHER" = srun ]; then
        job_end
        here= # a job that was made smaller while it waited has the old number of ranks in its environment
        [ -z "${SLURM_NTASKS_PER_NODE:-}" ] || here="--nodes=$SLURM_JOB_NUM_NODES --ntasks=$((SLURM_JOB_NUM_NODES * SLURM_NTASKS_PER_NODE))"
        srun --mpi="$SRUN_MPI" $here ${SLURM_CPUS_PER_TASK:+--cpus-per-task="$SLURM_CPUS_PER_TASK"} --kill-on-bad-exit=1 "$SIMCLR" "$@" &
    elif command -v mpirun >/dev/null 2>&1; then
        if [ -n "${SLURM_JOB_ID:-}" ]; then job_end; count=; else count="--oversubscribe -n $((NODES * RANKS_PER_NODE))"; fi
        mpirun --bind-to none $count "$SIMCLR" "$@" &
    else
        "$SIMCLR" "$@" &
    fi
    launched=$!
    trap : INT # a terminal sends it to the launcher too, which ends at once at a second one
    [ -z "$told" ] || kill -USR1 $launched 2>/dev/null
    status=0
    wait $launched || status=$?
    while kill -0 $launched 2>/dev/null; do # a signal ended the waiting, not the program
        status=0
        wait $launched || status=$?
    done
    launched=
    trap - INT
    case $status in 138 | 140 | 143) told=1 ;; esac # ended by USR1, USR2 or TERM, which came before the program was ready for it
    return $status
}

# fault STATUS: not one of the program's own: it was killed, MPI gave up, the launcher failed half way, a node is about to be lost.
fault() {
    case $1 in 0 | 1 | 2 | 75 | 126 | 127) return 1 ;; esac
    [ -n "${SLURM_JOB_ID:-}" ]
}

# launch ARGUMENTS...: simclr on all ranks, within a job a second time after a fault: what a lost node left behind may stand in the way of
# the first step after it has come back. Returns the program's status.
launch() {
    status=0
    start "$@" || status=$?
    if fault $status && [ -z "$told" ] && [ "$(job_state)" = RUNNING ]; then
        echo "ended with status $status, which is not the program's own: once more" >&2
        status=0
        start "$@" || status=$?
    fi
    return $status
}

job_state() {
    squeue -h -j "$job" -o %T 2>/dev/null
}

# job_end: the program stops in time for SLURM_JOB_END_TIME, which older Slurms do not set.
job_end() {
    [ -z "${SLURM_JOB_END_TIME:-}" ] || return 0
    end=$(squeue -h -j "$job" -o %e 2>/dev/null)
    [ -n "$end" ] && end=$(date -d "$end" +%s 2>/dev/null) && export SLURM_JOB_END_TIME="$end"
    return 0
}

# go_on STATUS RUN_DIR [NAME]: puts this job back into the queue where the program stopped cleanly (75), met a fault, or was killed when
# this script was told to end (srun takes a TERM to the whole job for itself, and kills), and is getting on: a run that was restarted
# MAX_RESTARTS times, or that came no further in three starts, is left for a person to look at, and so is a job that somebody cancelled.
# RUN_DIR/NAME (restarts) counts. Exits.
go_on() {
    [ "$1" = 75 ] || { [ "$1" != 0 ] && [ -n "$told" ]; } || fault "$1" || exit "$1"
    [ -n "${SLURM_JOB_ID:-}" ] || exit "$1"
    latest=$(cat "$2/checkpoints/latest" 2>/dev/null)
    restarts=$2/${3:-restarts}
    state=$(job_state)
    if [ "$state" != RUNNING ]; then
        echo "ended at ${latest:-the start}; the job is ${state:-gone}: whether it goes on was decided already"
        exit 75
    fi
    echo "${latest:-none}" >>"$restarts"
    if [ "$(wc -l <"$restarts")" -ge "$MAX_RESTARTS" ]; then
        echo "$2: restarted $MAX_RESTARTS times; not put back into the queue (MAX_RESTARTS in jobs/site.sh; $restarts counts, remove it to begin anew)" >&2
        exit 1
    fi
    if [ "$(wc -l <"$restarts")" -ge 3 ] && [ "$(tail -n 3 "$restarts" | sort -u | wc -l)" = 1 ]; then
        echo "$2: three starts in a row got no further than ${latest:-the start}; not put back into the queue" >&2
        exit 1
    fi
    echo "ended at ${latest:-the start}; back into the queue"
    scontrol requeue "$job" || exit 75
    exit 0
}
