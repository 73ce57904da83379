/// Tells which alerts are new and which are over, from one look to the next.
public struct AlertFeed: Sendable {
  /// Something to tell people elsewhere. The encoded form is a part of the interface.
  public struct Notice: Codable, Hashable, Sendable {
    public enum State: String, Codable, Hashable, Sendable { case open, over }

    /// The run's name.
    public var run: String
    public var state: State
    public var alert: Alert.Kind
    public var severity: Alert.Severity
    /// The robot, job, task or learner; empty for the run.
    public var subject: String
    /// One line for people, as chat services show it.
    public var text: String
  }

  private struct Subject: Hashable {
    var kind: Alert.Kind
    var name: String
  }

  private var open: [Subject: Alert] = [:]

  public init() {}

  /// A notice that did not reach anybody: an open alert is told again at the next look.
  public mutating func takeBack(_ notice: Notice) {
    if notice.state == .open { open[Subject(kind: notice.alert, name: notice.subject)] = nil }
  }

  /// Takes the alerts of now.
  ///
  /// - Returns: Those that were not open at the last look, and those that no longer are; numbers in the text of
  ///   an open one may change without a word.
  public mutating func update(_ alerts: [Alert], ofRun run: String) -> [Notice] {
    var now: [Subject: Alert] = [:]
    var notices: [Notice] = []
    for alert in alerts {
      let subject = Subject(kind: alert.kind, name: alert.subject)
      now[subject] = alert
      if open[subject] == nil { notices.append(Notice(run, .open, alert)) }
    }
    let over = open.filter { now[$0.key] == nil }.values.sorted { $0.text < $1.text }
    open = now
    return notices + over.map { Notice(run, .over, $0) }
  }
}

extension AlertFeed.Notice {
  fileprivate init(_ run: String, _ state: State, _ alert: Alert) {
    self.init(
      run: run, state: state, alert: alert.kind, severity: alert.severity, subject: alert.subject,
      text: "recap \(run): \(alert.text)\(state == .over ? " (over)" : "")")
  }
}
