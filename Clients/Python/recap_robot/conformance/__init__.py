"""Whether a driver, in whatever language, keeps the protocol of Documentation/Drivers.md, rule by rule."""

from .checks import Settings
from .link import Link
from .report import Finding, Verdict, as_json, as_text
from .rules import check

__all__ = ["Finding", "Link", "Settings", "Verdict", "as_json", "as_text", "check"]
