"""A tree ensemble as flat arrays: what every library's boosted trees and random forests are turned into."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import ModelFormatError
from hepml.forest.checks import check_forest, tree_depths
from hepml.forest.exports import ForestExports
from hepml.forest.insight import ForestInsight

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from hepml.forest.checks import Aggregate, Comparison, Link, Precision
    from hepml.forest.plan import Plan
    from hepml.forest.prediction import Output

__all__ = ["ARRAYS", "Forest"]

ARRAYS = {
    "feature": np.int32,
    "threshold": np.float64,
    "left": np.int32,
    "right": np.int32,
    "missing_right": np.bool_,
    "category_set": np.int32,
    "node_id": np.int32,
    "gain": np.float64,
    "cover": np.float64,
    "value": np.float64,
    "first_node": np.int64,
    "output": np.int32,
    "tree_weight": np.float64,
    "base": np.float64,
    "category_first": np.int64,
    "category_values": np.int32,
    "category_inverted": np.bool_,
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Forest(ForestExports, ForestInsight):
    """An ensemble of decision trees. Immutable: the arrays that it is given become read-only.

    Nodes of all trees stand one after another, the root of a tree first. An event at a node goes left if its feature is
    less than the threshold (``comparison`` ``"<"``) or not larger (``"<="``), and a missing one (NaN) as ``missing_right``
    says. :meth:`from_nodes` fills in what is usual.

    Parameters
    ----------
    feature : ndarray of int32, shape (n_nodes,)
        Feature of each split, -1 for leaves.
    threshold : ndarray of float64, shape (n_nodes,)
        Threshold of each split; infinite ones are allowed. Of no meaning for leaves and splits by category.
    left, right : ndarray of int32, shape (n_nodes,)
        Children as numbers among all nodes, -1 for leaves.
    missing_right : ndarray of bool, shape (n_nodes,)
        Whether missing values go right.
    value : ndarray of float64, shape (n_nodes, 1) or (n_nodes, n_outputs)
        Leaf values: one number that is added to the tree's output, or one for each output. Of no meaning for splits.
    first_node : ndarray of int64, shape (n_trees + 1,)
        Where each tree begins, and the number of nodes.
    output : ndarray of int32, shape (n_trees,)
        Output that each tree adds to; 0 where trees have values for all.
    tree_weight : ndarray of float64, shape (n_trees,)
        Factor on the leaf values of each tree; for medians, how much each tree counts.
    base : ndarray of float64, shape (n_outputs,)
        What is added to the sum.
    feature_names : tuple of str
        Names of the features, in the order of the columns.
    comparison : {"<", "<="}
        When an event goes left.
    precision : {"float32", "float64"}
        How features are rounded before they are compared: as in the library that trained.
    aggregate : {"sum", "average", "median", "tmva_median"}
        Whether the margin is the sum of the trees, their average by ``tree_weight``, or their median by it, as scikit-learn
        or as TMVA takes it; plus ``base``.
    link : {"identity", "logistic", "logistic_2x", "softmax", "tmva_grad", "exp"}
        From the margin m to the score: m, 1/(1+e^-m), 1/(1+e^-2m), softmax over the outputs, 2/(1+e^-2m) - 1, e^m.
    takes_missing : bool
        Whether missing values may be given.
    category_set : ndarray of int32, shape (n_nodes,)
        Set of categories of each split by category, -1 for splits by threshold. Members go left, other numbers right.
    category_first : ndarray of int64, shape (n_sets + 1,)
        Where each set begins, and the number of values.
    category_values : ndarray of int32
        The values of all sets, ascending in each. A feature is cut to an integer; negative ones are in no set.
    category_inverted : ndarray of bool, shape (n_sets,)
        Sets whose members go right and all other numbers left.
    node_id : ndarray of int32, shape (n_nodes,)
        Number of each node in the library that trained.
    gain, cover : ndarray of float64, shape (n_nodes,)
        Gain of each split, and weight (sum of Hessians, or number of events) of each node; NaN where not known.
    metadata : mapping
        Where it came from, in plain JSON types.

    Raises
    ------
    ModelFormatError
        If arrays do not fit together, a child is out of range or has two parents, a leaf value is not finite, or a
        threshold is NaN.
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    missing_right: NDArray[np.bool_]
    value: NDArray[np.float64]
    first_node: NDArray[np.int64]
    output: NDArray[np.int32]
    tree_weight: NDArray[np.float64]
    base: NDArray[np.float64]
    feature_names: tuple[str, ...]
    comparison: Comparison
    precision: Precision
    aggregate: Aggregate
    link: Link
    takes_missing: bool
    category_set: NDArray[np.int32]
    category_first: NDArray[np.int64]
    category_values: NDArray[np.int32]
    category_inverted: NDArray[np.bool_]
    node_id: NDArray[np.int32]
    gain: NDArray[np.float64]
    cover: NDArray[np.float64]
    metadata: Mapping[str, Any]

    @classmethod
    def from_nodes(
        cls,
        *,
        feature: ArrayLike,
        threshold: ArrayLike,
        left: ArrayLike,
        right: ArrayLike,
        value: ArrayLike,
        first_node: ArrayLike,
        feature_names: Sequence[str],
        missing_right: ArrayLike | None = None,
        output: ArrayLike | None = None,
        tree_weight: ArrayLike | None = None,
        base: ArrayLike | None = None,
        comparison: Comparison = "<",
        precision: Precision = "float32",
        aggregate: Aggregate = "sum",
        link: Link = "identity",
        takes_missing: bool = True,
        category_set: ArrayLike | None = None,
        categories: Sequence[ArrayLike] = (),
        category_inverted: ArrayLike | None = None,
        node_id: ArrayLike | None = None,
        gain: ArrayLike | None = None,
        cover: ArrayLike | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Forest:
        """Make a forest of arrays, with the usual values for what is not given.

        Parameters
        ----------
        feature, threshold, left, right, value, first_node, feature_names
            As for the class; ``value`` may have the shape (n_nodes,).
        missing_right, category_set, node_id, gain, cover : array-like, shape (n_nodes,), optional
            Default: missing values go left, no categories, positions within the tree, NaN.
        output, tree_weight : array-like, shape (n_trees,), optional
            Default: output 0, weight 1.
        base : array-like, shape (n_outputs,), optional
            Default: zeros.
        comparison, precision, aggregate, link, takes_missing, metadata
            As for the class.
        categories : sequence of array-like
            Values of each set of categories.
        category_inverted : array-like of bool, optional
            Default: members go left.

        Returns
        -------
        Forest
            Checked.

        Raises
        ------
        ModelFormatError
            As the class.
        """
        features = _array("feature", feature, np.int32)
        starts = _array("first_node", first_node, np.int64)
        values = _array("value", value, np.float64)
        values = values[:, None] if values.ndim == 1 else values
        n_nodes, n_trees = len(features), max(len(starts) - 1, 0)
        outputs = np.zeros(n_trees, np.int32) if output is None else _array("output", output, np.int32)
        if base is None:
            n_outputs = max(values.shape[1] if values.ndim == 2 else 1, int(outputs.max(initial=0)) + 1)
            base = np.zeros(n_outputs)
        if node_id is None:
            sizes = np.diff(starts).clip(min=0)
            node_id = np.arange(n_nodes)
            if sizes.sum() == n_nodes:
                node_id = node_id - np.repeat(starts[:-1], sizes)
        sets = [np.unique(_array("categories", values_of_set, np.int32)) for values_of_set in categories]

        def filled(name: str, given: ArrayLike | None, default: Any, dtype: Any, size: int) -> NDArray[Any]:
            return np.full(size, default, dtype) if given is None else _array(name, given, dtype)

        return cls(
            feature=features,
            threshold=_array("threshold", threshold, np.float64),
            left=_array("left", left, np.int32),
            right=_array("right", right, np.int32),
            missing_right=filled("missing_right", missing_right, False, np.bool_, n_nodes),
            value=values,
            first_node=starts,
            output=outputs,
            tree_weight=filled("tree_weight", tree_weight, 1.0, np.float64, n_trees),
            base=_array("base", base, np.float64),
            feature_names=tuple(map(str, feature_names)),
            comparison=comparison,
            precision=precision,
            aggregate=aggregate,
            link=link,
            takes_missing=takes_missing,
            category_set=filled("category_set", category_set, -1, np.int32, n_nodes),
            category_first=np.cumsum([0, *map(len, sets)], dtype=np.int64),
            category_values=np.concatenate(sets) if sets else np.zeros(0, np.int32),
            category_inverted=filled("category_inverted", category_inverted, False, np.bool_, len(sets)),
            node_id=_array("node_id", node_id, np.int32),
            gain=filled("gain", gain, np.nan, np.float64, n_nodes),
            cover=filled("cover", cover, np.nan, np.float64, n_nodes),
            metadata=dict(metadata or {}),
        )

    def __post_init__(self) -> None:
        for name, dtype in ARRAYS.items():
            array = np.ascontiguousarray(getattr(self, name))
            if array.dtype != dtype:
                msg = f"{name} of a forest must be {np.dtype(dtype)}, not {array.dtype}"
                raise ModelFormatError(msg)
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))
        check_forest(self)

    @property
    def n_trees(self) -> int:
        """Number of trees."""
        return len(self.first_node) - 1

    @property
    def n_features(self) -> int:
        """Number of features."""
        return len(self.feature_names)

    @property
    def n_outputs(self) -> int:
        """Number of margins of an event: 1, or one for each class or target."""
        return len(self.base)

    @cached_property
    def depth(self) -> NDArray[np.int32]:
        """Splits above the deepest leaf of each tree, shape (n_trees,)."""
        return tree_depths(self)

    @cached_property
    def plan32(self) -> Plan:
        """The arrays that the compiled kernels read, for features in single precision."""
        from hepml.forest.plan import make_plan

        return make_plan(self, np.dtype(np.float32))

    @cached_property
    def plan64(self) -> Plan:
        """The same for features in double precision."""
        from hepml.forest.plan import make_plan

        return make_plan(self, np.dtype(np.float64))

    def predict(
        self, X: ArrayLike, threads: int | None = None, output: Output = "score", *, at: ArrayLike | None = None
    ) -> NDArray[Any]:
        """Evaluate the forest.

        Parameters
        ----------
        X : array-like, shape (n_events, n_features)
            Features in the order of ``feature_names``; float32 and float64 in any layout are read where they are. NaN
            means missing.
        threads : int, optional
            Number of threads; it changes no result. Default: as many as there are cores and events are worth.
        output : {"score", "margin", "leaf", "staged"}
            The score (after the link); the margin (before it); the number of the leaf that each tree puts the event into, as
            the library counts them that trained; the margins after each number of trees (scores: :meth:`staged_scores`).
        at : array-like of int, optional
            For ``"staged"``: numbers of trees, ascending. Default: 1, 2, ..., all.

        Returns
        -------
        ndarray
            Score or margin: float64 of shape (n_events,), or (n_events, n_outputs) if there are several. Leaf: int32 of
            shape (n_events, n_trees). Staged: float64, the shape of the margin behind an axis of the numbers of trees.

        Raises
        ------
        FeatureMismatchError
            If the number of columns is not that of the features.
        FeatureValueError
            If values are missing and the forest does not take that.
        InvalidInputError
            If an option has a value that is not known.

        Notes
        -----
        Trees are added in their order in double precision, so margins are exact to about 1e-16 of the sum of the leaves'
        sizes and do not depend on threads, blocks or layout.
        """
        from hepml.forest.prediction import predict

        return predict(self, X, threads=threads, output=output, at=at)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the forest to one ``.npz`` file, which :meth:`load` reads back equal.

        Raises
        ------
        OutputError
            If the file exists and may not be replaced, or cannot be written.
        """
        from hepml.forest.storage import save

        save(self, path, overwrite=overwrite)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Forest:
        """Read a file that :meth:`save` wrote. Nothing in it is executed.

        Raises
        ------
        MissingFileError
            If there is no such file.
        ModelFormatError
            If it is damaged, or of a format or version that is not known.
        """
        from hepml.forest.storage import load

        return load(path)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Forest:
        """Read a model file of any known kind; see :func:`hepml.forest.open_forest`."""
        from hepml.forest.files import open_forest

        return open_forest(path)

    @classmethod
    def from_xgboost(cls, model: Any, feature_names: Sequence[str] | None = None) -> Forest:
        """Make a forest of an XGBoost model; see :func:`hepml.forest.from_xgboost.from_xgboost`."""
        from hepml.forest.from_xgboost import from_xgboost

        return from_xgboost(model, feature_names)

    @classmethod
    def from_sklearn(cls, estimator: Any, feature_names: Sequence[str] | None = None) -> Forest:
        """Make a forest of a fitted scikit-learn estimator; see :func:`hepml.forest.from_sklearn.from_sklearn`."""
        from hepml.forest.from_sklearn import from_sklearn

        return from_sklearn(estimator, feature_names)

    @classmethod
    def from_lightgbm(cls, model: Any, feature_names: Sequence[str] | None = None) -> Forest:
        """Make a forest of a LightGBM model; see :func:`hepml.forest.from_lightgbm.from_lightgbm`."""
        from hepml.forest.from_lightgbm import from_lightgbm

        return from_lightgbm(model, feature_names)

    @classmethod
    def from_tmva(cls, source: str | bytes | os.PathLike[str]) -> Forest:
        """Read a ``weights.xml`` of TMVA's boosted decision trees; see :func:`hepml.forest.from_tmva.from_tmva`."""
        from hepml.forest.from_tmva import from_tmva

        return from_tmva(source)

    def __len__(self) -> int:
        return self.n_trees

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Forest):
            return NotImplemented
        return all(_same(getattr(self, item.name), getattr(other, item.name)) for item in fields(self))

    def __hash__(self) -> int:
        return hash((self.n_trees, len(self.feature), self.feature_names, self.threshold[:16].tobytes()))

    def __reduce__(self) -> tuple[Any, ...]:
        # a read-only view of a dictionary cannot be pickled, and workers are sent forests
        given = {item.name: getattr(self, item.name) for item in fields(self)}
        return _restored, (given | {"metadata": dict(self.metadata)},)

    def __repr__(self) -> str:
        depths = self.depth
        depth = f"depth {depths.min()}" if depths.min() == depths.max() else f"depth {depths.min()} to {depths.max()}"
        outputs = f", {self.n_outputs} outputs" if self.n_outputs > 1 else ""
        source = self.metadata.get("source")
        names = ", ".join(self.feature_names[:6]) + (", ..." if self.n_features > 6 else "")
        return (
            f"<Forest{f' of {source}' if source else ''}: {self.n_trees} trees, {depth}, {len(self.feature)} nodes, "
            f"{self.n_features} features ({names}){outputs}, {self.aggregate} of trees, {self.link}>"
        )


def _restored(given: dict[str, Any]) -> Forest:
    return Forest(**given)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return bool(np.array_equal(one, other, equal_nan=one.dtype.kind == "f"))
    return bool(one == other)


def _array(name: str, values: ArrayLike, dtype: Any) -> NDArray[Any]:
    """Convert, and refuse what would change by that."""
    try:
        given = np.asarray(values)
        with np.errstate(all="ignore"):
            array = given.astype(dtype)
    except (TypeError, ValueError, OverflowError) as error:
        msg = f"{name} of a forest does not hold numbers: {error}"
        raise ModelFormatError(msg) from error
    if given.dtype.kind not in "biuf" or (
        array.dtype.kind != "f" and given.dtype != array.dtype and not np.array_equal(given, array)
    ):
        msg = f"{name} of a forest cannot be held as {np.dtype(dtype)}"
        raise ModelFormatError(msg)
    return array
