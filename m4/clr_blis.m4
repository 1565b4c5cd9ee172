# SPDX-License-Identifier: BSD-3-Clause
# CLR_BLIS: BLIS_CFLAGS and BLIS_LIBS, as given, else from blis.pc, else of Debian, whose BLIS 0.9 has no .pc file and keeps its header in a
# folder per threading flavour below the multiarch include folder; the serial flavour is preferred, because this program parallelises
# above BLIS. Where only <blis/blis.h> is found, as a prefix has it, BLIS_CFLAGS say so to src/gemm/gemm.c.
AC_DEFUN([CLR_BLIS], [
AC_ARG_VAR([BLIS_CFLAGS], [compiler flags for BLIS])
AC_ARG_VAR([BLIS_LIBS], [linker flags for BLIS])
AC_MSG_CHECKING([for BLIS])
clr_blis=no clr_first=
AS_IF([test "x$BLIS_LIBS" != x], [clr_candidates="given static"], [clr_candidates="blis serial openmp pthread plain"])
clr_headers="flat folder"
for clr_word in $BLIS_CFLAGS; do
  clr_dir=`AS_ECHO(["$clr_word"]) | sed 's/^-I//'`
  AS_IF([test ! -f "$clr_dir/blis.h" && test -f "$clr_dir/blis/blis.h"], [clr_headers=folder])
done
for clr_candidate in $clr_candidates; do
  for clr_header in $clr_headers; do
    clr_c=$BLIS_CFLAGS
    AS_CASE([$clr_candidate],
      [given], [clr_l="$BLIS_LIBS"],
      [static], [clr_l="$BLIS_LIBS -lpthread -lm"],
      [plain], [clr_l="-lblis -lm"],
      [blis], [$PKG_CONFIG --exists blis 2>/dev/null || continue
        clr_c=`$PKG_CONFIG --cflags blis`; clr_l="`$PKG_CONFIG --libs blis` -lpthread -lm"],
      [clr_usr=$PKG_CONFIG_SYSROOT_DIR/usr
       clr_c="-isystem $clr_usr/include/$clr_arch/blis-$clr_candidate"
       clr_l="-L$clr_usr/lib/$clr_arch/blis-$clr_candidate -lblis -lm"])
    AS_IF([test $clr_header = folder], [clr_c="$clr_c -DCLR_BLIS_FOLDER"])
    CLR_TRY([[
#ifdef CLR_BLIS_FOLDER
#include <blis/blis.h>
#else
#include <blis.h>
#endif
]], [bli_init, bli_sgemm, bli_thread_set_num_threads, bli_arch_query_id, bli_arch_string])
    AS_IF([test $clr_found = yes], [clr_blis=$clr_candidate; BLIS_CFLAGS=$clr_c; BLIS_LIBS=$clr_l; break 2])
  done
done
AC_MSG_RESULT([$clr_blis])
AS_IF([test $clr_blis = no], [CLR_MISSING([BLIS], [BLIS], [libblis-serial-dev], [-lblis])])
])
