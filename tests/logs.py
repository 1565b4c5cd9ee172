#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""logs.py RUN...: metrics.jsonl and TensorBoard's event file of each run hold what metrics.tsv holds, every step once.

Reads records (TFRecord, masked crc32c) and protobuf by their published formats, without the program's code."""
import json
import math
import struct
import sys

TABLE = []
for i in range(256):
    for _ in range(8):
        i = (i >> 1) ^ (0x82F63B78 if i & 1 else 0)
    TABLE.append(i)


def masked(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def records(raw):
    at = 0
    while at < len(raw):
        (n,) = struct.unpack_from("<Q", raw, at)
        assert struct.unpack_from("<I", raw, at + 8)[0] == masked(raw[at:at + 8]), "crc of a length"
        data = raw[at + 12:at + 12 + n]
        assert struct.unpack_from("<I", raw, at + 12 + n)[0] == masked(data), "crc of a message"
        yield data
        at += n + 16


def fields(data):
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        size = {1: 8, 5: 4}.get(key & 7)
        if key & 7 == 0:
            yield key >> 3, varint()
            continue
        size = varint() if key & 7 == 2 else size
        yield key >> 3, data[at:at + size]
        at += size


def single(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def check(run):
    lines = [line.rstrip("\n").split("\t") for line in open(run + "/metrics.tsv")]
    names = [lines[0][0].lstrip("# ")] + lines[0][1:]
    rows = [dict(zip(names, map(float, line))) for line in lines[1:]]
    assert [r["step"] for r in rows] == list(range(1, len(rows) + 1))

    objects = [json.loads(line) for line in open(run + "/metrics.jsonl")]
    assert len(objects) == len(rows), (len(objects), len(rows))
    for row, o in zip(rows, objects):
        assert abs(o.pop("time") - 1.7e9) < 2e9
        assert list(o) == names
        assert all(o[n] is None if math.isnan(row[n]) else o[n] == row[n] for n in names), (row, o)

    events = [list(fields(data)) for data in records(open(run + "/events.out.tfevents.simclr", "rb").read())]
    assert dict(events[0])[3] == b"brain.Event:2"
    picture = dict(fields(dict(fields(dict(events[1])[5]))[1]))
    assert picture[1] == b"views"
    picture = dict(fields(picture[4]))
    assert picture[4][:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", picture[4][16:24]) == (picture[2], picture[1])
    assert len(events) - 2 == len(rows), (len(events), len(rows))
    for row, event in zip(rows, events[2:]):
        event = dict(event)
        assert event[2] == row["step"] and struct.unpack("<d", event[1])[0] > 1e9
        values = {}
        for number, value in fields(event[5]):
            value = dict(fields(value))
            values[value[1].decode()] = struct.unpack("<f", value[2])[0]
        # what the row says in 7 digits was a double here, or those 7 digits
        for name in names[1:]:
            x = row[name]
            assert name not in values if math.isnan(x) else abs(values[name] - x) <= 1.2e-7 * abs(x) + 5.1e-7 * abs(x), (name, x, values)
    print("%s: %d steps" % (run, len(rows)))


for folder in sys.argv[1:]:
    check(folder)
