"""Calorimeters: slabs of material along the beam, and the cells that read their active slabs out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import Field, ValidationError, model_validator

from hepml.config.values import Closed, Integer, Name, Number, Numbers
from hepml.config.yaml import read_yaml
from hepml.errors import AnalysisFileError, HepmlError, InvalidInputError, unknown_name
from hepml.gan.cascade.materials import material

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["PRESETS", "Calorimeter", "CylinderLayer", "GridLayer", "Slab", "Stack"]

_MOST_CELLS = 1_000_000
_MOST_SLABS = 10_000


class Slab(Closed):
    """A plate of one material, in mm; the energy in active ones is read out."""

    material: str
    thickness: Number = Field(gt=0)
    active: bool = False

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        try:
            material(self.material)
        except HepmlError as error:
            raise ValueError(str(error)) from error
        return self


class Stack(Closed):
    """Slabs that repeat."""

    repeat: Integer = Field(default=1, gt=0)
    slabs: tuple[Slab, ...] = Field(min_length=1)


class GridLayer(Closed):
    """Rectangular cells: ``shape[0]`` along x and ``shape[1]`` along y over ``width`` by ``height`` mm around the beam."""

    kind: Literal["grid"] = "grid"
    thickness: Number = Field(gt=0)
    width: Number = Field(gt=0)
    height: Number = Field(gt=0)
    shape: tuple[Integer, Integer]

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return self.shape[0] * self.shape[1]


class CylinderLayer(Closed):
    """Cells between radii (mm, the first begins at 0) and in ``n_alpha`` equal angles from -pi; angle by angle."""

    kind: Literal["cylinder"] = "cylinder"
    thickness: Number = Field(gt=0)
    radii: Numbers = Field(min_length=1)
    n_alpha: Integer = Field(gt=0)

    @model_validator(mode="after")
    def _rise(self) -> Self:
        if any(b <= a for a, b in zip((0.0, *self.radii[:-1]), self.radii, strict=True)):
            msg = f"radii must rise from above 0, not {list(self.radii)}"
            raise ValueError(msg)
        return self

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return self.n_alpha * len(self.radii)


class Calorimeter(Closed):
    """A calorimeter: ``stacks`` of slabs from z = 0 on, and ``layers`` of cells that follow one another along z."""

    format: Literal["hepml-calorimeter"] = "hepml-calorimeter"
    version: Literal[1] = 1
    name: Name
    stacks: tuple[Stack, ...] = Field(min_length=1)
    layers: tuple[GridLayer | CylinderLayer, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if sum(stack.repeat * len(stack.slabs) for stack in self.stacks) > _MOST_SLABS or self.n_cells > _MOST_CELLS:
            msg = f"at most {_MOST_SLABS} slabs and {_MOST_CELLS} cells"
            raise ValueError(msg)
        if not any(slab.active for stack in self.stacks for slab in stack.slabs):
            msg = "no slab is active: nothing would be read out"
            raise ValueError(msg)
        return self

    @classmethod
    def named(cls, name: str) -> Calorimeter:
        """Return a preset.

        Raises
        ------
        UnknownNameError
            If there is none of that name.
        """
        if name not in PRESETS:
            raise unknown_name(kind="calorimeter", name=name, known=PRESETS)
        return PRESETS[name]

    @classmethod
    def from_file(cls, path: Path) -> Calorimeter:
        """Read a geometry file.

        Raises
        ------
        AnalysisFileError
            If it is no such file; each line of the message names a key.
        """
        return cls.from_content(read_yaml(path).content, str(path))

    @classmethod
    def from_content(cls, content: Any, where: str) -> Calorimeter:
        """Validate the content of a geometry file; see :meth:`from_file`."""
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            lines = [f"{where}: {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
            raise AnalysisFileError("\n".join(dict.fromkeys(lines))) from error

    @property
    def n_cells(self) -> int:
        """Number of cells of all layers."""
        return sum(layer.n_cells for layer in self.layers)

    @property
    def slabs(self) -> list[Slab]:
        """All slabs, one after the other."""
        return [slab for stack in self.stacks for _ in range(stack.repeat) for slab in stack.slabs]

    def cells(self) -> Cells:
        """Return where the cells are."""
        return Cells.of(self)


@dataclass(frozen=True, eq=False)
class Cells:
    """Positions of the cells of a calorimeter.

    Parameters
    ----------
    layer : ndarray of int64, shape (n_cells,)
        Number of the layer of each cell.
    x, y, z : ndarray of float64, shape (n_cells,)
        Centre, in mm.
    n_layers : int
        Number of layers.
    """

    layer: NDArray[np.int64]
    x: Floats
    y: Floats
    z: Floats
    n_layers: int

    @classmethod
    def of(cls, calorimeter: Calorimeter) -> Cells:
        """Compute the positions of all cells."""
        numbers, xs, ys, zs = [], [], [], []
        start = 0.0
        for number, layer in enumerate(calorimeter.layers):
            if isinstance(layer, GridLayer):
                first = ((np.arange(layer.shape[0]) + 0.5) / layer.shape[0] - 0.5) * layer.width
                second = ((np.arange(layer.shape[1]) + 0.5) / layer.shape[1] - 0.5) * layer.height
                x, y = (part.ravel() for part in np.meshgrid(first, second, indexing="ij"))
            else:
                alpha = -np.pi + 2.0 * np.pi * (np.arange(layer.n_alpha) + 0.5) / layer.n_alpha
                edges = np.array([0.0, *layer.radii])
                a, r = (part.ravel() for part in np.meshgrid(alpha, 0.5 * (edges[1:] + edges[:-1]), indexing="ij"))
                x, y = r * np.cos(a), r * np.sin(a)
            numbers.append(np.full(layer.n_cells, number))
            xs.append(x)
            ys.append(y)
            zs.append(np.full(layer.n_cells, start + 0.5 * layer.thickness))
            start += layer.thickness
        number_of, at_x, at_y, at_z = (np.concatenate(parts) for parts in (numbers, xs, ys, zs))
        return cls(number_of, at_x, at_y, at_z, len(calorimeter.layers))

    @cached_property
    def radius(self) -> Floats:
        """Distance of each cell's centre from the axis, in mm."""
        return np.hypot(self.x, self.y)


