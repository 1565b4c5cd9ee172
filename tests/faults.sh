#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# A sample of `make check-faults`: one call of each kind, in each command, is refused.
exec sh "${top_srcdir:-.}/tests/faults/run.sh" sample
