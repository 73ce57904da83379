import RecapAlgorithm

/// The order that each worker holds: a value, in which an order is found by its worker and by its lease alike, since a
/// fleet has thousands.
struct OrderBook {
  private var orders: [String: JobOrder] = [:]
  private var holders: [String: String] = [:]

  subscript(worker: String) -> JobOrder? { orders[worker] }

  /// - Returns: The order that the worker held before, which may be the same.
  @discardableResult
  mutating func give(_ order: JobOrder, to worker: String) -> JobOrder? {
    let previous = orders.updateValue(order, forKey: worker)
    if let previous { holders[previous.lease] = nil }
    holders[order.lease] = worker
    return previous
  }

  /// Nobody holds this lease any more.
  mutating func withdraw(lease: String) {
    if let worker = holders.removeValue(forKey: lease) { orders[worker] = nil }
  }

  /// The worker holds no order any more.
  mutating func withdraw(from worker: String) {
    if let order = orders.removeValue(forKey: worker) { holders[order.lease] = nil }
  }
}
