/* SPDX-License-Identifier: BSD-3-Clause */
/* Weights in files: what is written is read back bit for bit, and headers that lie are refused. */
#include "clr/mem.h"
#include "clr/tensor.h"
#include "clr/test.h"
#include "clr/weights.h"

#include <math.h>
#include <stdint.h>

static char folder[CLR_TEST_FOLDER], path[64];

static void setup(void)
{
    clr_test_folder_begin(folder);
}

static void teardown(void)
{
    clr_test_folder_end(folder);
}

static const char *at(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static clr_weights example(void)
{
    clr_weights w = {0};
    clr_weight *a = clr_weights_add(&w, "conv1.weight", false, 4, (int64_t[]){2, 3, 1, 2});
    for (int i = 0; i < 12; i++)
        ((float *)a->data)[i] = ldexpf(1 + (float)i / 7, i - 6);
    a = clr_weights_add(&w, "bn1.weight", false, 1, (int64_t[]){3});
    ((float *)a->data)[0] = -0.0f;
    a = clr_weights_add(&w, "bn1.num_batches_tracked", true, 0, NULL);
    *(int64_t *)a->data = 1234567890123;
    return w;
}

static const char *const files[] = {
    "a.h5",
#ifdef HAVE_JANSSON
    "a.safetensors",
#endif
};

START_TEST(round_trip)
{
    clr_weights w = example(), r;

    ck_assert_msg(clr_weights_write(at(files[_i]), &w) == CLR_OK, "%s", clr_message());
    ck_assert_msg(clr_weights_read(at(files[_i]), &r) == CLR_OK, "%s", clr_message());
    ck_assert_int_eq(r.tensors, w.tensors);
    for (int i = 0; i < w.tensors; i++) {
        const clr_weight *a = &w.tensor[i], *b = clr_weights_find(&r, a->name);
        ck_assert_msg(b && b->rank == a->rank && b->count == a->count && b->integer == a->integer, "%s", a->name);
        ck_assert(!memcmp(a->shape, b->shape, (size_t)a->rank * sizeof *a->shape));
        ck_assert(!memcmp(a->data, b->data, (size_t)a->count * (a->integer ? 8 : 4)));
    }
    clr_weights_free(&w);
    clr_weights_free(&r);
}
END_TEST

START_TEST(nan_is_refused)
{
    clr_weights w = example(), r;

    ((float *)w.tensor[0].data)[5] = NAN;
    ck_assert_int_eq(clr_weights_write(at(files[_i]), &w), CLR_OK);
    ck_assert_int_eq(clr_weights_read(at(files[_i]), &r), CLR_ENUMERIC);
    ck_assert_ptr_nonnull(strstr(clr_message(), "conv1.weight[5]"));
    clr_weights_free(&w);
}
END_TEST

START_TEST(names)
{
    clr_weights w;

    ck_assert_int_eq(clr_weights_check_name("w.pt"), CLR_EUSAGE);
    ck_assert_int_eq(clr_weights_read(at("absent.h5"), &w), CLR_EIO);
    ck_assert_int_eq(w.tensors, 0);
}
END_TEST

#ifdef HAVE_JANSSON
/* length: of the header, or -1: as it is. bytes: of zeros behind it. */
static void put(const char *header, int64_t length, int bytes)
{
    FILE *file = fopen(at("a.safetensors"), "wb");
    uint64_t n = length < 0 ? strlen(header) : (uint64_t)length;

    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < 8; i++)
        fputc((int)(n >> 8 * i & 255), file);
    fputs(header, file);
    for (int i = 0; i < bytes; i++)
        fputc(0, file);
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(lies)
{
    static const struct {
        const char *header;
        int64_t length;
        int bytes;
        const char *says;
    } rows[] = {
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", INT64_MAX, 8, "longer than the file"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", -1, 7, "not in the file"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", -1, 9, "leave gaps"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", -1, 8, "do not fit each other"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"F32\",\"shape\":[2],"
         "\"data_offsets\":[4,12]}}",
         -1, 12, "overlap"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"a\":{\"dtype\":\"F32\",\"shape\":[2],"
         "\"data_offsets\":[8,16]}}",
         -1, 16, "duplicate"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", -1, 8, "no positive number"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", -1, 8, "not in the file"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}", -1, 8, "do not fit"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}}", -1, 8, "of type U8"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,2],\"data_offsets\":[0,8]}}", -1, 8, "more than 4 dimensions"},
        {"{\"a\":7}", -1, 8, "is missing"},
        {"[1]", -1, 0, "no JSON object"},
        {"{\"a\":", -1, 0, "header is damaged"},
        {"{}", -1, 0, "holds no weights"},
    };
    clr_weights w;

    put(rows[_i].header, rows[_i].length, rows[_i].bytes);
    ck_assert_int_eq(clr_weights_read(at("a.safetensors"), &w), CLR_EINPUT);
    ck_assert_msg(strstr(clr_message(), rows[_i].says), "%s", clr_message());
}
END_TEST

START_TEST(types)
{
    clr_weights w;
    const char *header = "{\"a\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]},"
                         "\"b\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[4,6]},"
                         "\"c\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[6,14]}}";
    static const uint8_t data[14] = {0x00, 0xbe, 0x01, 0x00, 0x40, 0xc0, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f};
    FILE *file;

    put(header, -1, 0);
    ck_assert_ptr_nonnull(file = fopen(at("a.safetensors"), "ab"));
    ck_assert_int_eq((int)fwrite(data, 1, sizeof data, file), (int)sizeof data);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_msg(clr_weights_read(at("a.safetensors"), &w) == CLR_OK, "%s", clr_message());
    const float *a = clr_weights_find(&w, "a")->data, *b = clr_weights_find(&w, "b")->data,
                *c = clr_weights_find(&w, "c")->data;
    ck_assert(a[0] == -1.5f && a[1] == 0x1p-24f && b[0] == -3 && c[0] == 1.5f);
    clr_weights_free(&w);
}
END_TEST
#endif

int main(void)
{
    TCase *cases = tcase_create("weights");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, round_trip, 0, CLR_COUNT(files));
    tcase_add_loop_test(cases, nan_is_refused, 0, CLR_COUNT(files));
    tcase_add_test(cases, names);
#ifdef HAVE_JANSSON
    tcase_add_loop_test(cases, lies, 0, 15);
    tcase_add_test(cases, types);
#endif
    return clr_test_run("weights", cases, CK_FORK_GETENV);
}
