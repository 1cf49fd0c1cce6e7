"""Trials on a Ray cluster: `--cluster`, with the extra [ray]. Nothing else of ours imports Ray.

options.py     what is typed of it
connect.py     find or start the cluster, and refuse what cannot work
pool.py        the coordinator's side: what search.workers.process_pool.Pool is on this machine
slot.py        a place for one trial on some node, as the coordinator sees it
evaluator.py   what runs there: a Pool of one, whose events travel
nodes.py       what every node needs: our packages, the prepared data
"""
