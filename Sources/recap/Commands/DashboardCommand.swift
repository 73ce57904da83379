import ArgumentParser
import Monitoring

/// `recap dashboard`
struct DashboardCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dashboard",
    abstract: "Serves the page that shows a run: one that goes on, or one that is over.",
    discussion: """
      Shows Algorithm 1 as jobs, how the policies improve, the learners' curves, the robots, \
      every episode with its cameras and what the value function thought of it, the labels, and \
      what happened. Only reads, and works beside a run that goes on in another process; for \
      heartbeats and actions let the run serve the page itself: recap run … --http 127.0.0.1:8080

        recap dashboard runs/demo-1
        recap dashboard runs/demo-1 --http 127.0.0.1:0

      From another machine: ssh -L 8080:127.0.0.1:8080 HOST, then open http://127.0.0.1:8080/. \
      The run's directory must be writable for SQLite while a run goes on in it.
      """)

  @Argument(help: "The run's directory.")
  var run: RunArgument

  @Option(help: ArgumentHelp("Where to serve; port 0 takes any free one.", valueName: "address"))
  var http = WebAddress(argument: "127.0.0.1:8080")!

  @OptionGroup var secrets: WebSecrets

  @Option(
    help: ArgumentHelp(
      "Serve the page's files from this folder instead, for working on them.", valueName: "folder"))
  var page: String?

  func validate() throws { _ = try secrets.options(at: http) }

  func run() async throws {
    let watch = try await RunWatch(archive: try run.archive())
    let options = try secrets.options(at: http, pageFolder: page)
    guard let web = try await WebDashboard.bind(options) else { return }
    Composition.say("dashboard of \(run.directory) at \(web.url) (Ctrl-C stops it)")
    try await stoppingOnSignals { try await web.serve(watch, coordinator: nil) }
  }
}
