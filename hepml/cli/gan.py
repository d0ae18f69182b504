"""``hepml gan``: showers in calorimeters."""

from __future__ import annotations

from pathlib import Path

import click

from hepml.cli.console import progress_bar

__all__ = ["gan"]


@click.group(short_help="Simulate showers in calorimeters.")
def gan() -> None:
    """Simulate showers in calorimeters."""


@gan.command(short_help="Simulate showers by the cascade Monte Carlo.")
@click.option("-n", "--showers", type=click.IntRange(min=1), required=True, help="Number of showers.")
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="HDF5 file.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of all random numbers.")
@click.option("--calorimeter", default="calogan", show_default=True, help="A preset, or a geometry file (YAML).")
@click.option("--particle", default="photon", show_default=True, help="photon, electron or positron.")
@click.option(
    "--energy",
    type=(float, float),
    default=(1.0, 10.0),
    show_default=True,
    help="Lowest and highest energy in GeV; uniform in the logarithm.",
)
@click.option("--workers", type=click.IntRange(min=1), help="Processes. Default: one for each processor.")
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
def simulate(
    *,
    showers: int,
    out: Path,
    seed: int,
    calorimeter: str,
    particle: str,
    energy: tuple[float, float],
    workers: int | None,
    overwrite: bool,
) -> None:
    """Simulate electromagnetic showers, in MeV, to an HDF5 file of the CaloChallenge's form.

    \b
    The engine is hepml's own cascade Monte Carlo of photons, electrons and positrons, not Geant4. A shower depends on
    the seed and on its number alone.
    Example: hepml gan simulate -n 1000 -o showers.h5 --seed 1
    """
    from hepml.gan import simulate_file

    with progress_bar() as progress:
        found = simulate_file(
            out,
            showers,
            calorimeter=calorimeter,
            particle=particle,
            energy=(1000.0 * energy[0], 1000.0 * energy[1]),
            seed=seed,
            workers=workers,
            overwrite=overwrite,
            progress=progress,
        )
    click.echo(
        f"written: {out}, {showers} showers of {particle}s in {found.calorimeter.name}, "
        f"{found.visible_share:.4f} of the energy in active slabs, {found.rate:.0f} showers/s"
    )
