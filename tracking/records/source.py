"""A person's own Python file: what a study, its trials and its exported models were made with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


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
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode("utf-8")).hexdigest()
