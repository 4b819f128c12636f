"""What to try, what to stop, and the durable record of both."""
