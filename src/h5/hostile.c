/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes good files hostile: through HDF5 where it lets us, else byte by byte. */
#include "hostile.h"

#include <hdf5.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bob Jenkins' lookup3, with which HDF5 sums its structures. */
static uint32_t turn(uint32_t x, int by)
{
    return x << by | x >> (32 - by);
}

static uint32_t lookup3(const unsigned char *data, size_t n)
{
    static const int round[6] = {4, 6, 8, 16, 19, 4}, last[7] = {14, 11, 25, 16, 4, 14, 24};
    uint32_t s[3];

    s[0] = s[1] = s[2] = 0xdeadbeef + (uint32_t)n;
    while (n) {
        size_t part = n < 12 ? n : 12;
        for (size_t i = 0; i < part; i++)
            s[i / 4] += (uint32_t)data[i] << 8 * (i % 4);
        data += part;
        n -= part;
        for (int i = 0; n && i < 6; i++) { /* a, b, c take turns */
            uint32_t *a = &s[i % 3], *b = &s[(i + 1) % 3], *c = &s[(i + 2) % 3];
            *a = (*a - *c) ^ turn(*c, round[i]);
            *c += *b;
        }
        for (int i = 0; !n && i < 7; i++) {
            uint32_t *c = &s[(i + 2) % 3], *b = &s[(i + 1) % 3];
            *c = (*c ^ *b) - turn(*b, last[i]);
        }
    }
    return s[2];
}

typedef struct bytes {
    unsigned char *at;
    size_t n;
} bytes;

static bytes slurp(const char *path)
{
    FILE *file = fopen(path, "rb");
    bytes all = {0};

    fseek(file, 0, SEEK_END);
    all.n = (size_t)ftell(file);
    rewind(file);
    all.at = malloc(all.n + 1);
    if (fread(all.at, 1, all.n, file) != all.n)
        abort();
    fclose(file);
    return all;
}

static void spill(const char *path, bytes all)
{
    FILE *file = fopen(path, "wb");

    if (fwrite(all.at, 1, all.n, file) != all.n || fclose(file))
        abort();
    free(all.at);
}

static uint64_t get(const unsigned char *at, int n)
{
    uint64_t value = 0;

    memcpy(&value, at, (size_t)n);
    return value;
}

static void put(unsigned char *at, uint64_t value, int n)
{
    memcpy(at, &value, (size_t)n);
}

static hid_t open_file(const char *path)
{
    hid_t list = H5Pcreate(H5P_FILE_ACCESS);

    H5Pset_libver_bounds(list, H5F_LIBVER_V18, H5F_LIBVER_LATEST);
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, list);
    H5Pclose(list);
    if (file < 0)
        abort();
    return file;
}

/* What a good dataset holds. */
typedef struct content {
    hid_t type;
    int rank;
    hsize_t size[8];
    uint64_t checksum;
    void *data;
} content;

static content take(hid_t file, const char *name)
{
    content c = {0};
    hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT), space = H5Dget_space(dataset),
          sum = H5Aopen(dataset, "checksum", H5P_DEFAULT);

    c.type = H5Dget_type(dataset);
    c.rank = H5Sget_simple_extent_dims(space, c.size, NULL);
    c.data = calloc((size_t)H5Sget_simple_extent_npoints(space) + 1, H5Tget_size(c.type));
    if (H5Dread(dataset, c.type, H5S_ALL, H5S_ALL, H5P_DEFAULT, c.data) < 0 ||
        H5Aread(sum, H5T_NATIVE_UINT64, &c.checksum) < 0)
        abort();
    H5Aclose(sum);
    H5Sclose(space);
    H5Dclose(dataset);
    return c;
}

static void drop(content *c)
{
    H5Tclose(c->type);
    free(c->data);
}

static void add_checksum(hid_t dataset, uint64_t checksum)
{
    hid_t space = H5Screate(H5S_SCALAR),
          sum = H5Acreate2(dataset, "checksum", H5T_STD_U64LE, space, H5P_DEFAULT, H5P_DEFAULT);

    if (H5Awrite(sum, H5T_NATIVE_UINT64, &checksum) < 0)
        abort();
    H5Aclose(sum);
    H5Sclose(space);
}

