"""Calling the outside service that notices when we fall silent.

Its address is the admin's own, from the environment, and often one of the local network: it does
not go through the guard of messages.
"""

import requests

CONNECT_SECONDS = 5
ANSWER_SECONDS = 10


def call(url: str) -> str:
    """GET `url` once and return what came of it in words; never raises, and never names the URL.

    A redirect is not followed: it would carry the address, which is a secret, somewhere else.
    """
    timeout = (CONNECT_SECONDS, ANSWER_SECONDS)
    try:
        with requests.get(url, timeout=timeout, stream=True, allow_redirects=False) as answer:
            words = f"{answer.status_code} {answer.reason}"[:100]
            is_taken = 200 <= answer.status_code < 300
            return words if is_taken else f"reached and answered {words}"
    except requests.Timeout:
        return "not reached (no answer in time)"
    except (requests.RequestException, OSError, ValueError) as error:
        return f"not reached ({type(error).__name__})"
