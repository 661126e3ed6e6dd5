"""Which files are there, and what is each by its content? Nothing in the inbox is ever written to.

A file's name decides nothing: a CSV called `.xlsx` is read as a CSV, and a login page called
`.csv` is refused. What cannot be a table raises BadFile with one sentence for the reader.
"""

import codecs
import gzip
import hashlib
import io
import os
import re
import shutil
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from cxkit.errors import BadFile, CxError
from cxkit.store import sha256

# Left behind by downloads, editors and file managers; never an export.
_PASSING = (".tmp", ".part", ".partial", ".crdownload", ".download", ".lock", "~")
_PASSING_NAMES = {"thumbs.db", "desktop.ini", "__macosx"}

_LARGEST_BOOK = 256 << 20  # of XML, which takes several times as much memory
_LARGEST_UNPACKED = 8 << 30
_LARGEST_RATIO = 200  # real tables pack 5 to 30 times
_MOST_MEMBERS = 10_000  # of an archive
_UNPACK = "Unpack it and import the files inside."
_SMALL_ENOUGH = 100 << 20  # unpacked; below this the ratio does not matter


@dataclass(frozen=True)
class Found:
    """One file of the inbox: `name` is its path inside the folder that was imported."""

    path: Path
    name: str


def found(source: Path, *, store: Path) -> list[Found]:
    """Return the files to import, in the order of their names. Raises CxError where none are."""
    if source.is_file():
        return [Found(source, source.name)]
    if not source.is_dir():
        raise CxError(
            f"There is no file or folder '{source.name}'. Give the folder that holds your exports."
        )
    inside = store.resolve()
    files = [
        Found(path, path.relative_to(source).as_posix())
        for path in source.rglob("*")
        if path.is_file() and not _passing(path, source) and inside not in path.resolve().parents
    ]
    if not files:
        raise CxError(
            f"The folder '{source.name}' holds no files to import. "
            "Put your exports (CSV, Excel, JSON or Parquet) into it."
        )
    return sorted(files, key=lambda file: file.name)


def _passing(path: Path, source: Path) -> bool:
    return _in_passing(path.relative_to(source).parts) or (source / "cx.toml") == path


def _in_passing(names: Sequence[str]) -> bool:
    parts = [name.lower() for name in names]
    return parts[-1].endswith(_PASSING) or any(
        part.startswith((".", "~$")) or part in _PASSING_NAMES for part in parts
    )


def digest(path: Path) -> str:
    """Return the hash of a file's content: its identity from here on."""
    try:
        return sha256(path)
    except OSError as problem:
        raise BadFile(_locked(problem)) from None


def unread(path: Path) -> str:
    """Return an identity for a file whose content cannot be read."""
    return hashlib.sha256(path.name.encode("utf-8", "surrogateescape")).hexdigest()


def _locked(problem: OSError) -> str:
    why = problem.strerror or "unknown reason"
    return f"It could not be read ({why}). Close it elsewhere and import again."


def copy_raw(path: Path, store: Path, digest: str) -> Path:
    """Copy a file to `raw/` under the hash of its content, and return the copy's path.

    Raises BadFile where the file cannot be opened or changes while it is read, OSError where the
    copy cannot be written.
    """
    copy = store / "raw" / (digest + _suffix(path))
    copy.parent.mkdir(parents=True, exist_ok=True)
    passing = copy.with_name(f"{copy.name}.{os.getpid()}.tmp")
    try:
        source = path.open("rb")
    except OSError as problem:
        raise BadFile(_locked(problem)) from None
    try:
        with source, passing.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
            target.flush()
            os.fsync(target.fileno())
        if sha256(passing) != digest:
            raise BadFile(
                "It is still being written. Wait until the download ends and import again."
            )
        passing.replace(copy)
    finally:
        passing.unlink(missing_ok=True)
    return copy


