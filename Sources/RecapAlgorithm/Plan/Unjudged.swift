import Episodes

// Episodes that nobody has judged: what learning does without them.

/// What learning does while episodes of its dataset are not judged.
public enum JudgingPolicy: String, Codable, Hashable, Sendable, CaseIterable {
  /// It goes on without them; they are a part of what is learned after they are judged.
  case leaveOut
  /// It waits until every one is judged.
  case wait
}

extension Plan {
  /// How many episodes of finished jobs nobody has judged.
  public var unjudgedEpisodes: Int { unjudged.count }

  /// The jobs that wait for nothing but people who judge, in order of priority, and how many episodes
  /// each waits for.
  public var heldJobs: [(job: String, unjudged: Int)] {
    if unjudged.isEmpty { return [] }
    return queued.compactMap { place in
      let held = heldBy(place)
      return held == 0 ? nil : (jobs[place].id, held)
    }
  }

  /// How many episodes of a job's dataset it goes without, since nobody had judged them when it was
  /// given out; nobody has yet, where it was not.
  public func leftOut(of id: String) -> Int {
    guard let place = places[id] else { return 0 }
    return receipts(inDatasetOf: place).count - dataset(of: place).count
  }

  /// The episodes that a job waits for: all of its dataset that are not judged, where the run waits for
  /// every one; otherwise those of the tasks of which it knows no other. 0 where it does not wait.
  func heldBy(_ place: Int) -> Int {
    if unjudged.isEmpty { return 0 }
    var open: [String: Int] = [:]
    var judged: Set<String> = []
    for id in jobs[place].dataset {
      let task = job(id)?.task ?? ""
      for receipt in receipts(of: id) {
        if unjudged.contains(receipt.digest) {
          open[task, default: 0] += 1
        } else {
          judged.insert(task)
        }
      }
    }
    return open.reduce(0) { sum, entry in
      judging == .leaveOut && judged.contains(entry.key) ? sum : sum + entry.value
    }
  }

  /// The verdicts that a job learns by: those that there were when it was given out or adopted, or are
  /// now where it was not.
  func outcomes(for place: Int) -> [ContentDigest: Outcome]? {
    let isDecided = records[place].lease != nil || records[place].result != nil
    return isDecided ? records[place].outcomes : changedOutcomes(in: jobs[place])
  }

  /// The episodes that a job learns from: those of its dataset that are judged. A policy that learns
  /// from labels goes without those that were judged after its labels were made.
  func dataset(of place: Int) -> [ContentDigest] {
    let all = receipts(inDatasetOf: place)
    // Only what was recorded without an outcome can be without one.
    guard all.contains(where: { $0.outcome == .unjudged }) else { return all.map(\.digest) }
    let outcomes = outcomes(for: place)
    let judged = all.filter { (outcomes?[$0.digest] ?? $0.outcome) != .unjudged }.map(\.digest)
    guard case .trainPolicy(let work) = jobs[place].work,
      let labels = work.labels.flatMap({ places[$0] })
    else { return judged }
    let labelled = Set(dataset(of: labels))
    return judged.filter(labelled.contains)
  }

  private func receipts(inDatasetOf place: Int) -> [EpisodeReceipt] {
    jobs[place].dataset.flatMap { receipts(of: $0) }
  }

  /// Remembers which episodes of a job that is done are not judged.
  mutating func noteUnjudged(_ place: Int) {
    guard case .episodes(let receipts) = records[place].result else { return }
    for receipt in receipts where (verdicts[receipt.digest] ?? receipt.outcome) == .unjudged {
      unjudged.insert(receipt.digest)
    }
  }
}
