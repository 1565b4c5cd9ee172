/* SPDX-License-Identifier: BSD-3-Clause */
/* A checkpoint, byte by byte. */
#include "h5.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[128];

    open_network();
    fuzz_begin(size);
    fuzz_file(path, "step-00000007.h5", data, size);
    look_around(path);
    if (read_checkpoint(path))
        fuzz_accept();
    return 0;
}

void fuzz_seeds(void)
{
    clr_ckpt_meta meta = {
        .step = 7, .epoch = 0.5, .seed = 1, .config = "arch = resnet18\nwidth = 1/4\n", .version = "9.9"};
    char path[128];

    open_network();
    for (int with = 0; with < 2; with++) {
        clr_state state = clr_state_of(&params, with ? optim : NULL);
        float *scratch = CLR_NEW(float, state.largest);
        FUZZ_CHECK(clr_ckpt_write(fuzz_path(path, "seed.h5"), &meta, &state, scratch) == CLR_OK);
        clr_free(scratch);
        clr_state_free(&state);
        fuzz_seed_file(path);
    }
}
