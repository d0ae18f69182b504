"""Small weights files of methods that store events, and what TMVA makes of them, computed without any tree or shortcut."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

f32 = np.float32


def weights_file(kind: str, n_variables: int, weights: str, options: Mapping[str, object], *, targets: int = 0) -> str:
    """Return a weights file of the variables x0, x1, ..."""
    chosen = "".join(f'<Option name="{name}" modified="Yes">{value}</Option>' for name, value in options.items())
    variables = "".join(
        f'<Variable VarIndex="{k}" Expression="x{k}" Label="x{k}" Min="-1" Max="1"/>' for k in range(n_variables)
    )
    wanted = "".join(f'<Target TargetIndex="{k}" Expression="t{k}" Label="t{k}"/>' for k in range(targets))
    analysis = "Regression" if targets else "Classification"
    return (
        f'<MethodSetup Method="{kind}::M"><GeneralInfo><Info name="TMVA Release" value="4.2.1 [262657]"/>'
        f'<Info name="AnalysisType" value="{analysis}"/></GeneralInfo><Options>{chosen}</Options>'
        f'<Variables NVar="{n_variables}">{variables}</Variables>'
        '<Classes NClass="2"><Class Name="Signal" Index="0"/><Class Name="Background" Index="1"/></Classes>'
        f'<Targets NTrgt="{targets}">{wanted}</Targets>'
        f'<Transformations NTransformations="0"/><MVAPdfs/>{weights}</MethodSetup>'
    )


def words(values: NDArray[np.float32]) -> str:
    return " ".join(f"{value:.16e}" for value in values)


def knn_weights(
    X: NDArray[np.float32], kinds: NDArray[np.int64], weight: NDArray[np.float64], targets: NDArray[np.float32]
) -> str:
    rows = "".join(
        f'<Event Type="{kind}" Weight="{w:.16e}">{words(np.r_[x, t])}</Event>'
        for x, kind, w, t in zip(X, kinds, weight, targets, strict=True)
    )
    return f'<Weights NEvents="{len(X)}" NVar="{X.shape[1]}" NTgt="{targets.shape[1]}">{rows}</Weights>'


def knn_order(
    X: NDArray[np.float32], weight: NDArray[np.float64], levels: int, point: NDArray[np.float32]
) -> list[int]:
    """Return stored events in the order in which TMVA's search meets them: ``Optimize``, ``Add``, ``Find``."""
    n_events, n_variables = X.shape
    ordered = np.sort(X, axis=0)
    root: list = [ordered[n_events // 2, 0], None, None, -1]
    parents = [root]
    for depth in range(1, levels):
        children: list[list] = []
        for parent in parents:
            for side in (1, 2):
                place = n_events * (len(children) + 1) // (2 * len(parents) + 1)
                parent[side] = [ordered[place, depth % n_variables], None, None, -1]
                children.append(parent[side])
        parents = children
    for row, x in enumerate(X):
        node, depth = root, 0
        while True:
            side = 1 if x[depth % n_variables] < node[0] else 2
            depth += 1
            if node[side] is None:
                node[side] = [x[depth % n_variables], None, None, row]
                break
            node = node[side]
    met = []

    def visit(node: list, depth: int) -> None:
        if node[3] >= 0 and weight[node[3]] > 0.0:
            met.append(node[3])
        sides = (1, 2) if not (node[1] and node[2]) or point[depth % n_variables] < node[0] else (2, 1)
        for side in sides:
            if node[side]:
                visit(node[side], depth + 1)

    visit(root, 0)
    return met


def nearest(
    X: NDArray[np.float32], weight: NDArray[np.float64], levels: int, point: NDArray[np.float32], count: int
) -> list[tuple[float, int]]:
    """Return squared distances and events, nearest first, of equally near ones the one met first."""
    met = []
    for row in knn_order(X, weight, levels, point):
        distance = f32(0.0)
        for a, b in zip(X[row], point, strict=True):
            distance += (a - b) * (a - b)
        met.append((float(distance), row))
    return sorted(met, key=lambda item: item[0])[:count]


def kernel(name: str, distance: float, sigma: float, furthest: float, n_variables: int) -> float:
    """Return a kernel of PDERS."""
    if name == "Teepee":
        return 1.0 - distance
    if name == "Gauss":
        return math.exp(-0.5 * (distance / sigma) ** 2)
    if name == "Trim":
        return (1.0 - (distance / furthest) ** 3) ** 3 if furthest else 0.0
    if name.startswith(("Sinc", "Lanczos")):
        level = int(name.removeprefix("Sinc").removeprefix("Lanczos"))
        if name.startswith("Sinc"):
            value = np.sinc((level + 1) / 2 * distance)
        else:
            value = np.sinc(distance) * np.sinc(level * distance)
        return float(value**n_variables) if n_variables % 2 else float(abs(value) * value ** (n_variables - 1))
    return 1.0


def nested(X: NDArray[np.float32], attributes: list[str], contents: list[str]) -> str:
    """Return stored events as a tree of elements: each goes below the first, left of what it is not greater than."""
    tree: dict[int, list] = {}
    for row, x in enumerate(X):
        node, depth = 0, 0
        while row:
            side = 0 if x[depth % len(x)] <= X[node, depth % len(x)] else 1
            depth += 1
            if tree[node][side] is None:
                tree[node][side] = row
                break
            node = tree[node][side]
        tree[row] = [None, None, depth]

    def text(node: int, place: str) -> str:
        left, right, depth = tree[node]
        inside = (text(left, "l") if left is not None else "") + (text(right, "r") if right is not None else "")
        return (
            f'<Node pos="{place}" depth="{depth}" selector="{depth % X.shape[1]}" NVars="{X.shape[1]}" '
            f"{attributes[node]}>{contents[node]}{inside}</Node>"
        )

    return f'<Weights><BinaryTree type="BinarySearchTree">{text(0, "s")}</BinaryTree></Weights>'
