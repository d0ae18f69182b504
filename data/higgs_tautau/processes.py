"""Process cards of the H -> tau tau sample: generator settings, cross sections and decays."""

from __future__ import annotations

from dataclasses import dataclass

# ATLAS 2015+2016 data set at 13 TeV
LUMINOSITY_FB = 36.1

# Review of Particle Physics 2022: B(tau -> e nu nu) + B(tau -> mu nu nu)
TAU_TO_LEPTON = 0.1782 + 0.1739
TAU_PAIR_TO_LEPTON_HADRON = 2 * TAU_TO_LEPTON * (1 - TAU_TO_LEPTON)
# B(W -> l nu), one flavour, and summed over e, mu and tau
W_TO_ONE_LEPTON = 0.1086
W_TO_LEPTON = 3 * W_TO_ONE_LEPTON
# LHC Higgs Cross Section Working Group, Yellow Report 4, m_H = 125 GeV
HIGGS_TO_TAU_TAU = 0.06272

BEAM = ("Beams:idA = 2212", "Beams:idB = 2212", "Beams:eCM = 13000.")
QUIET = ("Print:quiet = on", "Next:numberCount = 0")

# Without spin correlations Pythia decays taus many times faster. The lepton then follows the V-A matrix element
# (meMode 22), and the two- and three-pion decays go through their resonances.
UNPOLARISED_TAU = (
    "TauDecays:mode = 0",
    "15:2:products = 16 11 -12",
    "15:2:meMode = 22",
    "15:3:products = 16 13 -14",
    "15:3:meMode = 22",
    "15:4:products = 16 -213",
    "15:4:meMode = 0",
    "15:9:products = 16 -20213",
    "15:9:meMode = 0",
    "15:10:products = 16 -20213",
    "15:10:meMode = 0",
)

HADRONS = "111 130 211 213 221 223 310 311 321 323 20213"
TAU_MINUS_TO_LEPTON = ("15:onMode = off", "15:onPosIfAny = 11 13", f"15:onNegIfAny = {HADRONS}")
TAU_PLUS_TO_LEPTON = ("15:onMode = off", "15:onNegIfAny = 11 13", f"15:onPosIfAny = {HADRONS}")
LEPTONS, QUARKS = "11 13 15", "1 2 3 4 5"


def _w_decays(plus: str, minus: str) -> tuple[str, ...]:
    """Return the settings that open channels for W+ and W-; what both share must be opened for both at once."""
    both, only_plus, only_minus = (
        " ".join(sorted(codes, key=int))
        for codes in (
            set(plus.split()) & set(minus.split()),
            set(plus.split()) - set(minus.split()),
            set(minus.split()) - set(plus.split()),
        )
    )
    lines = ["24:onMode = off"]
    for key, codes in (("onIfAny", both), ("onPosIfAny", only_plus), ("onNegIfAny", only_minus)):
        if codes:
            lines.append(f"24:{key} = {codes}")
    return tuple(lines)


@dataclass(frozen=True)
class Variant:
    """One way to force the decays of a process.

    Parameters
    ----------
    settings : tuple of str
        Pythia settings.
    fraction : float
        Part of the process's cross section; the fractions of all variants sum to 1.
    share : float
        Part of the generated events; the shares sum to 1. Every event carries the weight fraction / share.
    """

    settings: tuple[str, ...]
    fraction: float
    share: float


_TAU_VARIANTS = (Variant(TAU_MINUS_TO_LEPTON, 0.5, 0.5), Variant(TAU_PLUS_TO_LEPTON, 0.5, 0.5))
_W, _E_MU = W_TO_ONE_LEPTON, 2 * W_TO_ONE_LEPTON
_AT_LEAST_ONE_LEPTON = 2 * W_TO_LEPTON - W_TO_LEPTON**2
# more of the rare events with a real tau than of those where a jet must be taken for one
_TOP_VARIANTS = (
    Variant(_w_decays("11 13", "15"), _E_MU * _W / _AT_LEAST_ONE_LEPTON, 0.24),
    Variant(_w_decays("15", "11 13"), _E_MU * _W / _AT_LEAST_ONE_LEPTON, 0.24),
    Variant(_w_decays("15", "15"), _W**2 / _AT_LEAST_ONE_LEPTON, 0.06),
    Variant(_w_decays("11 13", "11 13"), _E_MU**2 / _AT_LEAST_ONE_LEPTON, 0.06),
    Variant(_w_decays(LEPTONS, QUARKS), W_TO_LEPTON * (1 - W_TO_LEPTON) / _AT_LEAST_ONE_LEPTON, 0.20),
    Variant(_w_decays(QUARKS, LEPTONS), W_TO_LEPTON * (1 - W_TO_LEPTON) / _AT_LEAST_ONE_LEPTON, 0.20),
)


