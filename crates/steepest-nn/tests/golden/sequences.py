"""Writes sequences.json: transformer blocks and recurrent layers of PyTorch, in double precision.

Run with `python sequences.py` from this folder, with torch installed; its version is recorded in the file. The tests
compare to 1e-12 relative. Weights are written in the layout of Steepest: inputs before outputs.
"""

import json

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.manual_seed(11)


def flat(tensor):
    return [float(x) for x in tensor.detach().reshape(-1)]


def parameter(value, gradient):
    return {"shape": list(value.shape), "value": flat(value), "gradient": flat(gradient)}


def spread(module):
    """Larger weights than usual, so that nothing is nearly linear or nearly uniform."""
    for p in module.parameters():
        torch.nn.init.normal_(p, std=0.4)


def renamed(module, names):
    """Parameters under our names, two-dimensional ones transposed."""
    out = {}
    for theirs, ours in names.items():
        p = dict(module.named_parameters())[theirs]
        turn = (lambda t: t.T) if p.dim() == 2 else (lambda t: t)
        out[ours] = parameter(turn(p), turn(p.grad))
    return out


BLOCK = {
    "self_attn.in_proj_weight": "self_attn.in_proj.weight",
    "self_attn.in_proj_bias": "self_attn.in_proj.bias",
    "self_attn.out_proj.weight": "self_attn.out_proj.weight",
    "self_attn.out_proj.bias": "self_attn.out_proj.bias",
    **{f"{n}.{k}": f"{n}.{k}" for n in ["linear1", "linear2", "norm1", "norm2"] for k in ["weight", "bias"]},
}


def block(causal, lengths, activation):
    batch, length, width, heads = 3, 5, 4, 2
    layer = torch.nn.TransformerEncoderLayer(
        width, heads, 4 * width, 0.0, activation, batch_first=True, norm_first=True
    )
    spread(layer)
    x = torch.randn(batch, length, width, requires_grad=True)
    weights = torch.randn(batch, length, width)
    mask = torch.triu(torch.ones(length, length, dtype=torch.bool), 1) if causal else None
    padding = None
    if lengths:
        padding = torch.arange(length)[None, :] >= torch.tensor(lengths)[:, None]
        weights = weights * (~padding)[:, :, None]
    y = layer(x, src_mask=mask, src_key_padding_mask=padding)
    (y * weights).sum().backward()
    return {
        "causal": causal,
        "lengths": lengths,
        "activation": activation,
        "shape": [batch, length, width],
        "heads": heads,
        "x": flat(x),
        "x_gradient": flat(x.grad),
        "weights": flat(weights),
        "y": flat(y * (weights != 0)),
        "parameters": renamed(layer, BLOCK),
    }


def norms():
    out = []
    for name, layer in [("layer-norm", torch.nn.LayerNorm(6)), ("rms-norm", torch.nn.RMSNorm(6, eps=1e-6))]:
        spread(layer)
        x = torch.randn(4, 3, 6, requires_grad=True)
        weights = torch.randn(4, 3, 6)
        y = layer(x)
        (y * weights).sum().backward()
        names = {n: n for n, _ in layer.named_parameters()}
        out.append({
            "layer": name, "x": flat(x), "x_gradient": flat(x.grad), "weights": flat(weights), "y": flat(y),
            "parameters": renamed(layer, names),
        })
    return out


def recurrent(kind, layers, bidirectional, lengths):
    batch, steps, inputs, hidden = 3, 4, 3, 2
    net = getattr(torch.nn, {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}[kind])(
        inputs, hidden, layers, batch_first=True, bidirectional=bidirectional
    )
    spread(net)
    x = torch.randn(batch, steps, inputs, requires_grad=True)
    pack = torch.nn.utils.rnn.pack_padded_sequence
    fed = pack(x, torch.tensor(lengths), batch_first=True, enforce_sorted=False) if lengths else x
    y, last = net(fed)
    if lengths:
        y, _ = torch.nn.utils.rnn.pad_packed_sequence(y, batch_first=True, total_length=steps)
    last = last[0] if kind == "lstm" else last
    directions = 2 if bidirectional else 1
    last = torch.cat(list(last[-directions:]), dim=1)
    weights, last_weights = torch.randn_like(y), torch.randn_like(last)
    ((y * weights).sum() + (last * last_weights).sum()).backward()
    gates = {"rnn": 1, "lstm": 4, "gru": 3}[kind]
    parameters = {}
    for name, p in net.named_parameters():
        cut = lambda t: t.reshape(gates, hidden, -1).transpose(1, 2) if p.dim() == 2 else t.reshape(gates, hidden)
        parameters[name] = parameter(cut(p), cut(p.grad))
    return {
        "cell": kind, "layers": layers, "bidirectional": bidirectional, "lengths": lengths,
        "hidden": hidden, "shape": [batch, steps, inputs], "x": flat(x), "x_gradient": flat(x.grad),
        "weights": flat(weights), "y": flat(y), "last": flat(last), "last_weights": flat(last_weights),
        "parameters": parameters,
    }


document = {
    "torch": torch.__version__.split("+")[0],
    "blocks": [block(False, [], "gelu"), block(True, [], "gelu"), block(False, [5, 2, 1], "relu"),
               block(True, [3, 5, 2], "gelu")],
    "norms": norms(),
    "recurrent": [
        recurrent(kind, layers, both, lengths)
        for kind in ["rnn", "lstm", "gru"]
        for layers, both, lengths in [(1, False, []), (2, True, []), (2, True, [4, 1, 3])]
    ],
}
with open("sequences.json", "w") as file:
    json.dump(document, file)
    file.write("\n")
