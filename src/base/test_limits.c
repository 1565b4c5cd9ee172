/* SPDX-License-Identifier: BSD-3-Clause */
/* What this process may use, from folders that stand for /proc and for control groups; what happens beyond it. */
#include "clr/machine.h"
#include "clr/mem.h"
#include "clr/tensor.h"
#include "clr/test.h"

#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char root[CLR_TEST_FOLDER];

static void begin(void)
{
    static const char *const names[] = {
        "SLURM_MEM_PER_NODE",      "SLURM_MEM_PER_CPU",  "SLURM_MEM_PER_GPU",   "SLURM_CPUS_ON_NODE",
        "SLURM_JOB_CPUS_PER_NODE", "SLURM_GPUS_ON_NODE", "SLURM_GPUS_PER_NODE", "SLURM_GPUS"};

    for (size_t i = 0; i < CLR_COUNT(names); i++)
        unsetenv(names[i]);
    clr_test_folder_begin(root);
}

static void end(void)
{
    clr_test_folder_end(root);
}

/* text into the file at root/path, its folders made. */
static void put(const char *path, const char *text)
{
    char *whole = clr_text("%s/%s", root, path);

    for (char *slash = strchr(whole + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(whole, 0700);
        *slash = '/';
    }
    FILE *file = fopen(whole, "w");
    ck_assert(file && fputs(text, file) >= 0 && !fclose(file));
    clr_free(whole);
}

/* bytes for one of `sharing` processes, and the reason begins with by (behind "control group " the folder). */
#define LEAVES(bytes_, sharing, by_)                                                        \
    do {                                                                                    \
        clr_budget budget = clr_memory_budget_under(root, sharing);                         \
        ck_assert_uint_eq(budget.bytes, bytes_);                                            \
        ck_assert_msg(!strncmp(budget.by, by_, strlen(by_)), "%s, not %s", budget.by, by_); \
    } while (0)

#define V1 "sys/fs/cgroup/memory"
#define V2 "sys/fs/cgroup"
#define FREE "the free memory"

START_TEST(the_tightest_group_counts)
{
    LEAVES(UINT64_MAX, 1, "");
    put("proc/meminfo", "MemTotal: 9999 kB\nMemAvailable:   1000 kB\n");
    LEAVES(1000 * 1024, 1, FREE);
    LEAVES(250 * 1024, 4, FREE);

    /* A step without a limit in a job with one; what the job's files hold can be had back. */
    put("proc/self/cgroup", "1:name=systemd:/elsewhere\n0::/slurm/job_1/step_0\n");
    put(V2 "/slurm/job_1/step_0/memory.max", "max\n");
    put(V2 "/slurm/job_1/step_0/memory.current", "5000\n");
    put(V2 "/slurm/job_1/memory.max", "900000\n");
    put(V2 "/slurm/job_1/memory.current", "700000\n");
    LEAVES(200000, 1, "control group /sys/fs/cgroup/slurm/job_1");
    put(V2 "/slurm/job_1/memory.stat", "anon 1\nactive_file 100000\nfile_mapped 5\ninactive_file 200000\n");
    LEAVES(500000, 1, "control group /sys/fs/cgroup/slurm/job_1");
    put(V2 "/slurm/job_1/step_0/memory.high", "305000\n"); /* memory.max is "max" still */
    LEAVES(300000, 1, "control group /sys/fs/cgroup/slurm/job_1/step_0");
    put(V2 "/slurm/job_1/step_0/memory.max", "105000\n");
    LEAVES(100000, 1, "control group /sys/fs/cgroup/slurm/job_1/step_0");
    put(V2 "/memory.max", "7000\n"); /* a container's own root */
    put(V2 "/memory.current", "8000\n");
    LEAVES(0, 1, "control group /sys/fs/cgroup");
}
END_TEST

START_TEST(groups_of_version_1_count)
{
    put("proc/meminfo", "MemAvailable: 9000000 kB\n");
    put("proc/self/cgroup", "4:cpuset:/a\n9:hugetlb,memory:/uid_0/job_2/step\n0::/\n");
    put(V1 "/uid_0/memory.limit_in_bytes", "800000\n");
    put(V1 "/uid_0/memory.usage_in_bytes", "300000\n");
    put(V1 "/uid_0/memory.stat",
        "inactive_file 1\nactive_file 1\ntotal_inactive_file 70000\ntotal_active_file 30000\n");
    put(V1 "/uid_0/job_2/step/memory.limit_in_bytes", "9223372036854771712\n");
    put(V1 "/uid_0/job_2/step/memory.usage_in_bytes", "10\n");
    LEAVES(600000, 1, "control group /sys/fs/cgroup/memory/uid_0");
    put(V1 "/uid_0/memory.limit_in_bytes", "9223372036854771712\n");
    LEAVES(UINT64_C(9000000) * 1024, 1, FREE);
    put("proc/self/cgroup", "9:memory_of_others,cpuset:/uid_1\n");
    put(V1 "/uid_1/memory.limit_in_bytes", "1\n");
    put(V1 "/uid_1/memory.usage_in_bytes", "0\n");
    LEAVES(UINT64_C(9000000) * 1024, 1, FREE);
}
END_TEST

/* Where the hierarchy hangs, and at which of its groups a container's mount begins, is in the list of mounts. */
START_TEST(mounts_are_found)
{
    put("proc/self/cgroup", "9:memory:/docker/ab/job\n0::/user.slice/a\n");
    put("proc/self/mountinfo", "22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw,memory\n"
                               "30 22 0:26 /docker/ab /mnt/mem rw,nosuid master:4 - cgroup cgroup rw,memory\n"
                               "31 22 0:27 / /mnt/unified rw - cgroup2 cgroup2 rw,nsdelegate\n");
    put("mnt/mem/job/memory.limit_in_bytes", "4000\n");
    put("mnt/mem/job/memory.usage_in_bytes", "1000\n");
    LEAVES(3000, 1, "control group /mnt/mem/job");
    put("mnt/mem/memory.limit_in_bytes", "3000\n");
    put("mnt/mem/memory.usage_in_bytes", "1000\n");
    LEAVES(2000, 1, "control group /mnt/mem");
    put("mnt/memory.limit_in_bytes", "1\n"); /* above the mount point: no group */
    put("mnt/memory.usage_in_bytes", "0\n");
    LEAVES(2000, 1, "control group /mnt/mem");
    put("mnt/unified/user.slice/memory.max", "1500\n");
    put("mnt/unified/user.slice/memory.current", "1000\n");
    LEAVES(500, 1, "control group /mnt/unified/user.slice");

    /* A path that the mount does not show: its root is all that is seen. */
    put("proc/self/cgroup", "9:memory:/elsewhere\n");
    LEAVES(2000, 1, "control group /mnt/mem");
}
END_TEST

START_TEST(slurm_says_what_a_job_has)
{
    const uint64_t mib = 1 << 20;

    put("proc/meminfo", "MemAvailable: 90000000 kB\n");
    setenv("SLURM_MEM_PER_NODE", "2000", 1);
    LEAVES(2000 * mib, 1, "SLURM_MEM_PER_NODE");
    LEAVES(500 * mib, 4, "SLURM_MEM_PER_NODE");
    setenv("SLURM_MEM_PER_NODE", "3G", 1);
    LEAVES(3072 * mib, 1, "SLURM_MEM_PER_NODE");
    setenv("SLURM_MEM_PER_NODE", "1024K", 1);
    LEAVES(mib, 1, "SLURM_MEM_PER_NODE");
    setenv("SLURM_MEM_PER_NODE", "0", 1); /* all of the node's */
    LEAVES(UINT64_C(90000000) * 1024, 1, FREE);

    setenv("SLURM_MEM_PER_CPU", "300", 1);
    setenv("SLURM_JOB_CPUS_PER_NODE", "4(x3),2", 1);
    LEAVES(1200 * mib, 1, "SLURM_MEM_PER_CPU");
    setenv("SLURM_CPUS_ON_NODE", "2", 1);
    LEAVES(600 * mib, 1, "SLURM_MEM_PER_CPU");
    setenv("SLURM_MEM_PER_CPU", "0", 1);
    LEAVES(UINT64_C(90000000) * 1024, 1, FREE);

    setenv("SLURM_MEM_PER_GPU", "1G", 1);
    LEAVES(UINT64_C(90000000) * 1024, 1, FREE); /* of how many? */
    setenv("SLURM_GPUS_PER_NODE", "a100:2,v100:1", 1);
    LEAVES(3072 * mib, 1, "SLURM_MEM_PER_GPU");
    setenv("SLURM_GPUS_ON_NODE", "1", 1);
    LEAVES(1024 * mib, 1, "SLURM_MEM_PER_GPU");
    setenv("SLURM_MEM_PER_GPU", "much", 1);
    LEAVES(UINT64_C(90000000) * 1024, 1, FREE);
}
END_TEST

/* For each process by itself: ranks do not share them. The limit is so high that this process does not meet it. */
START_TEST(ulimits_are_a_process_own)
{
    static const struct {
        int resource;
        const char *by;
    } limits[] = {{RLIMIT_AS, "ulimit -v"}, {RLIMIT_DATA, "ulimit -d"}};

    put("proc/meminfo", "MemAvailable: 90000000 kB\n");
    put("proc/self/status",
        "Name:\tx\nVmPeak:\t1 kB\nVmSize:\t68719476636 kB\nVmData:\t68719476636 kB\n"); /* 64 TiB less 100 KiB */
    for (int i = 0; i < 2; i++) {
        struct rlimit before, now;
        ck_assert(!getrlimit(limits[i].resource, &before));
        if (before.rlim_max != RLIM_INFINITY)
            continue;
        now = (struct rlimit){UINT64_C(64) << 40, before.rlim_max};
        ck_assert(!setrlimit(limits[i].resource, &now));
        clr_budget budget = clr_memory_budget_under(root, 4);
        ck_assert(!setrlimit(limits[i].resource, &before));
        ck_assert_uint_eq(budget.bytes, 100 * 1024);
        ck_assert_str_eq(budget.by, limits[i].by);
    }
}
END_TEST

START_TEST(quotas_of_nested_groups_count)
{
    ck_assert_double_eq(clr_cpu_quota_under(root), HUGE_VAL);
    put("proc/self/cgroup", "0::/a/b/c\n");
    put(V2 "/a/b/c/cpu.max", "max 100000\n");
    ck_assert_double_eq(clr_cpu_quota_under(root), HUGE_VAL);
    put(V2 "/a/b/cpu.max", "250000 100000\n");
    ck_assert_double_eq(clr_cpu_quota_under(root), 2.5);
    put(V2 "/a/cpu.max", "75000 50000\n");
    ck_assert_double_eq(clr_cpu_quota_under(root), 1.5);

    put("proc/self/cgroup", "5:cpuacct,cpu:/d/e\n6:cpuset:/f\n");
    put(V2 "/cpu/d/e/cpu.cfs_quota_us", "-1\n");
    put(V2 "/cpu/d/e/cpu.cfs_period_us", "100000\n");
    ck_assert_double_eq(clr_cpu_quota_under(root), HUGE_VAL);
    put(V2 "/cpu/d/cpu.cfs_quota_us", "50000\n");
    put(V2 "/cpu/d/cpu.cfs_period_us", "100000\n");
    ck_assert_double_eq(clr_cpu_quota_under(root), 0.5);
    put("proc/self/mountinfo", "30 22 0:26 / /mnt/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n31 22 0:26 / "
                               "/mnt/cpuset rw - cgroup cgroup rw,cpuset\n");
    put("mnt/cpu,cpuacct/d/cpu.cfs_quota_us", "300000\n");
    put("mnt/cpu,cpuacct/d/cpu.cfs_period_us", "100000\n");
    put("mnt/cpuset/f/cpu.cfs_quota_us", "1\n");
    put("mnt/cpuset/f/cpu.cfs_period_us", "1000000\n");
    ck_assert_double_eq(clr_cpu_quota_under(root), 3);
}
END_TEST

static void leave(const char *sentence)
{
    _exit(strstr(sentence, "2251799813.7 MB were asked for, and ") && strstr(sentence, " MB are there (") ? 7 : 8);
}

/* The exit status of a child that asks for so much, or -1 where a signal ended it. */
static int asked_for(size_t count, size_t size, void (*last)(const char *))
{
    int status = 0;
    pid_t child = fork();

    if (!child) {
        ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
        clr_alloc_failure(last);
        clr_free(clr_alloc(count, size));
        _exit(0);
    }
    ck_assert(child > 0 && waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(what_is_not_there_ends_with_a_status)
{
    ck_assert_int_eq(asked_for(1000, 1000, NULL), 0);
    ck_assert_int_eq(asked_for(SIZE_MAX / 2, 3, NULL), EXIT_FAILURE); /* the product wraps */
    ck_assert_int_eq(asked_for(SIZE_MAX, 1, NULL), EXIT_FAILURE);
    ck_assert_int_eq(asked_for((size_t)1 << 41, 1024, NULL), EXIT_FAILURE);
    ck_assert_int_eq(asked_for((size_t)1 << 41, 1024, leave), 7);
}
END_TEST

/* tests/threads.sh runs this with variables that would have OpenMP bind its threads. */
START_TEST(every_thread_may_use_all_cores)
{
    cpu_set_t cores;
    int n = clr_cores(&cores), bound = 0;

    ck_assert_int_gt(n, 0);
#pragma omp parallel num_threads(3) reduction(+ : bound)
    {
        cpu_set_t mine;
        bound += sched_getaffinity(0, sizeof mine, &mine) || !CPU_EQUAL(&mine, &cores);
    }
    ck_assert_int_eq(bound, 0);
}
END_TEST

int main(void)
{
    TCase *files = tcase_create("limits");

    tcase_add_checked_fixture(files, begin, end);
    tcase_add_test(files, the_tightest_group_counts);
    tcase_add_test(files, groups_of_version_1_count);
    tcase_add_test(files, mounts_are_found);
    tcase_add_test(files, slurm_says_what_a_job_has);
    tcase_add_test(files, ulimits_are_a_process_own);
    tcase_add_test(files, quotas_of_nested_groups_count);
    tcase_add_test(files, what_is_not_there_ends_with_a_status);
    tcase_add_test(files, every_thread_may_use_all_cores);
    return clr_test_run("limits", files, CK_FORK_GETENV);
}
