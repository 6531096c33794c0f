// What the tests share: a real platform process, phones enrolled with it, and the check that nothing stays open.
import Foundation
import Testing

@testable import Julu

enum Place {
  static func variable(_ name: String) -> String {
    let value = ProcessInfo.processInfo.environment[name]
    return value ?? { fatalError("\(name) is not set: these tests are run by ctest -R swift") }()
  }
  static let platformProgram = variable("JUHAOBAN_BIN")
  static let source = URL(fileURLWithPath: variable("JULU_SOURCE"), isDirectory: true)
  static func photo(_ name: String) -> URL { source.appendingPathComponent("examples/desk/photos/\(name).jpg") }
  static func schema(_ name: String) throws -> JSONValue {
    try JSONDecoder().decode(JSONValue.self, from: Data(contentsOf: source.appendingPathComponent("schema/\(name)")))
  }
}

/// A folder that goes with its last reference.
final class Folder: Sendable {
  let url: URL
  init() {
    let name = "julu-swift-\(UUID().uuidString)"
    url = FileManager.default.temporaryDirectory.appendingPathComponent(name, isDirectory: true)
    try! FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(at: url) }
  func file(_ name: String) -> URL { url.appendingPathComponent(name) }
}

struct Finished {
  let status: Int32
  let output: String
  let errors: String
}

/// Runs a program to its end.
@discardableResult
func run(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws -> Finished {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: program)
  process.arguments = arguments
  process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
  let (output, errors) = (Pipe(), Folder())
  process.standardOutput = output
  _ = FileManager.default.createFile(atPath: errors.file("errors").path, contents: nil)
  process.standardError = try FileHandle(forWritingTo: errors.file("errors"))
  try process.run()
  let told = try output.fileHandleForReading.readToEnd() ?? Data()
  process.waitUntilExit()
  let complaints = try Data(contentsOf: errors.file("errors"))
  return Finished(
    status: process.terminationStatus, output: String(decoding: told, as: UTF8.self),
    errors: String(decoding: complaints, as: UTF8.self))
}

/// The reference platform in a process of its own, which ends with this one, however this one ends.
final class Platform: Sendable {
  static let shared = try! Platform()

  /// Phones reach it by this one.
  let proxy = Proxy()
  private let folder = Folder()
  private let life: FileHandle

  init() throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    let data = folder.file("platform").path
    // The shell waits for the end of its input, which comes when nobody holds the other end any more. SIGKILL, for what
    // Foundation starts may have every other signal blocked.
    let serve = ["serve", "--data", data, "--port", "0", "--address", proxy.url.absoluteString]
    process.arguments = ["-c", "\"$0\" \"$@\" & read -r line; kill -9 $!", Place.platformProgram] + serve
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    life = input.fileHandleForWriting
    var line = Data()
    while line.last != UInt8(ascii: "\n"), let byte = try output.fileHandleForReading.read(upToCount: 1) { line += byte }
    let words = String(decoding: line, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    guard let port = URL(string: String(words.last ?? ""))?.port else { throw Unexpected("the platform did not start") }
    proxy.lead(to: UInt16(port))
  }

  var url: URL { proxy.url }

  func admin(_ command: String, _ arguments: [String]) throws -> String {
    let done = try run(Place.platformProgram, [command, "--data", folder.file("platform").path] + arguments)
    if done.status != 0 { throw Unexpected(done.errors) }
    return done.output.trimmingCharacters(in: .newlines)
  }

  /// A new worker's activation code.
  func code() throws -> (worker: String, code: String) {
    let worker = "W-" + UUID().uuidString.prefix(8)
    try give(worker, grid: "130529104003")
    return (worker, try admin("add-code", ["--worker", worker]))
  }

  /// The worker has this grid from now on, and every one whose code begins so.
  func give(_ worker: String, grid: String) throws {
    _ = try admin("add-worker", ["--worker", worker, "--name", "张三", "--role", "worker", "--grid", grid])
  }

  /// What it holds, one object an item.
  func dump(_ type: String) throws -> [JSONValue] {
    try admin("dump", ["--json"]).split(separator: "\n").map {
      try JSONDecoder().decode(JSONValue.self, from: Data($0.utf8))
    }.filter { $0["type"]?.string == type }
  }
}

struct Unexpected: Error { let what: String; init(_ what: String) { self.what = what } }

/// A phone of a new worker.
struct Phone {
  static let key: StoreKey =
    Place.variable("JULU_CIPHER") == "0" ? .unencrypted : StoreKey(Data((0..<32).map { UInt8($0) }))

  let folder = Folder()
  let worker: String
  let device: Device

  init(transport: (any HostTransport)? = nil) async throws {
    let (worker, code) = try Platform.shared.code()
    self.worker = worker
    device = try await enrol(
      platform: Platform.shared.url, code: code, root: folder.url, key: Self.key, consent: .given(at: .now),
      transport: transport)
  }

  func open() async throws -> JuluStore { try await JuluStore.open(at: device.directory, key: Self.key) }
}

/// After each test every handle has to be gone.
struct NothingStaysOpen: SuiteTrait, TestTrait, TestScoping {
  var isRecursive: Bool { true }

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    try await function()
    if testCase == nil { return }
    // A task that has just ended may not have let go of what it held.
    for _ in 0..<1_000_000 where liveHandles > 0 { await Task.yield() }
    #expect(liveHandles == 0)
  }
}

extension Trait where Self == NothingStaysOpen {
  static var nothingStaysOpen: Self { NothingStaysOpen() }
}

/// What a call failed with.
func failure(_ call: () async throws(JuluError) -> Void) async -> JuluError? {
  do {
    try await call()
    return nil
  } catch {
    return error
  }
}
