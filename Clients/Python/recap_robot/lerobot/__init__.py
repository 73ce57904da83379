"""LeRobot's data sets, v2.1 and v3.0: a run's episodes go out, demonstrations come in."""

try:
    import PIL  # noqa: F401 - only to say what is missing
    import pyarrow  # noqa: F401
except ImportError as error:
    raise ImportError(
        f"{error}; LeRobot's format needs it: pip install 'Clients/Python[lerobot]'"
    ) from None

from .export import export
from .features import VERSIONS
from .reading import Dataset, open_dataset
from .source import Source, open_source

__all__ = ["VERSIONS", "Dataset", "Source", "export", "open_dataset", "open_source"]
