#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# submit.sh SCRIPT OPTIONS...: sbatch with the settings of jobs/site.sh. An ablation becomes an array as long as its table.
set -eu
jobs=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
. "$jobs/settings.sh"
. "$jobs/table.sh"
script=${1:?job script, such as jobs/pretrain.sh}
shift
[ -f "$script" ] || [ ! -f "$jobs/${script##*/}" ] || script=$jobs/${script##*/} # jobs/NAME, wherever the scripts are installed
set -f # EXTRA_SBATCH is words, no patterns: --exclude=n[1-3]
array=''
case $script in
*ablation.sh)
    table=$(find_table "${1:-${TABLE:-$jobs/ablation.tsv}}")
    lines=$(check_table "$table" "${SCALE:-small}")
    # Every row is checked before the first waits in a queue, where the program can be started at all.
    if (. "$jobs/build.sh" && find_simclr) 2>/dev/null; then sh "$jobs/ablation.sh" --check "$table" || exit 2
    else echo "no simclr here: the rows' options are checked when they start" >&2; fi
    array=--array=1-$lines ;;
esac
# Slurm runs a copy of the script: SIMCLR_JOBS tells it where its companions are.
export SIMCLR_JOBS="$jobs"
# srun hands every signal on; mpirun is signalled through the script's own trap.
[ "$LAUNCHER" = mpirun ] && EXTRA_SBATCH="$EXTRA_SBATCH --signal=B:USR1@180"
# shellcheck disable=SC2086
exec sbatch ${ACCOUNT:+--account="$ACCOUNT"} ${PARTITION:+--partition="$PARTITION"} --nodes="$NODES" \
    --ntasks-per-node="$RANKS_PER_NODE" ${CORES_PER_RANK:+--cpus-per-task="$CORES_PER_RANK"} ${TIME:+--time="$TIME"} \
    --export=ALL $array $EXTRA_SBATCH "$script" "$@"