@dataclass(frozen=True)
class Process:
    """One process of the sample.

    Parameters
    ----------
    name : str
        Name of the file and of the process.
    number : int
        Small positive number; the run number is 1000 + number, event numbers start at number * 10^12.
    title : str
        What is generated.
    hard_process : tuple of str
        Pythia settings of the hard process and its phase space.
    variants : tuple of Variant
        The forced decays.
    xsec_pb : float
        Cross section times the branching fractions of the generated final state, in pb.
    xsec_source : str
        Where the cross section comes from.
    lo_factor : float
        What turns the sum of Pythia's cross sections over the variants into that of the generated final state:
        Pythia accounts for the open channels of resonances, but not for those of tau leptons.
    jets_fake_tau : bool
        Whether a jet may be chosen as the hadronic tau.
    events : int
        Number of selected events of the committed sample.
    """

    name: str
    number: int
    title: str
    hard_process: tuple[str, ...]
    variants: tuple[Variant, ...]
    xsec_pb: float
    xsec_source: str
    lo_factor: float
    jets_fake_tau: bool
    events: int


PROCESSES = (
    Process(
        name="ggH",
        number=1,
        title="gluon fusion, H -> tau tau -> l tau_h, m_H = 125 GeV",
        hard_process=("HiggsSM:gg2H = on", "25:m0 = 125.", "25:onMode = off", "25:onIfAny = 15"),
        variants=_TAU_VARIANTS,
        xsec_pb=48.58 * HIGGS_TO_TAU_TAU * TAU_PAIR_TO_LEPTON_HADRON,
        xsec_source="N3LO QCD + NLO EW, Yellow Report 4 (arXiv:1610.07922)",
        lo_factor=TAU_PAIR_TO_LEPTON_HADRON / 2,
        jets_fake_tau=False,
        events=9_000,
    ),
    Process(
        name="VBFH",
        number=2,
        title="vector-boson fusion, H -> tau tau -> l tau_h, m_H = 125 GeV",
        hard_process=(
            "HiggsSM:ff2Hff(t:ZZ) = on",
            "HiggsSM:ff2Hff(t:WW) = on",
            "SpaceShower:dipoleRecoil = on",
            "25:m0 = 125.",
            "25:onMode = off",
            "25:onIfAny = 15",
        ),
        variants=_TAU_VARIANTS,
        xsec_pb=3.782 * HIGGS_TO_TAU_TAU * TAU_PAIR_TO_LEPTON_HADRON,
        xsec_source="NNLO QCD + NLO EW, Yellow Report 4 (arXiv:1610.07922)",
        lo_factor=TAU_PAIR_TO_LEPTON_HADRON / 2,
        jets_fake_tau=False,
        events=6_000,
    ),
    Process(
        name="Ztautau",
        number=3,
        title="Z/gamma* -> tau tau -> l tau_h, m > 50 GeV",
        hard_process=(
            "WeakSingleBoson:ffbar2gmZ = on",
            "PhaseSpace:mHatMin = 50.",
            "23:onMode = off",
            "23:onIfAny = 15",
        ),
        variants=_TAU_VARIANTS,
        xsec_pb=6077.22 / 3 * TAU_PAIR_TO_LEPTON_HADRON,
        xsec_source="NNLO QCD + NLO EW, FEWZ 3.1, m > 50 GeV, as used by CMS at 13 TeV",
        lo_factor=TAU_PAIR_TO_LEPTON_HADRON / 2,
        jets_fake_tau=False,
        events=12_000,
    ),
    Process(
        name="ttbar",
        number=4,
        title="top pairs with at least one W -> l nu (l = e, mu, tau), m_t = 172.5 GeV",
        hard_process=("Top:gg2ttbar = on", "Top:qqbar2ttbar = on", "6:m0 = 172.5"),
        variants=_TOP_VARIANTS,
        xsec_pb=831.76 * _AT_LEAST_ONE_LEPTON,
        xsec_source="NNLO + NNLL, Top++ 2.0 (arXiv:1303.6254)",
        lo_factor=1.0,
        jets_fake_tau=True,
        events=8_000,
    ),
    Process(
        name="Wjets",
        number=5,
        title="W -> l nu (l = e, mu, tau) with jets, one of which is taken for the tau",
        hard_process=("WeakSingleBoson:ffbar2W = on",),
        variants=(Variant(_w_decays(LEPTONS, LEPTONS), 1.0, 1.0),),
        xsec_pb=61526.7,
        xsec_source="NNLO QCD + NLO EW, FEWZ 3.1, as used by CMS at 13 TeV",
        lo_factor=1.0,
        jets_fake_tau=True,
        events=9_000,
    ),
)


def generator_settings(process: Process, variant: int, seed: int, *, spin: bool, mpi: bool) -> list[str]:
    """Return the lines that configure Pythia for one variant of a process.

    Parameters
    ----------
    process : Process
        What to generate.
    variant : int
        Index into ``process.variants``.
    seed : int
        Seed of Pythia's generator, 1 to 900 000 000.
    spin : bool
        Decay tau leptons with spin correlations (slow).
    mpi : bool
        Simulate multiparton interactions (slow).

    Returns
    -------
    list of str
        One setting a line, in the order in which Pythia must read them.
    """
    return [
        *QUIET,
        *BEAM,
        *process.hard_process,
        *(() if spin else UNPOLARISED_TAU),
        *process.variants[variant].settings,
        f"PartonLevel:MPI = {'on' if mpi else 'off'}",
        "Random:setSeed = on",
        f"Random:seed = {seed}",
    ]
