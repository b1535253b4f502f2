// swift-tools-version: 6.2
// The layers of Tokenmill, lowest first. A target may import only targets of lower layers.
import PackageDescription

let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

enum Library {
    static let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
    static let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
    static let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
    static let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
    static let yams = Target.Dependency.product(name: "Yams", package: "Yams")
}

func layer(_ name: String, _ imports: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: imports, swiftSettings: strict)
}

func tests(_ name: String, _ imports: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: imports, swiftSettings: strict)
}

let package = Package(
    name: "tokenmill",
    products: [.executable(name: "tokenmill", targets: ["tokenmill"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // layer 0: imports nothing of ours
        layer("Core", []),
        layer("JSON", []),
        .systemLibrary(name: "COpenSSL", path: "Sources/HTTP/COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CZlib", path: "Sources/HTTP/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CEpoll", path: "Sources/HTTP/CEpoll"),
        .target(
            name: "HTTP", dependencies: ["CEpoll", "COpenSSL", "CZlib", Library.httpTypes],
            exclude: ["CEpoll", "COpenSSL", "CZlib", "README.md"], swiftSettings: strict),
        .target(name: "Kernels", cSettings: [.unsafeFlags(["-O3", "-ffp-contract=off", "-fno-math-errno"])]),
        // layer 1
        layer("Scheduling", ["Core", Library.deque]),
        layer("Compute", ["Core", "Kernels"]),
        layer("Checkpoints", ["Core", "JSON"]),
        layer("Text", ["Core", "JSON"]),
        // layer 2
        layer("Models", ["Core", "JSON", "Compute", "Checkpoints", "Kernels"]),
        // layer 3
        layer("Engine", ["Core", "Kernels", "Scheduling", "Models", Library.deque]),
        // layer 4
        layer("Service", ["Core", "JSON", "Checkpoints", "Text", "Scheduling", "Models", "Engine", Library.logging]),
        // layer 5
        layer("API", ["Core", "JSON", "HTTP", "Text", "Scheduling", "Engine", "Service", Library.httpTypes, Library.logging]),
        // layer 6
        .executableTarget(
            name: "tokenmill",
            dependencies: [
                "Core", "JSON", "HTTP", "Kernels", "Compute", "Checkpoints", "Text", "Scheduling", "Models", "Engine",
                "Service", "API", Library.argumentParser, Library.httpTypes, Library.logging, Library.yams,
            ],
            swiftSettings: strict),
        // what tests share: where cases and models lie, and seeded numbers
        .target(name: "Material", dependencies: ["JSON"], path: "Tests/Material", swiftSettings: strict),
        // tests mirror sources
        tests("CoreTests", ["Core"]),
        tests("JSONTests", ["JSON", "Material"]),
        tests("HTTPTests", ["HTTP", "COpenSSL", "CZlib", "Material", Library.httpTypes]),
        tests("KernelsTests", ["Kernels", "Material"]),
        tests("SchedulingTests", ["Core", "Scheduling", "JSON", "Material"]),
        tests("ComputeTests", ["Core", "Compute", "Kernels", "Checkpoints", "JSON"]),
        tests("CheckpointsTests", ["Core", "Checkpoints", "JSON", "Material"]),
        tests("TextTests", ["Core", "Text", "JSON", "Checkpoints", "Material", "tokenmill"]),
        tests("ModelsTests", ["Core", "Models", "Compute", "Checkpoints", "JSON", "Kernels", "Material"]),
        tests(
            "EngineTests",
            ["Core", "Checkpoints", "Compute", "Engine", "JSON", "Kernels", "Material", "Models", "Scheduling"]),
        // An engine that answers from a script, for the layers above the engine.
        .target(
            name: "ScriptedModel", dependencies: ["Core", "Engine", "Text"], path: "Tests/ScriptedModel",
            swiftSettings: strict),
        tests(
            "ServiceTests",
            ["Core", "JSON", "Service", "ScriptedModel", "Engine", "Text", "Scheduling", "Material", Library.logging]),
        tests(
            "APITests",
            ["Core", "JSON", "HTTP", "API", "Service", "ScriptedModel", "Engine", "Text", Library.httpTypes]),
        tests(
            "CommandTests",
            [
                "Core", "HTTP", "JSON", "Kernels", "Compute", "Checkpoints", "Scheduling", "Engine", "Service",
                "Material", "tokenmill", Library.argumentParser, Library.httpTypes, Library.logging,
            ]),
    ],
    swiftLanguageModes: [.v6]
)
