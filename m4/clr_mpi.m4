# SPDX-License-Identifier: BSD-3-Clause
# CLR_MPI: MPI_CFLAGS and MPI_LIBS. The compiler's own (CC=mpicc), else Open MPI's
# pkg-config file, else what the mpicc on PATH says of itself.
AC_DEFUN([CLR_MPI], [
AC_ARG_VAR([MPI_CFLAGS], [compiler flags for MPI])
AC_ARG_VAR([MPI_LIBS], [linker flags for MPI])
AS_IF([test "x$MPI_LIBS" = x], [
  AC_MSG_CHECKING([for MPI in the compiler itself])
  AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <mpi.h>]], [[MPI_Init(0, 0);]])],
    [AC_MSG_RESULT([yes]); clr_mpi=compiler],
    [AC_MSG_RESULT([no])
     PKG_CHECK_MODULES([MPI], [ompi-c], [clr_mpi=ompi-c], [
       AC_PATH_PROG([MPICC], [mpicc])
       AS_IF([test "x$MPICC" != x], [
         MPI_CFLAGS=`$MPICC --showme:compile 2>/dev/null || $MPICC -compile_info 2>/dev/null | sed 's/^[[^ ]]*//'`
         MPI_LIBS=`$MPICC --showme:link 2>/dev/null || $MPICC -link_info 2>/dev/null | sed 's/^[[^ ]]*//'`
         clr_mpi=$MPICC])])])])
clr_save_CPPFLAGS=$CPPFLAGS; clr_save_LIBS=$LIBS
CPPFLAGS="$CPPFLAGS $MPI_CFLAGS"; LIBS="$MPI_LIBS $LIBS"
AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <mpi.h>]], [[MPI_Init(0, 0);]])], [],
  [clr_missing="$clr_missing
  MPI: apt-get install libopenmpi-dev, or load your site's MPI module, or ./configure CC=mpicc"])
CPPFLAGS=$clr_save_CPPFLAGS; LIBS=$clr_save_LIBS
AC_PATH_PROGS([MPIRUN], [mpirun mpiexec], [mpirun])
])
