"""What operators watch: the doctor's checks, metrics and probes."""
