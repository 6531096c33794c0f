// What a capture costs through Swift beside the same one in C++ itself (tests/bench/plain.h): one store, in turns.
//
//   capture-cost PLATFORM CODE FOLDER LIBRARY
import Foundation
import Julu

let rounds = 30, capturesOfRound = 100
let incident = Incident(category: "drainage", text: String(repeating: "村东头排水沟堵了，污水漫到路上。", count: 12))

/// The store in C++, out of a library that has no Swift module.
struct Plain: @unchecked Sendable {
  typealias Open = @convention(c) (UnsafePointer<CChar>, UnsafePointer<UInt8>?) -> OpaquePointer?
  typealias Captures = @convention(c) (
    OpaquePointer, UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafePointer<CChar>, Int32
  ) -> Int64
  typealias Close = @convention(c) (OpaquePointer) -> Void
  private let captures: Captures
  private let closing: Close
  private let store: OpaquePointer

  init(library: String, _ directory: URL, _ key: Data?) {
    guard let opened = dlopen(library, RTLD_NOW) else { fatalError(String(cString: dlerror())) }
    func function<T>(_ name: String, _ type: T.Type = T.self) -> T { unsafeBitCast(dlsym(opened, name), to: type) }
    captures = function("julu_plain_captures")
    closing = function("julu_plain_close")
    guard let store = function("julu_plain_open", Open.self)(directory.path, key.map(Array.init)) else {
      fatalError("the store does not open in C++")
    }
    self.store = store
  }

  func capture(_ body: String) { precondition(captures(store, Incident.kind, body, "", 1) >= 0) }
  func close() { closing(store) }
}

func microseconds(from start: ContinuousClock.Instant) -> Double {
  Double((ContinuousClock.now - start).components.attoseconds) / 1e12
}

/// Microseconds of each capture: in C++, on the caller's thread, awaited by a task, awaited by the main actor. Nobody is
/// always last.
@concurrent func race(_ plain: Plain, _ store: JuluStore, _ body: String) async throws -> [[Double]] {
  var times: [[Double]] = [[], [], [], []]
  for turn in 0..<(rounds * times.count) {
    let way = (turn + turn / times.count) % times.count
    if way == 3 {
      times[way] += try await onMain(store)
    } else {
      for _ in 0..<capturesOfRound {
        let start = ContinuousClock.now
        switch way {
        case 0: plain.capture(body)
        case 1: _ = try store.blocking.capture(incident)
        default: _ = try await store.capture(incident)
        }
        times[way].append(microseconds(from: start))
      }
    }
    try await store.maintain(for: .seconds(5))
  }
  return times.map { $0.sorted() }
}

@MainActor func onMain(_ store: JuluStore) async throws -> [Double] {
  var times: [Double] = []
  for _ in 0..<capturesOfRound {
    let start = ContinuousClock.now
    _ = try await store.capture(incident)
    times.append(microseconds(from: start))
  }
  return times
}

let words = CommandLine.arguments
let key = ProcessInfo.processInfo.environment["JULU_CIPHER"] == "0" ? nil : Data((0..<32).map { UInt8($0) })
let storeKey = key.map { StoreKey($0) } ?? .unencrypted
let device = try await Julu.enrol(
  platform: URL(string: words[1])!, code: words[2], root: URL(fileURLWithPath: words[3], isDirectory: true), key: storeKey,
  consent: .given(at: .now))
let store = try await JuluStore.open(at: device.directory, key: storeKey)
let plain = Plain(library: words[4], device.directory, key)
let body = String(decoding: try JSONEncoder().encode(incident), as: UTF8.self)
let times = try await race(plain, store, body)
plain.close()

print("a capture of \(body.utf8.count) bytes, \(times[0].count) times each, µs (beside C++)")
func row(_ name: String, _ cells: [String]) {
  print(name.padding(toLength: 64, withPad: " ", startingAt: 0) + cells.joined(separator: "  "))
}
func cells(_ way: Int) -> [String] {
  [0.5, 0.1].map { part in
    let at = Int(Double(times[way].count) * part)
    return String(format: "%8.1f (%+5.1f)", times[way][at], times[way][at] - times[0][at])
  }
}
row("", ["          median", "quickest tenth"])
row("in C++", cells(0))
row("through Swift, awaited by a task (wanted: at most +20)", cells(2))
row("through Swift, without async", cells(1))
row("through Swift, awaited by the main actor: to a thread and back", cells(3))
