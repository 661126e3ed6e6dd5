"""The demo company: Brindlewick, a made-up home and garden shop with planted truths.

Every effect in it is known, so every analysis can be checked against it. The exports look as the
company's tools would write them; `truth.json` beside them is for tests alone.
"""

from typing import Any

from cxkit.demo.company import PROFILES
from cxkit.demo.make import make

__all__ = ["PROFILES", "make", "store", "toy"]


def __getattr__(name: str) -> Any:
    # making the exports needs no importer: only the stores do
    if name in ("store", "toy"):
        from cxkit.demo import stores

        return getattr(stores, name)
    raise AttributeError(f"cxkit.demo has no {name!r}")
