#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Installs what the tests need, builds in build/tests, runs every test; the last line is "N passed, N failed[, N skipped]".
set -u
cd "$(dirname "$0")/.." || exit 1
. jobs/install.sh
install_packages tests || exit 1
exec sh tests/suite.sh "$@"
