#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Limits of the system, of the batch system and of containers: seen before they are met, and an error with its reason where they are.
. "${top_srcdir:-.}/tests/lib.sh"
cd "$work" || exit 1
big="--data=data.h5 --arch=resnet50 --image-size=64 --stem=cifar --batch=64"
ldd "$simclr" | grep -q 'lib[a-z]*san' && sanitized=yes # these take terabytes of addresses

# value KEY: of the last line that has it in out
value() {
    tr ' ' '\n' <out | sed -n "s/^$1=//p" | tail -1
}
# there LEAST MOST: what doctor says a rank has, in GiB
there() {
    v=$(value memory_there_gib)
    awk -v v="$v" "BEGIN { exit !(v != \"\" && v >= $1 && v <= $2) }" || die "$v GiB are there, and not from $1 to $2: $(cat out err)"
}
# refuses STATUS PATTERN COMMAND...: in one sentence
refuses() {
    want=$1 pattern=$2
    shift 2
    timeout 120 "$@" >out 2>&1
    status=$?
    [ $status = "$want" ] || die "$*: status $status, not $want: $(cat out)"
    [ "$(grep -c '^simclr: ' out)" = 1 ] || die "$*: not one sentence: $(cat out)"
    grep '^simclr: ' out | grep -q -e "$pattern" || die "$*: does not say '$pattern': $(cat out)"
}

# Memory: what each process may have, and what a job has on a node.
if [ -z "$sanitized" ]; then
    for limit in "-v 1000000" "-d 800000"; do
        (ulimit $limit
        "$simclr" doctor $big >out 2>err && die "ulimit $limit: doctor sees nothing: $(cat out)"
        [ "$(value fits)" = no ] && there 0.4 0.96
        refuses 1 "a rank needs .* and has .* (ulimit ${limit% *})" "$simclr" pretrain $big --steps=1 --run-dir=limited) || exit 1
    done
    # Less than anything needs; enough for small things, not for what is asked for.
    (ulimit -v 70000; refuses 1 "MB of memory are there (ulimit -v)" "$simclr" info data.h5) || exit 1
    (ulimit -v 200000; "$simclr" info data.h5 >out 2>&1 || die "info needs more than 200 MB: $(cat out)"
    refuses 1 "needs .* GB are there for it (ulimit -v)" "$simclr" bench loss --batch=100000 --dim=256) || exit 1
fi
slurm() {
    env SLURM_JOB_ID=1 "$@" "$simclr" doctor $big >out 2>err
    there "${least:-0.585}" "${most:-0.587}"
    grep -q "($by)" err || die "$*: doctor does not name $by: $(cat err)"
}
by=SLURM_MEM_PER_CPU slurm SLURM_MEM_PER_CPU=300 SLURM_CPUS_ON_NODE=2
by=SLURM_MEM_PER_GPU slurm SLURM_MEM_PER_GPU=300M SLURM_GPUS_ON_NODE=2
by=SLURM_MEM_PER_NODE slurm SLURM_MEM_PER_NODE=600
by="the free memory of the machine" least=0.2 most=1e9 slurm SLURM_MEM_PER_NODE=0 SLURM_MEM_PER_CPU=0
SLURM_MEM_PER_NODE=600 timeout 60 "$mpirun" 2 "$simclr" doctor $big >out 2>err
there 0.292 0.294

# Time of cores: a container's quota bounds the threads.
for group in /sys/fs/cgroup/cpu/simclr-test-$$ /sys/fs/cgroup/simclr-test-$$; do mkdir "$group" 2>/dev/null && break; done
quota=
[ -d "$group" ] && trap 'rmdir "$group"; rm -rf "$work"' EXIT
if [ -e "$group/cpu.max" ]; then
    echo "100000 100000" >"$group/cpu.max" && quota=yes
elif [ -e "$group/cpu.cfs_quota_us" ]; then
    echo 100000 >"$group/cpu.cfs_quota_us" && quota=yes
