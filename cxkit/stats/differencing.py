"""Could sums over groups that overlap be subtracted until they tell of a few people alone?"""

from collections.abc import Sequence
from itertools import combinations

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


def sides_tell_of_few(
    held: npt.ArrayLike, rest: npt.ArrayLike, person: Sequence[int], least: int
) -> bool:
    """Say whether sums over either side of several splits can be subtracted to tell of few people.

    `held` and `rest` have one row per split and one column per answer, true where the answer is on
    that side; an answer may be on neither. The sums of each side are combined in all ways (see
    `tells_of_few`); of both sides together each two splits are subtracted.

    >>> first, second = [True] * 9 + [False] * 9, [False] * 9 + [True] * 9
    >>> sides_tell_of_few([first, second], [second, first], range(18), least=9)
    False
    >>> sides_tell_of_few([first, second], [second, [True] * 8 + [False] * 10], range(18), least=9)
    True
    """
    of, others = np.asarray(held, bool), np.asarray(rest, bool)
    if any(tells_of_few(side.T, person, least, total=False) for side in (of, others)):
        return True
    who = np.asarray(person)
    pairs = combinations(of | others, 2)
    return any(0 < len(np.unique(who[one != other])) < least for one, other in pairs)


def _kernel(sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the weights, one column each, with which sums come to nothing."""
    _, sizes, rows = np.linalg.svd(sums, full_matrices=True)
    return np.asarray(rows[int((sizes > _ZERO).sum()) :].T)
