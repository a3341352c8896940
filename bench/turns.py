"""How two programs that took turns compare, and the rows they share."""

import statistics
import subprocess
from pathlib import Path

RELEASE = Path(__file__).resolve().parent.parent / "target" / "release"


def written(folder, what):
    """The rows that Steepest's example trains on, as arrays by name."""
    import numpy

    subprocess.run([RELEASE / "examples" / "rows_per_second", "write", folder, what], check=True)
    kinds = {"numbers": "<f4", "codes": "<u4", "ends": "<u4", "targets": "<f4"}
    return {name: numpy.fromfile(Path(folder) / f"{what}.{name}", kind) for name, kind in kinds.items()}


def report(what, own, peer, others):
    a, b = statistics.median(own), statistics.median(others)
    ratios = [x / y for x, y in zip(own, others)]
    print(f"{what}: Steepest {a:,.2f}, {peer} {b:,.2f}: {a / b:.2f} times")
    print(f"  turn by turn: {', '.join(f'{ratio:.2f}' for ratio in ratios)}", flush=True)
