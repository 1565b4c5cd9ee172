# SPDX-License-Identifier: BSD-3-Clause
# Sourced: tables of settings, a line each: a name, then options of the table's command, parted by blanks; '#' begins a comment line. A word
# small:--batch=64 counts at that scale alone, and a row with the word only:paper is a row of that scale alone. Of the comments these count:
#   # scale NAME OPTIONS...      options of every row at that scale (more lines: more options)
#   # command pretrain|finetune  what a row starts (pretrain)
#   # probe OPTIONS...           how a pretrained row is judged (simclr probe), an evaluation a line; none: once, by its defaults
# Whatever a row says, it is words for simclr, and nothing that a shell reads.

# find_table NAME: a file, or one of jobs/tables
find_table() {
    if [ ! -e "$1" ] && [ -f "$jobs/tables/${1%.tsv}.tsv" ]; then printf '%s\n' "$jobs/tables/${1%.tsv}.tsv"; else printf '%s\n' "$1"; fi
}

# table_lines TABLE: its lines, however they end, without a byte order mark
table_lines() {
    LC_ALL=C tr '\r' '\n' <"$1" | LC_ALL=C sed "1s/^$(printf '\357\273\277')//"
}

# settings TABLE [SCALE]: its rows at that scale: a name and the words that count
settings() {
    table_lines "$1" | grep -v '^[[:space:]]*\(#\|$\)' | awk -v scale="${2:-}" '
        {
            row = $1; here = 1
            for (i = 2; i <= NF; i++)
                if ($i ~ /^only:/) { if (scale != "" && $i != "only:" scale) here = 0 }
                else if ($i ~ /^[a-z]+:--/) { at = index($i, ":"); if (substr($i, 1, at - 1) == scale) row = row " " substr($i, at + 1) }
                else row = row " " $i
            if (here) print row
        }'
}

# said TABLE WORD: what its comments "# WORD ..." say, a line each
said() {
    table_lines "$1" | sed -n "s/^#[[:space:]]*$2[[:space:]][[:space:]]*//p"
}

# scales TABLE: their names
scales() {
    said "$1" scale | awk '!($1 in seen) { seen[$1]; print $1 }'
}

# options_at TABLE SCALE: what every row gets at that scale
options_at() {
    said "$1" scale | awk -v scale="$2" '$1 == scale { $1 = ""; print }'
}

# check_table TABLE [SCALE]: how many settings it has, or what is wrong with it and a status that is not 0
check_table() {
    [ -r "$1" ] || { printf '%s: cannot be read\n' "$1" >&2; return 2; }
    [ "$(LC_ALL=C tr -cd '\000' <"$1" | wc -c)" = 0 ] || { printf '%s: is no plain text, perhaps UTF-16; save it as UTF-8\n' "$1" >&2; return 2; }
    if [ -n "$(scales "$1")" ] && ! scales "$1" | grep -qxF -- "${2:-}"; then
        printf "%s: has no scale '%s'; SCALE is one of: %s\n" "$1" "${2:-}" "$(scales "$1" | tr '\n' ' ')" >&2
        return 2
    fi
    [ -n "$(settings "$1" "${2:-}")" ] || { printf '%s: has no line with a setting: a name, then options of simclr pretrain\n' "$1" >&2; return 2; }
    wrong=$(settings "$1" "${2:-}" | LC_ALL=C awk '
        $1 ~ /^-/ { print "a line begins with the option " $1 "; a name comes first"; exit }
        $1 ~ /\// || $1 == "." || $1 == ".." { print "\047" $1 "\047 cannot be the name of a setting: it names a folder of its own"; exit }
        $1 !~ /^[A-Za-z0-9._+=-]+$/ { print "row " NR ": \047" $1 "\047 cannot be the name of a setting: letters, digits, . _ + = and - can"; exit }
        $1 in seen { print "two settings have the name \047" $1 "\047; each needs its own"; exit }
        { for (i = 2; i <= NF; i++) if ($i !~ /^--/) { print "row " NR " (" $1 "): \047" $i "\047 is no option: --NAME=VALUE"; exit } }
        { seen[$1] }')
    [ -z "$wrong" ] || { printf '%s: %s\n' "$1" "$wrong" >&2; return 2; }
    case $(said "$1" command) in '' | pretrain | finetune) ;; *) printf '%s: # command is pretrain or finetune\n' "$1" >&2; return 2 ;; esac
    settings "$1" "${2:-}" | wc -l
}
