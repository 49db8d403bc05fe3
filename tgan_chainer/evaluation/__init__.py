"""Scores of generated videos: Inception score, GAM, quality of Moving MNIST."""
