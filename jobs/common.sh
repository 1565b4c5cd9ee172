# Sourced by the job scripts: modules, the program, launching it under Slurm or on a laptop, and putting a job back into the queue.
jobs=${SIMCLR_JOBS:-$(cd "$(dirname "$0")" && pwd)}
. "$jobs/site.sh"
top=$(dirname "$jobs")

if [ -n "$MODULES" ] && command -v module >/dev/null 2>&1; then
    module load $MODULES || exit 1
fi
if [ -z "$SIMCLR" ]; then
    for candidate in "$top/build/simclr" "$top/simclr" "$top/build/quickstart/simclr" "$(command -v simclr)"; do
        [ -x "$candidate" ] && SIMCLR=$candidate && break
    done
fi
[ -x "$SIMCLR" ] || { echo "no simclr found: build it (./configure && make), or set SIMCLR in jobs/site.sh" >&2; exit 1; }

# launch ARGUMENTS...: simclr on all ranks; returns its status. A signal to this script, ahead of a time limit or a preemption, reaches
# the ranks as USR1: mpirun hands on nothing else, and srun would take TERM for itself.
launch() {
    told=
    if [ -n "${SLURM_JOB_ID:-}" ] && [ "$LAUNCHER" = srun ]; then
        job_end
        srun --mpi="$SRUN_MPI" ${SLURM_CPUS_PER_TASK:+--cpus-per-task="$SLURM_CPUS_PER_TASK"} --kill-on-bad-exit=1 "$SIMCLR" "$@" &
    elif command -v mpirun >/dev/null 2>&1; then
        if [ -n "${SLURM_JOB_ID:-}" ]; then job_end; count=; else count="--oversubscribe -n $((NODES * RANKS_PER_NODE))"; fi
        mpirun --bind-to none $count "$SIMCLR" "$@" &
    else
        "$SIMCLR" "$@" &
    fi
    launched=$!
    trap 'told=1; kill -USR1 $launched 2>/dev/null' USR1 TERM
    trap 'kill -INT $launched 2>/dev/null' INT
    wait $launched
    status=$?
    while kill -0 $launched 2>/dev/null; do # a signal ended the waiting, not the program
        wait $launched
        status=$?
    done
    trap - USR1 TERM INT
    return $status
}

# job_end: the program stops in time for SLURM_JOB_END_TIME, which older Slurms do not set.
job_end() {
    [ -z "${SLURM_JOB_END_TIME:-}" ] || return 0
    end=$(squeue -h -j "$SLURM_JOB_ID" -o %e 2>/dev/null)
    [ -n "$end" ] && end=$(date -d "$end" +%s 2>/dev/null) && export SLURM_JOB_END_TIME="$end"
    return 0
}

# go_on STATUS RUN_DIR: puts this job back into the queue where the program stopped cleanly (75), or was killed when this script was told
# to end (srun takes a TERM to the whole job for itself, and kills), and is getting on: a run that was restarted MAX_RESTARTS times, or
# that came no further in three starts, is left for a person to look at, and so is a job that somebody cancelled. Exits.
go_on() {
    [ "$1" = 75 ] || { [ "$1" != 0 ] && [ -n "$told" ]; } || exit "$1"
    [ -n "${SLURM_JOB_ID:-}" ] || exit "$1"
    latest=$(cat "$2/checkpoints/latest" 2>/dev/null)
    state=$(squeue -h -j "$SLURM_JOB_ID" -o %T)
    if [ "$state" != RUNNING ]; then
        echo "ended at ${latest:-the start}; the job is ${state:-gone}: whether it goes on was decided already"
        exit 75
    fi
    echo "${latest:-none}" >>"$2/restarts"
    if [ "$(wc -l <"$2/restarts")" -ge "$MAX_RESTARTS" ]; then
        echo "$2: restarted $MAX_RESTARTS times; not put back into the queue (MAX_RESTARTS in jobs/site.sh)" >&2
        exit 1
    fi
    if [ "$(wc -l <"$2/restarts")" -ge 3 ] && [ "$(tail -n 3 "$2/restarts" | sort -u | wc -l)" = 1 ]; then
        echo "$2: three starts in a row got no further than ${latest:-the start}; not put back into the queue" >&2
        exit 1
    fi
    echo "ended at ${latest:-the start}; back into the queue"
    scontrol requeue "$SLURM_JOB_ID" || exit 75
    exit 0
}
