"""What a training is made of beside its updaters and extensions."""
