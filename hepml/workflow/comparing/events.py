"""Events that models are to score for a comparison: of an analysis file, or of files of signal and background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hepml.errors import InvalidInputError
from hepml.readers import SampleRequest, expand_files
from hepml.report import file_record
from hepml.workflow.analysis import Analysis

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

__all__ = ["GivenEvents"]


@dataclass(frozen=True, slots=True)
class GivenEvents:
    """Which files are read, and how.

    Parameters
    ----------
    requests : sequence of SampleRequest
        Samples of signal and background.
    selection, weight : str
        Expressions for all samples.
    identity : sequence of str or None
        Integer expressions that identify an event; None for those that are so by convention.
    reader : str
        ``uproot`` or ``root``.
    """

    requests: Sequence[SampleRequest]
    selection: str = ""
    weight: str = ""
    identity: Sequence[str] | None = None
    reader: str = "uproot"

    @property
    def files(self) -> tuple[str, ...]:
        """Checksums of the files."""
        paths = dict.fromkeys(location.path for request in self.requests for location in request.files)
        return tuple(str(file_record(path)["sha256"]) for path in paths)

    @classmethod
    def of(
        cls,
        *,
        analysis: Analysis | str | os.PathLike[str] | None,
        signal: Sequence[str],
        background: Sequence[str],
        tree: str | None,
        selection: str,
        weight: str,
        identity: Sequence[str] | None,
    ) -> GivenEvents | None:
        """Make sense of what the user gave; None if no events were given.

        Raises
        ------
        InvalidInputError
            If signal or background is missing, or there are both files and an analysis.
        """
        if analysis is not None:
            if signal or background or tree or selection or weight:
                msg = "events come from an analysis file, or from files of signal and background, not from both"
                raise InvalidInputError(msg)
            made = analysis if isinstance(analysis, Analysis) else Analysis.from_file(analysis)
            config = made.config
            return cls(
                [request for request in made.requests() if request.role in {"signal", "background"}],
                config.selection,
                config.weight,
                identity or config.identity,
                config.reader,
            )
        if not signal and not background:
            if tree or selection or weight:
                msg = "tree, selection and weight are those of files of signal and background, of which there are none"
                raise InvalidInputError(msg)
            return None
        if not signal or not background:
            msg = f"files of {'background' if signal else 'signal'} are missing: scores of both classes are compared"
            raise InvalidInputError(msg)
        requests = [
            SampleRequest(name=role, role=role, files=expand_files(files, tree))
            for role, files in (("signal", signal), ("background", background))
        ]
        return cls(requests, selection, weight, identity)
