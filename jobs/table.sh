# SPDX-License-Identifier: BSD-3-Clause
# Sourced: tables of settings, a line each: a name, then options of simclr pretrain, parted by blanks; '#' begins a comment line.

# settings TABLE: its lines, however they end, without comments and a byte order mark
settings() {
    LC_ALL=C tr '\r' '\n' <"$1" | LC_ALL=C sed "1s/^$(printf '\357\273\277')//" | grep -v '^[[:space:]]*\(#\|$\)'
}

# check_table TABLE: how many settings it has, or what is wrong with it and a status that is not 0
check_table() {
    [ -r "$1" ] || { printf '%s: cannot be read\n' "$1" >&2; return 2; }
    [ "$(LC_ALL=C tr -cd '\000' <"$1" | wc -c)" = 0 ] || { printf '%s: is no plain text, perhaps UTF-16; save it as UTF-8\n' "$1" >&2; return 2; }
    [ -n "$(settings "$1")" ] || { printf '%s: has no line with a setting: a name, then options of simclr pretrain\n' "$1" >&2; return 2; }
    wrong=$(settings "$1" | awk '
        $1 ~ /^-/ { print "a line begins with the option " $1 "; a name comes first"; exit }
        $1 ~ /\// || $1 == "." || $1 == ".." { print "\047" $1 "\047 cannot be the name of a setting: it names a folder of its own"; exit }
        $1 in seen { print "two settings have the name \047" $1 "\047; each needs its own"; exit }
        { seen[$1] }')
    [ -z "$wrong" ] || { printf '%s: %s\n' "$1" "$wrong" >&2; return 2; }
    settings "$1" | wc -l
}
