"""Do two systems come to the same scores? Where they do not, they did not do the same work.

The trainings of two systems start from other random weights, so their scores differ by chance. How far, is
measured: every run has another seed, so each fold of each configuration is trained several times by each system.
What varies between seeds within a fold is noise of the initialisation (and of the order of the examples); what
varies between folds is not, because all systems have the same folds. So with R and S runs of two systems on K folds,
the difference of their means over everything has the standard error s * sqrt((1/R + 1/S) / K), s² being
the variance within folds, over all systems. The bound is that times a quantile of Student's t, chosen so that a
comparison of equal systems is declared void once in a thousand times, over all configurations and peers.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

FALSE_ALARMS = 0.001
# Below this no difference matters, however many runs there are to make it significant: a tenth of a percent.
LEAST_BOUND = 0.001
# Above this the check would let pass what is not the same work.
MOST_BOUND = 0.02
OTHER, TOO_NOISY = "other scores", "too noisy to tell: more rounds"


@dataclass
class Comparison:
    """One configuration of one peer, against ours."""

    configuration: int
    peer: str
    ours: float
    difference: float  # the peer's mean accuracy less ours
    bound: float
    std_over_seeds: float
    std_over_folds: float

    def fault(self, most_bound: float) -> str:
        """Empty, or why the whole comparison is void."""
        if abs(self.difference) > self.bound:
            return OTHER
        return TOO_NOISY if self.bound > most_bound else ""


def compare(scores: dict[str, np.ndarray], ours: str) -> list[Comparison]:
    """`scores` of each system: `[runs, configurations, folds]`. At least one has two runs."""
    folds = scores[ours].shape[2]
    squares = sum(((s - s.mean(axis=0)) ** 2).sum(axis=(0, 2)) for s in scores.values())
    freedom = sum((len(s) - 1) * folds for s in scores.values())
    std_over_seeds = np.sqrt(squares / freedom)
    of_fold = np.concatenate(list(scores.values())).mean(axis=0)
    our_means = scores[ours].mean(axis=(0, 2))
    peers = [name for name in scores if name != ours]
    quantile = stats.t.isf(FALSE_ALARMS / 2 / (len(our_means) * len(peers)), freedom)
    comparisons = []
    for peer in peers:
        differences = scores[peer].mean(axis=(0, 2)) - our_means
        errors = std_over_seeds * np.sqrt((1 / len(scores[ours]) + 1 / len(scores[peer])) / folds)
        for number, (difference, error) in enumerate(zip(differences, errors)):
            comparisons.append(
                Comparison(
                    configuration=number,
                    peer=peer,
                    ours=float(our_means[number]),
                    difference=float(difference),
                    bound=max(LEAST_BOUND, float(quantile * error)),
                    std_over_seeds=float(std_over_seeds[number]),
                    std_over_folds=float(of_fold[number].std(ddof=1)),
                )
            )
    return comparisons
