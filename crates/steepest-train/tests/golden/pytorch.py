"""Writes pytorch.json: small modules of PyTorch, their state dicts, inputs and outputs.

python crates/steepest-train/tests/golden/pytorch.py
"""

import json
from pathlib import Path

import torch
from torch import nn

torch.manual_seed(5)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        _, (h, _) = self.lstm(x)
        return self.head(torch.cat([h[-2], h[-1]], 1))


class Encoder(nn.Module):
    def __init__(self, length=5, width=6):
        super().__init__()
        self.embed = nn.Linear(3, width)
        self.positions = nn.Embedding(length, width)
        layer = lambda: nn.TransformerEncoderLayer(
            width, 2, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.ModuleList([layer(), layer()])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 2)

    def forward(self, x):
        h = self.embed(x) + self.positions.weight
        for layer in self.layers:
            h = layer(h)
        return self.head(self.norm(h).mean(1))


convolutions = nn.Sequential(
    nn.Conv2d(2, 3, (3, 1), padding=(1, 0)),
    nn.ReLU(),
    nn.ConvTranspose2d(3, 2, (2, 3), stride=(2, 1)),
    nn.Flatten(),
    nn.Linear(2 * 8 * 7, 2),
)
steps = nn.Sequential(nn.Conv1d(3, 4, 2), nn.Tanh(), nn.Flatten(), nn.Linear(4 * 4, 2))
# Images are [batch, height, width, channels] in the file, sequences [batch, steps, channels].
models = {
    "convolutions": (convolutions, (2, 4, 5, 2), lambda x: x.permute(0, 3, 1, 2)),
    "steps": (steps, (2, 5, 3), lambda x: x.permute(0, 2, 1)),
    "lstm": (Recurrent(), (2, 5, 3), lambda x: x),
    "encoder": (Encoder(), (2, 5, 3), lambda x: x),
}


def array(tensor):
    return {"shape": list(tensor.shape), "values": [float(f"{v:.8g}") for v in tensor.flatten().tolist()]}


golden = {"torch": torch.__version__}
for name, (module, shape, turned) in models.items():
    with torch.no_grad():
        for parameter in module.parameters():
            # Rounded as they are written, and none of them 0 or 1.
            parameter.copy_(torch.tensor([float(f"{v:.8g}") for v in torch.randn(parameter.numel()) * 0.5]).view_as(parameter))
        module.eval()
        x = torch.tensor([float(f"{v:.8g}") for v in torch.randn(*shape).flatten()]).view(*shape)
        y = module(turned(x))
    weights = {key: array(value) for key, value in module.state_dict().items()}
    golden[name] = {"weights": weights, "x": array(x), "y": array(y)}

Path(__file__).with_name("pytorch.json").write_text(json.dumps(golden) + "\n")
