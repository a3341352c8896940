"""How two programs that took turns compare."""

import statistics


def report(what, own, peer, others):
    a, b = statistics.median(own), statistics.median(others)
    ratios = [x / y for x, y in zip(own, others)]
    print(f"{what}: Steepest {a:,.2f}, {peer} {b:,.2f}: {a / b:.2f} times")
    print(f"  turn by turn: {', '.join(f'{ratio:.2f}' for ratio in ratios)}", flush=True)
