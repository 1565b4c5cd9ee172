/* SPDX-License-Identifier: BSD-3-Clause */
/* HDF5 files that the library itself wrote, with right checksums, and that are not what they should be. The input is
   a list of bytes: the first chooses the kind of file, then each attribute and dataset takes what its deviation
   needs; zeros, and the end, deviate in nothing. */
#include "h5.h"

#include <hdf5.h>
#include <string.h>

enum { MOST = 1 << 18 }; /* bytes of a dataset that is written */

static const uint8_t *at, *end;
static char elsewhere[128];

static unsigned next(void)
{
    return at < end ? *at++ : 0;
}

static hsize_t a_size(void)
{
    static const hsize_t edges[] = {0,
                                    1 << 16,
                                    1 << 24,
                                    UINT64_C(1) << 31,
                                    UINT64_C(1) << 32,
                                    UINT64_C(1) << 36,
                                    UINT64_C(1) << 61,
                                    UINT64_C(1) << 62,
                                    UINT64_C(0x5555555555555556),
                                    INT64_MAX,
                                    UINT64_MAX - 1};
    unsigned n = next();

    return n < 200 ? n % 20 : edges[n % (sizeof edges / sizeof *edges)];
}

/* Of any kind; closed by H5Tclose. */
static hid_t a_type(void)
{
    hid_t type, part;
    const hid_t plain[] = {H5T_STD_U8LE,  H5T_STD_I32LE, H5T_STD_I64LE,  H5T_STD_U64LE, H5T_IEEE_F32LE,  H5T_IEEE_F64LE,
                           H5T_STD_I64BE, H5T_STD_I8LE,  H5T_IEEE_F32BE, H5T_STD_B64LE, H5T_STD_REF_OBJ, H5T_STD_U16LE};
    unsigned n = next();

    switch (n % 16) {
    case 0:
        type = H5Tcopy(H5T_C_S1);
        H5Tset_size(type, 1 + next() * (n & 16 ? 200u : 1));
        H5Tset_strpad(type, n & 32 ? H5T_STR_NULLPAD : H5T_STR_NULLTERM);
        return type;
    case 1:
        type = H5Tcopy(H5T_C_S1);
        H5Tset_size(type, H5T_VARIABLE);
        return type;
    case 2: return H5Tvlen_create(H5T_STD_I64LE);
    case 3:
        part = H5Tcopy(plain[next() % 12]);
        type = H5Tarray_create2(part, 1, (hsize_t[]){1 + next()});
        H5Tclose(part);
        return type;
    case 4:
        type = H5Tcreate(H5T_COMPOUND, 8 + next());
        H5Tinsert(type, "a", 0, H5T_STD_I64LE);
        return type;
    case 5: return H5Tcreate(H5T_OPAQUE, 1 + next());
    case 6:
        type = H5Tenum_create(H5T_STD_I32LE);
        H5Tenum_insert(type, "one", (int[]){1});
        return type;
    default: return H5Tcopy(plain[next() % 12]);
    }
}

static hid_t a_space(int rank, const hsize_t *size)
{
    hsize_t other[8];
    unsigned n = next() % 12;

    if (!n)
        return rank ? H5Screate_simple(rank, size, NULL) : H5Screate(H5S_SCALAR);
    if (n < 3)
        return H5Screate(n == 1 ? H5S_NULL : H5S_SCALAR);
    rank = (int)(n < 8 ? n - 2 : 1);
    for (int i = 0; i < rank; i++)
        other[i] = a_size();
    return H5Screate_simple(rank, other, NULL);
}

static size_t bytes_of(hid_t type, hid_t space)
{
    hssize_t points = H5Sget_simple_extent_npoints(space);

    return points >= 0 && points < 1 << 16 ? (size_t)points * H5Tget_size(type) : SIZE_MAX;
}

/* bytes of data, then of a pattern, a few of them changed where the input says so. NULL: too many, or type holds
   pointers. */
static const void *contents(hid_t type, hid_t space, const void *data, size_t bytes)
{
    static uint8_t capacity[MOST];
    size_t all = bytes_of(type, space);

    if (all > sizeof capacity || H5Tdetect_class(type, H5T_VLEN) > 0 || H5Tis_variable_str(type) > 0)
        return NULL;
    memset(capacity, 'x', sizeof capacity);
    if (bytes)
        memcpy(capacity, data, bytes);
    for (unsigned n = next() % 4; n; n--) {
        size_t where = next() * 256 + next(), width = (size_t)1 << next() % 4;
        uint64_t value = next() < 128 ? next() : a_size() - next() % 3;
        memcpy(capacity + where, &value, width);
    }
    return capacity;
}

