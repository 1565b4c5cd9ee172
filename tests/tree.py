#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""tree.py [--check]: measures of the source tree, and the limits of CONVENTIONS.

Counts lines of files, lines and parameters of functions, lines beyond 120 columns, functions of headers that no comment describes, and
files without a licence line. With --check it fails where a limit is exceeded that tests/tree.allow does not list with a reason."""
import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
FILE_LINES, FUNCTION_LINES, PARAMETERS, COLUMNS = 250, 60, 6, 120


def tracked():
    try:
        names = subprocess.run(["git", "ls-files"], cwd=TOP, capture_output=True, text=True, check=True).stdout.split("\n")
    except (OSError, subprocess.CalledProcessError):  # a tarball
        names = [str(p.relative_to(TOP)) for folder in ("src", "include", "tests", "jobs", "m4") for p in (TOP / folder).rglob("*")]
    return [n for n in names if n and (TOP / n).is_file()]


def is_test(name):
    return name.startswith("tests/") or "/test_" in name or name.endswith(("/fixture.h", "/hostile.c", "/hostile.h"))


def parameters(text):
    """The number of parameters in the text between a function's parentheses."""
    depth, count = 0, 1
    for c in text:
        depth += (c in "([{") - (c in ")]}")
        count += c == "," and depth == 0
    return 0 if text.strip() in ("", "void") else count


def functions(lines):
    """(name, first line, lines, parameters) of each function defined in a file that is formatted."""
    found, i = [], 0
    while i < len(lines):
        if lines[i] != "{":
            i += 1
            continue
        end = next((j for j in range(i, len(lines)) if lines[j] == "}"), None)
        start = i
        while start > 0 and lines[start - 1] and not lines[start - 1].startswith(("#", "}", "/*", " *")) and not lines[start - 1].endswith((";", "*/")):
            start -= 1
        head = " ".join(lines[start:i])
        match = re.search(r"(\w+)\((.*)\)\s*$", head)
        if match and end:
            match = re.match(r".*?(\w+)\((.*)\)\s*$", head)
            found.append((match.group(1), start + 1, end - start + 1, parameters(match.group(2))))
        i = (end or i) + 1
    return found


def without_contract(lines):
    """Names of functions that a header declares without a comment before them in their paragraph, or behind them on the line."""
    text, missing, i, commented, depth = "\n".join(lines), [], 0, False, 0
    tokens = re.compile(r"/\*.*?\*/|\n[ \t]*\n|\n#[^\n]*(?:\\\n[^\n]*)*|[{}]|;[^\n]*|\w+\s*\([^;{]*\)\s*[;{]", re.S)
    for token in tokens.finditer(text):
        word = token.group()
        if word.startswith("/*"):
            commented = True
        elif word.startswith("\n"):
            commented = commented and (depth > 0 or word.startswith("\n#"))
        elif word == "{":
            depth += 1
        elif word == "}":
            depth -= 1
        elif "(" in word and depth == 0 and not word.startswith(";"):
            name = re.match(r"\w+", word).group()
            behind = text[token.end():].split("\n", 1)[0]
            line = text[:token.start()].rsplit("\n", 1)[-1]
            if not (commented or "/*" in behind) and not re.match(r"\s*(typedef|#|return|[A-Z_]+$)", line) and not name.isupper():
                missing.append(name)
            depth += word.endswith("{")
    return missing


def spread(values):
    values = sorted(values)
    return "median %d, p90 %d, max %d" % (values[len(values) // 2], values[len(values) * 9 // 10], values[-1]) if values else "none"


def main():
    check = "--check" in sys.argv[1:]
    allowed = {}
    allow = TOP / "tests/tree.allow"
    for line in allow.read_text().split("\n") if allow.exists() else []:
        if line and not line.startswith("#"):
            rule, what, reason = line.split(None, 2)
            allowed[rule, what] = reason
    names = tracked()
    code = [n for n in names if n.endswith((".c", ".h")) and n.startswith(("src/", "include/", "tests/"))]
    wrong, used = [], set()

    def limit(rule, what, message):
        if (rule, what) in allowed:
            used.add((rule, what))
        else:
            wrong.append("%s: %s" % (rule, message))

    sizes, lengths, counts, wide, missing, unlicensed, declared = [], [], [], 0, 0, 0, 0
    for name in code:
        lines = (TOP / name).read_text().split("\n")
        n = len(lines) - 1
        if not is_test(name):
            sizes += [n] if name.endswith(".c") else []
            if n > FILE_LINES:
                limit("file", name, "%s has %d lines of at most %d" % (name, n, FILE_LINES))
        for i, line in enumerate(lines):
            if len(line) > COLUMNS:
                wide += 1
                limit("columns", name, "%s:%d has %d columns of at most %d" % (name, i + 1, len(line), COLUMNS))
        if not any("SPDX-License-Identifier" in line for line in lines[:3]):
            unlicensed += 1
            limit("licence", name, "%s has no SPDX line" % name)
        for function, first, length, params in functions(lines):
            if is_test(name):
                continue
            lengths.append(length)
            counts.append(params)
            if length > FUNCTION_LINES:
                limit("function", function, "%s:%d: %s has %d lines of at most %d" % (name, first, function, length, FUNCTION_LINES))
            if params > PARAMETERS:
                limit("parameters", function, "%s:%d: %s has %d parameters of at most %d" % (name, first, function, params, PARAMETERS))
        if name.endswith(".h") and not is_test(name):
            for function in without_contract(lines):
                missing += 1
                limit("contract", function, "%s: %s is described by no comment" % (name, function))
    for key in sorted(set(allowed) - used):
        wrong.append("tests/tree.allow: %s %s is no longer needed" % key)
    print("files %d, lines %d, of them tests %d" % (len(code), sum(len((TOP / n).read_text().split("\n")) - 1 for n in code),
                                                   sum(len((TOP / n).read_text().split("\n")) - 1 for n in code if is_test(n))))
    print("lines of a .c file: " + spread(sizes) + "; over %d: %d" % (FILE_LINES, sum(s > FILE_LINES for s in sizes)))
    print("lines of a function: " + spread(lengths) + "; over %d: %d" % (FUNCTION_LINES, sum(v > FUNCTION_LINES for v in lengths)))
    print("parameters: " + spread(counts) + "; over %d: %d" % (PARAMETERS, sum(v > PARAMETERS for v in counts)))
    print("lines over %d columns: %d; functions without a contract: %d; files without a licence line: %d" % (COLUMNS, wide, missing, unlicensed))
    if check:
        print("\n".join(wrong))
        sys.exit(bool(wrong))


main()
