#ifndef CLR_BUILD_H
#define CLR_BUILD_H
/* The network as built, shared by build.c (what there is) and encoder.c (what it does). */
#include "unit.h"

enum { CLR_BLOCK_UNITS = 3, CLR_HEAD_UNITS = 8 };

typedef struct clr_block {
    clr_unit unit[CLR_BLOCK_UNITS], shortcut;
    int units;
    bool projects;      /* has a shortcut unit; else the identity */
    int64_t first;      /* offset of its first parameter */
    size_t at_out;
    float *out;         /* relu(last unit + shortcut) */
    clr_view in;        /* of the latest forward */
} clr_block;

struct clr_encoder {
    clr_comm *comm;
    clr_encoder_config config;
    int views, n;       /* most views of a call; views of the latest forward */
    double total;       /* views that its statistics cover */
    bool training;
    clr_params params;
    clr_unit stem;
    bool pools;
    int pool_h, pool_w;
    size_t at_pool;
    float *pool;        /* ImageNet stem: its max-pool's output */
    clr_block *block;
    int blocks, features;
    clr_unit head[CLR_HEAD_UNITS];
    int heads;
    int64_t head_first;
    size_t at_g[2], at_head[2], at_h, at_workspace;
    float *g[2], *head_g[2], *h; /* gradients; (views, features) */
    const float *x;     /* of the latest forward */
    clr_arena memory, scratch; /* stored tensors and gradients; workspace */
    clr_unit_space space;
    clr_encoder_times times;
    int widest;
    double flops;
};

/* Collective (planner). Everything but the memory itself. */
clr_status clr_encoder_build(clr_comm *comm, clr_planner *planner, const clr_encoder_config *config, int views, bool training,
                             clr_encoder *encoder);

#endif
