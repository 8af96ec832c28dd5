"""What operators watch: doctor checks, metrics and health probes."""
