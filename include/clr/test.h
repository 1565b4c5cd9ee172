/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_TEST_H
#define CLR_TEST_H
/* What unit tests share. Local. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Runs the cases and returns main's status. how: CK_NOFORK where they talk to other ranks or share a team of
   threads, else CK_FORK_GETENV: each in a process of its own, unless CK_FORK=no. */
static inline int clr_test_run(const char *name, TCase *tcase, enum fork_status how)
{
    Suite *suite = suite_create(name);
    SRunner *runner = srunner_create(suite);

    suite_add_tcase(suite, tcase);
    srunner_set_fork_status(runner, how);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

enum { CLR_TEST_FOLDER = 16 };

/* Makes a folder in the working one, for one case; folder: CLR_TEST_FOLDER characters, its name. */
static inline void clr_test_folder_begin(char *folder)
{
    strcpy(folder, "test_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

/* Removes it and all that is in it. */
static inline void clr_test_folder_end(const char *folder)
{
    char command[64];

    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

#endif
