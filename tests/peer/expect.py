#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Outputs and gradients of a whole network from PyTorch, for src/model/test_network.c.

  expect.py full ARCH WIDTH STEM SIZE CHANNELS VIEWS OUT     every value, binary
  expect.py small ARCH WIDTH STEM SIZE CHANNELS VIEWS OUT    norms and projections, text (the files in tests/data)

Weights, inputs and the gradient of z come from a formula that both sides know, so nothing but results is stored:
value i of tensor NAME is u = frac((i + 1) 2654435761 / 2^32 + fnv1a(NAME, seed) / 2^32) - 1/2, scaled. The network's definition is
looked for in SIMCLR_PEER_DIR (resnet.py).

A ReLU whose input lies within rounding of zero may open on one side and stay shut on the other, and one such flip outweighs all
rounding. So of several seeds the one is taken whose smallest input of any ReLU is largest. The last norms of branches have a small
gamma, without which rounding would double from block to block.
"""
import os
import sys
import time

import numpy as np
import torch

sys.path.insert(0, os.environ["SIMCLR_PEER_DIR"])
import resnet  # noqa: E402

mode, arch, width, stem, size, channels, views, out = sys.argv[1:]
width, size, channels, views = float(width), int(size), int(channels), int(views)


seed0 = 0


def formula(name, count):
    seed = (2166136261 + seed0 * 2654435769) % 2**32
    for byte in name.encode():
        seed = (seed ^ byte) * 16777619 % 2**32
    i = np.arange(1, count + 1, dtype=np.uint64)
    return ((i * np.uint64(2654435761) + np.uint64(seed)) % np.uint64(2**32)).astype(np.float64) / 2**32 - 0.5


def value(name, shape):
    u = formula(name, int(np.prod(shape))).reshape(shape)
    if len(shape) > 1:
        return u * 4 / np.sqrt(np.prod(shape[1:]))
    if name.endswith("bias"):
        return u * 0.4
    return (0.1 if ".bn2." in name or ".bn3." in name else 1) * (1 + u * 0.4)


torch.manual_seed(0)
torch.set_num_threads(2)
net = resnet.ResNet(arch, width, stem, channels)
model = torch.nn.Sequential(net, resnet.head(net.dim)).double().train()
names = {("encoder/" if n[0] == "0" else "head/") + n[2:]: p for n, p in model.named_parameters()}
margin = [1.0]


def watch(module, inputs):
    margin[0] = min(margin[0], inputs[0].abs().min().item())


def prepare(seed):
    global seed0
    seed0 = seed
    with torch.no_grad():
        for name, p in names.items():
            p.copy_(torch.tensor(value(name, tuple(p.shape)) if name != "head/4.bias" else np.zeros(p.shape)))
    u = formula("x", views * size * size * channels).reshape(views, size, size, channels)
    ramp = np.arange(views).reshape(-1, 1, 1, 1) * 7 % 5 * np.arange(size).reshape(1, -1, 1, 1) / size
    return torch.tensor(u + 0.5 + ramp).permute(0, 3, 1, 2)


for module in model.modules():
    if isinstance(module, torch.nn.ReLU):
        module.inplace = False
        module.register_forward_pre_hook(watch)
best, chosen = 0, 0
began = time.time()
for seed in range(200):
    margin[0] = 1.0
    with torch.no_grad():
        model(prepare(seed))
    if margin[0] > best:
        best, chosen = margin[0], seed
    if best > 4e-5 or time.time() - began > 8:
        break
for module in model.modules():
    if isinstance(module, torch.nn.BatchNorm2d) or isinstance(module, torch.nn.BatchNorm1d):
        module.reset_running_stats()
x = prepare(chosen)
h = net(x)
z = model[1](h)
dz = torch.tensor(formula("dz", z.numel()).reshape(z.shape))
z.backward(dz)
results = {"h": h, "z": z}
results.update({"grad " + k: p.grad for k, p in names.items() if k != "head/4.bias"})
for name, b in model.named_buffers():
    if name.endswith(("running_mean", "running_var")):
        results["state " + ("encoder/" if name[0] == "0" else "head/") + name[2:]] = b
if mode == "full":
    with open(out, "wb") as f:
        f.write(f"seed {chosen}\n".encode())
        for k, v in results.items():
            a = v.detach().numpy().astype(np.float32).ravel()
            f.write(f"{k}\n{a.size}\n".encode())
            f.write(a.tobytes())
else:
    with open(out, "w") as f:
        f.write(f"seed {chosen}\n")
        for k, v in results.items():
            a = v.detach().numpy().ravel()
            f.write(f"{k}\n{a.size} {np.linalg.norm(a):.9e} {a @ formula('projection', a.size):.9e}\n")
print(f"seed {chosen}: no ReLU has an input within {best:.1e} of zero")
