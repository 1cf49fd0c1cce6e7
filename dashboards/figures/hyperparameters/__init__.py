"""What each hyperparameter did."""
