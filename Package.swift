// swift-tools-version: 6.2
//
// The target list is the architecture: read it from top to bottom and imports only go down.
// `make build` compiles with --explicit-target-dependency-import-check error, so the compiler holds it.

import PackageDescription

let swiftSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .treatAllWarnings(as: .error),
]

/// Third-party products, named once.
enum Library {
  static let argumentParser = Target.Dependency.product(
    name: "ArgumentParser", package: "swift-argument-parser")
  static let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
  static let database = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
  static let networking: [Target.Dependency] = [
    "NIOConcurrencyHelpers", "NIOCore", "NIOPosix", "NIOHTTP1", "NIOWebSocket",
  ]
  .map {
    .product(name: $0, package: "swift-nio")
  }
  static let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
  static let subprocess = Target.Dependency.product(
    name: "Subprocess", package: "swift-subprocess")
  static let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
  static let yaml = Target.Dependency.product(name: "Yams", package: "Yams")
}

func module(
  _ name: String, _ dependencies: [Target.Dependency], documents: [String] = []
) -> Target {
  .target(name: name, dependencies: dependencies, exclude: documents, swiftSettings: swiftSettings)
}

func tests(of name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = [])
  -> Target
{
  .testTarget(
    name: "\(name)Tests", dependencies: [.byName(name: name)] + dependencies,
    resources: resources, swiftSettings: swiftSettings)
}

