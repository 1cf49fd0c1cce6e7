"""After the search: finalists on fresh seeds, and one sealed look at the test set.

select.py     whom to train again: the best trials, the first reference, the best control
train.py      train what is missing, each seed once
ranking.py    who is first, and how sure that is
look.py       seal a look, take it, write down what was seen
scoring.py    one model on the test part, in a process of its own
checklist.py  the reproducibility checklist, filled in from the records
"""
