# SPDX-License-Identifier: BSD-3-Clause
# CLR_MPI: MPI_CFLAGS and MPI_LIBS, as given, else none where the compiler has MPI itself (CC=mpicc, Cray's cc), else as the mpicc on PATH (or
# MPICC) says, else from pkg-config. MPIRUN: a launcher of the same MPI.
AC_DEFUN([CLR_MPI], [
AC_ARG_VAR([MPI_CFLAGS], [compiler flags for MPI])
AC_ARG_VAR([MPI_LIBS], [linker flags for MPI])
AC_ARG_VAR([MPICC], [compiler wrapper that is asked for the flags of MPI])
AC_MSG_CHECKING([for MPI])
clr_mpi=no clr_first= clr_wrapper=
AS_IF([test "x$MPICC" = x && test "$cross_compiling" != yes], [MPICC=`command -v mpicc`])
AS_IF([test "x$MPI_LIBS" != x], [clr_candidates=given], [clr_candidates="compiler mpicc ompi-c mpich"])
for clr_candidate in $clr_candidates; do
  clr_c=$MPI_CFLAGS clr_l=
  AS_CASE([$clr_candidate],
    [given], [clr_l=$MPI_LIBS],
    [compiler], [],
    [mpicc], [
      test "x$MPICC" != x || continue
      clr_said=`{ $MPICC --showme:compile && $MPICC --showme:link; } 2>/dev/null ||
        { $MPICC -compile_info && $MPICC -link_info; } 2>/dev/null || $MPICC -show 2>/dev/null`
      for clr_word in $clr_said; do
        AS_CASE([" $clr_c $clr_l "], [*" $clr_word "*], [continue])
        AS_CASE([$clr_word],
          [-I*|-D*], [clr_c="$clr_c $clr_word"],
          [-L*|-l*|-Wl,*rpath*|-Wl,/*|-Wl,--enable-new-dtags|*.a|*.so], [clr_l="$clr_l $clr_word"])
      done],
    [$PKG_CONFIG --exists $clr_candidate 2>/dev/null || continue
     clr_c=`$PKG_CONFIG --cflags $clr_candidate`; clr_l=`$PKG_CONFIG --libs $clr_candidate`])
  CLR_TRY([[#include <mpi.h>]], [MPI_Init_thread, MPI_Iallreduce, MPI_Comm_split_type])
  AS_IF([test $clr_found = yes], [clr_mpi=$clr_candidate; MPI_CFLAGS=$clr_c; MPI_LIBS=$clr_l; break])
done
AS_CASE([$clr_mpi], [compiler], [clr_wrapper=$CC], [mpicc], [clr_wrapper=$MPICC; clr_mpi=$MPICC])
AC_MSG_RESULT([$clr_mpi])
AS_IF([test "$clr_mpi" = no], [CLR_MISSING([MPI], [MPI], [libopenmpi-dev (or libmpich-dev), or load your site's MPI module, or ./configure CC=mpicc], [-lmpi])],
  [CLR_MPIRUN])
])

# CLR_LAUNCHER_KIND: clr_kind, of the launcher clr_launcher
AC_DEFUN([CLR_LAUNCHER_KIND], [
AS_CASE([`"$clr_launcher" --version 2>&1 </dev/null`],
  [*"Open MPI"*|*OpenRTE*|*PRRTE*], [clr_kind="Open MPI"],
  [*HYDRA*|*"Intel(R) MPI"*|*MPICH*|*MVAPICH*], [clr_kind=MPICH],
  [clr_kind=unknown])
])

# CLR_MPIRUN: MPIRUN, the first launcher that belongs to the MPI that was found (Intel MPI, MVAPICH and Cray's are kinds of MPICH)
AC_DEFUN([CLR_MPIRUN], [
AC_ARG_VAR([MPIRUN], [launcher of MPI, with which tests start ranks])
AC_MSG_CHECKING([for a launcher of this MPI])
clr_save_CPPFLAGS=$CPPFLAGS
CPPFLAGS="$CPPFLAGS $MPI_CFLAGS"
clr_family=unknown
AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <mpi.h>]], [[return OMPI_MAJOR_VERSION;]])], [clr_family="Open MPI"],
  [AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <mpi.h>]], [[return sizeof MPICH_VERSION;]])], [clr_family=MPICH])])
CPPFLAGS=$clr_save_CPPFLAGS
clr_folder= clr_suffix=
for clr_word in $clr_wrapper; do
  AS_CASE([$clr_word], [*mpicc*], [
    clr_folder=`AS_DIRNAME(["$clr_word"])`/
    test -x "$clr_word" || clr_folder=
    clr_suffix=`AS_ECHO(["$clr_word"]) | sed 's/^.*mpicc//'`])
done
AS_IF([test "x$MPIRUN" = x], [
  for clr_launcher in ${clr_folder}mpirun$clr_suffix ${clr_folder}mpiexec$clr_suffix mpirun$clr_suffix mpiexec$clr_suffix mpirun mpiexec \
      mpirun.openmpi mpirun.mpich mpiexec.hydra; do
    clr_launcher=`command -v $clr_launcher` || continue
    CLR_LAUNCHER_KIND
    AS_IF([test "$clr_kind" = "$clr_family"], [MPIRUN=$clr_launcher; break])
  done
  test "x$MPIRUN" != x || MPIRUN=mpirun])
AC_MSG_RESULT([$MPIRUN ($clr_family)])
clr_launcher=$MPIRUN
CLR_LAUNCHER_KIND
AS_IF([test "$cross_compiling" != yes && test "$clr_family" != unknown && test "$clr_kind" != "$clr_family"],
  [AC_MSG_WARN([MPI is $clr_family, but the launcher $MPIRUN is not its own (it is $clr_kind): name it with ./configure MPIRUN=..., or tests of several ranks fail])])
])
