"""How the analysis file asks for significances: what is made largest, with which uncertainty, under which constraints."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hepml.config.values import Closed, Integer, Number

__all__ = ["SignificanceConfig"]


class SignificanceConfig(Closed):
    """Figure of merit by which cut and bins of the score are chosen, and what the choice may be."""

    figure: Literal["z_a_sigma_b", "z_a", "s_over_sqrt_b", "s_over_sqrt_s_plus_b", "punzi", "ams"] = "z_a_sigma_b"
    sigma_b: Number = Field(default=0.0, ge=0)
    relative_sigma_b: Number = Field(default=0.0, ge=0)
    mc_statistics: bool = True
    punzi_a: Number = Field(default=5.0, ge=0)
    b_reg: Number = Field(default=10.0, ge=0)
    min_effective: Number = Field(default=40.0, ge=0)
    min_signal_efficiency: Number = Field(default=0.0, ge=0, le=1)
    max_bins: Integer = Field(default=10, ge=1, le=100)
    max_relative_error: Number = Field(default=1.0, gt=0)
    toys: Integer = Field(default=200, ge=2, le=100_000)
