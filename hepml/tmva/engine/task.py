"""What runs inside the process that has a real TMVA. It needs ROOT and nothing else, since it may be a foreign Python.

Names, titles and options reach TMVA as the strings that they are, never as code.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from hepml.errors import MissingDependencyError, RootProcessError, TMVAError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["respond", "train", "version"]

_QUIET = "!V:!Color:!Silent:!DrawProgressBar"
_READER = """
#include <fstream>
#include <string>
#include <vector>
namespace hepml_tmva {
int respond(const std::string &weights, const std::string &method, const std::vector<std::string> &variables,
            const std::vector<std::string> &spectators, const std::string &input, const std::string &output,
            long long n_events, int what, double parameter)
{
   TMVA::Reader reader("!Color:Silent");
   std::vector<float> values(variables.size() + spectators.size());
   for (std::size_t i = 0; i < variables.size(); ++i) reader.AddVariable(variables[i].c_str(), &values[i]);
   for (std::size_t i = 0; i < spectators.size(); ++i)
      reader.AddSpectator(spectators[i].c_str(), &values[variables.size() + i]);
   const TString name(method.c_str());
   reader.BookMVA(name, weights.c_str());
   std::ifstream in(input, std::ios::binary);
   std::ofstream out(output, std::ios::binary);
   std::vector<double> answer(1);
   for (long long event = 0; event < n_events; ++event) {
      in.read(reinterpret_cast<char *>(values.data()), sizeof(float) * values.size());
      if (what == 0) answer[0] = reader.EvaluateMVA(name, parameter);
      else if (what == 3) answer[0] = reader.GetProba(name, parameter);
      else if (what == 4) answer[0] = reader.GetRarity(name);
      else {
         const std::vector<float> &several = what == 1 ? reader.EvaluateMulticlass(name) : reader.EvaluateRegression(name);
         answer.assign(several.begin(), several.end());
      }
      out.write(reinterpret_cast<const char *>(answer.data()), sizeof(double) * answer.size());
   }
   return out.good() && in.good() ? static_cast<int>(answer.size()) : -1;
}
}
"""
_ORDER = """
#include <fstream>
#include <string>
#include <vector>
namespace hepml_tmva {
// Bring the events of a part into an order, and give them weights; returns how many events TMVA has.
long long arrange(TMVA::DataSetInfo &info, int part, const std::string &order, const std::string &weights)
{
   const auto type = static_cast<TMVA::Types::ETreeType>(part);
   auto &events = const_cast<std::vector<TMVA::Event *> &>(info.GetDataSet()->GetEventCollection(type));
   std::ifstream places(order, std::ios::binary), numbers(weights, std::ios::binary);
   std::vector<TMVA::Event *> arranged(events.size(), nullptr);
   long long place, seen = 0;
   while (places.read(reinterpret_cast<char *>(&place), sizeof(place))) {
      if (seen < static_cast<long long>(events.size())) arranged[place] = events[seen];
      ++seen;
   }
   if (seen != static_cast<long long>(events.size())) return events.size();
   double weight;
   for (auto *event : arranged)
      if (numbers.read(reinterpret_cast<char *>(&weight), sizeof(weight))) event->SetWeight(weight);
   events.swap(arranged);
   return events.size();
}
}
"""


def version(folder: Path) -> str:  # noqa: ARG001  (a task is given the folder)
    """Let TMVA print its version, and return that of ROOT."""
    import ROOT  # type: ignore[import-not-found,import-untyped,unused-ignore]

    tmva = _tmva(ROOT)
    tmva.gTools().TMVAVersionMessage(tmva.MsgLogger("hepml"))
    return str(ROOT.gROOT.GetVersion())


def train(
    folder: Path,
    *,
    kind: str,
    name: str,
    options: str,
    analysis_type: str,
    preparation: str,
    trees: list[dict[str, str]],
    weight: str,
    variables: list[list[str]],
    spectators: list[list[str]],
    targets: list[list[str]],
    categories: list[list[str]],
    arranged: dict[str, int],
    tests: bool,
) -> None:
    """Train a method with the trees of ``input.root``; TMVA leaves its files in the folder ``dataset``.

    Parameters
    ----------
    folder : pathlib.Path
        Where the process runs.
    kind, name, options : str
        The method.
    analysis_type, preparation : str
        Of the factory, and options of ``PrepareTrainingAndTestTree``.
    trees : list of dict
        ``tree``, ``class_name`` and ``part`` ("Training" or "Test"), classes in the order of their index.
    weight : str
        Branch of the weights.
    variables, spectators, targets : list of list of str
        Declaration, title, unit and, of variables, type.
    categories : list of list of str
        Cut, variables, kind, name and options of the members of a ``Category``.
    arranged : dict of str to int
        Parts whose events are put into an order, and how many events they have. ``PART.order`` has the place (int64) of
        each event as it stands in the trees, one behind the other, and ``PART.weights`` the weights (float64) in that order.
    tests : bool
        Whether there are test events to evaluate the method with.
    """
    import ROOT

    tmva = _tmva(ROOT)
    source = ROOT.TFile.Open(str(folder / "input.root"))
    output = ROOT.TFile.Open(str(folder / "TMVA.root"), "RECREATE")
    factory = tmva.Factory("TMVA", output, f"{_QUIET}:AnalysisType={analysis_type}")
    # before ROOT 6.8 the factory itself takes the trees
    loader = tmva.DataLoader("dataset") if _has(tmva, "DataLoader") else factory
    for item in trees:
        loader.AddTree(source.Get(item["tree"]), item["class_name"], 1.0, ROOT.TCut(""), item["part"])
    for class_name in dict.fromkeys(item["class_name"] for item in trees):
        loader.SetWeightExpression(weight, class_name)
    for text, title, unit, letter in variables:
        loader.AddVariable(text, title, unit, letter)
    for text, title, unit in spectators:
        loader.AddSpectator(text, title, unit)
    for text, title, unit in targets:
        loader.AddTarget(text, title, unit)
    loader.PrepareTrainingAndTestTree(ROOT.TCut(""), preparation)
    where = () if loader is factory else (loader,)
    # the kind by its name: PyROOT takes the overload for names where it is given the enumerator
    method = factory.BookMethod(*where, kind, name, options)
    if not method:
        msg = (
            f"TMVA did not book {kind}: it does not know the method, or the method does not do {analysis_type.lower()}"
        )
        raise TMVAError(msg)
    for part, n_events in arranged.items():
        _arrange(ROOT, folder, method.DataInfo(), part, n_events)
    for cut, names, member, title, choices in categories:
        number = tmva.Types.Instance().GetMethodType(member)
        method.AddMethod(ROOT.TCut(cut), names, number, title, choices)
    factory.TrainAllMethods()
    if tests:
        factory.TestAllMethods()
        factory.EvaluateAllMethods()
    output.Close()
    source.Close()


def respond(
    folder: Path,
    *,
    weights: str,
    name: str,
    variables: list[str],
    spectators: list[str],
    n_events: int,
    what: int,
    parameter: float,
) -> int:
    """Book a weights file in a Reader and let it answer for the events of ``input.bin``, into ``output.bin``.

    Parameters
    ----------
    folder : pathlib.Path
        Where the process runs.
    weights, name : str
        File and name of the method.
    variables, spectators : list of str
        Expressions.
    n_events : int
        Rows of the input.
    what : int
        0 EvaluateMVA, 1 EvaluateMulticlass, 2 EvaluateRegression, 3 GetProba, 4 GetRarity.
    parameter : float
        Signal efficiency of cuts, or signal fraction of GetProba.

    Returns
    -------
    int
        Numbers for each event.
    """
    import ROOT

    # MethodTMlpANN unpacks its weights there, and TMVA makes no folder in a folder
    # where MethodTMlpANN unpacks its weights; TMVA makes no folder inside of one that is not there
    (folder / "Default" / "weights").mkdir(parents=True)
    tmva = _tmva(ROOT)
    # the attribute loads the library, and with it the declaration
    _ = tmva.Reader
    if not hasattr(ROOT, "hepml_tmva"):
        include = '#if __has_include("TMVA/Reader.h")\n#include "TMVA/Reader.h"\n#endif\n'
        if not ROOT.gInterpreter.Declare(include + _READER):
            msg = "ROOT could not compile the loop over a TMVA::Reader"
            raise RootProcessError(msg)
    strings = ROOT.std.vector["std::string"]
    n_outputs = ROOT.hepml_tmva.respond(
        weights,
        name,
        strings(variables),
        strings(spectators),
        str(folder / "input.bin"),
        str(folder / "output.bin"),
        n_events,
        what,
        parameter,
    )
    if n_outputs < 0:
        msg = "the events could not be read, or the responses not be written: the disk may be full"
        raise RootProcessError(msg)
    return int(n_outputs)


def _arrange(root: Any, folder: Path, info: Any, part: str, n_events: int) -> None:
    tmva = root.TMVA
    # the attributes load the declarations
    _ = tmva.DataSet, tmva.DataSetInfo, tmva.Event
    if not hasattr(root, "hepml_tmva"):
        headers = "".join(
            f'#if __has_include("TMVA/{name}.h")\n#include "TMVA/{name}.h"\n#endif\n'
            for name in ("DataSet", "DataSetInfo", "Event")
        )
        if not root.gInterpreter.Declare(headers + _ORDER):
            msg = "ROOT could not compile what brings TMVA's events into their order"
            raise RootProcessError(msg)
    number = int(tmva.Types.kTraining if part == "Training" else tmva.Types.kTesting)
    there = root.hepml_tmva.arrange(info, number, str(folder / f"{part}.order"), str(folder / f"{part}.weights"))
    if there != n_events:
        msg = f"TMVA kept {there} of the {n_events} {part.lower()} events that it was given"
        raise RootProcessError(msg)


def _tmva(root: Any) -> Any:
    """Return the namespace, of the library that the environment names or of ROOT itself."""
    library = os.environ.get("HEPML_TMVA_LIBRARY")
    if library and root.gSystem.Load(library) < 0:
        msg = f"ROOT cannot load {library}, which HEPML_TMVA_LIBRARY names"
        raise MissingDependencyError(msg)
    if not _has(root, "TMVA") or not _has(root.TMVA, "Factory"):
        msg = f"this ROOT ({root.gROOT.GetVersion()}) was built without TMVA"
        raise MissingDependencyError(msg)
    return root.TMVA


def _has(namespace: Any, name: str) -> bool:
    try:
        getattr(namespace, name)
    except Exception:  # noqa: BLE001  (what PyROOT raises depends on its release)
        return False
    return True
