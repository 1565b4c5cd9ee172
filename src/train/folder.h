#ifndef CLR_FOLDER_H
#define CLR_FOLDER_H
/* The run directory: made, held, and checked to belong to this very run. Rank 0 alone. */
#include "clr/config.h"
#include "lock.h"

/* Makes DIR and DIR/checkpoints, takes the lock, compares DIR/config (where there is one) with this run's settings and dataset, writes
   it, and opens DIR/log. */
clr_status clr_folder_open(const clr_config *config, const clr_opt_set *options, const clr_store_facts *data, clr_lock **lock);

#endif
