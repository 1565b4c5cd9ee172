# SPDX-License-Identifier: BSD-3-Clause
# Sourced. Packages of Debian unpacked into a folder, beside the host's and not installed, without root: libraries for another processor, an
# older compiler. Where that cannot be: says why, and fails.

# unpacked DIR ARCHITECTURE SUITE CHOOSE WORDS...: the packages that the shell function CHOOSE prints for WORDS, in DIR. SUITE: bullseye, ...,
# or "" for the host's own sources
unpacked() {
    root=$1 apt=$1.apt arch=$2 suite=$3 choose=$4
    shift 4
    [ ! -f "$root/complete" ] || return 0
    command -v apt-get >/dev/null 2>&1 && command -v dpkg >/dev/null 2>&1 || { echo "no apt-get or no dpkg here"; return 1; }
    rm -rf "$root" "$apt"
    mkdir -p "$root" "$apt/lists/partial" "$apt/archives/partial" "$apt/parts" && : >"$apt/status"
    cat >"$apt/conf" <<EOF
Dir::State "$apt";
Dir::State::Lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt";
APT::Architecture "$arch";
APT::Architectures "$arch";
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
EOF
    if [ -n "$suite" ]; then
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $suite main" >"$apt/sources.list"
        printf 'Dir::Etc::sourcelist "%s";\nDir::Etc::sourceparts "%s";\n' "$apt/sources.list" "$apt/parts" >>"$apt/conf"
    fi
    APT_CONFIG=$apt/conf timeout 120 apt-get update -q >"$apt/log" 2>&1 || { echo "apt-get update: $(tail -n 1 "$apt/log")"; return 1; }
    names=$(APT_CONFIG=$apt/conf $choose "$@" 2>"$apt/log")
    [ -n "$names" ] || { echo "no packages of $arch $suite: $(tail -n 1 "$apt/log")"; return 1; }
    # shellcheck disable=SC2086
    (cd "$apt/archives" && APT_CONFIG=$apt/conf timeout 300 apt-get download -q $names) >"$apt/log" 2>&1 || { echo "apt-get download: $(tail -n 1 "$apt/log")"; return 1; }
    for deb in "$apt"/archives/*.deb; do
        dpkg -x "$deb" "$root" || { echo "$deb cannot be unpacked"; return 1; }
    done
    # A link to an absolute path means a file in there; dangling, libz.so made the linker take libz.a.
    find "$root" -type l -lname '/*' | while read -r link; do
        target=$(readlink "$link")
        [ ! -e "$root$target" ] || ln -sfn "$root$target" "$link"
    done
    rm -rf "$apt" && : >"$root/complete"
}
# these PACKAGES...: no others
these() {
    echo "$@"
}
# with_libraries PACKAGES...: and the libraries that they depend on, not the compilers and tools
with_libraries() {
    apt-get install -s -q "$@" | sed -n 's/^Inst \([^ ]*\) .*/\1/p' | grep -E '^(lib|zlib1g|check$|linux-libc-dev|openmpi-common|ibverbs)' |
        grep -Ev '^lib(perl|asan|hwasan|tsan|lsan|ubsan|gfortran|binutils|ctf|gprofng|db5|hdf5-.*cpp|hdf5-.*fortran)'
}
