"""The documents and contracts say what is there."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from search.cli.dry_run import budget
from search.cli.options import options
from spaces.families import FAMILIES
from spaces.plan import StudyPlan
from spaces.ranges import Space
from spaces.studies import STUDIES
from spaces.text import TEXT
from spaces.training import TRAIN
from tests.command_line_reference import PROGRAMS, parser_of
from tracking.commandline.errors import UserError
from tracking.records import EpochRecord, RungRecord, ScoreRecord

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text("utf-8")
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted(DOCS.rglob("*.md")),
]
DECISIONS = sorted((DOCS / "decisions").glob("[0-9]*.md"))
SPACES: dict[str, Space] = {"text": TEXT, "train": TRAIN, **FAMILIES}
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
OTHERS = {"source", "export", "ray", "chmod", "curl", "mlflow"}  # programs that are not ours
REGENERATE = "python -m tests.command_line_reference > docs/reference/command-line.md"

# Words that this project coined once, and what it says instead.
COINED = {
    r"\bvoid\b": "interrupted",
    r"\bsettle[sd]?\b": "reconcile",
    r"\b(storms?|soaks?)\b": "kill test, endurance test",
    r"\bwatchers?\b": "callbacks",
    r"(?<!STUDY\.)\bfinals\b": "final evaluation",
    r"\brepeat-of|\b(a|each|the) repeats?\b": "rerun",
    r"\bcontrols?\b(?! characters)": "simple baseline",
    r"\borigins?\b": "proposed by",
    r"\bstarting[ _]points?\b": "initial trials",
    r"\blook(s|ed|ing)? at (the )?test\b": "test evaluation",
    r"\battempts?\b": "trial process",
    r"(?<![-.])\bpatience\b": "retry policy; early stopping's alone",
    r"\bevaluators?\b": "workers",
    r"\b(take_stock|insist|scratch|guards?)\b": "plain English",
}


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def text_of(page: Path) -> str:
    return page.read_text("utf-8")


def fenced(text: str, language: str = "") -> list[str]:
    """Return the blocks in this language; without one, those of commands."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for known, block in blocks if known == language]


def without_code(text: str) -> str:
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`]+`", "", text)


def spans(text: str) -> list[str]:
    """Return what stands in single backticks."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", text)]


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each command in a fenced block."""
    for block in fenced(text):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            while words and re.match(r"[A-Z_]+=", words[0]):
                words = words[1:]
            if words:
                yield words


def tables(text: str) -> list[list[list[str]]]:
    """Return the cells of each table, its head first."""
    found = re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    rows = [[line.strip("|").split("|") for line in one.splitlines()] for one in found]
    return [[[cell.strip() for cell in row] for row in [one[0], *one[2:]]] for one in rows]


# ---- the README


def test_the_readme_is_a_front_door() -> None:
    assert len(README.splitlines()) <= 150


@pytest.mark.parametrize("target", ["search", "test"])
def test_the_readme_names_both_make_commands_and_the_makefile_has_them(target: str) -> None:
    assert f"\n```\nmake {target}\n```\n" in README
    assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE)


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert "make test" in (ROOT / ".ci" / "run").read_text("utf-8").splitlines()


def test_every_accuracy_in_the_readme_is_among_the_benchmarks() -> None:
    known = text_of(DOCS / "explanation" / "benchmarks.md")
    accuracies = re.findall(r"\d\d\.\d+(?= %)|\d\d\.\d\d to \d\d\.\d\d", README)
    assert len(accuracies) > 20
    assert [one for one in accuracies if one not in known] == []


# ---- links


def test_every_relative_link_and_image_leads_somewhere() -> None:
    links = [
        (page, link)
        for page in PAGES
        for link in re.findall(r"\]\(([^)\s]+)\)", without_code(text_of(page)))
        if "://" not in link
    ]
    assert len(links) > 200
    assert [f"{name_of(page)}: {link}" for page, link in links if not leads(page, link)] == []


def leads(page: Path, link: str) -> bool:
    """Return whether there is such a file, with such a heading."""
    file, _, heading = link.partition("#")
    target = page.parent / file if file else page
    if not (target.exists() and heading):
        return target.exists()
    titles = re.findall(r"^#+ (.*)$", text_of(target), re.MULTILINE)
    return heading in [re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in titles]


def test_the_index_leads_to_every_page() -> None:
    index = text_of(DOCS / "README.md")
    pages = [page.relative_to(DOCS) for page in DOCS.rglob("*.md") if page not in DECISIONS]
    assert [str(page) for page in pages if f"({page})" not in index and page.parts[1:]] == []


# ---- commands


