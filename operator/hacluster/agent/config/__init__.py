"""Installs the mounted ConfigMap's files and makes the daemons load them.

watcher – notices changed files, has them installed, and reports problems
bundle – one node's files: as offered by the ConfigMap, as installed, as last known good
install – the transaction: check, install, reload; after a refusal back to the good files
daemons – keepalived's and HAProxy's own checks and reloads, and the reading of their answers
"""
