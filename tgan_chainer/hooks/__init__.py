"""Optimizer hooks that constrain the critic after its update."""
