# SPDX-License-Identifier: BSD-3-Clause
# CLR_BLIS: BLIS_CFLAGS and BLIS_LIBS. BLIS 0.9 of Debian has no .pc file and keeps its header in
# a folder per threading flavour below the multiarch include folder; the serial flavour is
# preferred, because this program parallelises above BLIS.
AC_DEFUN([CLR_BLIS], [
AC_ARG_VAR([BLIS_CFLAGS], [compiler flags for BLIS])
AC_ARG_VAR([BLIS_LIBS], [linker flags for BLIS])
clr_save_CPPFLAGS=$CPPFLAGS; clr_save_LIBS=$LIBS
clr_blis=no
AC_MSG_CHECKING([for BLIS])
clr_arch=`$CC -print-multiarch 2>/dev/null`
AS_IF([test "x$BLIS_LIBS" != x], [clr_candidates=given], [clr_candidates="serial openmp pthread plain"])
for clr_flavour in $clr_candidates; do
  AS_CASE([$clr_flavour],
    [given], [clr_c=$BLIS_CFLAGS; clr_l=$BLIS_LIBS],
    [plain], [clr_c=; clr_l="-lblis -lm"],
    [clr_c="-isystem /usr/include/$clr_arch/blis-$clr_flavour"
     clr_l="-L/usr/lib/$clr_arch/blis-$clr_flavour -Wl,-rpath,/usr/lib/$clr_arch/blis-$clr_flavour -lblis -lm"])
  CPPFLAGS="$clr_save_CPPFLAGS $clr_c"; LIBS="$clr_l $clr_save_LIBS"
  AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <blis.h>]], [[bli_init();]])],
    [clr_blis=$clr_flavour; BLIS_CFLAGS=$clr_c; BLIS_LIBS=$clr_l; break])
done
CPPFLAGS=$clr_save_CPPFLAGS; LIBS=$clr_save_LIBS
AC_MSG_RESULT([$clr_blis])
AS_IF([test $clr_blis = no], [clr_missing="$clr_missing
  BLIS: apt-get install libblis-serial-dev, or ./configure BLIS_CFLAGS=-I... BLIS_LIBS='-L... -lblis'"])
])