static void attribute(hid_t object, const char *name, hid_t type, const void *data, size_t bytes)
{
    unsigned how = next();

    if (how & 1)
        return; /* missing */
    type = how & 2 ? a_type() : H5Tcopy(type);
    hid_t space = how & 4 ? a_space(0, NULL) : H5Screate(H5S_SCALAR),
          id = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    const void *value = id >= 0 ? contents(type, space, data, bytes) : NULL;
    if (value)
        H5Awrite(id, type, value);
    if (id >= 0)
        H5Aclose(id);
    H5Sclose(space);
    H5Tclose(type);
}

static void text_attribute(hid_t object, const char *name, const char *text)
{
    hid_t type = H5Tcopy(H5T_C_S1);

    H5Tset_size(type, strlen(text) + 1);
    attribute(object, name, type, text, strlen(text) + 1);
    H5Tclose(type);
}

/* How a dataset lies in the file: in one piece, or not. */
static hid_t a_layout(int rank)
{
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    const hsize_t one[8] = {1, 1, 1, 1, 1, 1, 1, 1};

    switch (next() % 8) {
    case 1: H5Pset_layout(list, H5D_COMPACT); break;
    case 2: H5Pset_chunk(list, rank, one); break;
    case 3:
        H5Pset_chunk(list, rank, one);
        H5Pset_shuffle(list);
        H5Pset_deflate(list, 1);
        break;
    case 4:
        H5Pset_chunk(list, rank, one);
        H5Pset_fletcher32(list);
        break;
    case 5: H5Pset_external(list, elsewhere, 0, next() ? 4096 : H5F_UNLIMITED); break;
    case 6: H5Pset_alloc_time(list, H5D_ALLOC_TIME_LATE); break;
    case 7: H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY); break;
    default: break;
    }
    return list;
}

/* Something else of a dataset's name. */
static void impostor(hid_t file, const char *name, hid_t links)
{
    static const char *const others[] = {"/names", "/labels", "/nowhere", "/", "/model", "/optimizer"};
    const char *other = others[next() % 6];
    hid_t group;

    switch (next() % 5) {
    case 0: H5Lcreate_soft(other, file, name, links, H5P_DEFAULT); break;
    case 1: H5Lcreate_external(elsewhere, other, file, name, links, H5P_DEFAULT); break;
    case 2: H5Lcreate_hard(file, other, file, name, links, H5P_DEFAULT); break;
    case 3:
        if ((group = H5Gcreate2(file, name, links, H5P_DEFAULT, H5P_DEFAULT)) >= 0)
            H5Gclose(group);
        break;
    default: break; /* nothing */
    }
}

static void dataset(hid_t file, const char *name, hid_t type, int rank, const hsize_t *size, const void *data,
                    size_t bytes)
{
    unsigned how = next();
    hid_t links = H5Pcreate(H5P_LINK_CREATE);

    H5Pset_create_intermediate_group(links, 1);
    if (how & 1) {
        impostor(file, name, links);
        H5Pclose(links);
        return;
    }
    type = how & 2 ? a_type() : H5Tcopy(type);
    hid_t space = a_space(rank, size), list = a_layout(H5Sget_simple_extent_ndims(space));
    size_t all = bytes_of(type, space);
    H5D_alloc_time_t when = H5D_ALLOC_TIME_DEFAULT;
    H5Pget_alloc_time(list, &when);
    hid_t id = all <= MOST || when != H5D_ALLOC_TIME_EARLY
                   ? H5Dcreate2(file, name, type, space, links, list, H5P_DEFAULT)
                   : -1;
    const void *value = id >= 0 ? contents(type, space, data, bytes) : NULL;
    if (value && all)
        H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, value);
    if (id >= 0) {
        attribute(id, "checksum", H5T_STD_U64LE, &(uint64_t){0}, 8);
        H5Dclose(id);
    }
    H5Pclose(list);
    H5Sclose(space);
    H5Tclose(type);
    H5Pclose(links);
}

#define SIZE(...)                                                          \
    (int)(sizeof((hsize_t[]){__VA_ARGS__}) / sizeof(hsize_t)), (hsize_t[]) \
    {                                                                      \
        __VA_ARGS__                                                        \
    }

