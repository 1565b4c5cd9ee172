#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Includes point towards the beginning of src/LAYERS, and each foreign header stays in its home.
cd "${top_srcdir:-.}" || exit 99
exec awk '
FNR == NR { if (/^#/ || !NF) next
            rank[$1] = NR
            for (i = 2; i <= NF; i++) home[$i] = $1
            next }
FNR == 1  { n = split(FILENAME, part, "/")
            mine = part[1] == "src" ? part[2] : home[part[n]]
            if (FILENAME == "src/main.c") mine = "cmd"
            if (!(mine in rank)) { print FILENAME ": not in src/LAYERS"; bad = 1 } }
/^#[ ]*include/ {
            header = $2
            ours = header ~ /^"clr\//
            gsub(/"|clr\//, "", header)
            if (header ~ /^</) wrong = (header in home) && (home[header] != mine || part[1] != "src")
            else wrong = ours && (!(header in home) || rank[home[header]] > rank[mine])
            if (wrong) { print FILENAME ":" FNR ": " $0; bad = 1 } }
END { exit bad }' src/LAYERS include/clr/*.h src/main.c src/*/*.[ch]
