"""Every key of metrics.json stands in docs/run_folder.md and its formula in docs/statistics_keys.md, and no other does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hepml.config import AnalysisConfig, SampleConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hepml import Run

DOCS = Path(__file__).parents[2] / "docs"


def leaves(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value or [None]:
            yield from leaves(item, f"{path}[]")
    else:
        yield path


def documented(page: str = "run_folder.md", start: str = "## metrics.json", end: str = "(scores-root)=") -> set[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    table = text.partition(start)[2].partition(end)[0]
    keys = {
        key
        for line in table.splitlines()
        if line.startswith("| `")
        for key in re.findall(r"`([^`]+)`", line.split("|")[1])
    }
    for word, meanings in (("PART", ("train", "test")), ("CLASS", ("signal", "background"))):
        keys = {key.replace(word, meaning) for key in keys for meaning in meanings}
    return keys


# tests/workflow/test_neural_network.py looks for these in a run that has them
OF_NETWORKS = {"methods.NAME.loss_curve[]."}


def test_metrics_are_documented(toy_run: Run) -> None:
    written = {re.sub(r"^methods\.[^.]+", "methods.NAME", path) for path in leaves(toy_run.metrics)}
    exact = {key for key in documented() if not key.endswith("*")}
    families = {key[:-1] for key in documented() if key.endswith("*")}
    assert {path for path in written - exact if not any(f"{path}.".startswith(family) for family in families)} == set()
    assert exact - written == set()
    assert {family for family in families if not any(f"{path}.".startswith(family) for path in written)} == OF_NETWORKS


# what was asked for, and names: no results
NO_STATISTICS = {
    "analysis", "blinding", "format", "identity", "kind", "method_order", "parameters", "seed", "split", "title", "version",
    "task", "classes", "targets",
}  # fmt: skip
EVERYWHERE = "Names and settings"


def formulae() -> dict[str, dict[str, list[str]]]:
    """Give formula, error and reference of each key of docs/statistics_keys.md, by topic."""
    found: dict[str, dict[str, list[str]]] = {}
    _, *sections = re.split(r"^## ", (DOCS / "statistics_keys.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    for section in sections:
        title, *lines = section.splitlines()
        rows = [re.split(r" ?\| ?", line)[1:-1] for line in lines if line.startswith("| `")]
        keys = {key: rest for first, *rest in rows for key in re.findall(r"`([^`]+)`", first)}
        assert len(keys) == sum(len(re.findall(r"`[^`]+`", row[0])) for row in rows), f"{title}: a key stands twice"
        found |= dict.fromkeys(re.findall(r"`([^`]+)`", title) or [title], keys)
    return found


def statistics(metrics: Any) -> set[tuple[str, str]]:
    """Topic and last name of every number; what stands below names of features is that of their parent."""
    found = set()
    for path in leaves(metrics):
        names = re.sub(r"^methods\.[^.]+\.", "", path).replace("[]", "").split(".")
        if names[0] not in NO_STATISTICS and path not in ("training.balance", "training.negative_weights"):
            below = [name for name in ("coefficients", "missing_coefficients", "shifts") if name in names]
            found.add((names[0], below[0] if below else names[-1]))
    return found


def assert_formulae(metrics: Any) -> None:
    """Every number has a formula and a reference, and an error where metrics.json has one."""
    given = formulae()
    for topic, name in statistics(metrics):
        known = given[EVERYWHERE] | given[topic]
        names = (name, f"{name}[]", name.removesuffix("_error"))
        base = next((key for key in names if key in known), name)
        assert base in known, f"{topic}: {name} has no formula"
        formula, error, reference = known[base]
        assert formula, (topic, name)
        assert "](" in reference, (topic, name)
        assert error or base in {name, f"{name}[]"}, f"{topic}: nothing is said of {name}"


def test_every_number_has_its_formula_and_reference(toy_run: Run) -> None:
    assert_formulae(toy_run.metrics)
    written = statistics(toy_run.metrics)
    given = formulae()
    for topic, keys in given.items():
        # the toys have neither data nor folds (tests/workflow/test_folds.py walks these), nor a method without stages; what
        # networks have is looked for in a run of tests/workflow/test_neural_network.py
        if topic in {EVERYWHERE, "data_mc", "folds", "fold_cuts", "loss_curve"}:
            continue
        of_section = {name for known, name in written if given[known] is keys}
        not_here = {"overtraining": {"deficit", "auc"}, "training": {"training_log_loss", "validation_loss"}}
        listed = {key for key in keys if "[]" not in key} - not_here.get(topic, set())
        assert listed - of_section == set(), topic


def test_analysis_file_is_documented() -> None:
    text = (DOCS / "analysis_file.md").read_text(encoding="utf-8")
    for model in (AnalysisConfig, SampleConfig):
        for key in (field.alias or name for name, field in model.model_fields.items()):
            assert re.search(rf"`{key}[`.]", text), key
