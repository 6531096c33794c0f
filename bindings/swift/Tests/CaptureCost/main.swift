// What a capture costs through Swift beside the same one through julu.h: the two in turn on one store.
//
//   capture-cost PLATFORM CODE FOLDER
import CJulu
import Foundation
import Julu

let rounds = 3000
let text = String(repeating: "村东头排水沟堵了，污水漫到路上。", count: 12)

/// The same store a second time, by its C handle.
func openInC(_ directory: URL, _ key: Data?) -> julu_store {
  var options = julu_store_options()
  options.size = UInt32(MemoryLayout<julu_store_options>.stride)
  options.flags = key == nil ? UInt32(JULU_UNENCRYPTED) : 0
  var store: julu_store = 0
  var path = directory.path
  let code = path.withUTF8 { path in
    (key ?? Data([0])).withUnsafeBytes { key in
      options.key = key.bindMemory(to: UInt8.self).baseAddress
      options.directory = borrowed(path)
      return julu_store_open(&options, &store, nil)
    }
  }
  precondition(code == JULU_OK)
  return store
}

func borrowed(_ bytes: UnsafeBufferPointer<UInt8>) -> julu_text {
  bytes.withMemoryRebound(to: CChar.self) { julu_text(data: $0.baseAddress, length: $0.count) }
}

func microseconds(_ work: () async throws -> Void) async rethrows -> Double {
  let start = ContinuousClock.now
  try await work()
  return Double((ContinuousClock.now - start).components.attoseconds) / 1e12
}

func quantile(_ times: [Double], _ part: Double) -> Double { times.sorted()[Int(Double(times.count) * part)] }

let words = CommandLine.arguments
let key = ProcessInfo.processInfo.environment["JULU_CIPHER"] == "0" ? nil : Data((0..<32).map { UInt8($0) })
let storeKey = key.map { StoreKey($0) } ?? .unencrypted
let device = try await Julu.enrol(
  platform: URL(string: words[1])!, code: words[2], root: URL(fileURLWithPath: words[3], isDirectory: true), key: storeKey,
  consent: .given(at: .now))
let store = try await JuluStore.open(at: device.directory, key: storeKey)
let handle = openInC(device.directory, key)
var kind = "incident"
var body = String(decoding: try JSONEncoder().encode(Incident(category: "drainage", text: text)), as: UTF8.self)

var c: [Double] = [], swift: [Double] = []
for round in 0..<rounds {
  c.append(
    await microseconds {
      let code = kind.withUTF8 { kind in
        body.withUTF8 { julu_store_capture(handle, borrowed(kind), borrowed($0), nil, 0, julu_text(), nil, nil) }
      }
      precondition(code == JULU_OK)
    })
  swift.append(try await microseconds { _ = try await store.capture(Incident(category: "drainage", text: text)) })
  if round % 500 == 499 { try await store.maintain(for: .seconds(5)) }
}
julu_store_close(handle)
print("a capture of \(body.utf8.count) bytes, \(rounds) times each, µs          C      Swift      more")
for (name, part) in [("median", 0.5), ("quickest tenth, where other programs are in the way", 0.1)] {
  let (plain, through) = (quantile(c, part), quantile(swift, part))
  print(name.padding(toLength: 52, withPad: " ", startingAt: 0), terminator: "")
  print(String(format: "%8.1f  %8.1f  %+8.1f  (wanted: at most +20)", plain, through, through - plain))
}
