// swift-tools-version:6.2
import PackageDescription

let package = Package(
  name: "report",
  platforms: [.iOS(.v16), .macOS(.v15)],
  dependencies: [.package(name: "Julu", path: "../../../bindings/swift")],
  targets: [.executableTarget(name: "report", dependencies: [.product(name: "Julu", package: "Julu")])],
  swiftLanguageModes: [.v6])
