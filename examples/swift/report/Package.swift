// swift-tools-version:6.2
import PackageDescription

let package = Package(
  name: "report",
  platforms: [.iOS("16.3"), .macOS(.v15)],
  dependencies: [.package(name: "Julu", path: "../../../bindings/swift")],
  targets: [.executableTarget(name: "report", dependencies: [.product(name: "Julu", package: "Julu")])],
  swiftLanguageModes: [.v6])