/* Creates and closes; data NULL: nothing is written. */
static void make(hid_t file, const char *name, hid_t type, hid_t space, hid_t create, const content *c, bool write)
{
    hid_t dataset = H5Dcreate2(file, name, type, space, H5P_DEFAULT, create, H5P_DEFAULT);

    if (dataset < 0 || (write && H5Dwrite(dataset, c->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, c->data) < 0))
        abort();
    add_checksum(dataset, c->checksum);
    H5Dclose(dataset);
    H5Sclose(space);
}

/* Storage that is not one piece of this file. */
enum { CHUNKS, DEFLATED, COMPACT, EXTERNAL, VIRTUAL, NEVER, STORAGES };
static const char *const storages[STORAGES] = {"chunks",          "compressed chunks",        "in the header",
                                               "in another file", "virtual, of another file", "never written"};

static void store_as(hid_t file, const char *name, const char *elsewhere, content *c, int kind)
{
    hsize_t chunk[8];
    hid_t create = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(c->rank, c->size, NULL);

    if (!c->rank) { /* a scalar has no chunks: a row of one, then */
        c->rank = 1;
        c->size[0] = 1;
        H5Sclose(space);
        space = H5Screate_simple(c->rank, c->size, NULL);
    }
    memcpy(chunk, c->size, sizeof chunk);
    if (kind == CHUNKS || kind == DEFLATED)
        H5Pset_chunk(create, c->rank, chunk);
    if (kind == DEFLATED)
        H5Pset_deflate(create, 6);
    if (kind == COMPACT)
        H5Pset_layout(create, H5D_COMPACT);
    if (kind == EXTERNAL)
        H5Pset_external(create, elsewhere, 0, H5F_UNLIMITED);
    if (kind == VIRTUAL)
        H5Pset_virtual(create, space, elsewhere, name, space);
    make(file, name, c->type, space, create, c, kind != EXTERNAL && kind != VIRTUAL && kind != NEVER);
    H5Pclose(create);
}

/* Under the name of the dataset, something else. */
enum { SOFT, NOWHERE, FILE_LINK, GROUP, TYPE, OBJECTS };
static const char *const objects[OBJECTS] = {"a soft link", "a link to nothing", "a link to another file", "a group",
                                             "a type"};

