/* SPDX-License-Identifier: BSD-3-Clause */
/* The convolution solvers, one file each; order is the order of trial, the plain reference member comes last. */
#define CLR_CONV_SOLVERS(X) \
    X(winograd4)            \
    X(winograd2)            \
    X(implicit)             \
    X(onebyone)             \
    X(reference)
