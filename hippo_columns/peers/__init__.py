"""The other ways to learn one task after another, over the same network, data and budget.

In: tasks and a peer's settings. Out: accuracies after every task. Methods are built from the papers; each names its
equation and how it differs. Knows nothing of columns that are masked, or of sleep.
"""

from hippo_columns.peers.config import MethodConfig, PeersConfig, Scenario, load_peers
from hippo_columns.peers.train import PeerResult, run_peer

__all__ = ["MethodConfig", "PeerResult", "PeersConfig", "Scenario", "load_peers", "run_peer"]
