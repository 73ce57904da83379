import Foundation
import Policies

// Where the image–text pairs of co-training are.

extension RunConfiguration {
  /// Names the folder absolutely, so that what is stored means the same to every process of the
  /// run.
  ///
  /// - Parameter directory: What a relative path is relative to.
  mutating func locateImageTextPairs(
    from directory: String = FileManager.default.currentDirectoryPath
  ) {
    guard let folder = models.value.coTraining?.folder, !folder.isEmpty else { return }
    let base = URL(filePath: directory, directoryHint: .isDirectory)
    models.value.coTraining?.folder =
      URL(filePath: folder, relativeTo: base).standardizedFileURL.path(percentEncoded: false)
  }

  func checkCoTraining(_ notes: inout Notes) {
    guard let coTraining = models.value.coTraining else { return }
    let path = "models.value.coTraining"
    if !models.value.usesImages {
      notes.add(
        .inconsistent, path,
        "is about images, but models.value.usesImages is false; expected cameras, or no coTraining")
    }
    guard !coTraining.folder.isEmpty else {
      notes.add(
        .missingKey, "\(path).folder",
        "missing, but required: give a folder of pairs such as cat.jpg and cat.txt")
      return
    }
    do {
      _ = try ImageTextPairs.files(in: coTraining.folder)
    } catch {
      guard case .imageTextPairs(let reason) = error else { return }
      notes.add(.unreadable, "\(path).folder", reason)
    }
  }
}
