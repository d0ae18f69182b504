"""Make the H -> tau tau sample: generate with Pythia 8, cluster with FastJet, respond, select, write ROOT files.

Every process is generated in chunks, each with seeds of its own that follow from the seed, the process and the chunk's
number. The result therefore does not depend on the number of workers.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import awkward as ak
import click
import numpy as np
import pythia8mc
import uproot
from particles import Record
from processes import LUMINOSITY_FB, PROCESSES, Process, generator_settings
from reconstruction import reconstruct

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

MILLIBARN_IN_PB = 1e9
EVENTS_PER_BATCH = 500
EVENT_NUMBERS_PER_CHUNK = 10**6
EVENT_NUMBERS_PER_PROCESS = 10**12


@dataclass(frozen=True)
class Job:
    """One chunk of one process: everything that its result depends on."""

    process: Process
    chunk: int
    generated: int
    seed: int
    spin: bool
    mpi: bool


@dataclass(frozen=True)
class Chunk:
    """The selected events of one chunk and the bookkeeping of all generated ones."""

    columns: dict[str, NDArray[Any]]
    jets: ak.Array
    generated: int
    sumw: float
    sumw2: float
    xsec_lo_pb: float


class Charges(dict[int, float]):
    """Electric charge by particle code, looked up once in Pythia's table."""

    def __init__(self, table: Any) -> None:
        super().__init__()
        self._table = table

    def __missing__(self, code: int) -> float:
        """Look up a code that was not asked for before."""
        charge = self[code] = float(self._table.charge(code))
        return charge


def generate_chunk(job: Job) -> Chunk:
    """Generate, reconstruct and select one chunk; each variant gets its share of the events."""
    process = job.process
    sequence = np.random.SeedSequence(job.seed, spawn_key=(process.number, job.chunk))
    for_response, for_pythia = sequence.spawn(2)
    rng = np.random.default_rng(for_response)
    pythia_seeds = for_pythia.generate_state(len(process.variants)) % 900_000_000 + 1
    parts, tables, weights, xsec = [], [], [], []
    first_event = job.chunk * EVENT_NUMBERS_PER_CHUNK + 1
    for number, (variant, pythia_seed) in enumerate(zip(process.variants, pythia_seeds, strict=True)):
        wanted = round(job.generated * variant.share)
        pythia = pythia8mc.Pythia("", False)
        for line in generator_settings(process, number, int(pythia_seed), spin=job.spin, mpi=job.mpi):
            if not pythia.readString(line):
                message = f"Pythia does not know the setting {line!r}"
                raise ValueError(message)
        if not pythia.init():
            message = f"Pythia cannot be initialised for {process.name}"
            raise RuntimeError(message)
        charges = Charges(pythia.particleData)
        done = 0
        while done < wanted:
            batch = pythia.nextBatch(min(EVENTS_PER_BATCH, wanted - done))
            record = Record(batch)
            weight = ak.to_numpy(batch.info.weights[:, 0]).astype(np.float64) * (variant.fraction / variant.share)
            event, columns, jets = reconstruct(record, charges, rng, jets_fake_tau=process.jets_fake_tau)
            columns["gen_weight"] = weight[event]
            columns["event_number"] = (event + first_event + done).astype(np.uint64)
            parts.append(columns)
            tables.append(jets)
            weights.append(weight)
            done += record.n_events
        first_event += wanted
        xsec.append(pythia.infoPython().sigmaGen() * MILLIBARN_IN_PB * process.lo_factor)
    weight = np.concatenate(weights)
    return Chunk(
        {name: np.concatenate([part[name] for part in parts]) for name in parts[0]},
        ak.concatenate(tables),
        len(weight),
        float(weight.sum()),
        float((weight**2).sum()),
        sum(xsec),
    )


