"""Several consoles behind a load balancer: one database, one parameter store, and kill -9."""
