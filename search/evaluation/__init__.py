"""After the search: finalists on fresh seeds, and one sealed test evaluation.

select.py     whom to train again: the best trials, the first reference, the best simple baseline
train.py      train what is missing, each seed once
ranking.py    who is first, and how sure that is
look.py       seal a test evaluation, take it, write down what was seen
scoring.py    one model on the test part, in a process of its own
checklist.py  the reproducibility checklist, filled in from the records
"""
