"""The benchmarks' models and data, and the same work done by JAX and by PyTorch."""
