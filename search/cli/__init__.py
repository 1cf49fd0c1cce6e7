"""What the commands show and read: arguments, dry run, progress, summary."""
