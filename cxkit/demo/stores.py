"""The stores behind `cx.open()` and `cx.toy_company()`: made on first use, checked on every one."""

import shutil
from pathlib import Path

from cxkit import store as stores
from cxkit.demo.make import make
from cxkit.imports import import_exports

_ROOT = Path(__file__).parent.parent.parent
_COMMITTED = _ROOT / "data" / "demo"  # the small profile, in a checkout

_BOOK = Path(__file__).with_name("themes.toml")  # what an analyst there has named

# Five people to count along with: ann buys on her second try, bob skips the cart, cid stops,
# dan enters too late to finish, and eve has her cart before her visit.
_TOY = """\
person,when,what,where
ann,2026-01-01 10:00,visit,web
ann,2026-02-01 10:00,visit,app
ann,2026-02-02 10:00,cart,app
ann,2026-02-03 10:00,buy,app
bob,2026-01-05 10:00,visit,app
bob,2026-01-05 10:00,buy,app
cid,2026-01-07 10:00,visit,web
cid,2026-01-08 10:00,cart,web
dan,2026-03-20 10:00,visit,web
eve,2026-01-02 10:00,cart,web
eve,2026-01-03 10:00,visit,web
eve,2026-03-31 10:00,newsletter,web
"""
_TOY_MAPPING = {
    "events": {"customer_id": "person", "occurred_at": "when", "event": "what", "channel": "where"}
}


def _home() -> Path:
    """Return where stores are kept: in the checkout, or in the user's cache where there is none."""
    return _ROOT / "stores" if _COMMITTED.is_dir() else Path.home() / ".cache" / "cxkit"


def store() -> Path:
    """Return the store of the demo company, made anew where its exports are others than before."""
    folder, home = _COMMITTED, _home() / "demo"
    if not folder.is_dir():
        folder = _home() / "demo-exports"
        if not (folder / "truth.json").is_file():
            make(folder, profile="small")
    manifest = stores.read_manifest(home)
    exports = sorted(stores.sha256(path) for path in (folder / "exports").iterdir())
    if manifest and sorted(manifest.current["files"]) != exports:
        shutil.rmtree(home)
    import_exports(folder / "exports", store=home)
    if not (home / _BOOK.name).is_file():  # whoever has edited it keeps theirs
        stores.keep_text(home, _BOOK.name, _BOOK.read_text(encoding="utf-8"))
    return home


def toy() -> Path:
    """Return the store of the five people."""
    folder = _home() / "toy"
    folder.mkdir(parents=True, exist_ok=True)
    export = folder / "events.csv"
    export.write_text(_TOY, encoding="utf-8", newline="\n")
    import_exports(export, store=folder, mapping=_TOY_MAPPING)
    return folder
