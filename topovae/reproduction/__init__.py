"""Published tables, made again: each experiment one declaration, all of them by one piece of work."""
