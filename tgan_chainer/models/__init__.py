"""The networks: G0 (temporal generator), G1 (image generator), D (critic)."""
