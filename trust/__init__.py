"""Trials that are too long for the tests: faults, hostile input, other devices, environments."""
