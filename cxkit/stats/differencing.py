"""Could sums over groups that overlap be subtracted until they tell of a few people alone?"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_ZERO = 1e-9


def tells_of_few(
    held: npt.ArrayLike,
    person: Sequence[int] | npt.NDArray[np.int64],
    least: int,
    *,
    total: bool = True,
) -> bool:
    """Say whether sums over all rows and over each group can be combined to tell of few people.

    `held` has one row per answer and one column per group, true where the answer is in it;
    `person` says whose it is. Without `total` the sum over all rows is not known, only those over
    groups. What can be worked out is every weighted sum of these sums, and rows in the same groups,
    a cell, only ever come together: a combination of few people alone is of cells of few people
    alone. Where there is one such combination, its people are counted; where there are several,
    which may be combined in turn, they are taken to tell of few.

    >>> nested = [[True, True]] * 10 + [[True, False]] * 9
    >>> tells_of_few(nested, range(19), least=9), tells_of_few(nested, range(19), least=10)
    (False, True)
    >>> tells_of_few([[True]] * 10 + [[False]], range(11), least=10, total=False)
    False
    """
    rows = np.asarray(held, bool).reshape(len(person), -1)
    cells, of = np.unique(rows, axis=0, return_inverse=True)
    who = np.unique(np.asarray(person), return_inverse=True)[1]
    whose = np.unique(np.column_stack([of.ravel(), who]), axis=0)
    few = np.bincount(whose[:, 0], minlength=len(cells)) < least
    sums = np.column_stack([np.full(len(cells), total), cells]).astype(float)
    alone = sums[few] @ _kernel(sums[~few])  # what is left where the cells of many cancel out
    several = int(np.linalg.matrix_rank(alone)) if alone.size else 0
    if several != 1:
        return several > 1
    told = np.flatnonzero(few)[np.abs(alone).max(axis=1) > _ZERO]
    return len(np.unique(whose[np.isin(whose[:, 0], told), 1])) < least


def _kernel(sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the weights, one column each, with which sums come to nothing."""
    _, sizes, rows = np.linalg.svd(sums, full_matrices=True)
    return np.asarray(rows[int((sizes > _ZERO).sum()) :].T)
