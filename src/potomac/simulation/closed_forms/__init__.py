"""Exact answers, each from its textbook: queues, networks, stocks, reliability, chances.

Functions are pure. Times and rates are in whatever unit the caller uses throughout; probabilities are shares. Where
there is no long run to speak of, they raise :class:`~potomac.errors.NoAnswer`.
"""

from potomac.simulation.closed_forms.birth_death import passage_up, stationary
from potomac.simulation.closed_forms.chances import HANDS, craps, dice_sum, poker_hand, ruin, ruin_duration
from potomac.simulation.closed_forms.deterministic import md1, mdc
from potomac.simulation.closed_forms.general import (
    BusyPeriod,
    Transform,
    batch_mg1,
    batch_mm1,
    busy_period,
    deterministic_transform,
    exponential_transform,
    gamma_transform,
    gi_m_1,
    gi_m_c,
    hyperexponential_transform,
    lcfs_preemptive,
    mg1,
    mgcc,
    processor_sharing,
    renewal_root,
    uniform_transform,
)
from potomac.simulation.closed_forms.limited import Limited, batch_mmc, mmc_failing, mmc_limited
from potomac.simulation.closed_forms.markovian import (
    FiniteSource,
    Impatient,
    Repair,
    erlang_a,
    erlang_b,
    erlang_c,
    finite_source,
    machine_repair,
    mm_infinity,
    mmc,
    mmck,
)
from potomac.simulation.closed_forms.networks import (
    ClosedNetwork,
    OpenNetwork,
    closed_network,
    jackson,
    tandem,
    traffic,
)
from potomac.simulation.closed_forms.newsvendor import newsvendor
from potomac.simulation.closed_forms.patience import mmc_patience
from potomac.simulation.closed_forms.positions import Policy, rq_lost, stock_by_position
from potomac.simulation.closed_forms.priorities import mg1_preemptive, mg1_priority, mmc_preemptive, mmc_priority
from potomac.simulation.closed_forms.reliability import (
    Repairable,
    availability,
    k_out_of_n,
    mttf_k_out_of_n,
    parallel,
    repairable_k_out_of_n,
    series,
    standby_mttf,
    standby_reliability,
)
from potomac.simulation.closed_forms.station import Station
from potomac.simulation.closed_forms.stock import (
    Lot,
    Newsvendor,
    Reviewed,
    Stock,
    base_stock,
    base_stock_lost,
    economic_order_quantity,
    newsvendor_discrete,
    newsvendor_exponential,
    newsvendor_normal,
    newsvendor_poisson,
    newsvendor_uniform,
    quantity_discount,
    rq,
    ss,
    ss_periodic,
)
from potomac.simulation.closed_forms.transient import gg1_transient_waits, mm1_transient_waits

__all__ = [
    "HANDS",
    "BusyPeriod", "ClosedNetwork", "FiniteSource", "Impatient", "Limited", "Lot", "Newsvendor", "OpenNetwork", "Policy",
    "Repair", "Repairable", "Reviewed", "Station", "Stock", "Transform",
    "availability", "base_stock", "base_stock_lost", "batch_mg1", "batch_mm1", "batch_mmc", "busy_period",
    "closed_network", "craps", "deterministic_transform", "dice_sum", "economic_order_quantity", "erlang_a", "erlang_b",
    "erlang_c", "exponential_transform", "finite_source", "gamma_transform", "gg1_transient_waits", "gi_m_1", "gi_m_c",
    "hyperexponential_transform", "jackson", "k_out_of_n", "lcfs_preemptive", "machine_repair", "md1", "mdc", "mg1",
    "mg1_preemptive", "mg1_priority", "mgcc", "mm1_transient_waits", "mm_infinity", "mmc", "mmc_failing", "mmc_limited",
    "mmc_patience", "mmc_preemptive", "mmc_priority", "mmck", "mttf_k_out_of_n", "newsvendor", "newsvendor_discrete",
    "newsvendor_exponential", "newsvendor_normal", "newsvendor_poisson", "newsvendor_uniform", "parallel", "passage_up",
    "poker_hand", "processor_sharing", "quantity_discount", "renewal_root", "repairable_k_out_of_n", "rq", "rq_lost",
    "ruin", "ruin_duration", "series", "ss", "ss_periodic", "standby_mttf", "standby_reliability", "stationary",
    "stock_by_position", "tandem", "traffic", "uniform_transform",
]  # fmt: skip
