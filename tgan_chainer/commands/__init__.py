"""Commands whose flags are read before anything that takes long is imported."""
