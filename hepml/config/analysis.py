"""The analysis file: what may stand in it, with which defaults, and the errors for what may not."""

from __future__ import annotations

import glob
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from hepml.config.features import FeatureConfig, FeatureItem, LeadingConfig
from hepml.config.samples import FriendConfig, NormaliseConfig, SampleConfig
from hepml.config.significance import SignificanceConfig
from hepml.config.tasks import TargetConfig, check_task, classes_of
from hepml.config.values import (
    Closed,
    ExpressionText,
    Integer,
    Name,
    Number,
    Numbers,
    Texts,
    refuse_text,
)
from hepml.config.yaml import Document, read_yaml
from hepml.errors import AnalysisFileError, did_you_mean

__all__ = [
    "AnalysisConfig",
    "CacheConfig",
    "EvaluationConfig",
    "FeatureConfig",
    "FriendConfig",
    "MethodConfig",
    "NormaliseConfig",
    "ReportConfig",
    "SampleConfig",
    "SplitConfig",
    "TrainingConfig",
    "load_analysis",
    "parse_analysis",
]

VERSION = 1


class SplitConfig(Closed):
    """Fractions of the three parts; the part of an event is a pure function of the seed and its identity."""

    train: Number = Field(default=0.5, ge=0, le=1)
    validation: Number = Field(default=0.2, ge=0, le=1)
    test: Number = Field(default=0.3, ge=0, le=1)

    @model_validator(mode="after")
    def _sum_is_one(self) -> SplitConfig:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-9:
            msg = f"train + validation + test is {total:g}; it must be 1"
            raise ValueError(msg)
        return self


class TrainingConfig(Closed):
    """What holds for every method unless it says otherwise."""

    balance: Literal["none", "num_events", "equal"] = "equal"
    negative_weights: Literal["signed", "ignore", "abs"] = "signed"


class MethodConfig(BaseModel):
    """One method: its kind, and options that the kind validates."""

    model_config = ConfigDict(extra="allow", frozen=True)

    kind: str

    @property
    def options(self) -> dict[str, Any]:
        """Everything but the kind."""
        return dict(self.__pydantic_extra__ or {})


