"""Cells on a Ray cluster: cut into units of seeds, computed where there is room, joined into a local run's outputs.

`replication.run --runner ray` and, where the profile says `runner: ray`, the stages `judge`, `train`, `score` and
`experiment` come here. Ray decides where a unit runs and runs it again where a node or a process was lost; the same
seeds give the same bytes as on one machine of like processors.
"""
