"""Every option of the methods that are trained natively is obeyed, refused, or said to be of the log only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from hepml.errors import NotSupportedError
from hepml.tmva import train
from hepml.tmva.option_tables import PDF, TABLES
from hepml.tmva.options import declared
from hepml.tmva.preparation import from_arrays
from hepml.tmva.training.native import trainer_of

if TYPE_CHECKING:
    from hepml.tmva import PreparedData
    from hepml.tmva.option_tables import Declared

KINDS = ("BDT", "Fisher", "LD", "HMatrix")
# what changes no model, here and in TMVA
ONLY_PRINTED = {"V", "VerbosityLevel", "H", "DoBoostMonitor"}
# tests/tmva/test_training.py, and with trees tests/tmva/test_train_trees.py, show what they change
OF_ALL = {"VarTransform", "CreateMVAPdfs", "IgnoreNegWeightsInTraining"}


@pytest.fixture(scope="module")
def data() -> PreparedData:
    rng = np.random.default_rng(5)
    class_index = np.arange(300) % 2
    X = rng.normal(size=(300, 3)) - 0.5 * class_index[:, None]
    return from_arrays(X.astype(np.float32), class_index, np.ones(300), variables=["a", "b", "c"])


def changed(option: Declared) -> str:
    """Return the option with a value that is not its default."""
    if option.allowed:
        value = next(value for value in option.allowed if value.lower() != str(option.default).lower())
    elif isinstance(option.default, bool):
        value = str(not option.default)
    else:
        value = "7" if option.type in {"int", "float", "percent"} else "other"
    return f"{option.name}={value}"


@pytest.mark.parametrize("kind", KINDS)
def test_each_option_is_obeyed_refused_or_printed(kind: str, data: PreparedData) -> None:
    supported = trainer_of(kind).supports
    options = {option.name: option for option in declared(kind, n_variables=3, newer=True)}
    assert supported <= set(options)
    refused = [changed(option) for name, option in options.items() if name not in supported | OF_ALL | ONLY_PRINTED]
    # the options of boosting are there if it is asked for, and it is refused
    refused += ["Boost_Num=2", *(f"Boost_Num=2:{changed(option)}" for option in TABLES["Boost"][1:])]
    for text in refused:
        with pytest.raises(NotSupportedError, match='engine="root"'):
            train(kind, text, data)


@pytest.mark.parametrize("kind", KINDS)
def test_options_of_the_log_change_nothing(kind: str, data: PreparedData) -> None:
    more = "NTrees=3:" if kind == "BDT" else ""
    plain = train(kind, more, data).evaluate(data.train.variables)
    for option in declared(kind):
        if option.name in ONLY_PRINTED:
            other = train(kind, f"{more}{changed(option)}", data)
            np.testing.assert_array_equal(other.evaluate(data.train.variables), plain)


def test_densities_obey_or_only_print_what_they_declare(data: PreparedData) -> None:
    X = data.train.variables
    plain = train("LD", "CreateMVAPdfs", data).proba(X)
    np.testing.assert_array_equal(train("LD", "CreateMVAPdfs:CheckHistMVAPdf", data).proba(X), plain)
    # there is one KDEtype; tests/tmva/test_training.py changes all others
    assert {option.name for option in PDF if len(option.allowed) == 1} == {"KDEtype"}


def test_the_form_of_fisher_is_obeyed(data: PreparedData) -> None:
    X = data.train.variables
    forms = [train("Fisher", f"Method={form}", data).evaluate(X) for form in ("Fisher", "Mahalanobis")]
    assert not np.allclose(*forms)
