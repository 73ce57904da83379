"""What is compared, and how many times faster than the fastest reference recap is to be."""

GOALS = {
    "train vla-tiny 32": 1.4,
    "train vla-tiny 128": 1.4,
    "train value-tiny 32": 1.5,
    "train value-tiny 128": 1.5,
    "train vla-small 32": 1.0,
    "train value-small 32": 1.0,
    "sample vla-tiny 1": 1.6,
    "sample vla-tiny 1 cfg": 1.4,
    "sample vla-tiny 8": 1.2,
    "sample vla-small 1": 1.2,
}
