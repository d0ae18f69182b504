"""What an analysis is to learn: two or more classes, or targets; and what of samples and targets contradicts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepml.config.values import Closed, ExpressionText, Name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hepml.config.samples import SampleConfig

__all__ = ["TargetConfig", "check_task", "classes_of"]

_MOST_CLASSES = 100


class TargetConfig(Closed):
    """A number that a regression estimates: an expression that simulation knows the value of."""

    name: Name
    expression: ExpressionText = ""
    unit: str = ""
    title: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The column that it makes."""
        return (self.name,)


def classes_of(samples: Sequence[SampleConfig]) -> tuple[str, ...]:
    """Return the classes of signal and background samples in the order of first appearance."""
    return tuple(dict.fromkeys(sample.class_name or sample.role for sample in samples if _is_trained_on(sample)))


def check_task(
    task: str, samples: Sequence[SampleConfig], targets: Sequence[TargetConfig]
) -> Iterator[tuple[str | int, ...]]:
    """Yield what contradicts the task: the text, then the keys and indices where it stands."""
    if task == "regression":
        yield from _of_regression(samples, targets)
    elif targets:
        yield (
            "targets are for `task: regression`; the task is classification: remove the key, or state the task",
            "targets",
        )
    else:
        yield from _of_classes(samples)


def _of_regression(samples: Sequence[SampleConfig], targets: Sequence[TargetConfig]) -> Iterator[tuple[str | int, ...]]:
    if not targets:
        yield "a regression needs `targets`, the numbers that it is to estimate", "task"
    for number, sample in enumerate(samples):
        if sample.class_name is not None:
            yield f"a regression has no classes: remove `class` of {sample.name!r}", "samples", number, "class"
        if sample.role != "signal":
            text = (
                f"a regression learns from all of its samples, whose role is signal, and {sample.name!r} has the role "
                f"{sample.role}: score other events by `hepml apply`"
            )
            yield text, "samples", number, "role"


def _of_classes(samples: Sequence[SampleConfig]) -> Iterator[tuple[str | int, ...]]:
    classes = classes_of(samples)
    if len(classes) > _MOST_CLASSES:
        yield f"{len(classes)} classes are more than {_MOST_CLASSES}", "samples"
    roles: dict[str, SampleConfig] = {}
    for number, sample in enumerate(samples):
        if not _is_trained_on(sample):
            continue
        if sample.class_name not in {None, sample.role} and len(classes) < 3:
            text = (
                f"{sample.name!r} names a class, and in all there are {len(classes)} ({', '.join(classes)}): two classes "
                f"are those of the roles, signal and background, so leave `class` out; or name three or more"
            )
            yield text, "samples", number, "class"
        name = sample.class_name or sample.role
        first = roles.setdefault(name, sample)
        if first.role != sample.role:
            text = (
                f"the class {name!r} has the {first.role} {first.name!r} and the {sample.role} {sample.name!r}: "
                f"a class is the one or the other"
            )
            yield text, "samples", number, "class"


def _is_trained_on(sample: SampleConfig) -> bool:
    return sample.role in {"signal", "background"}
