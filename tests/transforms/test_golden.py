"""Chains read from TMVA's files, applied, fitted again and written, against what TMVA did."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest

from hepml.transforms import TransformChain, to_text
from tests.transforms.golden import OPTIONS, Golden, applied, events, reference, small, training

NUMBER = re.compile(r"-?\d\.\d+e[+-]\d+")


def transformed_methods() -> list[str]:
    place = os.environ.get("HEPML_REFERENCE_DATA")
    files = sorted((Path(place) / "tmva_reference" / "weights").glob("*/*.xml.gz")) if place else []
    # that of the others stands in these files or is empty
    methods = r"TMVA_(Fisher\w*|MLP\w*|LikPart|Likelihood(D|PCA)|BDTD|CutsD|SVM)"
    names = [f"{path.parent.name}/{path.name.split('.')[0]}" for path in files]
    return [name for name in names if re.search(methods + "$", name)] or ["none"]


@pytest.mark.parametrize("name", OPTIONS)
def test_responses_are_tmvas(name: str) -> None:
    golden = small(name)
    response = golden.linear(golden.chain().apply(applied(events()["apply"].astype(np.float32))))
    assert np.abs(response - events()["response_" + name.removeprefix("expr_")]).max() < 1e-12


@pytest.mark.parametrize("name", [*OPTIONS, "reg_MLP"])
def test_text_is_written_as_tmva_wrote_it(name: str) -> None:
    golden = small(name)
    assert to_text(golden.chain().to_xml(), depth=1) == golden.text


@pytest.mark.parametrize("name", OPTIONS)
def test_fits_give_tmvas_numbers(name: str) -> None:
    golden = small(name)
    index = events()["class_index"]
    chain = TransformChain.fit(
        OPTIONS[name], training(), index, variables=golden.variables, spectators=golden.spectators
    )
    text = to_text(chain.to_xml(), depth=1)
    assert NUMBER.sub("#", text) == NUMBER.sub("#", golden.text)
    if name in {"expr_FisherN", "expr_FisherU"}:
        assert text == golden.text
    fitted, wanted = (np.array([float(word) for word in NUMBER.findall(t)]) for t in (text, golden.text))
    if name == "expr_FisherP":
        # the signs of eigenvectors are free
        fitted, wanted = np.abs(fitted), np.abs(wanted)
    assert np.allclose(fitted, wanted, rtol=1e-9, atol=1e-12)


def test_a_suffix_is_kept_by_a_fit_and_lost_by_a_file() -> None:
    golden = small("expr_FisherDsig")
    index = events()["class_index"]
    fitted = TransformChain.fit("D_Signal", training(), index, variables=golden.variables)
    assert fitted.booked == (0,)
    assert golden.chain().booked == (None,)
    X = training()
    assert np.abs(fitted.apply(X) - golden.chain().apply(X, 0)).max() < 1e-5
    assert np.abs(fitted.apply(X) - golden.chain().apply(X)).max() > 0.1


def test_targets_come_back_as_tmva_returns_them() -> None:
    golden = small("reg_MLP")
    chain = golden.chain()
    low, high = np.float32(-6.8635690212249756e-01), np.float32(3.7087467193603516e01)
    back = chain.inverse_targets(np.array([[-1.0], [0.0], [1.0]], dtype=np.float32))
    assert np.allclose(back[:, 0], [low, (low + high) / 2, high], rtol=1e-6)
    # targets that are not there yet do not disturb the variables
    X = np.array([[2.0, 3.0]], dtype=np.float32)
    assert np.abs(chain.apply(X)).max() < 1


@pytest.mark.parametrize("name", transformed_methods())
def test_every_real_file_is_written_as_it_was(name: str) -> None:
    golden = Golden.read(reference() / "weights" / f"{name}.weights.xml.gz")
    assert to_text(golden.chain().to_xml(), depth=1) == golden.text


@pytest.mark.parametrize(
    "name", ["block/FisherG", "random/FisherG", "random/MLP", "posw/MLP", "expr/MLP_GD", "reg/MLP"]
)
def test_real_responses_of_all_events(name: str) -> None:
    folder = reference()
    job, _, method = name.partition("/")
    golden = Golden.read(folder / "weights" / job / f"TMVA_{method}.weights.xml.gz")
    if job == "reg":
        import uproot

        with uproot.open(folder / "data" / "applyreg.root") as file:
            columns = file["TreeA"].arrays(filter_name="var*", library="np")
    else:
        columns = np.load(folder / "data" / "apply.npz")
    X = np.column_stack([columns[f"var{i}"] for i in range(1, 3 if job == "reg" else 5)]).astype(np.float32)
    chain = golden.chain()
    inputs = chain.apply(applied(X[:, :3]) if job == "expr" else X)
    response = golden.network(inputs) if "MLP" in method else golden.linear(inputs)
    if job == "reg":
        response = chain.inverse_targets(response[:, None].astype(np.float32))[:, 0]
    elif "MLP" in method:
        response = 1 / (1 + np.exp(-response))
    answered = np.load(folder / "responses" / f"{job}.npz")[method]
    # targets are kept in single precision, up to 37 here
    assert np.abs(response - answered).max() < (5e-5 if job == "reg" else 1e-6 if "MLP" in method else 1e-12)


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("block/FisherG", "Gauss"),
        ("random/FisherG", "G"),
        ("random/LikelihoodPCA", "PCA"),
        ("random/LikelihoodD", "Decorrelate"),
        ("posw/MLP", "Norm"),
    ],
)
def test_real_trainings_are_fitted_again(name: str, option: str) -> None:
    folder = reference()
    job, _, method = name.partition("/")
    golden = Golden.read(folder / "weights" / job / f"TMVA_{method}.weights.xml.gz")
    tree = np.load(folder / "trees" / f"{job}.npz")
    X = np.column_stack([tree[f"TrainTree/var{i}"] for i in (1, 2, 3, 4)])
    chain = TransformChain.fit(
        option, X, tree["TrainTree/classID"], tree["TrainTree/weight"], variables=golden.variables
    )
    text = to_text(chain.to_xml(), depth=1)
    fitted, wanted = (np.abs([float(word) for word in NUMBER.findall(t)]) for t in (text, golden.text))
    assert np.allclose(fitted, wanted, rtol=1e-9, atol=1e-12)
    assert (text == golden.text) == (option in {"Gauss", "G", "Norm"})


def test_a_real_regression_is_fitted_again() -> None:
    folder = reference()
    golden = small("reg_MLP")
    tree = np.load(folder / "trees" / "reg.npz")
    chain = TransformChain.fit(
        "N",
        np.column_stack([tree["TrainTree/var1"], tree["TrainTree/var2"]]),
        weight=tree["TrainTree/weight"],
        variables=golden.variables,
        targets=golden.targets,
        target_values=tree["TrainTree/fvalue"][:, None],
    )
    assert to_text(chain.to_xml(), depth=1) == golden.text
