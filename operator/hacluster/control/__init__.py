"""The operator: observe → plan → apply → report, level-triggered from one keyed queue.

kopf watches and rings (`doorbell`), everything else is ours: a cache of what exists (`store`, `heard`), a queue of
resources to look at (`schedule`, `worker`), one reconcile that reads as a paragraph (`reconcile`), and the client (`client`).
"""
