#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The rules of CONVENTIONS that a program can check: format, sizes, contracts, shell scripts, static analysis. A tool that is not
# installed is named, and its part is left out.
cd "${top_srcdir:-.}" || exit 99
command -v git >/dev/null 2>&1 && [ "$(git rev-parse --show-toplevel 2>/dev/null)" = "$(pwd -P)" ] || { echo "not a clone: the rules are for developers"; exit 77; }
failed=0
has() {
    command -v "$1" >/dev/null 2>&1 && return 0
    echo "left out: there is no $1 here"
    return 1
}
# Versions of clang-format differ in what they make of a line; the tree is in that of version 14.
if has clang-format && clang-format --version | grep -q ' 14\.'; then
    git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror >/dev/null 2>&1 || {
        echo "not in the format of .clang-format (clang-format -i FILE):"
        git ls-files '*.c' '*.h' | while read -r file; do clang-format --dry-run -Werror "$file" >/dev/null 2>&1 || echo "  $file"; done
        failed=1
    }
fi
python3 tests/tree.py --check || failed=1
if has shellcheck; then
    # Scripts that source others use their variables (SC2034, SC2154) and functions (SC2120); lists of process numbers are split on
    # purpose (SC2046); SC1007 is our "a= b="; test -nt (SC3013) and ulimit's letters (SC3045) are in every shell that is /bin/sh.
    git ls-files '*.sh' .ci/run | xargs shellcheck -s sh -S warning -e SC1007,SC1090,SC1091,SC2034,SC2046,SC2120,SC2154,SC3013,SC3045 || failed=1
fi
if has cppcheck; then
    cppcheck --quiet --std=c11 --enable=warning --inline-suppr --suppressions-list=tests/cppcheck.txt --suppress=missingIncludeSystem \
        -I include -DCLR_ISA=portable -DCLR_STORED=bf16 --error-exitcode=1 --template='{file}:{line}: {severity}: {id}: {message}' src || failed=1
fi
exit $failed
