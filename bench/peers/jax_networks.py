"""The networks of the workloads in JAX: convolutional, residual, recurrent, transformer.

`forward(spec)` gives a function of parameters (by Steepest's names, in its layouts), running statistics and a batch,
which returns logits and new statistics. `statistics(spec, parameters)` gives the first ones.
"""

import jax
import jax.numpy as jnp
from jax import lax


def forward(spec):
    return {"cnn": cnn, "resnet": resnet, "lstm": lstm, "gru": gru, "gpt": gpt}[spec["kind"]](spec)


def statistics(spec, parameters):
    """Running means and variances of batch normalization."""
    norms = [name for name in parameters if ".bn" in name and name.endswith(".weight")]
    zero_one = {name.removesuffix(".weight"): parameters[name] for name in norms}
    return {name: (jnp.zeros_like(value), jnp.ones_like(value)) for name, value in zero_one.items()}


def convolution(x, weight, stride=1, padding=0):
    edges = ((padding, padding), (padding, padding))
    return lax.conv_general_dilated(x, weight, (stride, stride), edges, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def dense(p, name, x):
    return x @ p[f"{name}.weight"] + p[f"{name}.bias"]


def cnn(spec):
    def run(p, state, x):
        for index in range(len(spec["channels"])):
            name = f"cnn.conv{index + 1}"
            x = jax.nn.relu(convolution(x, p[f"{name}.weight"]) + p[f"{name}.bias"])
        x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        return dense(p, "cnn.fc2", jax.nn.relu(dense(p, "cnn.fc1", x.reshape(x.shape[0], -1)))), state

    return run


def resnet(spec):
    def run(p, state, x):
        after = {}

        def normalized(name, x):
            count = x.size // x.shape[-1]
            mean = x.mean((0, 1, 2))
            variance = jnp.square(x - mean).mean((0, 1, 2))
            unbiased = lax.stop_gradient(variance) * (count / (count - 1))
            old_mean, old_variance = state[name]
            after[name] = (0.9 * old_mean + 0.1 * lax.stop_gradient(mean), 0.9 * old_variance + 0.1 * unbiased)
            return (x - mean) * lax.rsqrt(variance + 1e-5) * p[f"{name}.weight"] + p[f"{name}.bias"]

        x = jax.nn.relu(normalized("resnet.bn1", convolution(x, p["resnet.conv1.weight"], padding=1)))
        for stage in range(len(spec["channels"])):
            for index in range(spec["blocks"]):
                name = f"resnet.layer{stage + 1}.{index}"
                stride = 2 if stage > 0 and index == 0 else 1
                h = convolution(x, p[f"{name}.conv1.weight"], stride, 1)
                h = jax.nn.relu(normalized(f"{name}.bn1", h))
                h = normalized(f"{name}.bn2", convolution(h, p[f"{name}.conv2.weight"], padding=1))
                missing = h.shape[-1] - x.shape[-1]
                x = x[:, ::stride, ::stride]
                if missing:
                    x = jnp.pad(x, ((0, 0), (0, 0), (0, 0), (missing // 2, missing - missing // 2)))
                x = jax.nn.relu(h + x)
        return dense(p, "resnet.fc", x.mean((1, 2))), after

    return run


def joined(weight):
    """Gates' blocks side by side: one product for all of them."""
    return jnp.moveaxis(weight, 0, 1).reshape(weight.shape[1], -1)


def lstm(spec):
    def run(p, state, x):
        weights = {kind: joined(p[f"lstm.recurrent.weight_{kind}_l0"]) for kind in ("ih", "hh")}
        bias = (p["lstm.recurrent.bias_ih_l0"] + p["lstm.recurrent.bias_hh_l0"]).reshape(-1)
        # The input's products of all steps are one product.
        inputs = p["lstm.tokens.weight"][x.T] @ weights["ih"] + bias
        zero = jnp.zeros((x.shape[0], spec["hidden"]))

        def step(carry, inputs):
            h, c = carry
            i, f, g, o = jnp.split(inputs + h @ weights["hh"], 4, axis=1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        _, states = lax.scan(step, (zero, zero), inputs)
        return dense(p, "lstm.head", states).transpose(1, 0, 2), state

    return run


def gru(spec):
    def run(p, state, x):
        weights = {kind: joined(p[f"gru.recurrent.weight_{kind}_l0"]) for kind in ("ih", "hh")}
        bias, bias_h = (p[f"gru.recurrent.bias_{kind}_l0"].reshape(-1) for kind in ("ih", "hh"))
        inputs = p["gru.tokens.weight"][x.T] @ weights["ih"] + bias

        def step(h, inputs):
            r, z, n = jnp.split(inputs, 3, axis=1)
            hr, hz, hn = jnp.split(h @ weights["hh"] + bias_h, 3, axis=1)
            n = jnp.tanh(n + jax.nn.sigmoid(r + hr) * hn)
            z = jax.nn.sigmoid(z + hz)
            h = n + z * (h - n)
            return h, h

        _, states = lax.scan(step, jnp.zeros((x.shape[0], spec["hidden"])), inputs)
        return dense(p, "gru.head", states).transpose(1, 0, 2), state

    return run


def gpt(spec):
    heads = spec["heads"]

    def norm(p, name, x):
        centred = x - x.mean(-1, keepdims=True)
        variance = jnp.square(centred).mean(-1, keepdims=True)
        return centred * lax.rsqrt(variance + 1e-5) * p[f"{name}.weight"] + p[f"{name}.bias"]

    def run(p, state, x):
        batch, length = x.shape
        h = p["gpt.tokens.weight"][x] + p["gpt.positions.weight"]
        for layer in range(spec["layers"]):
            name = f"gpt.layers.{layer}"
            parts = dense(p, f"{name}.self_attn.in_proj", norm(p, f"{name}.norm1", h))
            query, key, value = (part.reshape(batch, length, heads, -1) for part in jnp.split(parts, 3, axis=2))
            mixed = jax.nn.dot_product_attention(query, key, value, is_causal=True).reshape(batch, length, -1)
            h = h + dense(p, f"{name}.self_attn.out_proj", mixed)
            hidden = dense(p, f"{name}.linear1", norm(p, f"{name}.norm2", h))
            h = h + dense(p, f"{name}.linear2", jax.nn.gelu(hidden, approximate=False))
        return norm(p, "gpt.norm", h) @ p["gpt.tokens.weight"].T, state

    return run
