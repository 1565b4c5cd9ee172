#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Stored results of small networks, for everyone: tests/data/*.txt, made by tests/peer/expect.py.
top=${top_srcdir:-.} build=${top_builddir:-.}
for plan in estimate estimate:implicit estimate:winograd2,implicit; do
    for again in "" 1; do
        export PLAN=$plan ${again:+RECOMPUTE=1}
        "$build/src/model/test_network" small resnet18 0.25 cifar 12 1 6 "$top/tests/data/resnet18-cifar.txt" || exit 1
    done
done
