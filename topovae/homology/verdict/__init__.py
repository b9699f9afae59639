"""What was measured to a name, with its confidence and its words."""
