"""forewarn: early warning for service requests and complaints."""

__version__ = "0.1.0"
