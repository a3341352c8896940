"""The networks of the workloads in PyTorch: convolutional, residual, recurrent, transformer.

Each is given the workload's model, takes a batch as the harness has it, and lists which of Steepest's parameters is
which of its own, and how it is laid out here.
"""

import torch
from torch import nn
from torch.nn import functional as F


def build(spec, arrays):
    """The network with the initial values of the workload."""
    network = {"cnn": Cnn, "resnet": ResNet, "lstm": Recurrent, "gru": Recurrent, "gpt": Gpt}[spec["kind"]](spec)
    own = dict(network.named_parameters())
    with torch.no_grad():
        for name, array in arrays.items():
            target, value = network.place(name, torch.from_numpy(array.copy()))
            own.pop(target).copy_(value)
    assert not own, f"without an initial value: {', '.join(own)}"
    # Convolutions of channels-last weights and images are the faster ones.
    return network.to(memory_format=torch.channels_last) if spec["kind"] in ("cnn", "resnet") else network


def convolution(weight):
    return weight.permute(3, 2, 0, 1)


class Cnn(nn.Module):
    def __init__(self, spec):
        super().__init__()
        height, width, read = spec["image"]
        convolutions = []
        for written in spec["channels"]:
            convolutions.append(nn.Conv2d(read, written, 3))
            height, width, read = height - 2, width - 2, written
        self.convolutions = nn.ModuleList(convolutions)
        self.fc1 = nn.Linear(height // 2 * (width // 2) * read, spec["hidden"])
        self.fc2 = nn.Linear(spec["hidden"], spec["classes"])

    def place(self, name, value):
        layer, kind = name.split(".")[1:]
        if layer.startswith("conv"):
            value = convolution(value) if kind == "weight" else value
            return f"convolutions.{int(layer[4:]) - 1}.{kind}", value
        return f"{layer}.{kind}", value.T

    def forward(self, x):
        # A view: the pixels lie in memory with their channels last.
        x = x.permute(0, 3, 1, 2)
        for layer in self.convolutions:
            x = F.relu(layer(x))
        x = F.max_pool2d(x, 2).permute(0, 2, 3, 1).flatten(1)
        return self.fc2(F.relu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, read, written, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(read, written, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(written)
        self.conv2 = nn.Conv2d(written, written, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(written)
        self.stride = stride
        self.missing = written - read

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        h = self.bn2(self.conv2(h))
        if self.stride > 1:
            x = x[:, :, :: self.stride, :: self.stride]
        if self.missing:
            x = F.pad(x, (0, 0, 0, 0, self.missing // 2, self.missing - self.missing // 2))
        return F.relu(h + x)


class ResNet(nn.Module):
    def __init__(self, spec):
        super().__init__()
        read = spec["channels"][0]
        self.conv1 = nn.Conv2d(spec["image"][2], read, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(read)
        stages = []
        for stage, written in enumerate(spec["channels"]):
            blocks = []
            for index in range(spec["blocks"]):
                blocks.append(Block(read, written, 2 if stage > 0 and index == 0 else 1))
                read = written
            stages.append(nn.Sequential(*blocks))
        for stage, blocks in enumerate(stages):
            self.add_module(f"layer{stage + 1}", blocks)
        self.stages = len(stages)
        self.fc = nn.Linear(read, spec["classes"])

    def place(self, name, value):
        name = name.removeprefix("resnet.")
        return name, convolution(value) if value.dim() == 4 else value.T if value.dim() == 2 else value

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x.permute(0, 3, 1, 2))))
        for stage in range(self.stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.fc(x.mean((2, 3)))


class Recurrent(nn.Module):
    def __init__(self, spec):
        super().__init__()
        hidden = spec["hidden"]
        self.tokens = nn.Embedding(spec["vocabulary"], hidden)
        self.recurrent = {"lstm": nn.LSTM, "gru": nn.GRU}[spec["kind"]](hidden, hidden)
        self.head = nn.Linear(hidden, spec["vocabulary"])

    def place(self, name, value):
        name = name.split(".", 1)[1]
        if name.startswith("recurrent.weight"):
            return name, value.transpose(1, 2).flatten(0, 1)
        if name.startswith("recurrent"):
            return name, value.flatten()
        return name, value.T if name == "head.weight" else value

    def forward(self, x):
        states, _ = self.recurrent(self.tokens(x.T))
        return self.head(states).transpose(0, 1)


class GptBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.in_proj = nn.Linear(width, 3 * width)
        self.out_proj = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.linear1 = nn.Linear(width, 4 * width)
        self.linear2 = nn.Linear(4 * width, width)

    def forward(self, x):
        batch, length, width = x.shape
        parts = self.in_proj(self.norm1(x)).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind()
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.out_proj(mixed.transpose(1, 2).reshape(batch, length, width))
        return x + self.linear2(F.gelu(self.linear1(self.norm2(x))))


class Gpt(nn.Module):
    def __init__(self, spec):
        super().__init__()
        width = spec["width"]
        self.tokens = nn.Embedding(spec["vocabulary"], width)
        self.positions = nn.Embedding(spec["length"], width)
        self.layers = nn.ModuleList(GptBlock(width, spec["heads"]) for _ in range(spec["layers"]))
        self.norm = nn.LayerNorm(width)

    def place(self, name, value):
        name = name.removeprefix("gpt.").replace("self_attn.", "")
        table = name in ("tokens.weight", "positions.weight")
        return name, value.T if value.dim() == 2 and not table else value

    def forward(self, x):
        h = self.tokens(x) + self.positions.weight
        for layer in self.layers:
            h = layer(h)
        return F.linear(self.norm(h), self.tokens.weight)
