// swift-tools-version: 6.2
import PackageDescription

// Layers, from the bottom: Core → Shims → {Runtime, Numerics, Text} → Libraries → Tools. Arrows only point down.

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
]

/// A target in `Sources/<layer>/<name>`.
func module(
    _ name: String, in layer: String, needs dependencies: [Target.Dependency] = [], features: [String] = [],
    upcoming: [String] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Sources/\(layer)/\(name)",
        swiftSettings: settings + features.map { .enableExperimentalFeature($0) }
            + upcoming.map { .enableUpcomingFeature($0) })
}

/// A test target in `Tests/<name>`.
func tests(_ name: String, of dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, path: "Tests/\(name)", swiftSettings: settings)
}

let package = Package(
    name: "apus",
    products: [
        .executable(name: "apus", targets: ["apus"]),
        .library(name: "Apus", targets: ["Apus"]),
        .library(name: "ApusTensor", targets: ["ApusTensor"]),
        .library(name: "SharedTensors", targets: ["SharedTensors"]),
        .library(name: "Curation", targets: ["Curation"]),
        .library(name: "LanguageModels", targets: ["LanguageModels"]),
        .library(name: "Evaluation", targets: ["Evaluation"]),
        .library(name: "Coresets", targets: ["Coresets"]),
        .library(name: "Experiments", targets: ["Experiments"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    ],
    targets: [
        // Core: values and files. No threads, no network.
        module("ApusCore", in: "Core"),
        module("JSON", in: "Core"),
        module("Files", in: "Core"),
        module("Threads", in: "Core"),
        module("Reports", in: "Core"),

        // Shims: one small C-ABI target per C library.
        .systemLibrary(
            name: "CZlib", path: "Sources/Shims/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(
            name: "CISAL", path: "Sources/Shims/CISAL", pkgConfig: "libisal", providers: [.apt(["libisal-dev"])]),
        .systemLibrary(
            name: "CZstd", path: "Sources/Shims/CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(
            name: "CLZ4", path: "Sources/Shims/CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),

        .systemLibrary(
            name: "CBrotli", path: "Sources/Shims/CBrotli", pkgConfig: "libbrotlidec",
            providers: [.apt(["libbrotli-dev"])]),
        .target(
            name: "CJPEG", path: "Sources/Shims/CJPEG", publicHeadersPath: "include",
            linkerSettings: [.linkedLibrary("jpeg")]),
        .target(
            name: "CCLD2", path: "Sources/Shims/CCLD2", publicHeadersPath: "include",
            // The full tables stand in for the small ones of libcld2, so they must come first.
            linkerSettings: [.linkedLibrary("cld2_full"), .linkedLibrary("cld2")]),

        .target(name: "CApusSystem", path: "Sources/Shims/CApusSystem", publicHeadersPath: "include"),
        .target(
            name: "CApusEntry", path: "Sources/Shims/CApusEntry", publicHeadersPath: "include",
            linkerSettings: [.linkedLibrary("dispatch")]),

        // Runtime: the engine.
        module("ApusTransport", in: "Runtime", needs: ["Threads", "CApusSystem"]),
        module("ApusScheduling", in: "Runtime", needs: ["ApusCore"]),
        module("ApusSimulation", in: "Runtime", needs: ["ApusCore", "ApusScheduling"]),
        module(
            "ApusInsight", in: "Runtime",
            needs: [
                "ApusCore", "ApusTransport", "CApusSystem", "Files", "JSON", "Threads",
                .product(name: "CoreMetrics", package: "swift-metrics"),
            ]),
        module("ApusObjects", in: "Runtime", needs: ["ApusCore", "Threads", "CApusSystem", "CISAL"]),
        module(
            "Apus", in: "Runtime",
            needs: [
                "ApusCore", "ApusTransport", "ApusObjects", "ApusInsight", "ApusScheduling", "Files", "Threads",
                "CApusSystem", "CApusEntry", .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "DequeModule", package: "swift-collections"),
            ],
            // Asynchronous functions run where their caller does: a hop to the same place costs a tenth of a small task.
            features: ["Lifetimes"], upcoming: ["NonisolatedNonsendingByDefault"]),

        // Numerics: tensors over libtorch, loaded at run time.
        .target(
            name: "CApusTensor", path: "Sources/Numerics/CApusTensor", exclude: ["Implementation"],
            publicHeadersPath: "include"),
        module("ApusTensor", in: "Numerics", needs: ["CApusTensor", "JSON", "Files"]),

        // Distances and similarities over blocks of points, for AVX-512, AVX2 and the baseline.
        .target(
            name: "CVectorKernels", path: "Sources/Numerics/CVectorKernels",
            exclude: ["Bodies.inc", "ByteProducts.inc"],
            publicHeadersPath: "include"),

        // Text: bytes to pages, pages to words and tokens.
        module("Compression", in: "Text", needs: ["CISAL", "CZlib", "CZstd", "CLZ4", "CBrotli", "Files"]),
        module("WebArchives", in: "Text", needs: ["Compression", "Files"]),
        module("UnicodeText", in: "Text"),
        module("SentenceSplitting", in: "Text", needs: ["Files", "UnicodeText"]),
        module("HTML", in: "Text"),
        module("MainText", in: "Text", needs: ["HTML"]),
        module("FastText", in: "Text", needs: ["Files"]),
        module("LanguageIdentification", in: "Text", needs: ["CCLD2", "FastText", "Files", "UnicodeText"]),
        module(
            "Tokenization", in: "Text",
            needs: ["ApusCore", "JSON", "Files", "Threads", "UnicodeText", "Compression"]),

        // Libraries: what users come for.
        module(
            "Curation", in: "Libraries",
            needs: [
                "Apus", "JSON", "Files", "Compression", "WebArchives", "UnicodeText", "HTML", "MainText", "FastText",
                "LanguageIdentification", "SentenceSplitting", "Yams",
            ]),
        module(
            "LanguageModels", in: "Libraries",
            needs: ["ApusTensor", "Compression", "JSON", "Files", "Threads", "Tokenization"]),
        // Between the runtime, which knows no tensors, and the tensors, which know no runtime.
        module(
            "SharedTensors", in: "Libraries", needs: ["Apus", "ApusCore", "ApusTensor"],
            upcoming: ["NonisolatedNonsendingByDefault"]),
        module(
            "Coresets", in: "Libraries",
            needs: ["Apus", "ApusCore", "CJPEG", "Compression", "CVectorKernels", "Files", "JSON", "Reports"]),
        module("Evaluation", in: "Libraries", needs: ["ApusCore", "Files", "JSON", "UnicodeText"]),
        module(
            "Experiments", in: "Libraries",
            needs: [
                "Apus", "ApusTensor", "Compression", "Curation", "Evaluation", "Files", "JSON", "LanguageModels",
                "Reports", "Tokenization", "UnicodeText", "Yams",
            ]),

        // Tools: thin.
        .executableTarget(
            name: "apus",
            dependencies: [
                "Apus", "ApusCore", "ApusInsight", "ApusObjects", "ApusSimulation", "Coresets", "Curation",
                "Threads", "Tokenization",
                "LanguageModels", "Evaluation",
                "Experiments", "MainText", "HTML",
                "Compression", "WebArchives", "FastText", "LanguageIdentification", "JSON", "Files",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/Tools/apus", swiftSettings: settings),

        tests("ApusCoreTests", of: ["ApusCore"]),
        tests("ApusTransportTests", of: ["ApusTransport", "CApusSystem"]),
        tests("ApusSimulationTests", of: ["ApusSimulation"]),
        tests("ApusSchedulingTests", of: ["ApusScheduling", "ApusCore"]),
        tests(
            "ApusInsightTests",
            of: [
                "Apus", "ApusInsight", "ApusCore", "ApusTransport", "CApusSystem", "Files", "JSON",
                .product(name: "Metrics", package: "swift-metrics"),
            ]),
        tests("ApusObjectsTests", of: ["ApusObjects", "ApusCore", "CApusSystem"]),
        tests("ApusTests", of: ["Apus", "ApusCore"]),
        .executableTarget(
            name: "ConformanceDriver", dependencies: ["Apus"], path: "Tests/ConformanceDriver", swiftSettings: settings),
        tests("Conformance", of: ["Apus", "ApusCore", "ConformanceDriver"]),
        tests("JSONTests", of: ["JSON"]),
        tests("FilesTests", of: ["Files"]),
        tests("ThreadsTests", of: ["Threads"]),
        tests("UnicodeTextTests", of: ["UnicodeText"]),
        tests("HTMLTests", of: ["HTML", "JSON", "Files"]),
        tests(
            "CurationStepTests",
            of: [
                "Apus", "Curation", "JSON", "Files", "UnicodeText", "FastText", "LanguageIdentification",
                "SentenceSplitting",
            ]),
        tests("CoresetsTests", of: ["Coresets", "Apus", "ApusCore", "Files", "JSON"]),
        tests("SentenceSplittingTests", of: ["SentenceSplitting", "Files", "JSON", "LanguageIdentification"]),
        tests("EvaluationTests", of: ["Evaluation", "ApusCore", "Files", "JSON"]),
        tests("ExperimentsTests", of: ["Experiments", "Apus", "ApusCore", "ApusTensor", "Files", "JSON"]),
        tests("TokenizationTests", of: ["ApusCore", "Tokenization", "JSON", "Files", "UnicodeText", "Compression"]),
        tests("LanguageModelsTests", of: ["LanguageModels", "ApusTensor", "Tokenization", "JSON", "Files"]),
        tests("ApusTensorTests", of: ["ApusTensor", "JSON", "Files"]),
        tests("SharedTensorsTests", of: ["SharedTensors", "Apus", "ApusCore", "ApusTensor"]),
        tests("CurationPipelineTests", of: ["Apus", "Curation", "WebArchives", "Compression", "Files", "JSON"]),
        tests("CompressionTests", of: ["Compression", "Files"]),
        tests("WebArchivesTests", of: ["WebArchives", "Compression", "Files", "JSON"]),
        tests("MainTextTests", of: ["MainText", "HTML", "Compression", "Files", "JSON"]),
        tests("FastTextTests", of: ["FastText", "Files", "JSON"]),
        tests("LanguageIdentificationTests", of: ["LanguageIdentification", "Files", "JSON"]),
    ],
    cxxLanguageStandard: .cxx17
)
