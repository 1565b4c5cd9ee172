# SPDX-License-Identifier: BSD-3-Clause
# CLR_TRY(INCLUDES, SYMBOLS): whether a program with references to these functions links with the flags in clr_c and clr_l. A library in a folder that the loader does not search (-L)
# is found at run time, too: clr_l gets the folder's rpath. Sets clr_found, and where it is no for the first time, clr_first to flags and error.
# clr_cast(NAMES...): each as (function)NAME
m4_define([clr_cast], [m4_map_args_sep([(function)], [], [, ], $@)])
AC_DEFUN([CLR_TRY], [
clr_rpath=
AS_IF([test "$cross_compiling" != yes], [for clr_word in $clr_l; do
  AS_CASE([$clr_word],
    [-L/lib|-L/lib64|-L/usr/lib|-L/usr/lib64|-L/usr/lib/$clr_arch|-L/lib/$clr_arch], [],
    [-L/*], [clr_dir=`AS_ECHO(["$clr_word"]) | sed 's/^-L//'`
      AS_CASE([" $clr_l $clr_rpath "], [*"-rpath,$clr_dir "*|*"-rpath=$clr_dir "*|*"-rpath -Wl,$clr_dir "*], [],
        [clr_rpath="$clr_rpath -Wl,-rpath,$clr_dir"])])
done])
clr_l="$clr_l$clr_rpath"
clr_save_CPPFLAGS=$CPPFLAGS; clr_save_LIBS=$LIBS
CPPFLAGS="$CPPFLAGS $clr_c"; LIBS="$clr_l $LIBS"
AC_LINK_IFELSE([AC_LANG_PROGRAM([$1], [[typedef void (*function)(void);
function volatile used[] = {]clr_cast($2)[};
return used[0] == 0;]])], [clr_found=yes; clr_error=],
  [clr_found=no
   clr_error=`grep -e 'error' -e 'undefined' -e 'cannot find' conftest.err | sed 's/^.*error: //; s/^.*ld: //; s/^.*conftest.c:[[0-9:]]* *//; s/^.*o: in function .main.: *//; 1q'`])
CPPFLAGS=$clr_save_CPPFLAGS; LIBS=$clr_save_LIBS
AS_IF([test $clr_found = no && test "x$clr_first" = x], [clr_first="$clr_c $clr_l: $clr_error"])
])

# CLR_MISSING(NAME, WHAT, PACKAGE, LIBS): puts into clr_missing what is not there, how to get it or to name it, and what was tried first.
AC_DEFUN([CLR_MISSING], [
AS_IF([test "x$$1_LIBS" != x], [clr_missing="$clr_missing
  $2: a program cannot be linked with the $1_LIBS (and $1_CFLAGS) that were given:
      $clr_first"], [clr_missing="$clr_missing
  $2: apt-get install $3, or ./configure $1_CFLAGS=-I... $1_LIBS='-L... $4'
      ($clr_first)"])
])

# CLR_LIBRARY(NAME, WHAT, MODULES, LIBS, INCLUDES, SYMBOLS, PACKAGE, [optional]): NAME_CFLAGS and NAME_LIBS, as given, else from the first of
# these modules of pkg-config, else LIBS, with which a program with references to SYMBOLS links. Sets clr_how, to no where there are none.
# What is given and does not link is an error; so is what is not found, unless it is optional.
AC_DEFUN([CLR_LIBRARY], [
AC_ARG_VAR([$1_CFLAGS], [compiler flags for $2])
AC_ARG_VAR([$1_LIBS], [linker flags for $2])
AC_MSG_CHECKING([for $2])
clr_how=no clr_first=
AS_IF([test "x$$1_LIBS" != x], [clr_candidates="given static"], [clr_candidates="$3 plain"])
for clr_candidate in $clr_candidates; do
  clr_c=$$1_CFLAGS
  AS_CASE([$clr_candidate],
    [given], [clr_l=$$1_LIBS],
    [static], [clr_l="$$1_LIBS -lz -ldl -lpthread -lm"],
    [plain], [clr_l="$4"],
    [$PKG_CONFIG --exists $clr_candidate 2>/dev/null || continue
     clr_c=`$PKG_CONFIG --cflags $clr_candidate`; clr_l=`$PKG_CONFIG --libs $clr_candidate`])
  CLR_TRY([$5], [$6])
  AS_IF([test $clr_found = yes], [$1_CFLAGS=$clr_c; $1_LIBS=$clr_l; clr_how=$clr_candidate; break])
done
AC_MSG_RESULT([$clr_how])
AS_IF([test $clr_how = no], [AS_IF([m4_ifval([$8], [test "x$$1_LIBS" != x], [:])], [CLR_MISSING([$1], [$2], [$7], [$4])])])
])
