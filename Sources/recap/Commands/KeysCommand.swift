import ArgumentParser

/// `recap keys`
struct KeysCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys",
    abstract: "Makes the keys of a coordinator and of each role, in a directory.",
    discussion: """
      NAME.key is a secret key, which only its owner may read, and NAME.pub the public one: of the \
      coordinator, and of collector, value-learner, labeller and policy-learner, whose workers \
      share theirs. A coordinator is given the directory with --keys, or makes its own in RUN/keys; \
      a learner on another machine needs its NAME.key and coordinator.pub, and is given their \
      directory with --keys. Kubernetes takes the directory as a Secret. A robot should have a key \
      of its own: see 'recap robots invite'.

        recap keys lab-keys
        kubectl create secret generic recap-keys --from-file=lab-keys
      """)

  @Argument(help: "The directory to make, or to complete.")
  var directory: String

  func run() throws {
    let keys = try RunKeys.loadOrMake(directory)
    print("\(directory) has the keys of coordinator \(keys.server.publicKey)")
  }
}
