"""What makes data sets: Moving MNIST, UCF-101, golf."""
