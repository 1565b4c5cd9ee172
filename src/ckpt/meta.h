/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_CKPT_META_H
#define CLR_CKPT_META_H
/* Attributes of checkpoint files, for those who write and read them. Local; under clr_h5_lock. */
#include "clr/ckpt.h"
#include "clr/h5.h"

/* Opens a file and makes sure that it is a checkpoint; *file is NULL where it is not. */
clr_status clr_ckpt_open(const char *path, clr_h5 **file);

/* Writes to a new file, and reads from an open one; what was read is freed by clr_ckpt_meta_free. */
clr_status clr_ckpt_put_meta(clr_h5 *file, const clr_ckpt_meta *meta);
clr_status clr_ckpt_get_meta(clr_h5 *file, clr_ckpt_meta *meta);

#endif
