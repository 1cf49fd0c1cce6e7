"""The way to the records: MLflow's client with retries, addresses, files, locks."""
