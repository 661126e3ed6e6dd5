"""The reader for XES, the standard's XML for event logs: one record per event.

The attributes of a trace stand in each of its events as `case:…`, as process-mining tools write
such a log into CSV; so one recipe reads both. A document type is refused, since entities declared
in one could grow without end; what a file can unpack to is limited by `inbox`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from xml.parsers import expat

from cxkit.errors import BadFile
from cxkit.imports.inbox import open_bytes
from cxkit.imports.tree import Item

_BLOCK = 1 << 20
_VALUES = ("string", "date", "int", "float", "boolean", "id")
_CUT = "The XML breaks off or is misspelt on line {}. Download the log again."


def events(path: Path) -> Iterator[Item]:
    """Yield the events of a log in its order. Raises BadFile where it is not whole XES."""
    reader = _Reader()
    with open_bytes(path) as file:
        try:
            while block := file.read(_BLOCK):
                reader.parser.Parse(block, False)
                yield from reader.take()
            reader.parser.Parse(b"", True)
        except expat.ExpatError as problem:
            raise BadFile(_CUT.format(f"{problem.lineno:,}")) from None
    yield from reader.take()


class _Reader:
    """Collects the attributes of the trace and the event that the parser is in."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._refuse
        self._inside: list[str] = []
        self._trace: dict[str, str | None] = {}
        self._event: dict[str, str | None] = {}
        self._line = 0
        self._done: list[tuple[int, dict[str, str | None]]] = []

    def take(self) -> Iterator[Item]:
        """Yield the events that are complete."""
        done, self._done = self._done, []
        for line, row in done:
            yield line, json.dumps(row, ensure_ascii=False), row, None

    def _start(self, tag: str, said: dict[str, str]) -> None:
        name = tag.rsplit(":", 1)[-1]
        parent = self._inside[-1] if self._inside else ""
        self._inside.append(name)
        if name == "trace":
            self._trace = {}
        elif name == "event":
            self._event, self._line = {}, self.parser.CurrentLineNumber
        elif name in _VALUES and "key" in said:
            # an attribute may hold others, which say something about it: they are left out
            if parent == "trace":
                self._trace[f"case:{said['key']}"] = said.get("value")
            elif parent == "event":
                self._event[said["key"]] = said.get("value")

    def _end(self, tag: str) -> None:
        if self._inside.pop() == "event":
            self._done.append((self._line, {**self._event, **self._trace}))

    def _refuse(self, *_: object) -> None:
        raise BadFile(
            "It is XML with a document type of its own, which is never read. Export the log as XES."
        )
