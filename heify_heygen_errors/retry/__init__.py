"""Retry decisions: whether a failed call is sent again, usable with any HTTP code.

`RetryPolicy` decides, `RetryBudget` keeps retries from multiplying an outage, `CircuitBreaker` and `Limiter` keep calls
back, `retrying` drives one's own functions, `Hooks` are told of all that.
"""
