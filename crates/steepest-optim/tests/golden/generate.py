"""Writes trajectories.json and schedules.json: what PyTorch and optax do, in double precision.

Run it in an environment with torch, jax and optax:

    python crates/steepest-optim/tests/golden/generate.py

Each case runs 200 steps on one loss over three parameters, with a learning rate that falls by 1 % a step
(so that it matters where a rule applies the rate):

    J = Σᵢⱼ cᵢⱼ·(wᵢⱼ − tᵢⱼ)²/2                 curvatures c from 0.01 to 100
      + ((1 − x₀)² + 100·(x₁ − x₀²)²)/20       Rosenbrock's valley
      + (s·Σᵢⱼ wᵢⱼ − x₀ − 1)²/2                a coupling of all three

`../golden.rs` repeats them and compares within the tolerance that stands there.
"""

import json
import pathlib

import jax
import jax.numpy as jnp
import optax
import torch

jax.config.update("jax_enable_x64", True)
torch.set_default_dtype(torch.float64)

CURVATURE = [[0.01, 0.1, 1.0], [10.0, 30.0, 100.0]]
TARGET = [[0.5, -1.0, 0.25], [1.5, -0.75, 0.1]]
START = {"w": [[1.0, 2.0, -1.0], [0.5, -0.5, 0.3]], "x": [-0.5, 0.8], "s": 0.4}
STEPS = 200
KEPT = [1, 2, 3, 5, 10, 20, 50, 100, 150, 200]
FALL = 0.99
HERE = pathlib.Path(__file__).parent


