"""Writes images.json: layers and models over images of PyTorch, in double precision.

Run with `python images.py` from this folder, with torch installed; the versions are recorded in the file. The
tests compare to 1e-11 relative. Of long gradients only the beginning is kept. Images are written channels last, weights as [height, width, inputs, outputs]:
PyTorch's axes 2, 3, 1, 0.
"""

import json
import sys

import numpy
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
generator = numpy.random.default_rng(31)
MOST = 400


def flat(tensor):
    return [float(f"{x:.17g}") for x in tensor.detach().reshape(-1)]


def last(x):
    """Channels last."""
    return x.movedim(1, -1) if x.dim() > 2 else x


def weight(x):
    if x.dim() == 4:
        return x.permute(2, 3, 1, 0)
    if x.dim() == 3:
        return x.permute(2, 1, 0)
    return x.T if x.dim() == 2 else x


def randomize(module):
    with torch.no_grad():
        for parameter in module.parameters():
            scale = 0.5 if parameter.dim() == 1 else (2.0 / parameter[0].numel()) ** 0.5
            parameter.copy_(torch.tensor(numpy.round(generator.normal(size=tuple(parameter.shape)) * scale, 4)))


def row(layer, settings, module, shape, names=None):
    """One forward and backward pass of Σ y · (1, 2, 3, …)/n, and the running statistics after it."""
    randomize(module)
    x = torch.tensor(numpy.round(generator.normal(size=shape), 3), requires_grad=True)
    y = module(x)
    out = last(y)
    weights = torch.arange(1.0, out.numel() + 1.0).reshape(out.shape) / out.numel()
    (out * weights).sum().backward()
    parameters = {
        (names or {}).get(name, name): {"shape": list(weight(p).shape), "value": flat(weight(p)), "gradient": flat(weight(p.grad))[:MOST]}
        for name, p in module.named_parameters()
    }
    states = {name: flat(b) for name, b in module.named_buffers() if "num_batches" not in name}
    return {
        "layer": layer,
        "settings": settings,
        "shape": list(last(x).shape),
        "x": flat(last(x)),
        "y_shape": list(out.shape),
        "y": flat(out),
        "x_gradient": flat(last(x.grad)),
        "parameters": parameters,
        "states": states,
    }


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride, project):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.extra = stride, outputs - inputs
        self.downsample = None
        if project:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        h = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.downsample is not None:
            return F.relu(h + self.downsample(x))
        x = x[:, :, :: self.stride, :: self.stride]
        return F.relu(h + F.pad(x, (0, 0, 0, 0, self.extra // 2, self.extra - self.extra // 2)))


def layers():
    conv = lambda **s: ("conv2d", {"outputs": 4, **s})
    return [
        row(*conv(kernel=3, padding=1), nn.Conv2d(3, 4, 3, padding=1), (2, 3, 5, 6)),
        row(*conv(kernel=2, stride=2, dilation=2), nn.Conv2d(3, 4, 2, 2, dilation=2), (2, 3, 7, 6)),
        row(*conv(kernel=3, groups=2, **{"use-bias": False}), nn.Conv2d(6, 4, 3, groups=2, bias=False), (2, 6, 4, 5)),
        row(*conv(kernel=3, groups=4, padding=2), nn.Conv2d(4, 4, 3, padding=2, groups=4), (2, 4, 4, 5)),
        row("conv1d", {"outputs": 3, "kernel": 3, "stride": 2, "padding": 1}, nn.Conv1d(2, 3, 3, 2, 1), (2, 2, 8)),
        row("conv-transpose2d", {"outputs": 3, "kernel": 3, "stride": 2, "padding": 1, "output-padding": 1},
            nn.ConvTranspose2d(4, 3, 3, 2, 1, 1), (2, 4, 3, 4)),
        row("conv-transpose2d", {"outputs": 4, "kernel": 2, "groups": 2}, nn.ConvTranspose2d(6, 4, 2, groups=2), (2, 6, 3, 4)),
        row("max-pool", {"kernel": 2}, nn.MaxPool2d(2), (2, 3, 5, 6)),
        row("max-pool", {"kernel": 3, "stride": 2, "padding": 1}, nn.MaxPool2d(3, 2, 1), (2, 2, 6, 5)),
        row("avg-pool", {"kernel": 3, "stride": 2, "padding": 1}, nn.AvgPool2d(3, 2, 1), (2, 2, 6, 5)),
        row("global-avg-pool", {}, nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), (2, 3, 4, 5)),
        row("adaptive-avg-pool", {"size": 3}, nn.AdaptiveAvgPool2d(3), (2, 2, 7, 5)),
        row("adaptive-avg-pool", {"size": 2}, nn.AdaptiveAvgPool2d(2), (2, 2, 4, 6)),
        row("batch-norm", {}, nn.BatchNorm2d(3), (4, 3, 3, 2)),
        row("batch-norm", {"momentum": 0.3, "epsilon": 0.01, "affine": False},
            nn.BatchNorm2d(3, momentum=0.3, eps=0.01, affine=False), (4, 3, 3, 2)),
        row("group-norm", {"groups": 2}, nn.GroupNorm(2, 6), (3, 6, 2, 3)),
        row("residual-block", {"outputs": 4}, Block(4, 4, 1, False), (3, 4, 4, 5)),
        row("residual-block", {"outputs": 5, "stride": 2}, Block(2, 5, 2, False), (3, 2, 4, 6)),
        row("residual-block", {"outputs": 3, "stride": 2, "shortcut": "project"}, Block(2, 3, 2, True), (3, 2, 4, 6)),
    ]


class Flat(nn.Module):
    """Flattens channels last, as the dense layers here see images."""

    def forward(self, x):
        return x.movedim(1, -1).flatten(1)


class Net(nn.Module):
    """Modules in order, under their names; functions between them."""

    def __init__(self, *steps):
        super().__init__()
        self.steps = []
        for step in steps:
            if isinstance(step, tuple):
                self.add_module(step[0].replace(".", "/"), step[1])
                self.steps.append(step[1])
            else:
                self.steps.append(step)

    def forward(self, x):
        for step in self.steps:
            x = step(x)
        return x


def model(name, settings, net, shape, classes):
    randomize(net)
    x = torch.tensor(numpy.round(generator.normal(size=shape), 3))
    labels = torch.tensor(generator.integers(0, classes, size=shape[0]))
    logits = net(x)
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    parameters = {}
    for key, p in net.named_parameters():
        full = f"{name}." + key.replace("/", ".")
        parameters[full] = {"shape": list(weight(p).shape), "value": flat(weight(p)), "gradient": flat(weight(p.grad))[:MOST]}
    return {
        "model": name,
        "settings": settings,
        "shape": list(last(x).shape),
        "x": flat(last(x)),
        "classes": classes,
        "labels": labels.tolist(),
        "logits": flat(logits),
        "loss": loss.item(),
        "parameters": parameters,
    }


def models():
    relu, flatten = nn.ReLU(), Flat()
    cnn = Net(("conv1", nn.Conv2d(1, 3, 3)), relu, ("conv2", nn.Conv2d(3, 4, 3)), relu, nn.MaxPool2d(2), flatten,
              ("fc1", nn.Linear(2 * 3 * 4, 5)), relu, ("fc2", nn.Linear(5, 3)))
    tanh, pool = nn.Tanh(), nn.AvgPool2d(2)
    lenet = Net(("conv1", nn.Conv2d(1, 6, 5, padding=2)), tanh, pool, ("conv2", nn.Conv2d(6, 16, 5)), tanh, pool, flatten,
                ("fc1", nn.Linear(16, 120)), tanh, ("fc2", nn.Linear(120, 84)), tanh, ("fc3", nn.Linear(84, 3)))

    def stage(index, inputs, outputs):
        return [(f"features.{index}.conv", nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)),
                (f"features.{index}.bn", nn.BatchNorm2d(outputs)), relu]

    vgg = Net(*stage(0, 2, 3), *stage(1, 3, 3), nn.MaxPool2d(2), *stage(2, 3, 4), *stage(3, 4, 4), nn.MaxPool2d(2), flatten,
              ("fc1", nn.Linear(2 * 4, 6)), relu, ("fc2", nn.Linear(6, 3)))
    resnet = Net(("conv1", nn.Conv2d(2, 3, 3, padding=1, bias=False)), ("bn1", nn.BatchNorm2d(3)), relu,
                 ("layer1.0", Block(3, 3, 1, False)), ("layer2.0", Block(3, 5, 2, False)),
                 nn.AdaptiveAvgPool2d(1), nn.Flatten(), ("fc", nn.Linear(5, 3)))
    return [
        model("cnn", {"channels": [3, 4], "hidden": 5}, cnn, (4, 1, 8, 10), 3),
        model("lenet", {}, lenet, (3, 1, 12, 12), 3),
        model("vgg", {"channels": [3, 4], "hidden": 6, "dropout": 0.0}, vgg, (4, 2, 4, 8), 3),
        model("resnet", {"channels": [3, 5], "blocks": 1}, resnet, (4, 2, 6, 6), 3),
    ]


document = {
    "versions": {"python": sys.version.split()[0], "torch": torch.__version__.split("+")[0], "numpy": numpy.__version__},
    "layers": layers(),
    "models": models(),
}
with open("images.json", "w") as file:
    json.dump(document, file)
    file.write("\n")
