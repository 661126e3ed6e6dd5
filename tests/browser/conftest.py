"""A browser that reaches nothing but this machine, and remembers what it was asked for."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
PICTURES = os.environ.get("CXKIT_SCREENSHOTS")
_FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
_HERE = re.compile(r"(file:|data:|blob:|about:|(https?|wss?)://127\.0\.0\.1[:/])")


class Watched:
    """A page, what its console complained of, and the addresses outside that it asked for."""

    def __init__(self, page: "playwright.Page") -> None:
        self.page = page
        self.complaints: list[str] = []
        self.outside: list[str] = []
        page.route(re.compile(".*"), self._gate)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._hear)

    def _gate(self, route: "playwright.Route") -> None:
        if _HERE.match(route.request.url):
            route.continue_()
        else:
            self.outside.append(route.request.url)
            route.abort()

    def _hear(self, message: "playwright.ConsoleMessage") -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def picture(self, name: str, height: int | None = None) -> None:
        """Keep a picture where CXKIT_SCREENSHOTS says: of the whole page, or so much of it."""
        if PICTURES:
            clip = {"x": 0, "y": 0, "width": self.page.evaluate("innerWidth"), "height": height}
            self.page.evaluate("document.querySelectorAll('*').forEach(e => e.scrollTo(0, 0))")
            path = Path(PICTURES) / f"{name}.png"
            self.page.screenshot(path=path, full_page=True, clip=clip if height else None)


@pytest.fixture
def browse(tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    """Return a function that opens a watched page of a given width and height."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if chromium is None:
        pytest.skip("no Chromium on this machine: install Debian's package chromium")
    with playwright.sync_playwright() as driver:
        context = driver.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=chromium, args=_FLAGS, headless=True
        )

        def opened(width: int = 1360, height: int = 900) -> Watched:
            watched = Watched(context.new_page())
            watched.page.set_viewport_size({"width": width, "height": height})
            return watched

        yield opened
        context.close()
