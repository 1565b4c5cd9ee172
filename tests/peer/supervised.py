#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""One step of finetune beside PyTorch's autograd in double precision, from the files that the program wrote.

  supervised.py make SEED FOLDER                           21 gray images of 12 x 12 pixels in 7 classes, as IDX
  supervised.py check RUN TRAIN.h5 TEST.h5 FROZEN LAYERS   RUN: one step of sgd over all images, without augmentation and decay

FROZEN: 0 nothing, 1 the stem, 1 + g also groups 1..g. LAYERS: of the projection head. After one step the slot "momentum" is the gradient.
Bounds: a tensor's gradient 1e-4 relative L2, loss and running statistics 1e-5, accuracies exact. Exit status 3: not so,
but some ReLU's input lies so near to zero that single precision may have it on the other side; other images are wanted.
"""
import os
import struct
import sys

import numpy as np

IMAGES, SIZE, CLASSES = 21, 12, 7


def make(seed, folder):
    rng = np.random.default_rng(int(seed))
    coarse = rng.integers(0, 200, (IMAGES, 3, 3)).repeat(4, 1).repeat(4, 2)
    pixels = (coarse + rng.integers(0, 56, (IMAGES, SIZE, SIZE))).astype(np.uint8)
    os.makedirs(folder, exist_ok=True)
    with open(folder + "/t10k-images-idx3-ubyte", "wb") as f:
        f.write(struct.pack(">4i", 0x803, IMAGES, SIZE, SIZE) + pixels.tobytes())
    with open(folder + "/t10k-labels-idx1-ubyte", "wb") as f:
        f.write(struct.pack(">2i", 0x801, IMAGES) + bytes(i % CLASSES for i in range(IMAGES)))


def check(run, train, test, frozen, layers):
    import h5py
    import torch

    sys.path.insert(0, os.environ["SIMCLR_PEER_DIR"])
    import resnet

    before = h5py.File(run + "/checkpoints/step-00000000.h5")
    after = h5py.File(run + "/checkpoints/step-00000001.h5")
    column, value = [line.lstrip("# ").rstrip("\n").split("\t") for line in open(run + "/metrics.tsv")]
    row = {c: float(v) for c, v in zip(column, value)}

    net = resnet.ResNet("resnet18", 0.125, "cifar", 1)
    layer = []
    for i in range(layers):
        layer += [torch.nn.Linear(net.dim, net.dim, bias=False), torch.nn.BatchNorm1d(net.dim), torch.nn.ReLU()]
    model = torch.nn.ModuleDict({"encoder": net, "head": torch.nn.Sequential(*layer),
                                 "classifier": torch.nn.Linear(net.dim, CLASSES)}).double()

    def path(name):
        room, rest = name.split(".", 1)
        return room + "/" + rest

    def load(file):
        with torch.no_grad():
            for name, t in model.state_dict().items():
                t.copy_(torch.tensor(file["model/" + path(name)][()]))

    def outputs(x):
        return model["classifier"](model["head"](model["encoder"](x)))

    def data(name):
        f = h5py.File(name)
        return torch.tensor(f["images"][()].transpose(0, 3, 1, 2) / 255.0), torch.tensor(f["labels"][()]).long()

    margin = [1.0]
    parts = [[net.conv1, net.bn1], [net.layer1], [net.layer2], [net.layer3], [net.layer4]]
    still = [m for part in parts[:frozen] for m in part]
    load(before)
    model.train()
    for m in still:
        m.eval()
        m.requires_grad_(False)
    kept = {id(p) for m in still for p in m.parameters()}

    def watch(module, inputs):
        margin[0] = min(margin[0], inputs[0].abs().min().item())

    for m in model.modules():
        if isinstance(m, torch.nn.ReLU):
            m.inplace = False
            m.register_forward_pre_hook(watch)
    x, y = data(train)
    loss = torch.nn.functional.cross_entropy(outputs(x), y)
    loss.backward()
    least = margin[0]
    bad, worst, norm = [], 0, 0

    def near(what, got, want, bound):
        error = np.linalg.norm(np.asarray(got) - np.asarray(want)) / max(np.linalg.norm(np.asarray(want)), 1e-30)
        if not error <= bound:
            bad.append(f"{what}: {error:.1e} from PyTorch's, more than {bound:.0e}")
        return error

    near("loss", row["loss"], loss.item(), 1e-6)
    for name, p in model.named_parameters():
        slot = after["optimizer/sgd/momentum/" + path(name)][()]
        if id(p) in kept:
            same = np.array_equal(before["model/" + path(name)][()], after["model/" + path(name)][()])
            if slot.any() or not same:
                bad.append(f"{name} is frozen, and moved")
            continue
        worst = max(worst, near("gradient of " + name, slot, p.grad.numpy(), 1e-4))
        norm += p.grad.pow(2).sum().item()
    near("gradient's norm", row["grad_norm"], norm**0.5, 1e-5)
    for name, b in model.named_buffers():
        if name.endswith(("mean", "var")):
            near(name, after["model/" + path(name)][()], b.numpy(), 1e-5)
    load(after)
    model.eval()
    x, y = data(test)
    with torch.no_grad():
        z = outputs(x)
        near("loss on the test images", row["test_loss"], torch.nn.functional.cross_entropy(z, y).item(), 1e-5)
        order = z.argsort(1, descending=True)
        for k in (1, 5):
            right = 100 * (order[:, :k] == y[:, None]).any(1).double().mean().item()
            if abs(right - row[f"test_top{k}"]) > 1e-4:
                bad.append(f"top-{k}: {row[f'test_top{k}']}, PyTorch's {right}")
    print(f"frozen {frozen}, layers {layers}: worst gradient {worst:.1e}, no ReLU's input within {least:.1e} of zero")
    if bad:
        print("\n".join(bad))
        sys.exit(3 if least < 1e-6 else 1)


if sys.argv[1] == "make":
    make(*sys.argv[2:])
else:
    check(*sys.argv[2:5], int(sys.argv[5]), int(sys.argv[6]))