static void texts(hid_t file, const char *name, hsize_t n, size_t length, const char *all)
{
    hid_t type = H5Tcopy(H5T_C_S1);

    H5Tset_size(type, length);
    dataset(file, name, type, SIZE(n), all, n * length);
    H5Tclose(type);
}

static void make_store(hid_t file, bool ragged)
{
    static const int64_t zeros[2], offsets[] = {0, 12, 30};
    static const int32_t shapes[] = {2, 2, 3, 3, 2, 3}, labels[] = {0, 1};

    text_attribute(file, "format", "simclr-dataset-1");
    text_attribute(file, "store", "pixels");
    attribute(file, "content", H5T_STD_I64LE, zeros, 8);
    if (ragged) {
        dataset(file, "/pixels", H5T_STD_U8LE, SIZE(30), NULL, 0);
        dataset(file, "/offsets", H5T_STD_I64LE, SIZE(3), offsets, sizeof offsets);
        dataset(file, "/shapes", H5T_STD_I32LE, SIZE(2, 3), shapes, sizeof shapes);
    } else
        dataset(file, "/images", H5T_STD_U8LE, SIZE(2, 5, 4, 3), NULL, 0);
    dataset(file, "/checksums", H5T_STD_I64LE, SIZE(2), zeros, sizeof zeros);
    dataset(file, "/labels", H5T_STD_I32LE, SIZE(2), labels, sizeof labels);
    texts(file, "/classes", 2, 3, "antbee");
    texts(file, "/names", 2, 5, "a.pngb.png");
}

static void make_checkpoint(hid_t file)
{
    static const char *const slots[] = {"/model/%s", "/optimizer/lars/momentum/%s"};
    const int64_t batches = 3;
    char name[256];

    text_attribute(file, "format", "simclr checkpoint 1");
    attribute(file, "step", H5T_STD_I64LE, &(int64_t){7}, 8);
    attribute(file, "epoch", H5T_IEEE_F64LE, &(double){0.5}, 8);
    attribute(file, "seed", H5T_STD_I64LE, &(int64_t){1}, 8);
    text_attribute(file, "config", "arch = resnet18\nwidth = 1/4\n");
    text_attribute(file, "simclr_version", "9.9");
    for (int block = 0; block < 3; block++) {
        const clr_table *table = block < 2 ? &params.weights : &params.states;
        for (int i = 0; i < table->entries; i++) {
            int64_t shape[4];
            hsize_t size[4];
            int rank = clr_entry_shape(&table->entry[i], shape);
            for (int d = 0; d < rank; d++)
                size[d] = (hsize_t)shape[d];
            snprintf(name, sizeof name, slots[block % 2], table->entry[i].name);
            dataset(file, name, H5T_IEEE_F32LE, rank, size, NULL, 0);
        }
    }
    dataset(file, "/model/encoder/bn1.num_batches_tracked", H5T_STD_I64LE, 0, NULL, &batches, sizeof batches);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[128];

    open_network();
    if (!*elsewhere)
        fuzz_file(elsewhere, "elsewhere", "not of this file", 16);
    at = data, end = data + size;
    unsigned kind = next();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_libver_bounds(access, kind & 4 ? H5F_LIBVER_EARLIEST : H5F_LIBVER_V18,
                         kind & 8 ? H5F_LIBVER_LATEST : H5F_LIBVER_V18);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    hid_t file = H5Fcreate(fuzz_path(path, "hostile.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, access);
    H5Pclose(access);
    FUZZ_CHECK(file >= 0);
    kind & 2 ? make_checkpoint(file) : make_store(file, kind & 1);
    for (int more = next() % 4; more > 0; more--)
        dataset(file,
                more == 1   ? "/model/extra"
                : more == 2 ? "/optimizer/lars"
                            : "/encoded",
                H5T_STD_U8LE, SIZE(3), NULL, 0);
    if (H5Fclose(file) < 0)
        return 0;
    fuzz_begin(size);
    look_around(path);
    if (kind & 2 ? read_checkpoint(path) : read_store(path))
        fuzz_accept();
    return 0;
}

void fuzz_seeds(void)
{
    uint8_t seed[200] = {0};

    for (int kind = 0; kind < 16; kind++) {
        seed[0] = (uint8_t)kind;
        fuzz_seed(seed, sizeof seed);
    }
}
