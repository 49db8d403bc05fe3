"""Training steps: which loss, who is updated when. Constraints on the critic are hooks."""
