"""What the analysis file says of samples: files, role, class, weights, normalisation, friends."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from hepml.config.values import Closed, ExpressionText, Name, Number, Texts, as_list, refuse_text

__all__ = ["FriendConfig", "NormaliseConfig", "SampleConfig"]

Role = Literal["signal", "background", "data", "control", "apply_only"]
Part = Literal["train", "validation", "test"]


def _number_or_text(value: Any) -> Any:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _is_positive(value: float | str) -> float | str:
    if isinstance(value, float) and value <= 0:
        msg = f"must be positive (found {value:g})"
        raise ValueError(msg)
    if isinstance(value, str) and not _STORED.fullmatch(value):
        msg = f"must be a number, 'Tree:expression' or 'histogram[bin]' (found {value!r:.80})"
        raise ValueError(msg)
    return value


_STORED = re.compile(r"[^:]+:.+|[^:]+\[\d+\]")
Stored = Annotated[
    Annotated[float, Field(strict=True)] | str, BeforeValidator(_number_or_text), AfterValidator(_is_positive)
]


class NormaliseConfig(Closed):
    """Scale to a luminosity: weights times ``xsec`` (pb) * 1000 * ``lumi`` (fb^-1) / ``sumw``, the generated sum."""

    xsec: Stored
    lumi: Stored
    sumw: Stored


class FriendConfig(Closed):
    """A tree with further columns of the same events: in files of its own, or (no ``files``) in those of the sample."""

    files: Texts = ()
    tree: str | None = None
    index: Annotated[tuple[ExpressionText, ...], BeforeValidator(as_list)] | None = None

    @model_validator(mode="after")
    def _is_another_tree(self) -> FriendConfig:
        if not self.files and not self.tree:
            msg = "a friend needs `files`, or a `tree` in the files of the sample"
            raise ValueError(msg)
        return self


class SampleConfig(Closed):
    """One physics process: its files, its role, its weight.

    ``files`` is a path, glob or list of them, or a mapping from ``train``, ``validation`` and ``test`` to such where the
    roles were fixed beforehand. ``blind`` concerns data: ``score`` (the default) hides events above the working point,
    ``none`` hides nothing, anything else is an expression that selects the events to hide. ``class`` is by default the role.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=False, allow_inf_nan=False, serialize_by_alias=True, validate_by_name=False
    )

    name: Name
    role: Role
    class_name: Name | None = Field(default=None, alias="class")
    files: Annotated[tuple[str, ...] | dict[Part, Texts], BeforeValidator(as_list)]
    tree: str | None = None
    selection: ExpressionText = ""
    weight: ExpressionText = ""
    scale: Number = 1.0
    title: str = ""
    blind: ExpressionText | None = None
    normalise: NormaliseConfig | None = None
    max_events: Annotated[int, BeforeValidator(refuse_text), Field(gt=0)] | None = None
    bad_files: Literal["error", "skip"] = "error"
    friends: tuple[FriendConfig, ...] = ()

    @field_validator("files")
    @classmethod
    def _some_files(cls, files: Any) -> Any:
        if not files or (isinstance(files, dict) and not all(files.values())):
            msg = "at least one file is needed"
            raise ValueError(msg)
        return files

    @model_validator(mode="after")
    def _blinding_is_for_data(self) -> SampleConfig:
        if self.role != "data" and self.blind is not None:
            msg = f"only data are blinded; the role of {self.name!r} is {self.role!r}"
            raise ValueError(msg)
        if self.role not in {"signal", "background"} and isinstance(self.files, dict):
            msg = f"fixed parts (train, validation, test) are for signal and background; the role is {self.role!r}"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _classes_are_trained_on(self) -> SampleConfig:
        if self.class_name is not None and self.role not in {"signal", "background"}:
            msg = f"only signal and background have a class; the role of {self.name!r} is {self.role!r}"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _sums_follow_the_files(self) -> SampleConfig:
        if self.normalise is not None:
            if self.role == "data":
                msg = "data are not normalised to a cross section"
                raise ValueError(msg)
            partial = "max_events" if self.max_events is not None else "bad_files: skip"
            if isinstance(self.normalise.sumw, float) and (self.max_events is not None or self.bad_files == "skip"):
                msg = f"a number as `sumw` holds for all events; with `{partial}` it must come from the files"
                raise ValueError(msg)
        return self
