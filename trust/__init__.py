"""What can be known about the code on a GPU without one."""