def test_every_command_in_a_fenced_block_is_one_that_its_program_accepts() -> None:
    found = [(page, words) for page in PAGES for words in commands(text_of(page))]
    assert len(found) > 50
    wrong = [(name_of(page), shlex.join(words), fault(words)) for page, words in found]
    assert [one for one in wrong if one[2]] == []


def fault(words: list[str]) -> str:
    """Return what is wrong with a command; empty if nothing is."""
    if words[0] == "make":
        targets = {word for word in words[1:] if "=" not in word}
        return ", ".join(targets - set(re.findall(r"^(\w+):", MAKEFILE, re.MULTILINE)))
    if words[0] != "python":
        return "" if words[0] in OTHERS else f"{words[0]} is not known"
    if words[2] not in PROGRAMS:
        return missing(words)
    parser = parser_of(words[2])
    try:  # as the program itself does
        with mock.patch.dict(os.environ):  # --tracking-uri sets a variable
            arguments = parser.parse_args(words[3:])
        if words[2] == "search.run" and arguments.study:
            options(arguments)
    except (SystemExit, UserError) as error:
        return f"it ends with {error}"
    return ""


def missing(words: list[str]) -> str:
    """Return the file or the options that a command names and that are not there."""
    program = words[2] if words[1] == "-m" else words[1]
    file = ROOT / (f"{program.replace('.', '/')}.py" if words[1] == "-m" else program)
    if not file.is_file():
        return program
    if program in PROGRAMS:
        known = re.findall(r"^  (?:-h, )?(--[\w-]+)", parser_of(program).format_help(), re.M)
    else:
        known = re.findall(r'"(--[\w-]+)"', text_of(file))
    return ", ".join({word for word in words if word.startswith("--")} - set(known))


def test_every_command_in_backticks_has_a_program_with_its_options() -> None:
    found = [(page, s) for page in PAGES for s in spans(text_of(page)) if s.startswith("python ")]
    assert len(found) > 30
    wrong = [(name_of(page), span, missing(span.split())) for page, span in found]
    assert [one for one in wrong if one[2]] == []


def test_every_program_is_in_the_reference() -> None:
    files = [
        file.relative_to(ROOT)
        for package in ("search", "spaces", "tracking", "dashboards")
        for file in (ROOT / package).rglob("*.py")
        if 'if __name__ == "__main__":' in text_of(file)
    ]
    assert {str(file.with_suffix("")).replace("/", ".") for file in files} == set(PROGRAMS)


