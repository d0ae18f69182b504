"""Which events a model has seen, and as what: the table behind ``METHOD_seen``."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.data.split import Part
from hepml.errors import IdentityError, ModelFormatError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.data.dataset import Dataset
    from hepml.data.identity import Identity

__all__ = ["NEW_EVENTS", "SEEN_FILE", "SeenEvents"]

SEEN_FILE = "seen.npz"
# in place of a sample's name: the events belong to none of the training
NEW_EVENTS = "none"

_PURPOSE = "seen"
_USED = (Part.TRAIN, Part.VALIDATION, Part.TEST)


@dataclass(frozen=True, slots=True)
class SeenEvents:
    """Identities of all events that were used for a model, each with its part.

    Identities are kept as 64-bit hashes: eight bytes an event, and a chance of 5e-20 per pair to take one event for
    another.

    Parameters
    ----------
    names : tuple of str
        Expressions that identify an event.
    key : ndarray of uint64, shape (n,)
        Hashes in ascending order.
    part : ndarray of int8, shape (n,)
        :class:`~hepml.data.Part` of each.
    sample : ndarray of int16, shape (n,)
        Index into ``samples``.
    samples : tuple of str
        Names of the samples.
    """

    names: tuple[str, ...]
    key: NDArray[np.uint64]
    part: NDArray[np.int8]
    sample: NDArray[np.int16]
    samples: tuple[str, ...]

    @classmethod
    def of(cls, dataset: Dataset, part: NDArray[np.int8]) -> SeenEvents:
        """Collect the events that have a part."""
        used = np.flatnonzero(part != Part.UNSEEN)
        key = dataset.identity.take(used).hash(0, _PURPOSE)
        sample, part = dataset.sample[used].astype(np.int16), part[used]
        order = np.lexsort((part, sample, key))
        key, sample, part = key[order], sample[order], part[order]
        # several rows of one event say the same
        first = np.ones(len(key), dtype=bool)
        first[1:] = (key[1:] != key[:-1]) | (sample[1:] != sample[:-1])
        names = tuple(info.name for info in dataset.samples)
        return cls(dataset.identity.names, key[first], part[first], sample[first], names)

    def lookup(self, identity: Identity, sample: str | None = None) -> NDArray[np.int8]:
        """Say of each event what the model used it for.

        Parameters
        ----------
        identity : Identity
            Events, by the same expressions as in training.
        sample : str, optional
            Sample that the events belong to. Default: an event counts as seen if any sample had its identity, so that no
            event that was trained on passes for a new one; what is used for training goes before validation and test.

        Returns
        -------
        ndarray of int8, shape (n_events,)
            0 unseen, 1 trained, 2 validation, 3 test.

        Raises
        ------
        IdentityError
            If the sample was not used for the model.
        """
        chosen = self.within(sample)
        wanted = identity.hash(0, _PURPOSE)
        # of equal keys the one with the lowest part comes first
        position = np.searchsorted(chosen.key, wanted)
        found = position < len(chosen.key)
        found[found] = chosen.key[position[found]] == wanted[found]
        result = np.zeros(len(identity), dtype=np.int8)
        result[found] = chosen.part[position[found]]
        return result

    def within(self, sample: str | None = None) -> SeenEvents:
        """Return the table of one sample, or of all with what is used for training before validation and test.

        To look up many chunks, do this once.
        """
        if sample is not None:
            if sample not in self.samples:
                msg = f"the model was not made with a sample {sample!r} (its samples: {', '.join(self.samples)})"
                raise IdentityError(msg)
            rows = np.flatnonzero(self.sample == self.samples.index(sample))
        elif ((self.key[1:] == self.key[:-1]) & (self.part[1:] < self.part[:-1])).any():
            rows = np.lexsort((self.part, self.key))
        else:
            return self
        return SeenEvents(self.names, self.key[rows], self.part[rows], self.sample[rows], self.samples)

    def to_bytes(self) -> bytes:
        """Return the table as an ``.npz`` file."""
        stream = io.BytesIO()
        np.savez(stream, key=self.key, part=self.part, sample=self.sample)
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, names: tuple[str, ...], samples: tuple[str, ...]) -> SeenEvents:
        """Read the table back.

        Raises
        ------
        ModelFormatError
            If the content is damaged.
        """
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                compressed = any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist())
            # np.load would also take a bare array, which has no names
            with np.lib.npyio.NpzFile(io.BytesIO(content), allow_pickle=False) as arrays:
                # what is compressed can grow beyond all memory
                columns: list[Any] = [] if compressed else [arrays[name] for name in ("key", "part", "sample")]
        # a damaged archive raises anything: BadZipFile, KeyError, ValueError, NotImplementedError, ...
        except Exception as error:
            msg = f"the model's table of seen events cannot be read: {error}"
            raise ModelFormatError(msg) from error
        if not columns or not all(isinstance(column, np.ndarray) for column in columns):
            msg = "the model's table of seen events is compressed or holds no arrays"
            raise ModelFormatError(msg)
        key, part, sample = columns
        expected = (np.uint64, np.int8, np.int16)
        if (
            any(
                array.dtype != kind or array.shape != key.shape
                for array, kind in zip((key, part, sample), expected, strict=True)
            )
            or key.ndim != 1
            or (key[1:] < key[:-1]).any()
            or not np.isin(part, _USED).all()
            or (sample.size and not 0 <= sample.min() <= sample.max() < len(samples))
        ):
            msg = "the model's table of seen events is damaged"
            raise ModelFormatError(msg)
        return cls(names, key, part, sample, samples)
