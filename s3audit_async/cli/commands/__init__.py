"""What each command is called, takes and says of itself. What it does is in modules that are imported when it runs."""