def test_the_command_line_reference_is_that_of_the_parsers_and_needs_no_heavy_library() -> None:
    code = (
        "import sys; from tests.command_line_reference import reference; "
        "sys.stdout.write(reference()); "
        "sys.exit({'tensorflow', 'keras', 'mlflow', 'optuna'} & set(sys.modules) or None)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout == text_of(DOCS / "reference" / "command-line.md"), REGENERATE


def test_every_python_example_is_python() -> None:
    for page in PAGES:
        for example in fenced(text_of(page), "python"):
            ast.parse(example, name_of(page))


def test_the_examples_of_a_study_and_of_ranges_can_be_run() -> None:
    found: dict[str, Any] = {}
    for example in fenced(text_of(DOCS / "how-to" / "own-study-and-model.md"), "python"):
        if "import keras" not in example:
            exec(example, {"__file__": "spaces/families/average.py"}, found)
    assert isinstance(found["PLAN"], StudyPlan)
    assert {"SPACE", "AVERAGE"} <= found.keys()


# ---- reference and explanation


def test_the_table_of_studies_is_that_of_the_package() -> None:
    (_, *rows), *_ = tables(text_of(DOCS / "reference" / "studies.md"))
    assert rows == [
        [f"`{p.name}`", p.question, ", ".join(f"`{f}`" for f in p.families), budget(p)]
        for p in STUDIES.values()
    ]


def test_the_page_on_mlflow_names_what_is_written_there() -> None:
    page = text_of(DOCS / "reference" / "mlflow.md")
    sources = "\n".join(text_of(file) for file in (ROOT / "tracking").rglob("*.py"))
    of = r"(?:best|budget|code|data|final_ranking|lease|model|plan|rerun|sampler|study|test|trial)"
    written = set(re.findall(rf'"({of}\.[a-z_]+|test_evaluation\.[a-z_]+)"', sources))
    written |= set(re.findall(r'"([a-z_]+\.(?:json|csv|txt|diff|npy|keras))"', sources))
    written -= {"trial.void", "classes.json"}  # of old records; within a model
    written |= {field.name for field in fields(EpochRecord)} - {"epoch"}
    written |= {f"rung_{field.name}" for field in fields(RungRecord)}
    of_files = {"confusion", "mistakes"}
    scores = {field.name.removeprefix("best_") for field in fields(ScoreRecord)} - of_files
    written |= {f"best_{name}" for name in scores}
    assert sorted(name for name in written if f"`{name}`" not in page) == []


def test_the_page_on_mlflow_names_no_tag_or_file_that_is_not_written() -> None:
    sources = "\n".join(
        text_of(file)
        for package in ("tracking", "search", "dashboards")
        for file in (ROOT / package).rglob("*.py")
    )
    for table in tables(text_of(DOCS / "reference" / "mlflow.md")):
        if table[0][0] in ("kind", "tag", "file"):
            names = {name for row in table[1:] for name in re.findall(r"`([^`]+)`", row[0])}
            names = {name for name in names if "..." not in name}
            assert sorted(name for name in names if f'"{name}"' not in sources) == []


def tree() -> dict[str, list[str]]:
    """Return what the tree of the architecture names: files and folders, by the top folder."""
    (block,) = fenced(text_of(DOCS / "explanation" / "architecture.md"), "text")
    found: dict[str, list[str]] = {}
    for line in block.strip().splitlines():
        names = re.findall(r"(?<![\w/.])[\w/]+(?:\.py|/)(?![\w/])", line)
        if not line.startswith(" "):
            top = names.pop(0).rstrip("/")
            found[top] = []
        found[top] += names
    del found["mlruns"][:]  # what a run puts there
    return found


def test_everything_in_the_tree_exists() -> None:
    named = [Path(top, name) for top, names in tree().items() for name in ("", *names)]
    assert len(named) > 20
    assert [str(path) for path in named if not (ROOT / path).exists()] == []


def test_every_package_and_every_folder_in_it_is_in_the_tree() -> None:
    packages = sorted(file.parent.name for file in ROOT.glob("*/__init__.py"))
    assert packages == ["dashboards", "search", "spaces", "tracking"]
    for package in packages:
        folders = {f"{file.parent.name}/" for file in ROOT.glob(f"{package}/*/__init__.py")}
        assert folders <= set(tree()[package])


def test_every_concept_of_the_loop_has_at_most_twenty_words() -> None:
    ((_, *rows),) = tables(text_of(DOCS / "explanation" / "concepts.md"))
    assert len(rows) > 10
    assert [concept for concept, words, _ in rows if len(words.split()) > 20] == []


def test_every_file_of_ours_that_a_page_names_exists() -> None:
    ours = r"(?:search|spaces|tracking|dashboards|tests|docs)/[\w/.-]+"
    new = {"spaces/studies/cnn_words.py", "spaces/families/average.py", "search/models/average.py"}
    named = [
        (name_of(page), span)
        for page in PAGES
        if "- Status: superseded by" not in text_of(page)  # of what is gone
        for span in spans(text_of(page))
        if re.fullmatch(ours, span) and span not in new
    ]
    assert len(named) > 50
    assert [one for one in named if not (ROOT / one[1]).exists()] == []


# ---- decision records


def header(record: Path) -> tuple[str, str, str]:
    """Return title, status, and what it supersedes."""
    form = (
        r"# (\d{4})\. (.+)\n\n- Date: 20\d\d-\d\d-\d\d\n"
        r"- Status: (.+)\n(?:- Supersedes: (.+)\n)?\n[^-]"
    )
    match = re.match(form, text_of(record))
    assert match is not None, record.name
    assert match[1] == record.name[:4]
    return match[2], match[3], match[4] or ""


def test_every_decision_has_a_number_of_its_own_a_title_a_date_and_a_status() -> None:
    assert [int(record.name[:4]) for record in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    for record in DECISIONS:
        _, status, _ = header(record)
        assert re.match(r"(accepted|superseded by \[)", status), record.name


def test_the_index_of_decisions_has_title_and_status_of_each() -> None:
    ((_, *rows),) = tables(text_of(DOCS / "decisions" / "README.md"))
    expected = []
    for record in DECISIONS:
        title, status, _ = header(record)
        brief = re.sub(r"(?<=\)) \([^)]*\)", "", status)  # without what it is about
        expected.append([f"[{record.name[:4]}]({record.name})", title, brief])
    assert rows == expected


def test_what_a_decision_supersedes_says_so_itself() -> None:
    by = {
        (overruled, record.name[:4])
        for record in DECISIONS
        for overruled in re.findall(r"\[(\d{4})\]", header(record)[2])
    }
    said = {
        (record.name[:4], other)
        for record in DECISIONS
        for other in re.findall(r"\[(\d{4})\]", header(record)[1])
    }
    assert said == by
    assert said


# ---- words


def test_no_page_uses_a_word_that_was_coined_here() -> None:
    found = [
        f"{name_of(page)}: {match[0]!r}: say {instead}"
        for page in PAGES
        for word, instead in COINED.items()
        for match in re.finditer(word, without_code(text_of(page)), re.IGNORECASE)
    ]
    assert found == []


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
