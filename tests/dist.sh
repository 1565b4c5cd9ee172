#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# dist.sh: what `make dist` packs is what git keeps of the sources, tests and jobs; a header that no module.am names is found here.
set -u
top=$(cd "${top_srcdir:-.}" && pwd) build=$(cd "${top_builddir:-.}" && pwd)
[ "$(git -C "$top" rev-parse --show-toplevel 2>/dev/null)" = "$(cd "$top" && pwd -P)" ] || { echo "skipped: not a git checkout"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
make -s -C "$build" distdir distdir="$work/packed" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
git -C "$top" ls-files | grep -v '^\.' | sort >"$work/kept"
(cd "$work/packed" && find . -type f | sed 's|^\./||' | sort) >"$work/there"
comm -23 "$work/kept" "$work/there" >"$work/missing"
[ ! -s "$work/missing" ] || { echo "make dist leaves out:"; cat "$work/missing"; exit 1; }
