"""std::shuffle of the C++ library itself, with TRandom3 as TMVA hands it over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

_SOURCE = """
#include <algorithm>
#include <limits>
#include <vector>
#include "TRandom3.h"
struct Generator {
  using result_type = UInt_t;
  TRandom3 random;
  explicit Generator(UInt_t seed) : random(seed) {}
  static constexpr UInt_t min() { return 0; }
  static constexpr UInt_t max() { return std::numeric_limits<UInt_t>::max(); }
  UInt_t operator()() { return random.Integer(max()); }
};
std::vector<Long64_t> shuffled_twice(UInt_t seed, Long64_t count) {
  std::vector<Long64_t> rows(count);
  for (Long64_t i = 0; i < count; ++i) rows[i] = i;
  Generator generator(seed);
  std::shuffle(rows.begin(), rows.end(), generator);
  std::shuffle(rows.begin(), rows.end(), generator);
  return rows;
}
"""


def shuffle(folder: Path, seed: int, counts: list[int]) -> None:
    """Leave the numbers from 0 to count - 1, shuffled twice, in files by their count; runs in the process that has ROOT."""
    import ROOT

    ROOT.gInterpreter.Declare(_SOURCE)
    for count in counts:
        np.save(folder / f"shuffled{count}.npy", np.array(ROOT.shuffled_twice(seed, count), dtype=np.int64))
