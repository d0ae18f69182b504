"""The doors out of a forest: its methods that write what others read, each verified before anything is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike

    from hepml.forest.forest import Forest
    from hepml.forest.to_cpp import Language
    from hepml.forest.verification import Verification

__all__ = ["ForestExports"]


class ForestExports:
    """Methods of :class:`~hepml.forest.Forest`; docs/forest.md says what each format can hold."""

    __slots__ = ()

    def to_xgboost(
        self,
        path: str | os.PathLike[str],
        *,
        margin_only: bool = False,
        float32_features: bool = False,
        overwrite: bool = False,
    ) -> Verification:
        """Write an XGBoost model in JSON, checked with xgboost.

        Parameters
        ----------
        path : path-like
            Name of the file.
        margin_only : bool
            Leave the link out, so that the model's prediction is the margin: for links that XGBoost does not have.
        float32_features : bool
            For forests that compare in double precision: write a model that is right for events whose features are float32.
        overwrite : bool
            Whether an existing file may be replaced.

        Returns
        -------
        Verification
            How it was checked.

        Raises
        ------
        ExportError
            If XGBoost cannot hold this forest, or what would be written disagrees with it.
        OutputError
            If the file exists and may not be replaced, or cannot be written.

        Notes
        -----
        Leaf values are rounded to single precision. A forest that came from XGBoost gives the same trees again.
        """
        from hepml.forest.to_xgboost import to_xgboost

        return to_xgboost(
            cast("Forest", self),
            path,
            margin_only=margin_only,
            float32_features=float32_features,
            overwrite=overwrite,
        )

    def to_tmva(
        self,
        path: str | os.PathLike[str],
        *,
        method_name: str | None = None,
        class_names: Sequence[str] | None = None,
        ranges: ArrayLike | None = None,
        options: Mapping[str, str] | None = None,
        ignore_missing: bool = False,
        float32_features: bool = False,
        overwrite: bool = False,
    ) -> Verification:
        """Write a ``weights.xml`` that a ``TMVA::Reader`` books as method BDT.

        Parameters
        ----------
        path : path-like
            The file; ``.gz`` at its end packs it, which TMVA itself does not read.
        method_name : str, optional
            Default: that of the file that the forest was read from, or ``"BDT"``.
        class_names : sequence of str, optional
            Names of the classes, signal first, or of the target of a regression. Default: as read, or ``"Signal"`` and
            ``"Background"``.
        ranges : array-like, shape (n_features, 2), optional
            Smallest and largest value of each feature; nothing depends on them. Default: as read, or the outermost cuts.
        options : mapping of str, optional
            Options of the method that the file should state; the response depends on none that can be given here.
        ignore_missing : bool
            Write also a forest that was trained with missing values, for events that have none.
        float32_features : bool
            Write also a forest that compares in double precision, for features that are float32 already.
        overwrite : bool
            Whether an existing file may be replaced.

        Returns
        -------
        Verification
            How the file was checked before it was written.

        Raises
        ------
        ExportError
            If TMVA has no such forest, or what would be written does not answer as the forest does.
        InvalidInputError
            If names, ranges or options do not fit.
        OutputError
            If the file exists and may not be replaced, or cannot be written.

        Notes
        -----
        Sums are written as gradient boosting, whose response is 2 / (1 + exp(-2 F)) - 1. For a logistic forest F is half the
        margin, so that the response is 2 P - 1 where the forest's score is the probability P. Averages are written as
        AdaBoost with the response equal to the score: leaves of +1 and -1 as their type, leaves in [0, 1] as purities. All
        other forests whose link is the identity are written as regression. Leaves and weights of trees are rounded to single
        precision, as TMVA reads them. Where missing values go is not written, since TMVA::Reader refuses NaN.
        """
        from hepml.forest.to_tmva import to_tmva

        return to_tmva(
            cast("Forest", self),
            path,
            method_name=method_name,
            class_names=class_names,
            ranges=ranges,
            options=options,
            ignore_missing=ignore_missing,
            float32_features=float32_features,
            overwrite=overwrite,
        )

    def to_onnx(
        self, path: str | os.PathLike[str], *, float32_features: bool = False, overwrite: bool = False
    ) -> Verification:
        """Write an ONNX model (opset 15, ai.onnx.ml 3), checked with onnxruntime.

        Parameters
        ----------
        path : path-like
            Name of the file.
        float32_features : bool
            For forests that compare in double precision: take float32 features, for which the model is right, too, in place
            of float64.
        overwrite : bool
            Whether an existing file may be replaced.

        Returns
        -------
        Verification
            How it was checked.

        Raises
        ------
        ExportError
            If the forest is a median of its trees, or what would be written disagrees with it.
        MissingDependencyError
            If onnx or onnxruntime is not installed.
        OutputError
            If the file exists and may not be replaced, or cannot be written.

        Notes
        -----
        The input ``features`` has the shape (n_events, n_features); the outputs ``score`` and ``margin`` are float32 of
        shape (n_events, n_outputs). Splits by category are chains of comparisons.
        """
        from hepml.forest.to_onnx import to_onnx

        return to_onnx(cast("Forest", self), path, float32_features=float32_features, overwrite=overwrite)

    def to_cpp(
        self,
        path: str | os.PathLike[str],
        *,
        name: str | None = None,
        language: Language = "c++17",
        overwrite: bool = False,
    ) -> Verification:
        """Write source code without dependencies, checked with the compiler of this machine if there is one.

        Parameters
        ----------
        path : path-like
            Name of the file.
        name : str, optional
            What the names of its functions begin with. Default: what the file's name resembles.
        language : {"c++17", "c99"}
            The language.
        overwrite : bool
            Whether an existing file may be replaced.

        Returns
        -------
        Verification
            How it was checked; ``verified`` is False without a compiler.

        Raises
        ------
        ExportError
            If what would be written disagrees with the forest, or is refused by the compiler.
        InvalidInputError
            If the name is no identifier that may be used, or the language is not known.
        OutputError
            If the file exists and may not be replaced, or cannot be written.

        Notes
        -----
        ``NAME_margin(const float* x)`` and ``NAME_score`` are the functions, or ``NAME_margins(x, out)`` and ``NAME_scores``
        for several outputs; forests in double precision take ``const double*``. Margins are the forest's bit for bit.
        """
        from hepml.forest.to_cpp import to_cpp

        return to_cpp(cast("Forest", self), path, name=name, language=language, overwrite=overwrite)

    def to_python(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Verification:
        """Write a Python module that needs numpy and nothing else, checked by executing it.

        Parameters
        ----------
        path : path-like
            Name of the file.
        overwrite : bool
            Whether an existing file may be replaced.

        Returns
        -------
        Verification
            How it was checked.

        Raises
        ------
        ExportError
            If what would be written disagrees with the forest.
        OutputError
            If the file exists and may not be replaced, or cannot be written.

        Notes
        -----
        Its functions are ``margin(X)`` and ``score(X)``. Margins are the forest's bit for bit.
        """
        from hepml.forest.to_python import to_python

        return to_python(cast("Forest", self), path, overwrite=overwrite)