def _chunks(process: Process, events: int, size: int, workers: int, options: dict[str, Any]) -> Iterator[Chunk]:
    """Yield chunks in order until there are enough selected events."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        queue: list[Future[Chunk]] = []
        submitted = selected = 0
        while selected < events:
            while len(queue) < workers + 1:
                queue.append(pool.submit(generate_chunk, Job(process, submitted, size, **options)))
                submitted += 1
            chunk = queue.pop(0).result()
            selected += len(chunk.columns["event_number"])
            yield chunk
        for future in queue:
            future.cancel()


def write_sample(path: Path, process: Process, chunks: list[Chunk]) -> tuple[int, float]:
    """Write the trees ``events`` and ``Runs``; return the number of events and the sum of their weights.

    Parameters
    ----------
    path : Path
        File to write; it appears under its name only when complete.
    process : Process
        What the chunks hold.
    chunks : list of Chunk
        All chunks, in order.
    """
    sumw = sum(chunk.sumw for chunk in chunks)
    columns = {name: np.concatenate([chunk.columns[name] for chunk in chunks]) for name in chunks[0].columns}
    n_events = len(columns["event_number"])
    scale = process.xsec_pb * 1000.0 * LUMINOSITY_FB / sumw
    event = {
        "run": np.full(n_events, 1000 + process.number, dtype=np.uint32),
        "event_number": columns.pop("event_number") + np.uint64(process.number * EVENT_NUMBERS_PER_PROCESS),
        "gen_weight": columns.pop("gen_weight"),
        "reco_weight": columns.pop("reco_weight"),
    }
    event["weight"] = scale * event["gen_weight"] * event["reco_weight"]
    event |= columns
    xsec_lo = float(np.mean([chunk.xsec_lo_pb for chunk in chunks]))
    runs = {
        "run": np.array([1000 + process.number], dtype=np.uint32),
        "genEventCount": np.array([sum(chunk.generated for chunk in chunks)], dtype=np.int64),
        "genEventSumw": np.array([sumw]),
        "genEventSumw2": np.array([sum(chunk.sumw2 for chunk in chunks)]),
        "xsec_pb": np.array([process.xsec_pb]),
        "xsec_lo_pb": np.array([xsec_lo]),
        "k_factor": np.array([process.xsec_pb / xsec_lo]),
        "lumi_fb": np.array([LUMINOSITY_FB]),
    }
    jets = ak.concatenate([chunk.jets for chunk in chunks])
    partial = path.with_suffix(".part")
    with uproot.recreate(partial, compression=uproot.ZSTD(9)) as file:
        tree = file.mktree(
            "events",
            {name: values.dtype for name, values in event.items()} | {"jet": jets.type.content},
            title=process.title,
            counter_name=lambda counted: f"n_{counted}s",
        )
        tree.extend(event | {"jet": jets})
        file.mktree("Runs", {name: values.dtype for name, values in runs.items()}).extend(runs)
    partial.replace(path)
    return n_events, float(event["weight"].sum())


@click.command(context_settings={"show_default": True})
@click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path), default=Path(__file__).parent)
@click.option(
    "-p", "--process", "names", multiple=True, type=click.Choice([p.name for p in PROCESSES]), help="Default: all."
)
@click.option("-n", "--events", type=click.IntRange(1), help="Selected events per process. Default: as committed.")
@click.option("--seed", type=click.IntRange(0), default=20120704)
@click.option(
    "--chunk",
    type=click.IntRange(100, EVENT_NUMBERS_PER_CHUNK),
    default=5_000,
    help="Generated events per chunk; changes the sample.",
)
@click.option("--workers", type=click.IntRange(1), default=1, help="Worker processes; does not change the sample.")
@click.option("--spin/--no-spin", default=False, help="Spin correlations in tau decays (ten times slower).")
@click.option("--mpi/--no-mpi", default=False, help="Multiparton interactions (several times slower).")
def main(
    *,
    output: Path,
    names: tuple[str, ...],
    events: int | None,
    seed: int,
    chunk: int,
    workers: int,
    spin: bool,
    mpi: bool,
) -> None:
    """Generate the sample: one ROOT file per process, with the trees `events` and `Runs`."""
    output.mkdir(parents=True, exist_ok=True)
    options = {"seed": seed, "spin": spin, "mpi": mpi}
    for process in PROCESSES:
        if names and process.name not in names:
            continue
        wanted = events or process.events
        start = time.monotonic()
        chunks = []
        with click.progressbar(length=wanted, label=f"{process.name:8}", show_pos=True) as bar:
            for part in _chunks(process, wanted, chunk, workers, options):
                chunks.append(part)
                bar.update(len(part.columns["event_number"]))
        path = output / f"{process.name}.root"
        n_events, total = write_sample(path, process, chunks)
        generated = sum(part.generated for part in chunks)
        click.echo(
            f"{path}: {n_events} events of {generated} generated, sum of weights {total:.0f} at {LUMINOSITY_FB} fb^-1, "
            f"LO {np.mean([part.xsec_lo_pb for part in chunks]):.4g} pb, used {process.xsec_pb:.4g} pb, "
            f"{path.stat().st_size / 1e6:.2f} MB, {time.monotonic() - start:.0f} s"
        )


if __name__ == "__main__":
    main()
