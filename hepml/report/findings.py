"""What a run found: the results of all topics by method, in one place for metrics, figures and report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Finding", "Findings", "Listed", "NotComputable", "Of"]

T = TypeVar("T")


class Finding(Protocol):
    """A result that knows its plain form."""

    def to_dict(self) -> Any:
        """Return plain JSON types."""


@dataclass(frozen=True, slots=True)
class NotComputable:
    """What stands in the place of a result that the events do not allow."""

    reason: str

    def to_dict(self) -> dict[str, str]:
        """Return the reason as plain JSON types."""
        return {"not_computable": self.reason}


@dataclass(frozen=True, slots=True)
class Listed:
    """Several results of a kind, in order."""

    items: Sequence[Finding]

    def to_dict(self) -> list[Any]:
        """Return a list of plain JSON types."""
        return [item.to_dict() for item in self.items]


@dataclass(frozen=True, slots=True)
class Of:
    """A result that concerns one class or one target, as one of several."""

    what: str
    name: str
    found: Finding

    def to_dict(self) -> dict[str, Any]:
        """Return the result's plain JSON types beside the name, ``{"class": "Z", ...}``."""
        return {self.what: self.name, **self.found.to_dict()}


@dataclass(frozen=True, slots=True)
class Findings:
    """All results of a run.

    Parameters
    ----------
    run : mapping of str to Finding
        By topic: what concerns all methods, or none.
    methods : mapping of str to mapping of str to Finding
        By method in the order of the analysis file, then by topic.
    """

    run: Mapping[str, Finding] = field(default_factory=dict)
    methods: Mapping[str, Mapping[str, Finding]] = field(default_factory=dict)

    def of_run(self, topic: str, kind: type[T]) -> T | None:
        """Return the result of a topic of the run, None if it was not asked for or cannot be computed."""
        found = self.run.get(topic)
        return found if isinstance(found, kind) else None

    def of_methods(self, topic: str, kind: type[T]) -> dict[str, T]:
        """Return the results of a topic by method, without methods that have none."""
        return {name: found for name, topics in self.methods.items() if isinstance(found := topics.get(topic), kind)}

    def of_each(self, topic: str, kind: type[T]) -> dict[str, dict[str, T]]:
        """Return by method the results of a topic for each class or target that has one."""
        found: dict[str, dict[str, T]] = {}
        for method, listed in self.of_methods(topic, Listed).items():
            for one in listed.items:
                if isinstance(one, Of) and isinstance(one.found, kind):
                    found.setdefault(method, {})[one.name] = one.found
        return found
