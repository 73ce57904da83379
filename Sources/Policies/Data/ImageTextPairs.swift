import Episodes
import Foundation
import ImageFiles

/// Images with captions, decoded and kept in memory at the size of a robot's first camera: width ×
/// height × 3 bytes a pair.
public struct ImageTextPairs: Equatable, Sendable {
  /// In the order of the images' names.
  public let captions: [String]
  /// The names of images and texts in the folder that have no partner.
  public let leftOut: [String]
  /// Pixels of every image.
  public let width: Int
  public let height: Int
  /// [pairs][height, width, 3]
  let images: [[UInt8]]

  public var count: Int { captions.count }

  init(
    width: Int, height: Int, pairs: [(image: [UInt8], caption: String)], leftOut: [String] = []
  ) {
    self.leftOut = leftOut
    self.width = width
    self.height = height
    images = pairs.map(\.image)
    captions = pairs.map(\.caption)
  }

  /// Reads a whole folder. Each image is shrunk or enlarged until it fills the camera's frame, and
  /// loses what is then outside of it on both sides.
  ///
  /// - Throws: `PolicyError.imageTextPairs` or `ImageFileError`, naming the file at fault.
  public init(folder: String, camera: Camera) throws {
    let files = try Self.files(in: folder)
    let pairs = try files.pairs.map { image, text in
      (
        try RGBImage(file: image).filling(width: camera.width, height: camera.height).bytes,
        try Self.caption(file: text)
      )
    }
    self.init(
      width: camera.width, height: camera.height, pairs: pairs, leftOut: files.leftOut)
  }

  /// The pairs that a value function of some settings is trained on besides its episodes; nil where
  /// it is trained on episodes alone.
  ///
  /// - Throws: As `init(folder:camera:)`, and `PolicyError.settings` for a robot without cameras.
  public init?(for settings: ValueSettings, embodiment: Embodiment) throws {
    guard let folder = settings.coTraining?.folder else { return nil }
    guard let camera = embodiment.cameras.first else {
      throw PolicyError.settings(
        "coTraining shows images to the first camera; the embodiment '\(embodiment.name)' has none")
    }
    try self.init(folder: folder, camera: camera)
  }

  /// The pairs of a folder, without opening them: images (`RGBImage.fileExtensions`) beside a text
  /// file of the same name. What has no partner is left out, and folders in it are not looked into.
  ///
  /// - Returns: Paths, in the order of the images' names, and the names of images and texts that
  ///   have no partner.
  /// - Throws: `PolicyError.imageTextPairs` where there is no such folder, or no pair in it.
  public static func files(
    in folder: String
  ) throws(PolicyError) -> (pairs: [(image: String, text: String)], leftOut: [String]) {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder) else {
      throw .imageTextPairs(
        "there is no folder '\(folder)'; expected one with pairs such as cat.jpg and cat.txt")
    }
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: folder)
    } catch {
      throw .imageTextPairs(
        isFolder.boolValue
          ? "the folder '\(folder)' cannot be read: \(error)"
          : "'\(folder)' is a file; expected a folder with pairs such as cat.jpg and cat.txt")
    }
    let all = Set(names)
    let images = names.sorted().filter {
      RGBImage.fileExtensions.contains(($0 as NSString).pathExtension.lowercased())
    }
    let texts = names.filter { $0.hasSuffix(".txt") }
    let pairs = images.compactMap { image -> (image: String, text: String)? in
      let text = (image as NSString).deletingPathExtension + ".txt"
      guard all.contains(text) else { return nil }
      return (
        (folder as NSString).appendingPathComponent(image),
        (folder as NSString).appendingPathComponent(text)
      )
    }
    guard !pairs.isEmpty else {
      let endings = RGBImage.fileExtensions.sorted().map { ".\($0)" }.joined(separator: ", ")
      throw .imageTextPairs(
        "the folder '\(folder)' holds no pair; expected an image (\(endings)) beside a text of the "
          + "same name, such as cat.jpg and cat.txt; it holds \(images.count) images, "
          + "\(texts.count) texts and \(names.count) files in all")
    }
    let used = Set(
      pairs.flatMap { [$0.image, $0.text] }.map { ($0 as NSString).lastPathComponent })
    return (pairs, (images + texts).filter { !used.contains($0) }.sorted())
  }

  /// A text file's words, with one space between them.
  private static func caption(file: String) throws(PolicyError) -> String {
    let text: String
    do {
      text = try String(contentsOfFile: file, encoding: .utf8)
    } catch {
      throw .imageTextPairs("\(file) cannot be read as UTF-8 text")
    }
    let words = text.split(whereSeparator: \.isWhitespace)
    guard !words.isEmpty else {
      throw .imageTextPairs("\(file) holds no text; expected its image's caption")
    }
    return words.joined(separator: " ")
  }
}
