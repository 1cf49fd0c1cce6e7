"""The documents and contracts say what is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from spaces.families import FAMILIES
from spaces.ranges import Space
from spaces.studies import STUDIES
from spaces.text import TEXT
from spaces.training import TRAIN

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
CONCEPTS = (ROOT / "docs" / "concepts.md").read_text("utf-8")
SPACES: dict[str, Space] = {"text": TEXT, "train": TRAIN, **FAMILIES}


def tree() -> dict[str, list[str]]:
    """Return what the README's tree names: files and folders, by the folder at the top."""
    (block,) = [block for block in README.split("```") if "\nspaces/ " in block]
    found: dict[str, list[str]] = {}
    for line in block.strip().splitlines():
        names = re.findall(r"(?<![\w/.])[\w/]+(?:\.py|/)(?![\w/])", line)
        if not line.startswith(" "):
            top = names.pop(0).rstrip("/")
            found[top] = []
        found[top] += names
    del found["mlruns"][:]  # what a run puts there
    return found


@pytest.mark.parametrize("study", STUDIES)
def test_the_readme_names_every_study(study: str) -> None:
    assert re.search(rf"\b{study}\b", README)


@pytest.mark.parametrize("target", ["search", "test"])
def test_the_readme_names_both_make_commands_and_the_makefile_has_them(target: str) -> None:
    assert f"\n```\nmake {target}\n```\n" in README
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert "make test" in (ROOT / ".ci" / "run").read_text("utf-8").splitlines()


def test_everything_in_the_tree_of_the_readme_exists() -> None:
    named = [Path(top, name) for top, names in tree().items() for name in ("", *names)]
    assert len(named) > 20
    assert [str(path) for path in named if not (ROOT / path).exists()] == []


def test_every_package_and_every_folder_in_it_is_in_the_tree_of_the_readme() -> None:
    packages = sorted(file.parent.name for file in ROOT.glob("*/__init__.py"))
    assert packages == ["dashboards", "search", "spaces", "tracking"]
    for package in packages:
        folders = {f"{file.parent.name}/" for file in ROOT.glob(f"{package}/*/__init__.py")}
        assert folders <= set(tree()[package])


def test_every_program_the_readme_names_exists() -> None:
    modules = sorted(set(re.findall(r"python -m (\w+\.\w+)", README)))
    assert "search.run" in modules
    for module in modules:
        file = ROOT / f"{module.replace('.', '/')}.py"
        assert 'if __name__ == "__main__":' in file.read_text("utf-8"), module


@pytest.mark.parametrize("space", SPACES)
def test_every_range_says_what_it_is(space: str) -> None:
    for name, range_ in SPACES[space].items():
        assert name.startswith(f"{space}.")
        assert len(range_.note.split()) >= 3, name


def test_the_import_contracts_hold() -> None:
    check = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    done = subprocess.run(
        [sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_every_concept_of_the_loop_names_files_that_exist_in_at_most_twenty_words() -> None:
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", CONCEPTS, re.MULTILINE)[2:]
    assert len(rows) > 10
    for concept, words, files in rows:
        assert len(words.split()) <= 20, concept
        for file in re.findall(r"`([^`]+)`", files):
            assert (ROOT / file).exists(), file
