// swift-tools-version:6.0
import PackageDescription

let package = Package(
  name: "report",
  platforms: [.iOS(.v18), .macOS(.v15)],
  dependencies: [.package(name: "Julu", path: "../../../bindings/swift")],
  targets: [.executableTarget(name: "report", dependencies: [.product(name: "Julu", package: "Julu")])],
  swiftLanguageModes: [.v6])
