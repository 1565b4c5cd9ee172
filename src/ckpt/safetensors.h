/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_SAFETENSORS_H
#define CLR_SAFETENSORS_H
/* Files of the safetensors format: the length of a JSON header (64 bits, little endian), the header, the data. For this
   folder alone. Local. Without Jansson both fail with CLR_EUSAGE. */
#include "clr/weights.h"

/* Writes a whole file or nothing. float32 and int64 tensors. */
clr_status clr_safetensors_write(const char *path, const clr_weights *weights);

/* Fills weights, freed by clr_weights_free. The header is compared with the file before anything is believed: its
   length, each shape with its bytes, no overlap, no gap, no name twice. CLR_EINPUT otherwise. F32, F16, BF16 and
   F64 become float32. */
clr_status clr_safetensors_read(const char *path, clr_weights *weights);

#endif
