/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_SETTINGS_H
#define CLR_SETTINGS_H
/* The config of a run as names and values, whatever version wrote it. Local. */

typedef struct clr_settings {
    char **name, **value; /* in the file's order */
    int n;
    char *program; /* "simclr 0.1.0, Open MPI ..., compiled by 12.2.0"; "" where it does not say */
    char *dataset; /* the checksum, "" where it does not say */
    double images; /* NaN where it does not say */
} clr_settings;

clr_settings clr_settings_of(const char *config); /* freed by clr_settings_free */
void clr_settings_free(clr_settings *settings);

/* The value, NULL where there is none; and as a number, NaN where it is none. */
const char *clr_settings_text(const clr_settings *settings, const char *name);
double clr_settings_number(const clr_settings *settings, const char *name);

#endif