fi
if [ "$quota" ] && [ "$(nproc)" -gt 1 ]; then
    sh -c 'echo $$ >"$1/cgroup.procs" && exec "$0" doctor' "$simclr" "$group" >out 2>err
    [ "$(value threads)" = 1 ] && grep -q "a CPU quota of the control group gives a rank the time of 1 core" err || die "a quota of 1 core: $(cat out err)"
    sh -c 'echo $$ >"$1/cgroup.procs" && exec "$0" doctor --threads=2' "$simclr" "$group" >out 2>err
    [ "$(value threads)" = 2 ] && grep -q "warning: .*CPU quota" err || die "two threads with a quota of 1 core: $(cat out err)"
else
    echo "no control group to write to: the quota was not tried"
fi

# Files that may not grow: an error of the write, no signal.
cp data.h5 before.h5
(ulimit -f 64; refuses 1 "data.h5: .*File too large" "$simclr" pack --split=test --force $mnist data.h5
cmp -s data.h5 before.h5 || die "a pack that failed changed its output"
refuses 1 "first checkpoint.*File too large" "$simclr" pretrain --preset=fashion-mnist --data=data.h5 --width=1/16 --batch=64 --steps=1 --threads=1 --run-dir=small
"$simclr" --help >out 2>&1 || die "help writes more than 64 blocks") || exit 1
(ulimit -n 24; "$simclr" info data.h5 >out 2>&1 || die "24 open files: $(cat out)") || exit 1
[ -z "$sanitized" ] || { echo "limits are seen"; exit 0; }

# Stacks: the soft limit is raised, a hard one is refused.
(ulimit -S -s 64; "$simclr" info data.h5 >out 2>&1 || die "a soft limit of 64 KiB for the stack: $(cat out)") || exit 1
(ulimit -s 64; refuses 1 "a stack of 64 KiB is too small" "$simclr" info data.h5) || exit 1

# What no limit tells: the system refuses a thread, or memory on one of two ranks.
cat >shim.c <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
static int is(const char *name, const char *value) { return getenv(name) && !__builtin_strcmp(getenv(name), value); }
int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *argument)
{
    static int calls;
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))dlsym(RTLD_NEXT, "pthread_create");
    return is("SHIM", "threads") && ++calls == 9 ? EAGAIN : real(thread, attr, run, argument);
}
int posix_memalign(void **memory, size_t align, size_t bytes)
{
    int (*real)(void **, size_t, size_t) = (int (*)(void **, size_t, size_t))dlsym(RTLD_NEXT, "posix_memalign");
    return is("SHIM", "memory") && (is("OMPI_COMM_WORLD_RANK", "1") || is("PMI_RANK", "1")) && bytes > 200000 ? ENOMEM : real(memory, align, bytes);
}
C
${CC:-cc} -shared -fPIC -o shim.so shim.c -ldl 2>err || { echo "no shared library can be made here: $(head -1 err)"; exit 0; }
LD_PRELOAD=$work/shim.so SHIM=threads "$simclr" bench loss --batch=300 --dim=32 --threads=8 --steps=1 >out 2>err || die "refused threads: $(cat err)"
grep -q "the system gives 3 threads and not 8" err && [ "$(value threads)" = 3 ] || die "refused threads: $(cat out err)"
refuses 1 "rank 1 on .*: out of memory: .* MB were asked for, and .* MB are there" "$mpirun" 2 \
    env LD_PRELOAD="$work/shim.so" SHIM=memory "$simclr" bench loss --batch=2000 --dim=128 --threads=1 --steps=1

# Containers forbid reading another process's memory, which Open MPI's ranks of a node do where nobody tells them.
cat >jail.c <<'C'
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    struct sock_filter filter[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                                   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 0, 1),
                                   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {4, filter};
    if (argc < 2 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        return 77;
    execv(argv[1], argv + 1);
    return 77;
}
C
if ${CC:-cc} -o jail jail.c 2>err && ./jail /bin/true; then
    timeout 120 "$mpirun" 2 ./jail "$simclr" doctor >out 2>&1 || die "no reading of others' memory: $(cat out)"
    grep -q "Read -1" out && die "Open MPI reads others' memory where it may not: $(cat out)"
else
    echo "no system call can be forbidden here: $(head -1 err)"
fi
echo "limits are seen"
