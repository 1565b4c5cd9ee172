/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SIMCLR_FUZZ_OMP_H
#define SIMCLR_FUZZ_OMP_H
/* One thread: `make fuzz` asks for no OpenMP. */
static inline int omp_get_max_threads(void)
{
    return 1;
}
static inline int omp_get_num_threads(void)
{
    return 1;
}
static inline int omp_get_thread_num(void)
{
    return 0;
}
static inline int omp_get_thread_limit(void)
{
    return 1;
}
static inline void omp_set_num_threads(int n)
{
    (void)n;
}
static inline int omp_get_num_places(void)
{
    return 0;
}
static inline int omp_get_place_num_procs(int place)
{
    return 0 * place;
}
static inline void omp_get_place_proc_ids(int place, int *ids)
{
    (void)place, (void)ids;
}
static inline void omp_set_dynamic(int on)
{
    (void)on;
}
#endif