class EvaluationConfig(Closed):
    """Working points (signal efficiencies), what counts as harm by overtraining, learning curves, and significances."""

    working_points: Numbers = (0.3, 0.7)
    permutations: Integer = Field(default=200, ge=20, le=100_000)
    auc_gap: Number = Field(default=0.01, gt=0, lt=0.5)
    permutation_repeats: Integer = Field(default=3, ge=0, le=1000)
    explained_events: Integer = Field(default=1000, ge=0)
    drop_column: bool = False
    correlated_features: Number = Field(default=0.8, gt=0, le=1)
    significance: SignificanceConfig = SignificanceConfig()
    partial_auc: Number = Field(default=0.1, gt=0, le=1)
    log_loss_gap: Number = Field(default=0.01, gt=0, lt=1)
    learning_curve: Numbers = ()

    @field_validator("learning_curve")
    @classmethod
    def _shares(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        if any(not 0 < share <= 1 for share in shares):
            msg = f"a learning curve has shares of the training events, above 0 and up to 1, not {list(shares)}"
            raise ValueError(msg)
        return tuple(sorted(set(shares)))

    @field_validator("working_points")
    @classmethod
    def _inside(cls, points: tuple[float, ...]) -> tuple[float, ...]:
        if not points or any(not 0 < point < 1 for point in points):
            msg = f"working points are signal efficiencies between 0 and 1, not {list(points)}"
            raise ValueError(msg)
        return tuple(sorted(set(points)))


class ReportConfig(Closed):
    """How figures and report look; figures are SVG, for the report, and what else is asked for."""

    style: Literal["plain", "ATLAS", "CMS", "LHCb", "ALICE"] = "plain"
    label: str = ""
    formats: tuple[Literal["svg", "png", "pdf"], ...] = ("svg", "png", "pdf")


class CacheConfig(Closed):
    """Where columns that were read are kept for the next time."""

    folder: str = Field(min_length=1)
    limit: int | str = "20 GB"


class AnalysisConfig(Closed):
    """A whole analysis file."""

    format: Literal["hepml-analysis"] = "hepml-analysis"
    version: Integer = VERSION
    name: Name
    title: str = ""
    seed: Integer = Field(default=1, ge=0, lt=2**63)
    reader: Literal["uproot", "root"] = "uproot"
    cache: CacheConfig | None = None
    tree: str | None = None
    task: Literal["classification", "regression"] = "classification"
    samples: tuple[SampleConfig, ...] = Field(min_length=1)
    targets: tuple[TargetConfig, ...] = ()
    features: tuple[FeatureItem, ...] = Field(min_length=1)
    spectators: tuple[FeatureItem, ...] = ()
    identity: Texts | None = None
    selection: ExpressionText = ""
    weight: ExpressionText = ""
    missing: Numbers = ()
    split: SplitConfig | None = None
    folds: Annotated[int, BeforeValidator(refuse_text), Field(ge=3, le=100)] | None = None
    training: TrainingConfig = TrainingConfig()
    methods: dict[Name, MethodConfig] = Field(min_length=1)
    evaluation: EvaluationConfig = EvaluationConfig()
    report: ReportConfig = ReportConfig()

    @field_validator("version")
    @classmethod
    def _known_version(cls, version: int) -> int:
        if not 1 <= version <= VERSION:
            msg = f"version {version} of hepml-analysis is not known to this hepml (it knows 1 to {VERSION}): update hepml"
            raise ValueError(msg)
        return version

    @field_validator("identity")
    @classmethod
    def _some_identity(cls, identity: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if identity is not None and not all(identity):
            identity = ()
        if identity == ():
            msg = "at least one integer expression is needed; leave the key out for run, lumi and event by convention"
            raise ValueError(msg)
        return identity

    @model_validator(mode="after")
    def _parts_are_decided_once(self) -> AnalysisConfig:
        if self.folds is None:
            if self.split is None:
                self.__dict__["split"] = SplitConfig()
            return self
        if self.split is not None:
            text = "with `folds: {name}` each event is for training, validation and test in turn: remove one of the two keys"
            raise _contradiction(text, str(self.folds), "split")
        for number, sample in enumerate(self.samples):
            if isinstance(sample.files, dict):
                text = "the files of {name!r} fix the parts of its events, which `folds` decide by identity: remove one"
                raise _contradiction(text, sample.name, "samples", number)
        return self

    @model_validator(mode="after")
    def _task_fits(self) -> AnalysisConfig:
        for text, *path in check_task(self.task, self.samples, self.targets):
            raise _contradiction(str(text).replace("{", "{{").replace("}", "}}"), "", *path)
        return self

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes in the order of first appearance; none for a regression."""
        return () if self.task == "regression" else classes_of(self.samples)

    @property
    def outputs(self) -> tuple[str, ...]:
        """What each of several outputs of a method is called; none where there is one."""
        several = self.classes if len(self.classes) > 2 else tuple(target.name for target in self.targets)
        return several if len(several) > 1 else ()

    @model_validator(mode="after")
    def _names_are_unique(self) -> AnalysisConfig:
        columns = set()
        items: list[tuple[str, int, FeatureConfig | TargetConfig]] = [
            ("features", number, item) for number, item in enumerate(self.features)
        ]
        items += [("spectators", number, item) for number, item in enumerate(self.spectators)]
        items += [("targets", number, item) for number, item in enumerate(self.targets)]
        for key, number, name in [(key, number, name) for key, number, item in items for name in item.names]:
            if name in columns:
                msg = "there is a feature or spectator {name!r} already"
                raise _contradiction(msg, name, key, number)
            columns.add(name)
            self._refuse_reserved(name, key, number)
        samples = set()
        for number, sample in enumerate(self.samples):
            if sample.name in samples:
                msg = "there is a sample {name!r} already"
                raise _contradiction(msg, sample.name, "samples", number)
            samples.add(sample.name)
        for name in self.methods:
            for output in self.outputs:
                if (branch := f"{name}_{output}") in columns or branch in self.methods:
                    text = f"the score of {output!r} would be a second branch {branch!r}: rename {{name!r}}"
                    raise _contradiction(text, name, "methods", name)
            self._refuse_reserved(name, "methods", name)
            if name in columns or name in (self.identity or ()):
                text = (
                    "{name!r} is a feature, spectator or identity as well, and each becomes a branch: rename the method"
                )
                raise _contradiction(text, name, "methods", name)
            if name.endswith("_seen") and name.removesuffix("_seen") in self.methods:
                text = "the branch {name!r} tells which events another method has seen: rename the method"
                raise _contradiction(text, name, "methods", name)
        return self

    def _refuse_reserved(self, name: str, *path: str | int) -> None:
        reserved = _RESERVED if self.folds is None else _RESERVED | {"fold"}
        if name in reserved:
            text = f"{{name!r}} is reserved for a column of scores.root ({', '.join(sorted(reserved))})"
            raise _contradiction(text, name, *path)

    @model_validator(mode="after")
    def _leading_objects_are_features(self) -> AnalysisConfig:
        """Write out what stands for several columns, so that nothing else needs to know of it."""
        for key in ("features", "spectators"):
            self.__dict__[key] = tuple(one for item in getattr(self, key) for one in item.expanded())
        return self


def _contradiction(text: str, name: str, *path: str | int) -> PydanticCustomError:
    """Build a problem that stands at ``path``, below the model that notices it."""
    return PydanticCustomError("contradiction", "{message}", {"message": text.format(name=name), "path": path})


_RESERVED = frozenset({"classID", "className", "sample", "split", "train_weight", "weight"})


def load_analysis(path: str | Path) -> AnalysisConfig:
    """Read and validate an analysis file.

    Parameters
    ----------
    path : path-like
        YAML file.

    Returns
    -------
    AnalysisConfig
        Validated and frozen; paths of files are absolute.

    Raises
    ------
    AnalysisFileError
        If a key is unknown, duplicate, missing or of a wrong type; each line of the message gives file, line and path.
    """
    location = Path(path)
    config = parse_analysis(read_yaml(location), where=str(location))
    return _with_absolute_files(config, location.resolve().parent)


def parse_analysis(document: Document | dict[str, Any], *, where: str = "analysis") -> AnalysisConfig:
    """Validate the content of an analysis file; see :func:`load_analysis`."""
    if not isinstance(document, Document):
        document = Document(document, {})
    if not isinstance(document.content, dict):
        msg = f"{where}: an analysis file is a mapping of keys (name, samples, features, methods, ...)"
        raise AnalysisFileError(msg)
    try:
        return AnalysisConfig.model_validate(document.content)
    except ValidationError as error:
        found = [(_visible_path(problem, document.content), problem) for problem in error.errors()]
        # a union reports every branch, a list also its own length: the innermost problem is the one that helps, and
        # what a value should be rather than that it is no mapping
        inner = [
            (path, problem)
            for path, problem in found
            if not any(len(other) > len(path) and other[: len(path)] == path for other, _ in found)
            and not (
                problem["type"] in _CONTAINERS and any(o == path and p["type"] not in _CONTAINERS for o, p in found)
            )
        ]
        # a misspelt key is not missing as well
        unknown = [path for path, problem in inner if problem["type"] == "extra_forbidden"]
        inner = [
            (path, problem)
            for path, problem in inner
            if problem["type"] != "missing"
            or not any(path[:-1] == other[:-1] and did_you_mean(str(other[-1]), [str(path[-1])]) for other in unknown)
        ]
        lines = dict.fromkeys(_describe(path, problem, document, where) for path, problem in inner)
        raise AnalysisFileError("\n".join(lines)) from error


def _with_absolute_files(config: AnalysisConfig, folder: Path) -> AnalysisConfig:
    def absolute(name: str) -> str:
        if name.startswith("@"):
            return f"@{absolute(name[1:])}"
        if "://" in name or Path(name).is_absolute() or name.startswith("~"):
            return name
        # the folder may be called 'run[1]', which is no pattern
        return f"{glob.escape(str(folder))}/{name}" if re.search(r"[*?\[]", name) else str(folder / name)

    samples = []
    for sample in config.samples:
        files: Any
        if isinstance(sample.files, dict):
            files = {part: tuple(map(absolute, names)) for part, names in sample.files.items()}
        else:
            files = tuple(map(absolute, sample.files))
        friends = tuple(item.model_copy(update={"files": tuple(map(absolute, item.files))}) for item in sample.friends)
        samples.append(sample.model_copy(update={"files": files, "friends": friends}))
    cache = config.cache and config.cache.model_copy(update={"folder": absolute(config.cache.folder)})
    return config.model_copy(update={"samples": tuple(samples), "cache": cache})


def _visible_path(problem: Any, content: Any) -> tuple[str | int, ...]:
    """Keep the keys and indices that stand in the file; pydantic adds the branches of a union and much else."""
    path: list[str | int] = list(problem.get("ctx", {}).get("path", ()))
    if path:
        return tuple(path)
    steps = problem["loc"]
    for step in steps:
        if (isinstance(content, dict) and step in content) or (isinstance(content, list) and isinstance(step, int)):
            content = content[step]
            path.append(step)
    if problem["type"] == "missing":
        path.append(steps[-1])
    return tuple(path)


# pydantic's words are those of Python; a file has lists and mappings
_WORDS = {
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping of keys to values",
    "float_type": "must be a number",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "model_attributes_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "string_type": "must be text (quote it if it looks like a number, true or false)",
    "too_short": "must not be empty",
    "tuple_type": "must be a list",
}
_CONTAINERS = frozenset({"dict_type", "tuple_type"})


def _describe(path: tuple[str | int, ...], problem: Any, document: Document, where: str) -> str:
    line = document.line(path)
    place = f"{where}:{line}" if line else where
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
    head = f"{place}: {text}: " if text else f"{place}: "
    if problem["type"] == "extra_forbidden":
        known = _known_keys(path[:-1])
        hint = did_you_mean(str(path[-1]), known)
        return f"{head.rstrip(': ')}: unknown key{hint} (allowed: {', '.join(known)})"
    if problem["type"] == "missing":
        return f"{head}this key is needed"
    message = _WORDS.get(problem["type"], problem["msg"].removeprefix("Value error, "))
    found = problem.get("input")
    silent = problem["type"] in {"value_error", "contradiction"} or isinstance(found, (dict, BaseModel))
    shown = "" if silent else f" (found {found!r:.80})"
    return f"{head}{message[:1].lower()}{message[1:]}{shown}"


def _known_keys(path: tuple[str | int, ...]) -> list[str]:
    """Return the keys that the model at ``path`` knows."""
    keys = tuple(step for step in path if isinstance(step, str))
    model = _MODELS.get(".".join(keys[:2])) or _MODELS.get(keys[0] if keys else "", AnalysisConfig)
    return list(model.model_fields)


_MODELS: dict[str, type[BaseModel]] = {
    "samples": SampleConfig,
    "samples.friends": FriendConfig,
    "samples.normalise": NormaliseConfig,
    "features": LeadingConfig,
    "spectators": LeadingConfig,
    "split": SplitConfig,
    "training": TrainingConfig,
    "evaluation": EvaluationConfig,
    "evaluation.significance": SignificanceConfig,
    "report": ReportConfig,
    "cache": CacheConfig,
}
