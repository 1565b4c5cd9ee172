/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_CONV_PLANNER_H
#define CLR_CONV_PLANNER_H
/* The planner's choices, shared by planner.c (how they are made) and plan_file.c (as text). */
#include "clr/conv.h"

enum { CLR_PLAN_MOST = 1024, CLR_SOLVERS = 16 };

typedef struct clr_plan_choice {
    clr_conv_problem problem;
    clr_direction direction;
    const clr_conv_solver *solver;
} clr_plan_choice;

struct clr_planner {
    clr_comm *comm;
    bool measure;
    bool allowed[CLR_SOLVERS];
    clr_plan_choice choice[CLR_PLAN_MOST];
    int choices;
    char identity[256];
};

/* Local. The place of a solver in clr_conv_solvers by its name; an error proposes the nearest. */
clr_status clr_planner_member(const char *name, int *place);

/* Local. Keeps a choice; where there is no room, it is made again when it is next asked for. */
void clr_planner_add(clr_planner *planner, const clr_conv_problem *problem, clr_direction direction,
                     const clr_conv_solver *solver);

/* plan_file.c. Local. The first line of a plan that is made here. */
void clr_planner_identify(clr_planner *planner);

/* plan_file.c. Collective. Takes the choices of a file that rank 0 reads, where it is a plan of this machine. */
void clr_planner_read(clr_planner *planner, const char *path);

#endif
