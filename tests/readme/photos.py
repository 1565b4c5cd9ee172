# SPDX-License-Identifier: BSD-3-Clause
"""photos.py DIR [N]: pictures in three classes, N (60) of each, as PNG."""
import os
import struct
import sys
import zlib


def png(path, seed, size=40):
    rows = b""
    for y in range(size):
        rows += b"\0" + bytes((x * (seed % 5 + 1) * 3 + y * seed * (c + 1) + seed * 37) % 256 for x in range(size) for c in range(3))
    with open(path, "wb") as out:
        out.write(b"\x89PNG\r\n\x1a\n")
        for kind, data in (b"IHDR", struct.pack(">2I5B", size, size, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b""):
            out.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))


for k, name in enumerate(("leaf", "stone", "water")):
    os.makedirs(os.path.join(sys.argv[1], name))
    for i in range(int(sys.argv[2]) if len(sys.argv) > 2 else 60):
        png(os.path.join(sys.argv[1], name, "%d.png" % i), 7 * i + k)
