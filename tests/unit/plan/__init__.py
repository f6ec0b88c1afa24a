"""Unit tests of `hacluster.plan`, one folder for each of its packages.

clusters – small resources and nodes for tests of one thing each
resources – random resources that the schema accepts (hypothesis)
"""
