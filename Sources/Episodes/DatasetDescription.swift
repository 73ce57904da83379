/// What a dataset's episodes have in common: the embodiment and the tasks that a network for them must know.
public struct DatasetDescription: Sendable, Equatable {
  public var embodiment: Embodiment
  /// By name, so that the order does not depend on who recorded first.
  public var tasks: [TaskDescription]

  /// - Parameter episodes: At least one, all of one embodiment.
  /// - Throws: `EpisodeError.malformed` for an empty dataset or one of several embodiments.
  public init(of episodes: [Episode]) throws {
    guard let first = episodes.first else {
      throw EpisodeError.malformed("the dataset holds no episodes")
    }
    embodiment = first.metadata.embodiment
    var tasks: [String: TaskDescription] = [:]
    for episode in episodes {
      let metadata = episode.metadata
      guard metadata.embodiment == embodiment else {
        throw EpisodeError.malformed(
          "episode \(metadata.id) was recorded by embodiment \(metadata.embodiment), "
            + "others by \(embodiment): one network serves one embodiment")
      }
      tasks[metadata.task.name] = metadata.task
    }
    self.tasks = tasks.values.sorted { $0.name < $1.name }
  }
}
