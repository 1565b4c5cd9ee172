# SPDX-License-Identifier: BSD-3-Clause
# Sourced at the project's root. build_simclr: $simclr is the program named by SIMCLR, or one that is built in build/quickstart.
build_simclr() {
    simclr=${SIMCLR:-}
    [ -z "$simclr" ] || return 0
    top=$(pwd)
    echo "building"
    mkdir -p build/quickstart
    if [ ! -x configure ] || [ -n "$(find configure.ac -newer configure)" ]; then
        autoreconf -fi >build/quickstart/autoreconf.out 2>&1 || { cat build/quickstart/autoreconf.out >&2; return 1; }
    fi
    (
        cd build/quickstart || exit 1
        [ -f Makefile ] || "$top/configure" --quiet >configure.out 2>&1 || { cat configure.out >&2; exit 1; }
        make -s -j"$(nproc)" simclr
    ) || return 1
    simclr=$top/build/quickstart/simclr
}
