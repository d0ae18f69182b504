"""Make the toy of four correlated Gaussian variables: signal and background as two trees of one ROOT file."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import uproot

VARIABLES = ("var1", "var2", "var3", "var4")
MEANS = {"TreeS": (0.3, 0.3, 0.4, 0.55), "TreeB": (-0.3, -0.3, -0.4, -0.55)}
# all variances are 1
COVARIANCES = {
    "TreeS": (
        (1.000, 0.386, 0.597, 0.808),
        (0.386, 1.000, 0.696, 0.743),
        (0.597, 0.696, 1.000, 0.860),
        (0.808, 0.743, 0.860, 1.000),
    ),
    "TreeB": (
        (1.000, 0.856, 0.914, 0.965),
        (0.856, 1.000, 0.927, 0.937),
        (0.914, 0.927, 1.000, 0.971),
        (0.965, 0.937, 0.971, 1.000),
    ),
}
TITLES = {"TreeS": "four Gaussian variables, signal", "TreeB": "four Gaussian variables, background"}
EVENTS_PER_BASKET = 100_000


def write_sample(path: Path, events: int, seed: int) -> None:
    """Write the trees ``TreeS`` and ``TreeB``; more events of a seed begin with the fewer.

    Parameters
    ----------
    path : Path
        File to write; it appears under its name only when complete.
    events : int
        Of each class.
    seed : int
        Of all random numbers; each class has its own.
    """
    types = {"event_number": np.uint64} | dict.fromkeys(VARIABLES, np.float32)
    partial = path.with_suffix(".part")
    with uproot.recreate(partial, compression=uproot.ZSTD(9)) as file:
        for number, (name, mean) in enumerate(MEANS.items()):
            rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
            root = np.linalg.cholesky(np.array(COVARIANCES[name]))
            tree = file.mktree(name, types, title=TITLES[name])
            for start in range(0, events, EVENTS_PER_BASKET):
                size = min(EVENTS_PER_BASKET, events - start)
                independent = rng.standard_normal((size, len(VARIABLES)))
                values = np.array(mean) + independent @ root.T
                # odd for signal, even for background: unique, and the same however many events there are
                identity = 2 * np.arange(start, start + size, dtype=np.uint64) + np.uint64(number + 1)
                columns = dict(zip(VARIABLES, values.astype(np.float32).T, strict=True))
                tree.extend({"event_number": identity} | columns)
    partial.replace(path)


@click.command(context_settings={"show_default": True})
@click.option("-n", "--events", type=click.IntRange(1), default=6000, help="Events of each class.")
@click.option("--seed", type=click.IntRange(0), default=100)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path(__file__).with_name("four_gaussians.root"),
)
def main(*, events: int, seed: int, output: Path) -> None:
    """Draw the events and write them."""
    output.parent.mkdir(parents=True, exist_ok=True)
    write_sample(output, events, seed)
    click.echo(f"{output}: {events} events of signal and of background, {output.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
