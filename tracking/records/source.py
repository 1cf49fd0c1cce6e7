"""A person's own Python file: what a study, its trials and its exported models were made with."""

from __future__ import annotations

import ast
import hashlib
from dataclasses import dataclass

_DECLARES = ("Family", "Study")


@dataclass(frozen=True)
class SourceRecord:
    """A Python file, whole.

    Attributes:
        name: the file's own name, such as my_study.py.
        text: of the file.
        target: what it was asked for: the name of a Study or of a build_model(hp) in it.
        families: those that it defines, by name.
        module: where an installed package brings it, its dotted name; such a module is imported,
            and its file must be equal. Empty for a file by itself, whose text is run.
    """

    name: str
    text: str
    target: str = ""
    families: tuple[str, ...] = ()
    module: str = ""

    @property
    def code(self) -> str:
        """What models are built with: the file without the ranges that `Family` and `Study` name.

        A study whose ranges were edited in its file trains as before.
        """
        try:
            tree = ast.parse(self.text)
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    node.keywords = [] if node.func.id in _DECLARES else node.keywords
                    node.args = [] if node.func.id == "Study" else node.args
            return ast.dump(tree)
        except (SyntaxError, ValueError, RecursionError):
            return self.text

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode("utf-8")).hexdigest()
