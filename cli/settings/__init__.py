"""Settings: options, environment, file, completion."""