static void link_as(hid_t file, const char *name, const char *elsewhere, int kind)
{
    hid_t made = -1;

    if (kind == SOFT)
        H5Lmove(file, name, file, "/moved", H5P_DEFAULT, H5P_DEFAULT);
    else
        H5Ldelete(file, name, H5P_DEFAULT);
    if (kind == SOFT || kind == NOWHERE)
        H5Lcreate_soft(kind == SOFT ? "/moved" : "/nowhere", file, name, H5P_DEFAULT, H5P_DEFAULT);
    if (kind == FILE_LINK)
        H5Lcreate_external(elsewhere, name, file, name, H5P_DEFAULT, H5P_DEFAULT);
    if (kind == GROUP && (made = H5Gcreate2(file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)) >= 0)
        H5Gclose(made);
    if (kind == TYPE) {
        made = H5Tcopy(H5T_STD_I64LE);
        H5Tcommit2(file, name, made, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        H5Tclose(made);
    }
}

enum { SMALLER, SWAPPED, COMPOUND, OPAQUE, ARRAY, ENUMERATION, REFERENCE, VARIABLE, VARIABLE_TEXT, TYPES };
static const char *const types[TYPES] = {"int16",      "big endian", "compound",
                                         "opaque",     "arrays",     "an enumeration",
                                         "references", "lists",      "texts of any length"};

static hid_t type_as(int kind)
{
    hsize_t many = 1000;
    hid_t type = -1;

    switch (kind) {
    case SMALLER: return H5Tcopy(H5T_STD_I16LE);
    case SWAPPED: return H5Tcopy(H5T_IEEE_F32BE);
    case COMPOUND:
        type = H5Tcreate(H5T_COMPOUND, 4096);
        H5Tinsert(type, "a", 4000, H5T_STD_I32LE);
        return type;
    case OPAQUE: return H5Tcreate(H5T_OPAQUE, 100000);
    case ARRAY: return H5Tarray_create2(H5T_STD_U8LE, 1, &many);
    case ENUMERATION:
        type = H5Tenum_create(H5T_STD_I32LE);
        H5Tenum_insert(type, "no", &(int){0});
        return type;
    case REFERENCE: return H5Tcopy(H5T_STD_REF_OBJ);
    case VARIABLE: return H5Tvlen_create(H5T_STD_U8LE);
    default:
        type = H5Tcopy(H5T_C_S1);
        H5Tset_size(type, H5T_VARIABLE);
        return type;
    }
}

enum { SCALAR, FIVE, NOTHING, EMPTY, LARGE, SHAPES };
static const char *const shapes[SHAPES] = {"one value", "five dimensions", "no dataspace", "no element",
                                           "2^58 rows, never written"};

static void shape_as(hid_t file, const char *name, content *c, int kind)
{
    hsize_t size[8] = {1, 1, 1, 1, 1};
    int rank = kind == FIVE ? 5 : c->rank ? c->rank : 1;

    memcpy(size, c->size, (size_t)c->rank * sizeof *size);
    if (!c->rank && kind == SCALAR) /* it is one: two, then */
        size[0] = 2;
    if (kind == EMPTY || kind == LARGE)
        size[0] = kind == LARGE ? (hsize_t)1 << 58 : 0;
    for (int i = 1; kind == LARGE && i < rank; i++)
        size[i] = 1;
    hid_t space = kind == NOTHING || (kind == SCALAR && c->rank) ? H5Screate(kind == NOTHING ? H5S_NULL : H5S_SCALAR)
                                                                 : H5Screate_simple(rank, size, NULL);
    make(file, name, c->type, space, H5P_DEFAULT, c, kind == SCALAR && c->rank);
}

const char *hostile_dataset(const char *path, const char *name, const char *elsewhere, int kind)
{
    if (kind >= STORAGES + OBJECTS + TYPES + SHAPES)
        return NULL;
    hid_t file = open_file(path);
    content c = take(file, name);
    const char *what;

    if (kind < OBJECTS) {
        link_as(file, name, elsewhere, kind);
        what = objects[kind];
    } else {
        H5Ldelete(file, name, H5P_DEFAULT);
        kind -= OBJECTS;
        if (kind < STORAGES) {
            store_as(file, name, elsewhere, &c, kind);
            what = storages[kind];
        } else if ((kind -= STORAGES) < TYPES) {
            hid_t type = type_as(kind),
                  space = H5Screate_simple(c.rank ? c.rank : 1, c.rank ? c.size : &(hsize_t){1}, NULL);
            make(file, name, type, space, H5P_DEFAULT, &c, false);
            H5Tclose(type);
            what = types[kind];
        } else {
            shape_as(file, name, &c, kind - TYPES);
            what = shapes[kind - TYPES];
        }
    }
    drop(&c);
    H5Fclose(file);
    return what;
}

static uint64_t address_of(const char *path, const char *name)
{
    hid_t file = open_file(path);
    H5L_info_t link;
    uint64_t address;

    if (H5Lget_info(file, name, &link, H5P_DEFAULT) < 0)
        abort();
    memcpy(&address, &link.u, sizeof address); /* of 1.12's token too */
    H5Fclose(file);
    return address;
}

/* The first chunk of a header: "OHDR", version, flags, times and phases where flags say so, its size, messages,
   checksum. */
typedef struct header {
    unsigned char *begin, *messages, *end;
    bool ordered;
} header;

static header header_at(unsigned char *begin)
{
    int flags = begin[5], width = 1 << (flags & 3);
    unsigned char *at = begin + 6 + (flags & 32 ? 16 : 0) + (flags & 16 ? 4 : 0);

    if (memcmp(begin, "OHDR", 4))
        abort();
    return (header){begin, at + width, at + width + get(at, width), flags & 4};
}

/* The body of the first message of this type. */
static unsigned char *message(const header *h, int type)
{
    for (unsigned char *at = h->messages; at + 4 <= h->end; at += 4 + (h->ordered ? 2 : 0) + get(at + 1, 2))
        if (at[0] == type)
            return at + 4 + (h->ordered ? 2 : 0);
    abort();
}

const char *hostile_header(const char *path, const char *name, int kind)
{
    static const char *const what[] = {"2^62 rows",
                                       "2^63 rows",
                                       "2^64 - 1 rows",
                                       "dimensions of 2^32, whose product is 0",
                                       "a row more than is there",
                                       "elements of 2^31 - 1 bytes",
                                       "an address far beyond the end",
                                       "an address before the end of all numbers",
                                       "an address of the last byte"};
    enum { SPACE = 1, TYPE_OF = 3, LAYOUT = 8 };

    if (kind >= (int)(sizeof what / sizeof *what))
        return NULL;
    uint64_t address = address_of(path, name);
    bytes all = slurp(path);
    header h = header_at(all.at + address);
    unsigned char *space = message(&h, SPACE), *layout = message(&h, LAYOUT);
    int rank = space[1];
    if (kind < 5 && rank) { /* version, rank, flags, kind, sizes */
        static const uint64_t rows[] = {(uint64_t)1 << 62, (uint64_t)1 << 63, UINT64_MAX};
        for (int i = 0; i < rank; i++)
            if (kind == 3 || !i)
                put(space + 4 + 8 * i,
                    kind == 3   ? (uint64_t)1 << (rank == 1 ? 62 : 32)
                    : kind == 4 ? all.n + 1
                                : rows[kind],
                    8);
    } else if (kind <= 5) { /* of scalars, and of all: class and version, three bytes of flags, size */
        put(message(&h, TYPE_OF) + 4, 0x7fffffff, 4);
    } else { /* version, class, address, size */
        put(layout + 2, kind == 6 ? (uint64_t)1 << 50 : kind == 7 ? UINT64_MAX - 7 : all.n - 1, 8);
    }
    put(h.end, lookup3(h.begin, (size_t)(h.end - h.begin)), 4);
    spill(path, all);
    return what[kind];
}

const char *hostile_attribute(const char *path, const char *object, const char *name, int kind)
{
    static const char *const what[] = {"600 texts",
                                       "64 numbers",
                                       "a table of numbers",
                                       "a text of any length",
                                       "texts without an end",
                                       "a small number",
                                       "big endian",
                                       "no value",
                                       "nothing",
                                       "an opaque block",
                                       "a list",
                                       "64 compounds"};
    enum { TEXTS, NUMBERS, TABLE, ANY, NO_END, SMALL, BIG, NO_VALUE, ABSENT, BLOCK, LIST, COMPOUNDS };

    if (kind >= (int)(sizeof what / sizeof *what))
        return NULL;
    hid_t file = open_file(path), at = H5Oopen(file, object, H5P_DEFAULT), type = -1, space;
    hsize_t many = kind == TEXTS ? 600 : 64, table[2] = {8, 8};

    H5Adelete(at, name);
    if (kind == TEXTS || kind == NO_END || kind == ANY) {
        type = H5Tcopy(H5T_C_S1);
        H5Tset_size(type, kind == ANY ? H5T_VARIABLE : 40);
        H5Tset_strpad(type, kind == ANY ? H5T_STR_NULLTERM : H5T_STR_SPACEPAD);
    } else if (kind == BLOCK) {
        type = H5Tcreate(H5T_OPAQUE, 4096);
    } else if (kind == LIST) {
        type = H5Tvlen_create(H5T_STD_U8LE);
    } else if (kind == COMPOUNDS) {
        type = H5Tcreate(H5T_COMPOUND, 64);
        H5Tinsert(type, "a", 0, H5T_STD_I64LE);
    } else {
        type = H5Tcopy(kind == SMALL ? H5T_STD_I8LE : kind == BIG ? H5T_STD_U64BE : H5T_STD_I64LE);
    }
    if (kind == TEXTS || kind == NUMBERS || kind == COMPOUNDS)
        space = H5Screate_simple(1, &many, NULL);
    else
        space = kind == TABLE ? H5Screate_simple(2, table, NULL) : H5Screate(kind == NO_VALUE ? H5S_NULL : H5S_SCALAR);
    if (kind != ABSENT) {
        hid_t attribute = H5Acreate2(at, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
        if (attribute < 0)
            abort();
        if (kind == TEXTS || kind == NUMBERS || kind == TABLE || kind == NO_END || kind == BLOCK || kind == COMPOUNDS) {
            char *data = malloc((size_t)many * 64 * 64);
            memset(data, 'x', (size_t)many * 64 * 64);
            H5Awrite(attribute, type, data);
            free(data);
        }
        H5Aclose(attribute);
    }
    H5Sclose(space);
    H5Tclose(type);
    H5Oclose(at);
    H5Fclose(file);
    return what[kind];
}

/* A ring that HDF5 itself would follow for ever: the count of links to the group, in its header, is taken back to
   one. */
static void forget_links(const char *path, const char *group)
{
    enum { COUNT = 22, NIL = 0 };
    uint64_t address = address_of(path, group);
    bytes all = slurp(path);
    header h = header_at(all.at + address);

    for (unsigned char *at = h.messages; at + 4 <= h.end; at += 4 + (h.ordered ? 2 : 0) + get(at + 1, 2))
        if (at[0] == COUNT)
            at[0] = NIL;
    put(h.end, lookup3(h.begin, (size_t)(h.end - h.begin)), 4);
    spill(path, all);
}

const char *hostile_group(const char *path, const char *group, const char *elsewhere, int kind)
{
    static const char *const what[] = {"a ring",
                                       "a ring whose links are not counted",
                                       "a hundred groups in groups",
                                       "a soft link",
                                       "a link to another file",
                                       "a web of groups with 3^29 ways"};
    char name[300];

    if (kind >= (int)(sizeof what / sizeof *what))
        return NULL;
    hid_t file = open_file(path), at = H5Gopen2(file, group, H5P_DEFAULT), next, before = -1;
    if (kind < 2)
        H5Lcreate_hard(file, group, at, "ring", H5P_DEFAULT, H5P_DEFAULT);
    if (kind == 3)
        H5Lcreate_soft("/", at, "link", H5P_DEFAULT, H5P_DEFAULT);
    if (kind == 4)
        H5Lcreate_external(elsewhere, "/", at, "link", H5P_DEFAULT, H5P_DEFAULT);
    for (int i = 0; kind == 2 && i < 100; i++, at = next) {
        next = H5Gcreate2(at, "in", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        H5Gclose(at);
    }
    for (int i = 0; kind == 5 && i < 30; i++) { /* each holds the one before it under many names */
        snprintf(name, sizeof name, "%s/web%d", group, i);
        next = H5Gcreate2(file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        for (int k = 0; before >= 0 && k < 3; k++) {
            snprintf(name, sizeof name, "%s/web%d/%d", group, i, k);
            H5Lcreate_hard(before, ".", file, name, H5P_DEFAULT, H5P_DEFAULT);
        }
        if (before >= 0)
            H5Gclose(before);
        before = next;
    }
    if (before >= 0)
        H5Gclose(before);
    H5Gclose(at);
    H5Fclose(file);
    if (kind == 1)
        forget_links(path, group);
    return what[kind];
}

const char *hostile_superblock(const char *path, int kind)
{
    static const struct {
        const char *what;
        int at, bytes;
        uint64_t value;
    } kinds[] = {
        {"version 9", 8, 1, 9},
        {"addresses of 4 bytes", 9, 1, 4},
        {"lengths of 2 bytes", 10, 1, 2},
        {"a base of 512", 12, 8, 512},
        {"a base far away", 12, 8, (uint64_t)1 << 62},
        {"an extension", 20, 8, 48},
        {"an extension far away", 20, 8, (uint64_t)1 << 40},
        {"an end beyond the file's", 28, 8, (uint64_t)1 << 40},
        {"a root group far away", 36, 8, (uint64_t)1 << 62},
        {"a root group at the end of all numbers", 36, 8, UINT64_MAX - 1},
        {"a root group in the superblock", 36, 8, 0},
        {"no end", 28, 8, UINT64_MAX},
        {"an end before the root group", 28, 8, 40},
    };

    if (kind >= (int)(sizeof kinds / sizeof *kinds))
        return NULL;
    bytes all = slurp(path);
    put(all.at + kinds[kind].at, kinds[kind].value, kinds[kind].bytes);
    put(all.at + 44, lookup3(all.at, 44), 4);
    spill(path, all);
    return kinds[kind].what;
}
