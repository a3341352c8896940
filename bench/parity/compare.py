"""Trains in PyTorch what `cargo run --release -p steepest-train --example parity -- FOLDER` trained, and compares losses.

python bench/parity/compare.py FOLDER [MODEL ...]

The same architectures from PyTorch's own modules, the same initial weights (Steepest's export, loaded with `strict=True`),
the same batches in the same order, Adam with PyTorch's defaults, f32. The largest relative difference of the first 100
losses must stay below 1e-4, or the program fails.
"""

import json
import sys
from pathlib import Path

import numpy
import torch
from torch import nn
from torch.nn import functional as F

TOLERANCE = 1e-4


def load_safetensors(path):
    """The tensors of a file: eight bytes of length, a header in JSON, the data."""
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        assert entry["dtype"] == "F32", name
        start, end = entry["data_offsets"]
        values = numpy.frombuffer(raw, "<f4", (end - start) // 4, 8 + length + start)
        tensors[name] = torch.from_numpy(values.reshape(entry["shape"]).copy())
    return tensors


class Mlp(nn.Sequential):
    def __init__(self, sizes, activation):
        layers = []
        for inputs, outputs in zip(sizes, sizes[1:]):
            layers += [nn.Linear(inputs, outputs), activation()]
        super().__init__(*layers[:-1])


def images(x):
    """Ours are [batch, height, width, channels]."""
    return x.permute(0, 3, 1, 2)


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 32, 3), nn.Conv2d(32, 64, 3)
        self.fc1, self.fc2 = nn.Linear(9216, 128), nn.Linear(128, 10)

    def forward(self, x):
        x = F.relu(self.conv2(F.relu(self.conv1(images(x)))))
        return self.fc2(F.relu(self.fc1(F.max_pool2d(x, 2).flatten(1))))


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = F.avg_pool2d(torch.tanh(self.conv1(images(x))), 2)
        x = F.avg_pool2d(torch.tanh(self.conv2(x)), 2).flatten(1)
        return self.fc3(torch.tanh(self.fc2(torch.tanh(self.fc1(x)))))


class Vgg(nn.Module):
    def __init__(self):
        super().__init__()
        layers, inputs = [], 3
        for outputs in (32, 64, 128):
            for _ in range(2):
                layers += [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
                inputs = outputs
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Linear(512, 256), nn.ReLU(), nn.Dropout(0.0), nn.Linear(256, 10))

    def forward(self, x):
        return self.classifier(self.features(images(x)).flatten(1))


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride, project):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.missing = stride, outputs - inputs
        changes = stride != 1 or inputs != outputs
        if changes and project:
            conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(outputs))
        else:
            self.downsample = None

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.downsample is not None:
            x = self.downsample(x)
        elif self.stride != 1 or self.missing:
            front = self.missing // 2
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, front, self.missing - front))
        return F.relu(x + y)


class ResNet20(nn.Module):
    def __init__(self, project):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        inputs = 16
        for stage, outputs in enumerate((16, 32, 64), 1):
            blocks = [Block(inputs, outputs, 1 if stage == 1 else 2, project)]
            blocks += [Block(outputs, outputs, 1, project) for _ in range(2)]
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
            inputs = outputs
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(images(x))))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean((2, 3)))


class Recurrent(nn.Module):
    """A language model: tokens, a recurrent layer, a head."""

    def __init__(self, name, module):
        super().__init__()
        self.tokens = nn.Embedding(65, 256)
        self.name = name
        setattr(self, name, module(256, 256, batch_first=True))
        self.head = nn.Linear(256, 65)

    def forward(self, x):
        return self.head(getattr(self, self.name)(self.tokens(x))[0])