def _suffix(path: Path) -> str:
    """Return the ending as a hint for people who look into `raw/`: only letters and digits."""
    return "".join(s.lower() for s in path.suffixes[-2:] if re.fullmatch(r"\.[A-Za-z0-9]{1,8}", s))


# Told the bytes of every block that is read, where someone shows how far the reading is.
listener: Callable[[int], None] | None = None
PASSES = 4  # times that a reader goes through a text: encoding, records, end, second count


def tell(path: Path, share: float) -> None:
    """Tell the listener that so much of a file is read, which its reader opens by itself."""
    if listener:
        listener(round(PASSES * path.stat().st_size * share))


class _Heard(io.FileIO):
    """A file that tells the listener what is read of it."""

    def readinto(self, buffer: Any) -> int | None:
        """Read as `FileIO` does, and tell."""
        size = super().readinto(buffer)
        if listener and size:
            listener(size)
        return size


def heard(path: Path) -> IO[bytes]:
    """Open a file for reading its bytes as they are; what is read of it is told."""
    return io.BufferedReader(_Heard(path), 1 << 20)


def packed(path: Path) -> bool:
    """Whether the file is gzip."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def zipped(path: Path) -> bool:
    """Whether the file is a zip archive, or a workbook, which is one too."""
    with path.open("rb") as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")  # the latter where it is empty


def members(path: Path) -> list[str]:
    """Return the names of the tables in an archive, in the order in which they are read."""
    with zipfile.ZipFile(path) as archive:
        return [entry.filename for entry in _tables(archive)]


def _tables(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the members of an archive that a person put there, by name."""
    found = []
    for entry in archive.infolist():
        parts = [part for part in entry.filename.split("/") if part not in ("", ".", "..")]
        if entry.file_size and not entry.is_dir() and parts and not _in_passing(parts):
            found.append(entry)
    return sorted(found, key=lambda entry: entry.filename)


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> IO[bytes]:
    """Open a member of an archive, unpacked once more where it is gzip. No file is written."""
    with archive.open(entry) as file:
        gzipped = file.read(2) == b"\x1f\x8b"
    file = archive.open(entry)
    return gzip.GzipFile(fileobj=file) if gzipped else file  # type: ignore[return-value]