let package = Package(
  name: "recap",
  products: [
    .executable(name: "recap", targets: ["recap"]),
    .executable(name: "recap-bench", targets: ["recap-bench"]),
  ],
  traits: [
    .trait(
      name: "MPI",
      description: "Learners of several ranks over MPI: needs OpenMPI (Debian: libopenmpi-dev).")
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    // Foreign code
    .systemLibrary(name: "COpenBLAS", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CPNG", providers: [.apt(["libpng-dev"])]),
    .systemLibrary(name: "CRSVG", providers: [.apt(["librsvg2-dev"])]),
    .systemLibrary(name: "CTurboJPEG", providers: [.apt(["libturbojpeg0-dev"])]),
    .systemLibrary(name: "CZeroMQ", providers: [.apt(["libzmq3-dev"])]),
    .target(name: "CDashboardPage", exclude: ["page"]),
    .target(
      name: "CMPI", cSettings: [.define("RECAP_MPI", .when(traits: ["MPI"]))],
      linkerSettings: [.linkedLibrary("mpi", .when(traits: ["MPI"]))]),
    .target(
      name: "CKernels",
      // Kernels stay optimised in debug builds: tests would be a hundred times slower otherwise.
      cSettings: [.unsafeFlags(["-O3"])]),

    // What the operating system offers, made safe
    module("DurableFiles", []),
    module("Executors", []),
    // Ranks that compute together
    module("Collectives", ["Executors"]),
    module("HTTPService", Library.networking),
    module("ImageFiles", ["CPNG", "CTurboJPEG"]),
    // Empty without the trait MPI.
    module("MPICommunicator", ["CMPI", "Collectives", "Executors"]),
    module("Plots", ["CRSVG"]),

    // The learning engine
    module("Tensors", ["COpenBLAS", "CKernels"]),
    module("Networks", ["Collectives", "Executors", "Tensors"]),

    // What robots do and what we make of it
    module("Episodes", ["Tensors", Library.crypto]),
    module("RecapAlgorithm", ["Episodes", "Tensors"]),
    module(
      "Policies",
      ["Collectives", "Networks", "Tensors", "Episodes", "RecapAlgorithm", "ImageFiles"]),
    module(
      "Configuration",
      ["RecapAlgorithm", "Episodes", "Networks", "Policies", "Messaging", Library.yaml]),

    // What holds and moves it
    module(
      "EpisodeStorage",
      ["DurableFiles", "Episodes", "Executors", "RecapAlgorithm", Library.database]),
    module("Messaging", ["Episodes", "RecapAlgorithm", "Tensors"], documents: ["WireProtocol.md"]),
    module("ZeroMQTransport", ["Messaging", "RecapAlgorithm", "Executors", "CZeroMQ"]),
    module("Robots", ["Episodes", "Messaging", "Tensors"]),
    module(
      "RoleRuntime",
      [
        "Collectives", "Messaging", "DurableFiles", "Executors", "Episodes", "RecapAlgorithm",
        Library.logging,
      ]),

    // The roles: none imports another
    module(
      "CollectorRole",
      ["RoleRuntime", "Robots", "Policies", "Episodes", "RecapAlgorithm", "Messaging", "Executors"]),
    module(
      "ValueLearnerRole",
      [
        "RoleRuntime", "Policies", "Episodes", "RecapAlgorithm", "Messaging", "Executors",
        "Configuration", Library.logging,
      ]),
    module(
      "AdvantageLabellerRole",
      ["RoleRuntime", "Policies", "Episodes", "RecapAlgorithm", "Messaging", "Executors"]),
    module(
      "PolicyLearnerRole",
      [
        "RoleRuntime", "Policies", "Episodes", "RecapAlgorithm", "Messaging", "Executors",
        "Configuration",
      ]),
    module(
      "CoordinatorRole",
      [
        "RoleRuntime", "EpisodeStorage", "Episodes", "RecapAlgorithm", "Messaging", "Configuration",
        "Executors", Library.logging,
      ]),

    // What people see
    module(
      "Monitoring",
      [
        "Messaging", "EpisodeStorage", "Episodes", "RecapAlgorithm", "Configuration", "Plots",
        "ImageFiles",
      ]),
    module(
      "Dashboard",
      [
        "HTTPService", "CDashboardPage", "Monitoring", "EpisodeStorage", "Episodes",
        "RecapAlgorithm", "Configuration", "ImageFiles", "Executors",
      ]),
    module(
      "PolicyServing",
      [
        "HTTPService", "Policies", "Episodes", "RecapAlgorithm", "Tensors", "Executors",
        "ImageFiles", "Robots",
      ]),
    module(
      "Experiments", ["Monitoring", "Configuration", "RecapAlgorithm", "Plots", "DurableFiles"]),

    // How the roles' processes are started
    module(
      "Launching",
      [
        "Configuration", "DurableFiles", "Episodes", "Messaging", "Monitoring", Library.subprocess,
        Library.system, Library.yaml,
      ]),

    .executableTarget(
      name: "recap",
      dependencies: [
        "CollectorRole", "ValueLearnerRole", "AdvantageLabellerRole", "PolicyLearnerRole",
        "CoordinatorRole", "Monitoring", "Experiments", "Plots", "Configuration", "ZeroMQTransport",
        "Dashboard", "HTTPService", "Robots", "EpisodeStorage", "RoleRuntime", "Policies",
        "Messaging", "Episodes", "RecapAlgorithm", "Executors", "DurableFiles", "Launching",
        "PolicyServing", "Collectives", "MPICommunicator", Library.argumentParser, Library.logging,
      ],
      swiftSettings: swiftSettings),

    .executableTarget(
      name: "recap-bench",
      dependencies: [
        "Networks", "Tensors", "Policies", "Episodes", "RecapAlgorithm", "PolicyServing",
        "HTTPService", "Configuration", "EpisodeStorage", "Messaging", "ZeroMQTransport",
        "RoleRuntime", "Executors", "Collectives", "MPICommunicator", Library.argumentParser,
        Library.logging,
      ],
      path: "Sources/RecapBench", swiftSettings: swiftSettings),

    // Tests mirror the modules
    tests(of: "DurableFiles"),
    tests(of: "Executors"),
    tests(of: "HTTPService"),
    tests(of: "ImageFiles", resources: [.copy("Fixtures")]),
    tests(of: "Plots", ["ImageFiles"]),
    tests(of: "Tensors", ["CKernels"]),
    tests(of: "Networks", ["Tensors", "Collectives", "Executors"]),
    tests(of: "Episodes", ["Tensors"]),
    tests(of: "RecapAlgorithm", ["Episodes", "Tensors"]),
    tests(
      of: "Policies",
      ["Collectives", "Networks", "Tensors", "Episodes", "RecapAlgorithm", "ImageFiles"],
      resources: [.copy("Fixtures")]),
    tests(of: "Configuration", ["RecapAlgorithm", "Episodes", "Policies"]),
    tests(of: "EpisodeStorage", ["Episodes", "RecapAlgorithm", Library.database]),
    tests(of: "Messaging", ["Episodes", "RecapAlgorithm"]),
    tests(of: "ZeroMQTransport", ["Messaging", "Episodes", "RecapAlgorithm"]),
    tests(of: "Robots", ["Episodes", "Messaging", "Tensors", "ZeroMQTransport"]),
    tests(
      of: "RoleRuntime",
      [
        "Collectives", "Messaging", "DurableFiles", "Executors", "Episodes", "RecapAlgorithm",
        Library.logging,
      ]),
    tests(
      of: "Monitoring",
      [
        "EpisodeStorage", "Episodes", "ImageFiles", "Messaging", "Plots", "RecapAlgorithm",
        "Configuration", "Tensors",
      ]),
    tests(
      of: "Dashboard",
      [
        "HTTPService", "Monitoring", "EpisodeStorage", "Episodes", "RecapAlgorithm", "ImageFiles",
      ]),
    tests(
      of: "PolicyServing",
      [
        "HTTPService", "Policies", "Episodes", "RecapAlgorithm", "Networks", "Tensors", "Robots",
        "CollectorRole",
      ] + Library.networking),
    tests(of: "Launching", ["Configuration", Library.yaml]),
    tests(of: "Experiments", ["Monitoring", "Configuration", "RecapAlgorithm", "Plots"]),
    tests(
      of: "recap",
      [
        "CollectorRole", "ValueLearnerRole", "AdvantageLabellerRole", "PolicyLearnerRole",
        "CoordinatorRole", "Configuration", "ZeroMQTransport", "Robots", "EpisodeStorage",
        "RoleRuntime", "Messaging", "Episodes", "RecapAlgorithm", "Monitoring", "Experiments",
        "Launching", "HTTPService", "PolicyServing", "Executors", Library.yaml,
      ]),
  ]
)
