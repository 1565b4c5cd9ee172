#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Features by PyTorch from weights under torchvision's names.

  exported.py make FILE                                64 colour images of 32 x 32 pixels, as CIFAR-10's binary version
  exported.py check WEIGHTS DATA.h5 FEATURES.h5        WEIGHTS: by export; FEATURES: by embed, /h
  exported.py draw SEED WEIGHTS.h5 OUT.safetensors     other weights of the same names and shapes

Each comparison: relative L2 of all features at most 1e-4. Where torchvision or timm is installed and has the architecture, its own class
loads the weights with strict=True and is compared too.
"""
import json
import struct
import sys

import h5py
import numpy as np
import torch
from torch.nn import functional as F


def read(path):
    """Tensors by name, from .h5 or .safetensors."""
    if path.endswith(".h5"):
        with h5py.File(path) as f:
            return {k: torch.tensor(v[()]) for k, v in f.items()}
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    kinds = {"F32": np.float32, "I64": np.int64}
    return {name: torch.tensor(np.frombuffer(data[t["data_offsets"][0]:t["data_offsets"][1]], kinds[t["dtype"]]).reshape(t["shape"]))
            for name, t in header.items() if name != "__metadata__"}


def write(path, tensors):
    header, parts, at = {}, [], 0
    for name, t in tensors.items():
        raw = t.numpy().tobytes()
        header[name] = {"dtype": "I64" if t.dtype == torch.int64 else "F32", "shape": list(t.shape), "data_offsets": [at, at + len(raw)]}
        parts.append(raw)
        at += len(raw)
    text = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(parts))


def plain(sd, x):
    """The network that the names and shapes describe, in inference mode."""

    def norm(name, y):
        return F.batch_norm(y, sd[name + ".running_mean"], sd[name + ".running_var"], sd[name + ".weight"], sd[name + ".bias"], eps=1e-5)

    def conv(name, y, stride=1):
        return F.conv2d(y, sd[name + ".weight"], stride=stride, padding=sd[name + ".weight"].shape[-1] // 2)

    small = sd["conv1.weight"].shape[-1] == 3
    x = F.relu(norm("bn1", conv("conv1", x, 1 if small else 2)))
    if not small:
        x = F.max_pool2d(x, 3, 2, 1)
    for layer in range(1, 5):
        block = 0
        while f"layer{layer}.{block}.conv1.weight" in sd:
            at, stride = f"layer{layer}.{block}.", 2 if layer > 1 and block == 0 else 1
            convs = 3 if at + "conv3.weight" in sd else 2
            y = x
            for i in range(1, convs + 1):  # the 3x3 convolution that may have a stride: the second of three, the first of two
                y = norm(f"{at}bn{i}", conv(f"{at}conv{i}", y, stride if i == convs - 1 else 1))
                y = F.relu(y) if i < convs else y
            if at + "downsample.0.weight" in sd:
                x = norm(at + "downsample.1", conv(at + "downsample.0", x, stride))
            x = F.relu(y + x)
            block += 1
    return x.mean((2, 3))


def imported(name):
    """The module, or None where it is not there or does not fit this torch, which is said."""
    try:
        return __import__(name)
    except ImportError:
        return None
    except Exception as error:
        print("%s cannot be imported (%s): not compared" % (name, error))
        return None


def classes(sd):
    """The same by torchvision's and timm's classes, with strict=True, where they are that network."""
    arch = "resnet50" if "layer1.0.conv3.weight" in sd else "resnet18"
    width = sd["conv1.weight"].shape[0]
    if sd["conv1.weight"].shape != (64, 3, 7, 7) or width != 64 or ("layer1.0.downsample.0.weight" in sd) != (arch == "resnet50"):
        return
    torchvision, timm = imported("torchvision"), imported("timm")
    if torchvision:
        net = getattr(torchvision.models, arch)()
        net.fc = torch.nn.Identity()
        yield "torchvision", net
    if timm:
        yield "timm", timm.create_model(arch, num_classes=0)


def make(path):
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 200, (64, 3, 4, 4)).repeat(8, 2).repeat(8, 3)
    pixels = (coarse + rng.integers(0, 56, (64, 3, 32, 32))).astype(np.uint8)
    with open(path, "wb") as f:
        for i in range(64):
            f.write(bytes([i % 10]) + pixels[i].tobytes())


def check(weights, data, features):
    sd = {k: v for k, v in read(weights).items() if not k.startswith("head.")}
    with h5py.File(data) as f:
        x = torch.tensor(f["images"][()].transpose(0, 3, 1, 2) / 255.0)
    with h5py.File(features) as f:
        ours = f["h"][()]
    wide = {k: v.double() if v.is_floating_point() else v for k, v in sd.items()}
    results = {"plain": plain(wide, x)}
    for name, net in classes(sd):
        net.load_state_dict(sd, strict=True)
        with torch.no_grad():
            results[name] = net.double().eval()(x)
    for name, want in results.items():
        want = want.numpy()
        apart = np.linalg.norm(ours - want) / np.linalg.norm(want)
        print(f"{name}: relative L2 {apart:.1e}")
        if not (np.linalg.norm(want) > 0 and apart <= 1e-4):
            sys.exit(1)


def draw(seed, like, out):
    generator = torch.Generator().manual_seed(int(seed))
    sd = {}
    for name, t in read(like).items():
        if name.startswith("head.") or t.dtype == torch.int64:
            continue
        new = torch.randn(t.shape, generator=generator)
        if name.endswith("running_var"):
            new = 0.5 + new.abs()
        elif t.dim() == 4:
            new *= (2 / (t.shape[1] * t.shape[2] * t.shape[3])) ** 0.5
        elif name.endswith("weight"):
            new = 0.5 + 0.2 * new
        sd[name] = new
    write(out, sd)


{"make": make, "check": check, "draw": draw}[sys.argv[1]](*sys.argv[2:])
