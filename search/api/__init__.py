"""The same from Python as on the command line: run a study, read it, drive it.

calls.py       run, load_study: keywords become the options of search.run
own_rows.py    a DataFrame, pairs or a function become a file
open_study.py  a study in Python: its trials, best candidate, figures, export
ask_tell.py    a loop of a person's own
"""

from search.api.ask_tell import ProposedTrial
from search.api.calls import load_study, run
from search.api.open_study import Candidate, OpenStudy

__all__ = ["Candidate", "OpenStudy", "ProposedTrial", "load_study", "run"]
