import Glibc

/// How many files and connections this process may have open.
enum OpenFiles {
  /// Takes all that the system allows it. Linux gives a process 1,024 unless it asks for more, and a coordinator has
  /// two connections to each worker.
  static func allowAll() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    // Where it is refused, the limit that there was stays.
    _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}
