"""What every program of the project does alike."""
