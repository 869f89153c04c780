"""What a process of the project does to itself before it touches what must not leak."""
