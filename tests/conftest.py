"""What many tests need: the shared data, the demo company, the same random draws each time."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from cxkit.workspace import Workspace

ROOT = Path(__file__).resolve().parent.parent

# Derandomised: a red test stays red until it is mended. CXKIT_THOROUGH=1 looks further.
hypothesis.settings.register_profile(
    "cxkit",
    derandomize=True,
    deadline=None,
    max_examples=1000 if os.environ.get("CXKIT_THOROUGH") == "1" else 50,
)
hypothesis.settings.load_profile("cxkit")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Find the real data: `../shared/data` beside the checkout, or the folder in CXKIT_SHARED."""
    folder = Path(os.environ.get("CXKIT_SHARED") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("no shared data beside the checkout")
    return folder


@pytest.fixture(scope="session")
def demo() -> "Workspace":
    """Open the demo company, made on the first use."""
    import cxkit

    return cxkit.open()
