// Servers on loopback for what a real platform does not do: break off, say nothing, cut a connection.
import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
  private let stream = Int32(SOCK_STREAM.rawValue)
#else
  import Darwin
  private let stream = SOCK_STREAM
#endif

/// What is listened on; each connection gets a thread of its own.
final class Listener: Sendable {
  let port: UInt16
  private let socket: Int32

  init(_ serve: @escaping @Sendable (Int32) -> Void) {
    let socket = Foundation.socket(AF_INET, stream, 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let port = withUnsafeMutablePointer(to: &address) { address in
      address.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
        precondition(bind(socket, raw, size) == 0 && listen(socket, 16) == 0)
        getsockname(socket, raw, &size)
      }
      return UInt16(bigEndian: address.pointee.sin_port)
    }
    (self.port, self.socket) = (port, socket)
    Thread.detachNewThread {
      while true {
        let connection = accept(socket, nil, nil)
        if connection < 0 { break }
        Thread.detachNewThread { serve(connection) }
      }
      close(socket)
    }
  }

  deinit { shutdown(socket, Int32(SHUT_RDWR)) }

  var url: String { "http://127.0.0.1:\(port)/" }
}

func connect(to port: UInt16) -> Int32 {
  let socket = Foundation.socket(AF_INET, stream, 0)
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
  address.sin_port = port.bigEndian
  let done = withUnsafePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      Foundation.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
  }
  if done == 0 { return socket }
  close(socket)
  return -1
}

func receive(_ connection: Int32) -> [UInt8] {
  var part = [UInt8](repeating: 0, count: 16384)
  let got = recv(connection, &part, part.count, 0)
  return got <= 0 ? [] : Array(part.prefix(got))
}

func sendAll(_ connection: Int32, _ bytes: [UInt8]) -> Bool {
  var rest = bytes[...]
  while !rest.isEmpty {
    let went = rest.withUnsafeBytes { send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    if went <= 0 { return false }
    rest = rest.dropFirst(went)
  }
  return true
}

/// As a server that dies: what the other side sends afterwards is answered by a reset.
func abort(_ connection: Int32) {
  var now = linger(l_onoff: 1, l_linger: 0)
  setsockopt(connection, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
  close(connection)
}

/// Answers each connection's first request with what the test says.
final class OneShotServer: Sendable {
  enum Answer: Sendable {
    case bytes([UInt8])
    /// None, until the other side goes.
    case silence
    /// The connection breaks off after so many bytes of the request.
    case cut(Int)
  }
  private let listener: Listener
  private let requests: Requests
  private final class Requests: Sendable { let all = Mutex<[[UInt8]]>([]) }

  init(_ answer: Answer) {
    let requests = Requests()
    self.requests = requests
    listener = Listener { connection in
      let request = Self.read(connection, answer)
      requests.all.withLock { $0.append(request) }
      if case .cut = answer { return abort(connection) }
      if case .bytes(let bytes) = answer, sendAll(connection, bytes) { shutdown(connection, Int32(SHUT_WR)) }
      while !receive(connection).isEmpty {}
      close(connection)
    }
  }

  convenience init(_ head: String, _ body: [UInt8] = []) { self.init(.bytes(Array(head.utf8) + body)) }

  var url: String { listener.url }
  /// What was asked first.
  var asked: String { String(decoding: requests.all.withLock { $0.first ?? [] }, as: UTF8.self) }

  private static func read(_ connection: Int32, _ answer: Answer) -> [UInt8] {
    var request: [UInt8] = []
    var wanted = Int.max
    if case .cut(let after) = answer { wanted = after }
    while request.count < wanted {
      let part = receive(connection)
      request += part
      if part.isEmpty || request.first == 0x16 { break }  // a TLS greeting has no end that is known here
      if case .cut = answer { continue }
      guard wanted == .max, let head = String(decoding: request, as: UTF8.self).range(of: "\r\n\r\n") else { continue }
      let text = String(decoding: request, as: UTF8.self)
      let length = text.range(of: "Content-Length: ", options: .caseInsensitive).flatMap { found in
        Int(text[found.upperBound...].prefix { $0.isNumber })
      }
      wanted = text[..<head.upperBound].utf8.count + (length ?? 0)
    }
    return request
  }
}

/// Stands before the platform, and cuts or holds what goes to it.
final class Proxy: Sendable {
  private struct State {
    var target: UInt16 = 0
    var left = Int.max
    var held: DispatchSemaphore?
  }
  private final class Shared: Sendable { let state = Mutex(State()) }
  private let shared: Shared
  private let listener: Listener

  init() {
    let shared = Shared()
    self.shared = shared
    listener = Listener { Self.carry($0, shared) }
  }

  var url: URL { URL(string: "http://127.0.0.1:\(listener.port)")! }
  func lead(to port: UInt16) { shared.state.withLock { $0.target = port } }
  /// Each connection breaks off once so many bytes more went up through all of them.
  func cut(after bytes: Int) { shared.state.withLock { $0.left = bytes } }
  /// From now on requests come here and no further; tells of each.
  func hold() -> DispatchSemaphore {
    let held = DispatchSemaphore(value: 0)
    shared.state.withLock { $0.held = held }
    return held
  }
  func mend() { shared.state.withLock { ($0.left, $0.held) = (.max, nil) } }

  private static func carry(_ down: Int32, _ shared: Shared) {
    let up = connect(to: shared.state.withLock { $0.target })
    if up < 0 { return abort(down) }
    Thread.detachNewThread {
      while case let part = receive(up), !part.isEmpty, sendAll(down, part) {}
      shutdown(down, Int32(SHUT_RDWR))
      close(up)
    }
    while case let part = receive(down), !part.isEmpty {
      let (isOver, held) = shared.state.withLock { state in
        if state.left < .max { state.left -= min(state.left, part.count) }
        return (state.left == 0, state.held)
      }
      if let held {
        held.signal()
        continue
      }
      if isOver {
        shutdown(up, Int32(SHUT_RDWR))
        return abort(down)
      }
      if !sendAll(up, part) { break }
    }
    shutdown(up, Int32(SHUT_RDWR))
    close(down)
  }
}
