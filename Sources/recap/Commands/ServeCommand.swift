import ArgumentParser
import Foundation
import PolicyServing
import RecapAlgorithm

/// `recap serve`
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Lets robots that speak openpi's protocol ask a policy.",
    discussion: """
      A robot's program with openpi_client's WebsocketClientPolicy works as it is. The server \
      adds the advantage indicator and the guidance, and answers what many robots ask at a time \
      with few calls of the model. The policy is a run's current one, also while the run goes \
      on, or a folder that 'recap export policy' wrote.

        recap serve --run runs/demo-1 --task espresso
        recap serve --checkpoint espresso-policy --port 8000 --guidance 1.8
        recap serve --run runs/arm --task fold --host 0.0.0.0 --api-key-file key \\
            --map observation/joint_position=state --map observation/gripper_position=state \\
            --map observation/exterior_image_1_left=base --resize

      An observation has the policy's columns by LeRobot's names (observation.state, \
      observation.images.CAMERA) or openpi's (observation/state, state, images/CAMERA), or by any \
      others with --map. What does not fit is answered with what was expected and what came. The \
      prompt is a task's instruction or name. Documentation/Serving.md has the protocol.
      """)

  @Option(
    help: ArgumentHelp(
      "A policy's checkpoint: a folder with config.json and model.safetensors.",
      valueName: "folder"))
  var checkpoint: String?

  @Option(help: "The run whose policy is served.")
  var run: RunArgument?

  @Option(
    help: ArgumentHelp(
      "The task: with --run, whose policy; otherwise what is meant by an observation without a "
        + "prompt. (default: the only one)"))
  var task: String?

  @Option(help: "The policy's iteration k. (default: the current one)")
  var iteration: Int?

  @Option(help: "The port; 0 takes any free one.")
  var port = 8000

  @OptionGroup var serving: ServingArguments

  @Option(help: "Guidance β. (default: the run's; 1 for a folder)")
  var guidance: Float?

  @Option(
    help: ArgumentHelp(
      "What the policy is asked for where the client does not say: positive, negative or absent. "
        + "(default: the run's; positive for a folder)"))
  var indicator: AdvantageIndicator?

  @Option(help: "Requests in one call of the model.")
  var batch = 32

  @Option(
    help: "Milliseconds for which a request may wait for others that are usually soon there.")
  var patience = 2.0

  @Option(help: "Calls of the model at a time, each with a copy of the weights.")
  var threads = 1

  @Option(help: "Seed of the replies' noise.")
  var seed: UInt64 = 0

  func validate() throws {
    guard (checkpoint == nil) != (run == nil) else {
      throw ValidationError("expected either --checkpoint FOLDER or --run RUN --task TASK")
    }
    if run == nil, iteration != nil { throw ValidationError("--iteration goes with --run") }
    if let guidance, !(0...10).contains(guidance) {
      throw ValidationError("--guidance: got \(guidance); expected a number from 0 to 10")
    }
    for (name, value, range) in [
      ("--port", port, ServingArguments.ports), ("--batch", batch, 1...1024),
      ("--threads", threads, 1...64),
    ] where !range.contains(value) {
      throw ValidationError(
        "\(name): got \(value); expected \(range.lowerBound) to \(range.upperBound)")
    }
    guard (0...1000).contains(patience) else {
      throw ValidationError("--patience: got \(patience); expected 0 to 1000")
    }
  }

  func run() async throws {
    let key = try serving.apiKey()
    let source: ServedSource =
      if let run {
        .run(directory: run.directory, task: task, iteration: iteration)
      } else { .folder(checkpoint ?? "") }
    try await Composition.serve(
      ServeOptions(
        source: source, task: task, host: serving.host, port: port, apiKey: key,
        guidance: guidance, indicator: indicator, rules: serving.rules,
        fillsCameras: serving.resize, batchLimit: batch, patience: .milliseconds(1) * patience,
        lanes: threads, seed: seed))
  }
}