def loss(w, x, s, array):
    quadratic = (array(CURVATURE) * (w - array(TARGET)) ** 2).sum() / 2
    valley = ((1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2) / 20
    coupling = (s * w.sum() - x[0] - 1) ** 2 / 2
    return quadratic + valley + coupling


def flat(w, x, s):
    return [float(v) for part in (w, x, s) for v in part.reshape(-1)]


def by_torch(make, rate, clip_value=None):
    w, x, s = (torch.tensor(START[name], requires_grad=True) for name in "wxs")
    optimizer = make([w, x, s], rate)
    kept = []
    for step in range(1, STEPS + 1):
        optimizer.param_groups[0]["lr"] = rate * FALL ** (step - 1)
        optimizer.zero_grad()
        loss(w, x, s, torch.tensor).backward()
        if clip_value is not None:
            torch.nn.utils.clip_grad_value_([w, x, s], clip_value)
        optimizer.step()
        if step in KEPT:
            kept.append(flat(w.detach(), x.detach(), s.detach()))
    return kept


def by_optax(make, rate):
    parameters = {name: jnp.array(value) for name, value in START.items()}
    transform = make(lambda count: rate * FALL**count)
    state = transform.init(parameters)
    gradient = jax.grad(lambda p: loss(p["w"], p["x"], p["s"], jnp.array))
    kept = []
    for step in range(1, STEPS + 1):
        updates, state = transform.update(gradient(parameters), state, parameters)
        parameters = optax.apply_updates(parameters, updates)
        if step in KEPT:
            kept.append(flat(parameters["w"], parameters["x"], parameters["s"]))
    return kept


def torch_case(optimizer, settings, rate, source, make, **more):
    values = by_torch(make, rate, **more)
    return {"optimizer": optimizer, "settings": settings, "rate": rate, "source": source, "values": values}


def optax_case(optimizer, settings, rate, source, make):
    values = by_optax(make, rate)
    return {"optimizer": optimizer, "settings": settings, "rate": rate, "source": source, "values": values}


def trajectories():
    o = torch.optim
    return [
        torch_case("sgd", {}, 0.01, "torch SGD", lambda p, lr: o.SGD(p, lr)),
        torch_case(
            "sgd", {"l2": 0.3}, 0.01, "torch SGD(weight_decay)", lambda p, lr: o.SGD(p, lr, weight_decay=0.3)
        ),
        torch_case(
            "sgd", {"clip-value": 0.5}, 0.015, "torch clip_grad_value_, SGD",
            lambda p, lr: o.SGD(p, lr), clip_value=0.5,
        ),
        optax_case(
            "sgd", {"clip-norm": 1.5}, 0.02, "optax clip_by_global_norm, sgd",
            lambda lr: optax.chain(optax.clip_by_global_norm(1.5), optax.sgd(lr)),
        ),
        optax_case(
            "momentum", {"momentum": 0.8}, 0.005, "optax scale_by_learning_rate, trace",
            lambda lr: optax.chain(optax.scale_by_learning_rate(lr), optax.trace(0.8)),
        ),
        torch_case(
            "sgd-momentum", {"momentum": 0.8}, 0.005, "torch SGD(momentum)",
            lambda p, lr: o.SGD(p, lr, momentum=0.8),
        ),
        optax_case(
            "sgd-momentum", {"momentum": 0.9}, 0.002, "optax sgd(momentum)",
            lambda lr: optax.sgd(lr, momentum=0.9),
        ),
        torch_case(
            "nesterov", {"momentum": 0.9}, 0.002, "torch SGD(nesterov)",
            lambda p, lr: o.SGD(p, lr, momentum=0.9, nesterov=True),
        ),
        optax_case(
            "nesterov", {"momentum": 0.8}, 0.005, "optax sgd(nesterov)",
            lambda lr: optax.sgd(lr, momentum=0.8, nesterov=True),
        ),
        torch_case("adagrad", {}, 0.5, "torch Adagrad", lambda p, lr: o.Adagrad(p, lr)),
        torch_case(
            "adagrad", {"initial-accumulator": 0.1, "epsilon": 1e-3, "l2": 0.1}, 0.5, "torch Adagrad",
            lambda p, lr: o.Adagrad(p, lr, initial_accumulator_value=0.1, eps=1e-3, weight_decay=0.1),
        ),
        torch_case("rmsprop", {}, 0.01, "torch RMSprop", lambda p, lr: o.RMSprop(p, lr)),
        torch_case(
            "rmsprop", {"rho": 0.9, "epsilon": 0.3, "momentum": 0.7, "l2": 0.1}, 0.01,
            "torch RMSprop(momentum)",
            lambda p, lr: o.RMSprop(p, lr, alpha=0.9, eps=0.3, momentum=0.7, weight_decay=0.1),
        ),
        torch_case(
            "rmsprop-centered", {"epsilon": 1e-2}, 0.01, "torch RMSprop(centered)",
            lambda p, lr: o.RMSprop(p, lr, eps=1e-2, centered=True),
        ),
        torch_case(
            "rmsprop-centered", {"rho": 0.9, "epsilon": 0.3, "momentum": 0.5}, 0.01,
            "torch RMSprop(centered, momentum)",
            lambda p, lr: o.RMSprop(p, lr, alpha=0.9, eps=0.3, momentum=0.5, centered=True),
        ),
        torch_case("adam", {}, 0.05, "torch Adam", lambda p, lr: o.Adam(p, lr)),
        torch_case(
            "adam", {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4, "l2": 0.1}, 0.05, "torch Adam(weight_decay)",
            lambda p, lr: o.Adam(p, lr, betas=(0.8, 0.95), eps=1e-4, weight_decay=0.1),
        ),
        optax_case("adam", {}, 0.05, "optax adam", lambda lr: optax.adam(lr)),
        torch_case("adamw", {}, 0.05, "torch AdamW", lambda p, lr: o.AdamW(p, lr)),
        torch_case(
            "adamw", {"weight-decay": 0.5}, 0.05, "torch AdamW", lambda p, lr: o.AdamW(p, lr, weight_decay=0.5)
        ),
        optax_case(
            "adamw", {"weight-decay": 0.2, "decaying": "matrices"}, 0.05, "optax adamw(mask)",
            lambda lr: optax.adamw(
                lr, weight_decay=0.2, mask=lambda p: jax.tree.map(lambda leaf: leaf.ndim >= 2, p)
            ),
        ),
    ]


def torch_rates(make, steps):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


def schedule_case(schedule, settings, total, source, rates):
    return {"schedule": schedule, "settings": settings, "total": total, "source": source, "rates": rates}


def schedules():
    s = torch.optim.lr_scheduler

    def by_pytorch(schedule, settings, source, make, total=30, steps=30):
        return schedule_case(schedule, settings, total, source, torch_rates(make, steps))

    def by_function(schedule, settings, source, function, total=30, steps=40):
        rates = [float(function(count)) for count in range(steps)]
        return schedule_case(schedule, settings, total, source, rates)

    return [
        by_pytorch("constant", {}, "torch ConstantLR(factor=1)", lambda o: s.ConstantLR(o, factor=1)),
        by_pytorch("step", {"every": "7 steps"}, "torch StepLR", lambda o: s.StepLR(o, 7)),
        by_pytorch(
            "step", {"every": "10%", "factor": 0.7}, "torch StepLR", lambda o: s.StepLR(o, 3, gamma=0.7)
        ),
        by_pytorch(
            "exponential", {"every": "1 step", "factor": 0.93}, "torch ExponentialLR",
            lambda o: s.ExponentialLR(o, 0.93),
        ),
        by_function(
            "exponential", {"every": "4 steps", "factor": 0.5}, "optax exponential_decay",
            optax.exponential_decay(1.0, 4, 0.5),
        ),
        by_pytorch(
            "linear", {"over": "20 steps", "final": 0.1}, "torch LinearLR",
            lambda o: s.LinearLR(o, start_factor=1.0, end_factor=0.1, total_iters=20),
        ),
        by_function("linear", {}, "optax linear_schedule", optax.linear_schedule(1.0, 0.0, 30)),
        by_pytorch(
            "cosine", {"final": 0.05}, "torch CosineAnnealingLR",
            lambda o: s.CosineAnnealingLR(o, 30, eta_min=0.05),
        ),
        by_function("cosine", {}, "optax cosine_decay_schedule", optax.cosine_decay_schedule(1.0, 30)),
        by_pytorch(
            "cosine", {"warmup": "20%"}, "torch SequentialLR(LinearLR, CosineAnnealingLR)",
            lambda o: s.SequentialLR(
                o,
                [s.LinearLR(o, start_factor=1 / 6, total_iters=5), s.CosineAnnealingLR(o, 24)],
                milestones=[6],
            ),
        ),
        by_pytorch(
            "piecewise", {"steps": [4, 11, 20], "factors": [0.5, 0.25, 0.125]}, "torch MultiStepLR",
            lambda o: s.MultiStepLR(o, [4, 11, 20], gamma=0.5),
        ),
        by_function(
            "piecewise", {"steps": [5, 9], "factors": [0.3, 0.6]}, "optax piecewise_constant_schedule",
            optax.piecewise_constant_schedule(1.0, {5: 0.3, 9: 2.0}),
        ),
    ]


def write(name, **content):
    versions = {"torch": torch.__version__, "jax": jax.__version__, "optax": optax.__version__}
    text = json.dumps({"versions": versions, **content}, indent=1)
    # One line for each list of numbers.
    lines, depth = [], 0
    for line in text.splitlines():
        stripped = line.strip()
        if depth > 0:
            lines[-1] += (" " if lines[-1].endswith(",") else "") + stripped
        else:
            lines.append(line)
        inner = stripped.rstrip(",")
        depth += inner.endswith("[") and not inner.endswith(('"cases": [', '"values": ['))
        depth -= depth > 0 and inner.endswith("]")
    (HERE / name).write_text("\n".join(lines) + "\n")


problem = {"curvature": CURVATURE, "target": TARGET, "start": START, "fall": FALL, "kept": KEPT}
write("trajectories.json", problem=problem, cases=trajectories())
write("schedules.json", cases=schedules())
