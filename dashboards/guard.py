"""Who may talk to the dashboard: pages of its own, under a name of its own.

There is no login yet, so a foreign page open in the same browser must not be able to press buttons here
(cross-site request forgery), nor read pages by pointing its own name at this machine (DNS rebinding). Browsers
say where a request comes from; what they say is checked before anything else.
"""

from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Flask, Response, abort, request

from forewarn.settings import DashboardSettings

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def guard(server: Flask, settings: DashboardSettings, scripts: Sequence[str]) -> None:
    """Refuses foreign requests, and tells browsers to load nothing from elsewhere.

    Args:
        scripts: Hashes of the inline scripts that may run, as a content security policy writes them.
    """
    public = urlsplit(settings.public_url)
    names = {"localhost", settings.host, public.hostname}
    policy = "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' {' '.join(scripts)}",
            "style-src 'self' 'unsafe-inline'",  # Plotly sets styles on what it draws
            "img-src 'self' data: blob:",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        )
    )

    @server.before_request
    def _refuse_foreign() -> None:
        name = urlsplit(f"//{request.host}").hostname or ""
        if name not in names and not _is_address(name):
            abort(421, "This dashboard is not served under that name; set dashboard.public_url.")
        if request.method not in ("GET", "HEAD", "OPTIONS") and not _from_own_page(public.netloc):
            abort(403, "Refused: the request came from another site.")

    @server.after_request
    def _add_headers(response: Response) -> Response:
        response.headers.update(HEADERS)
        response.headers["Content-Security-Policy"] = policy
        return response


def _from_own_page(public: str) -> bool:
    """What a browser says of where a request comes from; a program that is no browser says nothing, and may."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc in {request.host, public} - {""}


def _is_address(name: str) -> bool:
    """Whether it is a number, such as 127.0.0.1, which no other site can point here."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
