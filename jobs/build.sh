# SPDX-License-Identifier: BSD-3-Clause
# Sourced, with $jobs, the folder of these scripts. The program of these scripts is the one that SIMCLR names; else one built from the
# sources around them; else the one that was installed with them; else the one on PATH.
top=$(dirname "$jobs")

# has_sources: whether these scripts lie in a source tree, where things may be built
has_sources() {
    [ -f "$top/configure.ac" ]
}

# find_simclr: sets SIMCLR, and MPIRUN where nobody has and the program is installed: the launcher of the MPI that it was built with
find_simclr() {
    chosen_simclr || return 1
    launcher=$(dirname "$SIMCLR")/../share/simclr/launcher
    if [ -z "${MPIRUN:-}" ] && [ -r "$launcher" ] && command -v "$(cat "$launcher")" >/dev/null 2>&1; then
        MPIRUN=$(cat "$launcher")
        export MPIRUN
    fi
}
chosen_simclr() {
    for candidate in "${SIMCLR:-}" "$top/build/simclr" "$top/simclr" "$top/build/quickstart/simclr" "$top/../../bin/simclr" "$(command -v simclr)"; do
        [ ! -f "$candidate" ] || [ ! -x "$candidate" ] || { SIMCLR=$candidate && return 0; }
        [ -z "${SIMCLR:-}" ] || break
    done
    echo "no simclr found: build it (./configure && make), or set SIMCLR in jobs/site.sh" >&2
    return 1
}

# build_simclr: sets SIMCLR, and builds in build/quickstart of a source tree where nothing else is named
build_simclr() {
    [ -z "${SIMCLR:-}" ] || return 0
    has_sources || { find_simclr; return $?; }
    echo "building"
    (
        cd "$top" && mkdir -p build/quickstart || exit 1
        if [ ! -x configure ] || [ -n "$(find configure.ac -newer configure)" ]; then
            autoreconf -fi >build/quickstart/autoreconf.out 2>&1 || { cat build/quickstart/autoreconf.out >&2; exit 1; }
        fi
        cd build/quickstart || exit 1
        [ -f Makefile ] || ../../configure --quiet >configure.out 2>&1 || { cat configure.out >&2; exit 1; }
        make -s -j"$(nproc)" simclr
    ) || return 1
    SIMCLR=$top/build/quickstart/simclr
}
