"""Something slow whose result is kept for a minute."""

import time

from flask_caching import Cache

cache = Cache()


@cache.memoize(timeout=60)
def forecast(city: str, seconds: float) -> str:
    """The weather of a city, from a service that takes its time."""
    time.sleep(seconds)
    return "sunny" if sum(city.encode()) % 2 else "rainy"
