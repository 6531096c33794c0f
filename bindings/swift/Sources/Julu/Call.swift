// What every call into the C library needs: text in, bytes and errors out, and a thread to block on.
import CJulu
import Foundation

/// An older library than the one that this was written for lacks functions or fields.
private let tooOld: JuluError? =
  julu_abi_version() >= UInt32(JULU_ABI_VERSION)
  ? nil : JuluError(.internal, detail: "abi \(julu_abi_version()), needs \(JULU_ABI_VERSION)")

/// Runs what waits for the disk and nothing else on a thread of Swift's own, as async file access does: one transaction
/// may hold it up, and never a task. What a task calls stays on its thread; what the main actor calls leaves that.
@concurrent func here<T>(_ body: () throws(JuluError) -> T) async throws(JuluError) -> T { try body() }

/// Runs what may wait for the host, its functions and other tasks, off Swift's own few threads, which must not block: on
/// a serial queue of its own, for which Dispatch has a thread. On Linux the threads of concurrent queues are those few.
func elsewhere<T: Sendable>(_ body: @escaping @Sendable () throws(JuluError) -> T) async throws(JuluError) -> T {
  let result: Result<T, JuluError> = await withCheckedContinuation { continuation in
    DispatchQueue(label: "julu.call", qos: .userInitiated).async {
      continuation.resume(returning: Result(catching: body))
    }
  }
  return try result.get()
}

/// The same for what takes seconds and waits for the network: on a thread of its own, so that Dispatch's stay free.
func elsewhereLong<T: Sendable>(_ body: @escaping @Sendable () throws(JuluError) -> T) async throws(JuluError) -> T {
  let result: Result<T, JuluError> = await withCheckedContinuation { continuation in
    Thread.detachNewThread { continuation.resume(returning: Result(catching: body)) }
  }
  return try result.get()
}

func check(_ call: (UnsafeMutablePointer<julu_error>) -> Int32) throws(JuluError) {
  if let tooOld { throw tooOld }
  var error = sized(julu_error(), \.size)
  if call(&error) != JULU_OK { throw JuluError(error, underlying: Thrown.take()) }
}

/// What a call gives as bytes; nil when it gives none.
func bytes(
  _ call: (UnsafeMutablePointer<julu_buf>, UnsafeMutablePointer<julu_error>) -> Int32
) throws(JuluError) -> Data? {
  var buf = julu_buf()
  defer { julu_buf_free(&buf) }
  try check { call(&buf, $0) }
  guard let start = buf.data, buf.length > 0 else { return nil }
  return Data(bytes: start, count: buf.length)
}

func text(
  _ call: (UnsafeMutablePointer<julu_buf>, UnsafeMutablePointer<julu_error>) -> Int32
) throws(JuluError) -> String {
  String(decoding: try bytes(call) ?? Data(), as: UTF8.self)
}

/// What a call gives as JSON.
func json<T: Decodable>(
  _ type: T.Type = T.self, _ call: (UnsafeMutablePointer<julu_buf>, UnsafeMutablePointer<julu_error>) -> Int32
) throws(JuluError) -> T {
  try decoded(T.self, from: try bytes(call) ?? Data())
}

func decoded<T: Decodable>(_ type: T.Type, from data: Data) throws(JuluError) -> T {
  do {
    return try JSONDecoder().decode(T.self, from: data)
  } catch {
    throw JuluError(.internal, detail: "reply of the library: \(T.self)")
  }
}

func encoded(_ value: some Encodable, _ field: String) throws(JuluError) -> String {
  do {
    return String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
  } catch {
    throw JuluError(.badArgument, field: field)
  }
}

/// Every struct of the library begins with its size.
func sized<T>(_ value: T, _ size: WritableKeyPath<T, UInt32>) -> T {
  var value = value
  value[keyPath: size] = UInt32(MemoryLayout<T>.stride)
  return value
}

/// Lends texts to a call; one that is nil is "not given".
func withTexts<R>(_ texts: [String?], _ body: ([julu_text]) -> R) -> R {
  var utf8: [UInt8] = []
  var ends: [Int] = []
  for text in texts {
    if let text { utf8 += text.utf8 }
    ends.append(utf8.count)
  }
  utf8.append(0)  // so that there is an address
  return utf8.withUnsafeBytes { all in
    let chars = all.bindMemory(to: CChar.self).baseAddress!
    var start = 0
    let lent = zip(texts, ends).map { text, end in
      defer { start = end }
      return text == nil ? julu_text() : julu_text(data: chars + start, length: end - start)
    }
    return body(lent)
  }
}

func string(_ text: julu_text) -> String {
  String(decoding: UnsafeRawBufferPointer(start: text.data, count: text.length), as: UTF8.self)
}

/// A C array of characters that ends at a NUL.
func string<T>(array: T) -> String {
  withUnsafeBytes(of: array) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}

func path(_ url: URL, _ field: String) throws(JuluError) -> String {
  if !url.isFileURL { throw JuluError(.badArgument, field: field, detail: "not a file") }
  return url.path
}

func date(_ ms: Int64) -> Date { Date(timeIntervalSince1970: Double(ms) / 1000) }
/// What is too long for a number of milliseconds is the longest one, here and below.
func milliseconds(_ date: Date) -> Int64 {
  let ms = (date.timeIntervalSince1970 * 1000).rounded()
  return Int64(exactly: ms) ?? (ms > 0 ? .max : .min)
}
func milliseconds(_ duration: Duration) -> Int64 {
  let (seconds, attoseconds) = duration.components
  let (ms, isTooLong) = seconds.multipliedReportingOverflow(by: 1000)
  let (sum, isTooLongNow) = ms.addingReportingOverflow(attoseconds / 1_000_000_000_000_000)
  return isTooLong || isTooLongNow ? (seconds > 0 ? .max : .min) : sum
}

/// A Swift object that C holds until its `release`.
func retained(_ object: AnyObject) -> UnsafeMutableRawPointer { Unmanaged.passRetained(object).toOpaque() }
func borrowed<T: AnyObject>(_ context: UnsafeMutableRawPointer?, _ type: T.Type = T.self) -> T {
  Unmanaged<T>.fromOpaque(context!).takeUnretainedValue()
}
let release: @convention(c) (UnsafeMutableRawPointer?) -> Void = { context in
  Unmanaged<AnyObject>.fromOpaque(context!).release()
}