class BothWays(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(28, 64, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(128, 10)

    def forward(self, x):
        last = self.gru(x)[1]
        return self.head(torch.cat([last[-2], last[-1]], 1))


def blocks(count, width, heads):
    return nn.ModuleList(
        nn.TransformerEncoderLayer(width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True)
        for _ in range(count)
    )


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.positions = nn.Linear(12, 128), nn.Embedding(28, 128)
        self.layers, self.norm, self.head = blocks(4, 128, 4), nn.LayerNorm(128), nn.Linear(128, 10)

    def forward(self, x):
        h = self.embed(x) + self.positions.weight
        for layer in self.layers:
            h = layer(h)
        return self.head(self.norm(h).mean(1))


class Gpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(65, 128), nn.Embedding(64, 128)
        self.layers, self.norm = blocks(4, 128, 4), nn.LayerNorm(128)
        self.mask = nn.Transformer.generate_square_subsequent_mask(64)

    def forward(self, x):
        h = self.tokens(x) + self.positions.weight
        for layer in self.layers:
            h = layer(h, src_mask=self.mask, is_causal=True)
        return self.norm(h) @ self.tokens.weight.T


MODELS = {
    "mlp": lambda: Mlp((784, 512, 256, 10), nn.ReLU),
    "mlp-tanh": lambda: Mlp((30, 64, 32, 10), nn.Tanh),
    "cnn": Cnn,
    "lenet": LeNet,
    "vgg": Vgg,
    "resnet20": lambda: ResNet20(False),
    "resnet20-project": lambda: ResNet20(True),
    "rnn": lambda: Recurrent("rnn", nn.RNN),
    "lstm": lambda: Recurrent("lstm", nn.LSTM),
    "gru": lambda: Recurrent("gru", nn.GRU),
    "gru-bidirectional": BothWays,
    "encoder": Encoder,
    "gpt": Gpt,
}


def losses_of(folder, run, double):
    model = MODELS[run["model"]]()
    weights = load_safetensors(folder / "weights.safetensors")
    # Counters of batch normalization are not weights.
    for name, value in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            weights[name] = value
    model.load_state_dict(weights, strict=True)
    shape = [run["rows"], *run["example"]]
    x = torch.from_numpy(numpy.fromfile(folder / "x.bin", "<f4" if run["x"] == "f32" else "<u4").reshape(shape).copy())
    y = torch.from_numpy(numpy.fromfile(folder / "y.bin", "<u4").reshape(run["rows"], -1).astype("int64"))
    x = x.long() if run["x"] == "u32" else x
    if double:
        model, x = model.double(), x.double() if run["x"] == "f32" else x
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), run["rate"])
    losses = []
    for rows in run["order"]:
        logits = model(x[rows])
        loss = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), y[rows].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def worst(a, b, steps):
    return max(abs(a - b) / abs(b) for a, b in zip(a[:steps], b[:steps]))


def main():
    torch.set_num_threads(1)
    folder, wanted = Path(sys.argv[1]), sys.argv[2:]
    print(f"PyTorch {torch.__version__}; largest relative difference of the losses so far\n")
    print("| model | first loss | last loss | step 1 | first 10 | first 100 | PyTorch f32 against f64 |")
    print("|---|---|---|---|---|---|---|")
    failed = []
    for name in MODELS:
        if not (folder / name).is_dir() or wanted and name not in wanted:
            continue
        run = json.loads((folder / name / "run.json").read_text())
        ours, theirs = run["losses"], losses_of(folder / name, run, False)
        exact = losses_of(folder / name, run, True)
        figures = " | ".join(f"{worst(ours, theirs, steps):.1e}" for steps in (1, 10, 100))
        own = f"{worst(theirs, exact, 100):.1e}"
        print(f"| {name} | {ours[0]:.4f} | {ours[-1]:.4f} | {figures} | {own} |", flush=True)
        if len(ours) != 100 or worst(ours, theirs, 100) > TOLERANCE:
            failed.append(name)
    if failed:
        sys.exit(f"beyond {TOLERANCE}: {', '.join(failed)}")


if __name__ == "__main__":
    main()
