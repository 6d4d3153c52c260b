"""Pretrained weights inside installed packages, checked by SHA-256.

No code of such a package is imported to find its file, and nothing is fetched. The folder $BCD_BACKBONES may hold the
files instead, under their own names. Tables are unpickled by a reader that knows numpy arrays and nothing else.
"""

import hashlib
import importlib
import io
import os
import pickle
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any

from bcdcodec.errors import MissingExtraError, WeightsError, install_command

FOLDER_VARIABLE = "BCD_BACKBONES"
#: The extra that most of these packages belong to.
EXTRA = "metrics"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagedFile:
    """A pinned file of an installed package.

    package: name of the distribution. path: below the folder of installed packages. extra: that installs it."""

    package: str
    path: str
    sha256: str
    extra: str = EXTRA

    def read(self) -> bytes:
        """MissingExtraError where it is not, WeightsError where it is another file than the pinned one."""
        return checked(self._place(), self.sha256)

    def checked_path(self) -> Path:
        """Where the file is, for libraries that read it themselves; raises what `read` does."""
        path = self._place()
        checked(path, self.sha256)
        return path

    def _place(self) -> Path:
        name = PurePosixPath(self.path).name
        folder = os.environ.get(FOLDER_VARIABLE)
        if folder and (own := Path(folder, name)).is_file():
            return own
        try:
            return Path(str(metadata.distribution(self.package).locate_file(self.path)))
        except metadata.PackageNotFoundError as error:
            raise MissingExtraError(
                f"{name} of the package {self.package} is not installed: {install_command(self.extra)}, or set "
                f"{FOLDER_VARIABLE} to a folder that holds it"
            ) from error


def checked(path: Path, sha256: str) -> bytes:
    """A file's bytes; MissingExtraError if it cannot be read, WeightsError if its SHA-256 is another."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MissingExtraError(f"cannot read {path}: {error.strerror}; it is needed for this metric") from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise WeightsError(f"{path} has SHA-256 {found[:16]}..., needs {sha256[:16]}...")
    return data


def import_extra(module: str, *, extra: str = EXTRA) -> Any:
    """A module of an extra; MissingExtraError where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"this metric needs the module {module}, which is not installed: {install_command(extra)}"
        ) from error


def unpickle_arrays(data: bytes) -> Any:
    """A pickle of dicts, lists, numbers, text and numpy arrays; WeightsError if it names anything else."""
    try:
        return _ArrayUnpickler(io.BytesIO(data)).load()
    except (pickle.UnpicklingError, EOFError, ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"not a pickle of plain numpy arrays: {error}") from error


class _ArrayUnpickler(pickle.Unpickler):
    #: All that a pickled array names; older numpy calls its inner package `core`.
    ALLOWED = frozenset({("numpy._core.multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype")})

    def find_class(self, module: str, name: str) -> Any:
        wanted = module.replace("numpy.core.", "numpy._core."), name
        if wanted not in self.ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return super().find_class(*wanted)
