"""An environment in which nothing is installed but our wheel and what it declares."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class BareInstall:
    """What a device gets: the wheel without extras, in an environment of its own."""

    folder: Path
    wheel: Path

    def run(
        self, *command: str, env: Mapping[str, str] | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment with nothing of ours or the caller's around it."""
        return subprocess.run(
            [self.folder / "bin" / command[0], *command[1:]],
            cwd=self.folder,
            env={
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME": str(self.folder),
                "LC_ALL": "C.UTF-8",
                **(env or {}),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


def install_wheel(folder: Path) -> BareInstall:
    """Build the wheel and install it into a new environment, without network."""
    _quietly("-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder / "dist"), str(ROOT))
    (wheel,) = (folder / "dist").glob("*.whl")
    environment = folder / "environment"
    _quietly("-m", "venv", "--without-pip", str(environment))
    python = str(environment / "bin" / "python")
    _quietly("-m", "pip", "--python", python, "install", "--no-index", "--no-deps", str(wheel))
    (packages,) = environment.glob("lib/python*/site-packages")
    for dependency in _declared("updatebox"):
        _link(dependency, packages)
    return BareInstall(environment, wheel)


def _declared(name: str, seen: frozenset[str] = frozenset()) -> Iterator[Distribution]:
    """Yield what a distribution needs without extras, and what that needs in turn."""
    for line in distribution(name).requires or ():
        requirement = Requirement(line)
        needed = canonicalize_name(requirement.name)
        if needed in seen or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        seen |= {needed}
        yield distribution(needed)
        yield from _declared(needed, seen)


def _link(dependency: Distribution, packages: Path) -> None:
    """Put what is installed here already into another environment."""
    for name in {file.parts[0] for file in dependency.files or ()} - {"..", "__pycache__"}:
        target = packages / name
        if not target.exists():
            target.symlink_to(Path(str(dependency.locate_file(name))))


def _quietly(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
