/* SPDX-License-Identifier: BSD-3-Clause */
/* --preset=NAME: settings that belong together, a level above the defaults. X(name, "option = value\n...") */
#define CLR_PRESETS(X)                                                                                             \
    X("imagenet",                                                                                                  \
      "arch = resnet50\nstem = imagenet\nimage-size = 224\nbatch = 4096\nepochs = 100\ntemperature = 0.1\n"        \
      "augment = crop:0.08-1,flip,color:1.0,gray:0.2,blur\n")                                                      \
    X("cifar10", "arch = resnet18\nstem = cifar\nimage-size = 32\nbatch = 512\nepochs = 1000\ntemperature = 0.5\n" \
                 "lr = 1.0\naugment = crop:0.08-1,flip,color:0.5,gray:0.2\n")                                      \
    X("fashion-mnist", "arch = resnet18\nwidth = 1/4\nstem = cifar\nimage-size = 28\nbatch = 128\nepochs = 3\n"    \
                       "temperature = 0.2\noptimizer = adamw\nlr = 4e-3\nlr-scaling = none\nwarmup-epochs = 0.1\n" \
                       "weight-decay = 1e-6\naugment = crop:0.35-1,flip,color:0.5\n")
