# SPDX-License-Identifier: BSD-3-Clause
# The one place to edit for a site: what Slurm should give, and how programs are found there. Sourced by the job scripts and by
# submit.sh; a value from the environment wins.
: "${ACCOUNT=}"            # sbatch --account
: "${PARTITION=}"          # sbatch --partition
: "${NODES=1}"             # machines
: "${RANKS_PER_NODE=2}"    # MPI ranks on each: one a NUMA node is a good start
: "${CORES_PER_RANK=}"     # sbatch --cpus-per-task; empty: Slurm's default
: "${TIME=}"               # sbatch --time, such as 1-00:00:00; empty: the partition's
: "${MODULES=}"            # environment modules, such as "gcc openmpi hdf5 libpng"
: "${SIMCLR=}"             # the program; empty: build/simclr, build/quickstart/simclr or the one on PATH
: "${LAUNCHER=srun}"       # srun, or mpirun where srun and this MPI do not match (srun --mpi=list)
: "${SRUN_MPI=pmix}"       # srun --mpi
: "${MAX_RESTARTS=100}"    # a run that was started this often is not put back into the queue
: "${EXTRA_SBATCH=}"       # anything else for sbatch, such as "--constraint=avx512 --exclusive"