class _Joined(io.RawIOBase):
    """The members of an archive as one text, each beginning on a line of its own."""

    def __init__(self, file: IO[bytes]):
        self._file, self._archive = file, zipfile.ZipFile(file)
        self._entries = iter(_tables(self._archive))
        self._open: IO[bytes] | None = None
        self._held = self._last = b""

    def readable(self) -> bool:
        """Return True: it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as one piece of a member goes."""
        while not self._held:
            data = self._open.read(1 << 16) if self._open else b""
            if not data:
                entry = next(self._entries, None)
                if entry is None:
                    return 0
                self._open = _member(self._archive, entry)
                data = self._open.read(1 << 16)
                if self._last:
                    data = data.removeprefix(codecs.BOM_UTF8)
                    data = b"\n" * (self._last not in b"\r\n") + data
            self._held, self._last = data, data[-1:] or self._last
        size = min(len(buffer), len(self._held))
        buffer[:size], self._held = self._held[:size], self._held[size:]
        return size

    def close(self) -> None:
        """Close the archive and its file."""
        if not self.closed:
            self._archive.close()
            self._file.close()
        super().close()


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file for reading its bytes, unpacked; of an archive all members, one after another."""
    file = heard(path)
    if zipped(path):
        return io.BufferedReader(_Joined(file), 1 << 20)
    if not packed(path):
        return file
    unpacked = gzip.GzipFile(fileobj=file)
    unpacked.myfileobj = file  # type: ignore[assignment]  # so that it is closed with it
    return unpacked  # type: ignore[return-value]


def identify(path: Path) -> str:
    """Return what the file is by its content: csv, json, xlsx, parquet or xes.

    Raises BadFile, with the sentence for the reader, where it is nothing that holds a table.
    """
    if path.stat().st_size == 0:
        raise BadFile("It is empty (0 bytes). Export it again.")
    if zipped(path):
        return _zip(path)
    if packed(path):
        with gzip.open(path, "rb") as unpacked:
            _refuse_bomb(path, unpacked)
    with open_bytes(path) as file:
        try:
            head = file.read(1 << 16)
        except (OSError, EOFError, gzip.BadGzipFile):
            raise BadFile("It is a broken .gz file. Download it again.") from None
    if not head:
        raise BadFile("It is empty once unpacked. Export it again.")
    for magic, place, sentence in _REFUSED:
        if head[place : place + len(magic)] == magic:
            raise BadFile(sentence)
    if packed(path) and head.startswith((b"PAR1", b"PK\x03\x04", b"\x1f\x8b")):
        raise BadFile("It is a packed file inside a .gz file. Unpack it and import it again.")
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        if "EncryptedPackage".encode("utf-16-le") in path.read_bytes():
            raise BadFile("It is protected by a password. Save it without one and import again.")
        raise BadFile("It is an old Excel or Office file (.xls). Save it as .xlsx or CSV.")
    return _text(head)


# (bytes, where they stand, what to tell the reader)
_REFUSED = (
    (b"DUCK", 8, "It is a DuckDB database, which is not read as an export. Export its tables."),
    (b"SQLite format 3", 0, "It is a SQLite database. Export its tables as CSV."),
    (b"\x80\x02", 0, "It is a Python pickle, which is never opened. Save the table as CSV."),
    (b"\x80\x03", 0, "It is a Python pickle, which is never opened. Save the table as CSV."),
    (b"\x80\x04", 0, "It is a Python pickle, which is never opened. Save the table as CSV."),
    (b"\x80\x05", 0, "It is a Python pickle, which is never opened. Save the table as CSV."),
    (b"7z\xbc\xaf\x27\x1c", 0, "It is a 7z archive. Unpack it and import the files inside."),
    (b"Rar!", 0, "It is a RAR archive. Unpack it and import the files inside."),
    (b"BZh", 0, "It is a .bz2 archive. Unpack it and import the file inside."),
    (b"\xfd7zXZ", 0, "It is an .xz archive. Unpack it and import the file inside."),
    (b"\x28\xb5\x2f\xfd", 0, "It is a .zst archive. Unpack it and import the file inside."),
    (b"%PDF", 0, "It is a PDF, not a table. Export the table as CSV or Excel."),
    (b"\x89PNG", 0, "It is a picture, not a table. Export the table as CSV or Excel."),
    (b"\xff\xd8\xff", 0, "It is a picture, not a table. Export the table as CSV or Excel."),
)


_PAGE = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<meta", b"<title", b"<div")


def _text(head: bytes) -> str:
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff")) or wide_without_mark(head) is not None
    if not wide and head.count(0) > len(head) // 20:
        raise BadFile("It is not a table that cxkit can read. Export it as CSV, Excel or JSON.")
    plain = head.replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe").lstrip()
    if not plain:
        raise BadFile("It holds no text, only blanks. Export it again.")
    start = plain[:4000].lower()
    if start.startswith(_PAGE) or (start.startswith(b"<") and b"<html" in start):
        raise BadFile(
            "It is a web page, not an export: probably a login page. Log in and download it again."
        )
    if re.search(rb"<(?:\w+:)?log[\s>]", plain) and start.startswith((b"<?xml", b"<log", b"<!--")):
        return "xes"
    if start.startswith(b"<?xml"):
        raise BadFile("It is XML, which cxkit does not read yet. Export it as CSV or Excel.")
    return "json" if re.match(rb'\{\s*["}]|\[\s*[\{\]]', plain) else "csv"


def wide_without_mark(head: bytes) -> str | None:
    """Return the UTF-16 flavour of text that lacks a byte order mark, or None.

    In every alphabet the digits, delimiters and line ends of a table have a zero on one side.
    """
    for codec, zeros, others in (
        ("utf-16-le", head[1::2], head[0::2]),
        ("utf-16-be", head[0::2], head[1::2]),
    ):
        often = zeros.count(0)
        if len(head) >= 4 and often > 0.1 * len(zeros) and often > 8 * others.count(0):
            return codec
    return None


def _zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError):
        raise BadFile("It is a broken Excel or zip file. Download it again.") from None
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > _SMALL_ENOUGH and unpacked > _LARGEST_RATIO * path.stat().st_size:
        raise BadFile(
            f"It would unpack to {unpacked >> 20:,} MB, far more than a table of its size. "
            "Export it again as CSV."
        )
    if any(entry.flag_bits & 1 for entry in entries):
        raise BadFile("It is protected by a password. Save it without one and import again.")
    if "xl/workbook.xml" in {entry.filename for entry in entries} and unpacked > _LARGEST_BOOK:
        raise BadFile(
            f"Its sheets unpack to {unpacked >> 20:,} MB, too much for a workbook. "
            "Save the sheet as CSV and import that."
        )
    if "xl/workbook.xml" in {entry.filename for entry in entries}:
        return "xlsx"
    try:
        kind = _archive(path)
        with io.BufferedReader(_Joined(path.open("rb"))) as joined:
            _refuse_bomb(path, joined)
    except (NotImplementedError, RuntimeError):
        raise BadFile(f"It is a zip archive packed in an unusual way. {_UNPACK}") from None
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error):
        raise BadFile("It is a broken zip archive. Download it again.") from None
    return kind


def _archive(path: Path) -> str:
    """Return what the members of an archive are, where they can be read as one table.

    They are read one after another, so all have to be JSON Lines, or CSV with the same header.
    """
    with zipfile.ZipFile(path) as archive:
        entries = _tables(archive)
        if len(entries) > _MOST_MEMBERS:
            raise BadFile(f"It is a zip archive of {len(entries):,} files. {_UNPACK}")
        found = set()
        for entry in entries:
            with _member(archive, entry) as file:
                head = file.read(1 << 16)
            packed_again = head.startswith(
                (b"PAR1", b"PK\x03\x04", b"\x1f\x8b", b"\xd0\xcf\x11\xe0")
            )
            refused = any(head[at : at + len(magic)] == magic for magic, at, _ in _REFUSED)
            if packed_again or refused:
                raise BadFile(f"It is a zip archive that holds more than text. {_UNPACK}")
            if head.strip():
                kind = _text(head)
                first = head.removeprefix(codecs.BOM_UTF8).splitlines()[0]
                alone = b"\x00" in head or first[:1] == b"[" or kind == "xes"
                joint = b"" if kind == "json" else first
                found.add((kind, entry.filename.encode() if alone else joint))
    if not found:
        raise BadFile("It is a zip archive that holds no text. Export it again.")
    if len(found) > 1:
        raise BadFile(f"It is a zip archive of tables that differ in their columns. {_UNPACK}")
    return found.pop()[0]


def _refuse_bomb(path: Path, unpacked: io.BufferedIOBase) -> None:
    """Unpack without keeping anything, so that a small file cannot fill the disk or the memory."""
    size = 0
    most = min(_LARGEST_UNPACKED, max(_SMALL_ENOUGH, _LARGEST_RATIO * path.stat().st_size))
    try:
        while block := unpacked.read(1 << 20):
            size += len(block)
            if size > most:
                raise BadFile(
                    f"It unpacks to more than {most >> 20:,} MB, far more than a table of "
                    "its size. Export it again as CSV."
                )
    except (OSError, EOFError, zlib.error) as problem:
        if zipped(path):
            raise
        raise BadFile("It is a broken or cut .gz file. Download it again.") from problem
