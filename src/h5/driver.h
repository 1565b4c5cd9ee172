/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_H5_DRIVER_H
#define CLR_H5_DRIVER_H
/* How files reach HDF5 and the disk. HDF5 does not survive a failing write: the file can neither be flushed nor
   closed afterwards, its descriptor stays open, and a later file at the same place runs into its remains. So this
   driver remembers the first error, drops what cannot be written and lets HDF5 go on; whoever writes looks at the
   error. Of a read that fails HDF5 keeps no reason: the driver does. Local. */

#include <hdf5.h>

/* Makes files of this access list go through the driver. descriptor: of a file that is open for reading and stays
   the caller's; -1: HDF5's own name is opened. *error: 0, or errno of the first failure; outlives the file. */
void clr_h5_drive(hid_t access, int descriptor, int *error);

#endif
