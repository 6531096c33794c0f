// swift-tools-version:6.2
import Foundation
import PackageDescription

// On Apple's systems the C library comes as an XCFramework (README.md, "XCFramework"); elsewhere pkg-config finds it.
let framework = ProcessInfo.processInfo.environment["JULU_XCFRAMEWORK"]
let library: Target =
  if let framework {
    .binaryTarget(name: "CJulu", path: framework)
  } else {
    .systemLibrary(name: "CJulu", path: "Sources/CJulu", pkgConfig: "julu")
  }

// An async call stays with its caller's actor until it blocks, instead of going by way of another thread first.
let settings: [SwiftSetting] = [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]

let package = Package(
  name: "Julu",
  platforms: [.iOS("16.3"), .macOS(.v15)],
  products: [.library(name: "Julu", targets: ["Julu"])],
  targets: [
    library,
    .target(
      name: "Julu",
      dependencies: ["CJulu"],
      exclude: framework == nil ? ["PrivacyInfo.xcprivacy"] : [],
      resources: framework == nil ? [] : [.copy("PrivacyInfo.xcprivacy")],
      swiftSettings: settings),
    .executableTarget(name: "capture-cost", dependencies: ["Julu"], path: "Tests/CaptureCost"),
    .testTarget(name: "JuluTests", dependencies: ["Julu", "CJulu"]),
  ],
  swiftLanguageModes: [.v6])