_CALOGAN_STACK = Stack(
    repeat=80, slabs=(Slab(material="Pb", thickness=2.0), Slab(material="LAr", thickness=4.0, active=True))
)
PRESETS = {
    one.name: one
    for one in (
        # the three layers of M. Paganini, L. de Oliveira, B. Nachman, Phys. Rev. D 97 (2018) 014021
        Calorimeter(
            name="calogan",
            stacks=(_CALOGAN_STACK,),
            layers=(
                GridLayer(thickness=90.0, width=480.0, height=480.0, shape=(3, 96)),
                GridLayer(thickness=347.0, width=480.0, height=480.0, shape=(12, 12)),
                GridLayer(thickness=43.0, width=480.0, height=480.0, shape=(12, 6)),
            ),
        ),
        Calorimeter(
            name="calogan_cylinder",
            stacks=(_CALOGAN_STACK,),
            layers=(CylinderLayer(thickness=48.0, radii=(6.0, 14.0, 28.0, 56.0, 112.0, 240.0), n_alpha=8),) * 10,
        ),
        Calorimeter(
            name="pbwo4",
            stacks=(Stack(slabs=(Slab(material="PbWO4", thickness=230.0, active=True),)),),
            layers=(GridLayer(thickness=23.0, width=154.0, height=154.0, shape=(7, 7)),) * 10,
        ),
    )
}


def check_shape(shape: tuple[int, ...], calorimeter: Calorimeter, what: str) -> None:
    """Refuse showers that do not have the cells of a calorimeter.

    Raises
    ------
    InvalidInputError
        If the shape is another.
    """
    if len(shape) != 2 or shape[1] != calorimeter.n_cells:
        msg = f"{what} have the shape {shape}; {calorimeter.name} has {calorimeter.n_cells} cells"
        raise InvalidInputError(msg)
