@testable import Configuration

/// What the built-in simulator offers, as far as these tests are concerned.
let workcellTasks = [
  "tshirt", "tshirt-collar-up", "tshirts-and-shorts", "laundry", "espresso", "box",
]

/// The least that a file must say.
let smallest = """
  name: small
  tasks:
    - name: espresso
  robots:
    - name: cell
      kind: workcell
  """

func configuration(
  _ yaml: String = smallest, overrides: [String] = []
) throws -> RunConfiguration {
  try RunConfiguration(
    yaml: yaml, source: "test.yaml", overrides: overrides, workcellTasks: workcellTasks)
}

/// The problems that a configuration has; empty where it is valid.
func problems(
  _ yaml: String = smallest, overrides: [String] = []
) throws -> [ConfigurationError.Problem] {
  do {
    _ = try configuration(yaml, overrides: overrides)
    return []
  } catch let error as ConfigurationError {
    return error.problems
  }
}

/// What the problems say, one line each.
func messages(_ yaml: String = smallest, overrides: [String] = []) throws -> [String] {
  try problems(yaml, overrides: overrides).map(\.description)
}
