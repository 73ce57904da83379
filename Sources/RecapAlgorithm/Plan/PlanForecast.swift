extension Plan {
  /// Seconds until every job is done, if each takes as long as is thought and no worker comes or goes:
  /// the plan carried out on paper. Nil where a job's length is unknown or nobody can do it.
  ///
  /// Which robot offers which task is left aside.
  ///
  /// - Parameters:
  ///   - workers: How many there are of each role.
  ///   - seconds: What a job takes from its beginning.
  ///   - remaining: What a job that is being worked on still takes; nil where that is unknown.
  public func remainingSeconds(
    workers: [WorkerRole: Int], seconds: (Job) -> Double?, remaining: (Job) -> Double?
  ) -> Double? {
    var missing = records.map(\.missing)
    var ready: [WorkerRole: [Int]] = [:]
    var free = workers
    var running: [(end: Double, place: Int)] = []
    var now = 0.0
    var open = jobs.count - doneCount
    for place in records.indices where records[place].result == nil {
      if records[place].lease != nil {
        guard let left = remaining(jobs[place]) ?? seconds(jobs[place]) else { return nil }
        insert((left, place), into: &running)
        free[jobs[place].role, default: 0] -= 1
      } else if missing[place] == 0 {
        ready[jobs[place].role, default: []].append(place)
      }
    }
    while open > 0 {
      for role in WorkerRole.allCases {
        var queue = ready[role, default: []]
        var taken = 0
        while taken < queue.count, free[role, default: 0] > 0 {
          let place = queue[taken]
          guard let length = seconds(jobs[place]) else { return nil }
          insert((now + length, place), into: &running)
          free[role, default: 0] -= 1
          taken += 1
        }
        queue.removeFirst(taken)
        ready[role] = queue
      }
      guard let next = running.popLast() else { return nil }
      now = max(now, next.end)
      open -= 1
      free[jobs[next.place].role, default: 0] += 1
      for dependent in dependents[next.place] {
        missing[dependent] -= 1
        if missing[dependent] == 0 {
          let role = jobs[dependent].role
          let place = ready[role, default: []].firstIndex { $0 > dependent }
          ready[role, default: []].insert(dependent, at: place ?? ready[role, default: []].count)
        }
      }
    }
    return now
  }

  /// Keeps those that end first at the end.
  private func insert(
    _ entry: (end: Double, place: Int), into running: inout [(end: Double, place: Int)]
  ) {
    let index = running.firstIndex { $0.end < entry.end } ?? running.count
    running.insert(entry, at: index)
  }
}
